"""Clicks that come faster than the window changes: none is lost, none counts for what its clicker did not see."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.slack import interactions
from bot.demo.slack.client import Client
from bot.demo.slack.delivery import deliver
from tests.integration import asking
from tests.integration.clicks import start_over
from tests.integration.office import Office

SITE = '''
"""A site with many fields"""

from typing import Any, Literal

from pydantic import Field, create_model

from bot import Form, Offering, Request
from bot.handlers import manual


class Rule(Form):
    name: str


many: dict[str, Any] = {f"option_{at}": (str, "") for at in range(70)}
Site = create_model(
    "Site",
    __base__=Form,
    name=(str, ...),
    notes=(str, Field(max_length=2000)),
    kind=(Literal["plain", "web"], "plain"),
    size=(Literal["small", "large"], "small"),
    domain=(str, ""),
    reason=(str, ""),
    code=(str, ""),
    plan=(str, ""),
    rules=(list[Rule], []),
    **many,
)
site = Offering(
    "site",
    Site,
    owner="@data-platform",
    notify="#data-platform",
    overlay={
        "domain": {"visible_if": {"kind": "web"}},
        "reason": {"visible_if": {"size": "large"}},
        "plan": {"visible_if": {"code": "A1"}},
    },
)


@site.step
def put(request: Request[Any]) -> manual.Task:
    """Somebody sets it up."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''
JSON = dict[str, Any]


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with asking.offering(tmp_path_factory, site=SITE) as office:
        yield office


@pytest.fixture
def office(open_office: Office) -> Office:
    return start_over(open_office)


@pytest.fixture
def ada(office: Office) -> Client:
    office.ada.type_command("#general", "/platform request site")
    office.until(office.ada.view)
    return office.ada


def view(ada: Client) -> Any:
    found = ada.view()
    assert found is not None
    return found


def names(ada: Client) -> list[str]:
    return [str(each.get("block_id", "")).partition("?")[0].partition("~")[0] for each in view(ada).blocks]


def block(ada: Client, pointer: str) -> JSON:
    return next(each for each in view(ada).blocks if str(each.get("block_id")).partition("~")[0] == pointer)


def says(ada: Client, text: str) -> bool:
    return text in str(view(ada).blocks)


def clicked(office: Office, ada: Client, block_id: str, action: JSON) -> JSON:
    """What Slack sends of a click on what is on the screen now; it has not been sent."""
    shown = view(ada)
    app = next(iter(office.workspace.apps.values()))
    payload = interactions.view_action(office.workspace, app, ada.me, shown, action | {"block_id": block_id})
    return copy.deepcopy(payload)


def chosen(office: Office, ada: Client, pointer: str, value: str, **beside: str) -> JSON:
    """Of a choice; `beside` was chosen before, by field."""
    for name, each in {**beside, pointer.strip("/"): value}.items():
        here = block(ada, f"/{name}")
        option = next(o for o in here["element"]["options"] if o["value"] == each)
        kind = here["element"]["type"]
        with office.workspace.changing():
            view(ada).values.setdefault(here["block_id"], {})["answer"] = {"type": kind, "selected_option": option}
    here = block(ada, pointer)
    return clicked(office, ada, here["block_id"], {"type": kind, "action_id": "answer", "selected_option": option})


def typed(office: Office, ada: Client, pointer: str, text: str) -> JSON:
    """Of a character that was typed; what stands in the field is `text` now."""
    here = block(ada, pointer)
    state = {"type": "plain_text_input", "value": text}
    with office.workspace.changing():
        view(ada).values.setdefault(here["block_id"], {})["answer"] = state
    return clicked(office, ada, here["block_id"], state | {"action_id": "answer"})


def pressed(office: Office, ada: Client, action: str) -> JSON:
    here, button = next(
        (each, e) for each in view(ada).blocks for e in each.get("elements", []) if e.get("action_id") == action
    )
    return clicked(office, ada, here["block_id"], {key: button[key] for key in ("type", "action_id", "value")})


def newest_click(office: Office, ada: Client) -> str:
    """Slack's time of what was kept last of this window."""
    draft = office.process.service.draft(ada.me.id, "site")
    assert draft is not None
    return str(draft.answers["windows"][view(ada).id][0])


def send(office: Office, payload: JSON) -> None:
    deliver(office.workspace, next(iter(office.workspace.apps.values())), payload)


def test_of_two_quick_choices_both_fields_come(office: Office, ada: Client) -> None:
    first = chosen(office, ada, "/kind", "web")
    second = chosen(office, ada, "/size", "large", kind="web")
    send(office, first)
    office.until(lambda: "/domain" in names(ada))
    send(office, second)
    office.until(lambda: {"/domain", "/reason"} <= set(names(ada)))


def test_a_choice_that_is_taken_back_at_once_leaves_no_field_behind(office: Office, ada: Client) -> None:
    there, back = chosen(office, ada, "/kind", "web"), chosen(office, ada, "/kind", "plain")
    send(office, there)
    office.until(lambda: "/domain" in names(ada))
    send(office, back)
    office.until(lambda: "/domain" not in names(ada))


def test_a_page_is_turned_although_a_choice_has_changed_the_window_meanwhile(office: Office, ada: Client) -> None:
    choice = chosen(office, ada, "/kind", "web")
    following = pressed(office, ada, "form_next")
    send(office, choice)
    office.until(lambda: "/domain" in names(ada))
    send(office, following)
    office.until(lambda: says(ada, "Page 2 of"))


def test_what_comes_late_neither_turns_back_nor_undoes_what_was_typed_since(office: Office, ada: Client) -> None:
    late = chosen(office, ada, "/kind", "web")
    ada.fill({block(ada, "/name")["block_id"]: "orders"})
    following = pressed(office, ada, "form_next")
    send(office, following)
    office.until(lambda: says(ada, "Page 2 of"))
    send(office, late)
    ada.press("form_back")
    office.until(lambda: says(ada, "Page 1 of"))
    assert block(ada, "/name")["element"]["initial_value"] == "orders"
    assert "/domain" in names(ada)


def test_a_second_click_on_a_list_counts_for_no_other_entry(office: Office, ada: Client) -> None:
    while not any(name.startswith("add-") for name in names(ada)):
        before = view(ada).body
        ada.press("form_next")
        office.until(lambda: view(ada).body != before)  # noqa: B023 - called at once
    for count, name in enumerate(("north", "south", "west"), 1):
        ada.press("entry_add")
        office.until(lambda: len(ada.views()) == 2)
        ada.fill({"/name": name})
        ada.submit()
        office.until(lambda: len(ada.views()) == 1 and says(ada, f"{count}. Name: {name}"))  # noqa: B023 - called at once
    entry = next(name for name in names(ada) if name.startswith("entry-"))
    menu = block(ada, entry)["accessory"]
    option = next(each for each in menu["options"] if each["value"].startswith("remove|0"))
    action = {"type": "overflow", "action_id": "entry", "selected_option": option}
    once, again = (clicked(office, ada, entry, action) for _ in range(2))
    send(office, once)
    office.until(lambda: says(ada, "1. Name: south"))
    send(office, again)
    office.until(lambda: newest_click(office, ada) == again["actions"][0]["action_ts"])
    ada.press("form_back")
    office.until(lambda: not says(ada, "1. Name: south"))
    ada.press("form_next")
    office.until(lambda: says(ada, "1. Name: south"))
    assert says(ada, "2. Name: west")


def test_texts_are_kept_while_they_are_typed(office: Office, ada: Client) -> None:
    for name in ("/notes", "/name"):
        told = block(ada, name)["element"]["dispatch_action_config"]
        assert told == {"trigger_actions_on": ["on_character_entered"]}
    before = view(ada).hash
    ada.fill({block(ada, "/name")["block_id"]: "orders"})
    for text in ("T", "Th", "The wind"):
        ada.fill({block(ada, "/notes")["block_id"]: text})
    assert view(ada).hash == before  # nothing that somebody types in is drawn anew
    ada.close()
    office.ada.type_command("#general", "/platform request site")
    office.until(office.ada.view)
    assert block(ada, "/notes")["element"]["initial_value"] == "The wind"
    assert block(ada, "/name")["element"]["initial_value"] == "orders"


def test_a_text_that_decides_about_a_field_shows_it_while_it_is_typed_and_only_then_draws_anew(
    office: Office, ada: Client
) -> None:
    code = block(ada, "/code")["block_id"]
    before = view(ada).hash
    ada.fill({code: "A"}, enter=False)
    ada.fill({block(ada, "/size")["block_id"]: "large"})  # comes after the character, and is shown
    office.until(lambda: "/reason" in names(ada))
    assert "/plan" not in names(ada)
    ada.fill({code: "A1"}, enter=False)
    office.until(lambda: "/plan" in names(ada))
    ada.fill({block(ada, "/plan")["block_id"]: "by night"}, enter=False)
    drawn = view(ada).hash
    assert drawn != before
    ada.fill({code: "A12"}, enter=False)
    office.until(lambda: "/plan" not in names(ada))
    ada.fill({code: "A1"}, enter=False)
    office.until(lambda: "/plan" in names(ada))
    assert block(ada, "/plan")["element"]["initial_value"] == "by night"


def test_a_character_that_changes_nothing_of_what_is_asked_draws_nothing_anew(office: Office, ada: Client) -> None:
    code, shown = block(ada, "/code")["block_id"], view(ada).body
    for text in ("B", "B1", "B12"):
        ada.fill({code: text}, enter=False)
    ada.fill({block(ada, "/kind")["block_id"]: "web"})
    office.until(lambda: view(ada).body != shown)
    assert "drawn" not in shown["private_metadata"]
    assert '"drawn": 1' in view(ada).body["private_metadata"]  # of the choice alone


def test_a_text_that_decides_about_a_field_is_kept_without_enter(office: Office, ada: Client) -> None:
    ada.fill({block(ada, "/code")["block_id"]: "A1"}, enter=False)
    ada.close()
    office.ada.type_command("#general", "/platform request site")
    office.until(office.ada.view)
    assert block(ada, "/code")["element"]["initial_value"] == "A1"
    assert "/plan" in names(ada)


def test_of_two_characters_the_second_takes_away_what_the_first_was_about_to_show(office: Office, ada: Client) -> None:
    first, second = (typed(office, ada, "/code", text) for text in ("A1", "A12"))
    send(office, first)
    office.until(lambda: "/plan" in names(ada))
    send(office, second)
    office.until(lambda: "/plan" not in names(ada))


def test_a_character_that_comes_late_undoes_none_that_was_typed_since(office: Office, ada: Client) -> None:
    first, second = (typed(office, ada, "/code", text) for text in ("A", "A1"))
    send(office, second)
    send(office, first)
    office.until(lambda: "/plan" in names(ada))
    ada.close()
    office.ada.type_command("#general", "/platform request site")
    office.until(office.ada.view)
    assert block(ada, "/code")["element"]["initial_value"] == "A1"
