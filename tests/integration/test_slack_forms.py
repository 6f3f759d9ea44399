"""Forms of any size and shape in Slack: pages, lists of objects, conditions and drafts, against the workspace."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.slack.client import Client
from tests.integration.office import Office, opened

OFFERINGS = {
    "note": '''
"""A note"""

from enum import StrEnum

from bot import Approval, Form, Offering, Request
from bot.handlers import manual

Town = StrEnum("Town", {f"T{at}": f"town {at}" for at in range(300)})


class Note(Form):
    text: str
    urgent: bool = False
    town: Town = Town("town 0")


note = Offering("note", Note, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"))


@note.step
def work(request: Request[Note]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
''',
    "wide": '''
"""Everything there is"""

from typing import Any

from pydantic import create_model

from bot import Form, Offering, Request
from bot.handlers import manual

fields: dict[str, Any] = {f"option_{at}": (int, at) for at in range(35)}
groups: dict[str, Any] = {
    f"group_{at}": (create_model(f"Group{at}", __base__=Form, **fields), ...) for at in range(40)
}
Wide = create_model("Wide", __base__=Form, name=(str, ...), **groups)

wide = Offering("wide", Wide, owner="@data-platform", notify="#data-platform")


@wide.step
def work(request: Request[Any]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
''',
    "app": '''
"""An application"""

from typing import Annotated, Any, Literal

from pydantic import Field

from bot import Form, Offering, Request
from bot.handlers import manual


class Port(Form):
    number: int = Field(ge=1, le=65535)
    public: bool = False


class Container(Form):
    name: str = Field(min_length=2)
    image: str
    ports: list[Port] = []


class Cron(Form):
    kind: Literal["cron"]
    schedule: str
    name: str = "job"


class Web(Form):
    kind: Literal["web"]
    domain: str
    name: str = "job"


class App(Form):
    title: str
    containers: list[Container] = Field(min_length=1)
    runs: Annotated[Cron | Web, Field(discriminator="kind")]


app = Offering("app", App, owner="@data-platform", notify="#data-platform")


@app.step
def work(request: Request[App]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
''',
}


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("offerings")
    for name, text in OFFERINGS.items():
        (folder / f"{name}.py").write_text(text.lstrip())
    with opened(tmp_path_factory.mktemp("office"), offerings=folder) as office:
        yield office


@pytest.fixture
def ada(open_office: Office) -> Client:
    """Ada with no modal open and no draft left."""
    ada = open_office.ada
    if ada.view():
        ada.close_all()
    service = open_office.process.service
    for name in OFFERINGS:
        service.forget(service.person(ada.me.id), name)
    return ada


def ask(office: Office, ada: Client, line: str) -> None:
    ada.type_command("#general", f"/platform request {line}")
    office.until(ada.view)


def blocks(ada: Client) -> dict[str, Any]:
    view = ada.view()
    assert view is not None
    return {block["block_id"]: block for block in view.blocks}


def field(ada: Client, pointer: str) -> str:
    """The block of a field on this page."""
    return next(name for name in blocks(ada) if name.partition("~")[0] == pointer)


def shows(ada: Client, pointer: str) -> bool:
    return any(name.partition("~")[0] == pointer for name in blocks(ada))


def value(ada: Client, pointer: str) -> Any:
    view = ada.view()
    assert view is not None
    state = view.values[field(ada, pointer)]["answer"]
    return next((each for key, each in state.items() if key != "type"), None)


def page(ada: Client) -> str:
    view = ada.view()
    assert view is not None
    return str(view.blocks[0]["elements"][0]["text"])


def turn(office: Office, ada: Client, action: str, to: str, value: str | None = None) -> None:
    ada.press(action, value)
    office.until(lambda: page(ada).startswith(to))


def requested(office: Office, ada: Client) -> dict[str, Any]:
    """The answers of the request that was just made."""
    view = ada.view()
    assert view is not None
    assert view.title.startswith("REQ-"), (view.title, view.errors, ada.notice(), text_of_view(ada))
    service = office.process.service
    form = dict(service.show(service.person(ada.me.id), view.title).form)
    ada.close_all()
    return form


def text_of_view(ada: Client) -> str:
    view = ada.view()
    return str(view.body) if view else ""


def list_id(pointer: str) -> str:
    return hashlib.sha256(pointer.encode()).hexdigest()[:12]


def test_a_form_of_1400_fields_opens_is_searched_turned_and_submitted(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "wide")
    assert page(ada).startswith("Page 1 of ")
    assert "What must be answered" in page(ada)
    assert shows(ada, "/name")
    ada.fill({field(ada, "/name"): "orders"})
    turn(open_office, ada, "form_next", "Page 2 of ")
    assert value(ada, "/group_0/option_3") == "3"
    ada.fill({field(ada, "/group_0/option_3"): "33"})
    found = ada.suggest("pages~1", "group_27 option_31", action_id="form_find")
    assert found[0]["description"]["text"] == "group_27.option_31"
    ada.press("form_find", {"text": {"text": "group_27.option_31"}, "value": found[0]["value"]}, block_id="pages~1")
    open_office.until(lambda: shows(ada, "/group_27/option_31"))
    ada.fill({field(ada, "/group_27/option_31"): "7"})
    turn(open_office, ada, "form_page", "Page 1 of ", "0")
    assert value(ada, "/name") == "orders"
    turn(open_office, ada, "form_next", "Page 2 of ")
    assert value(ada, "/group_0/option_3") == "33"
    ada.submit()
    form = requested(open_office, ada)
    assert (form["name"], form["group_0"]["option_3"], form["group_27"]["option_31"]) == ("orders", 33, 7)
    assert form["group_39"]["option_34"] == 34


def test_an_error_turns_to_its_page_and_nothing_is_lost(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "wide")
    turn(open_office, ada, "form_next", "Page 2 of ")
    ada.fill({field(ada, "/group_0/option_1"): "11"})
    ada.submit()
    open_office.until(lambda: page(ada).startswith("Page 1 of "))
    assert "Name: Missing." in text_of_view(ada)
    ada.fill({field(ada, "/name"): "again"})
    ada.submit()
    assert requested(open_office, ada)["group_0"]["option_1"] == 11


def test_closing_keeps_what_was_entered_and_it_is_offered_again(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "wide name=first")
    turn(open_office, ada, "form_next", "Page 2 of ")
    ada.fill({field(ada, "/group_0/option_1"): "11"})
    ada.fill({field(ada, "/group_0/option_2"): "22"})
    ada.close()  # tells nothing of what was typed; each character did
    drafted(open_office, ada, "wide", "/group_0/option_1")
    ask(open_office, ada, "wide")
    assert "Continue where you left off" in text_of_view(ada)
    assert value(ada, "/name") == "first"
    ada.press("form_next")
    open_office.until(lambda: shows(ada, "/group_0/option_1"))
    assert value(ada, "/group_0/option_1") == "11"
    assert value(ada, "/group_0/option_2") == "22"
    ada.close()
    ask(open_office, ada, "wide")
    ada.press("form_again")
    open_office.until(lambda: "Continue where" not in text_of_view(ada))
    assert value(ada, "/name") is None


def drafted(office: Office, ada: Client, name: str, key: str) -> None:
    def kept() -> bool:
        record = office.process.service.draft(ada.me.id, name)
        return record is not None and key in record.answers["entered"].get("", {})

    office.until(kept)


def test_entries_are_added_edited_moved_and_removed_and_nest(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "app title=Shop")
    containers, ports = list_id("/containers"), list_id("/ports")
    ada.fill({field(ada, "/runs/kind"): "web"})
    open_office.until(lambda: any(name.startswith("/runs/domain") for name in blocks(ada)))
    domain = next(name for name in blocks(ada) if name.startswith("/runs/domain"))
    ada.fill({domain: "shop.example.com"})
    for count, name in enumerate(("front", "back"), 1):
        ada.press("entry_add", block_id=f"add-{containers}")
        open_office.until(lambda: len(ada.views()) == 2)
        ada.fill({"/name": name, "/image": f"{name}:1"})
        ada.submit()
        open_office.until(lambda: len(ada.views()) == 1)
        open_office.until(lambda: f"{count}. Name: {name}" in text_of_view(ada))  # noqa: B023 - called at once
    assert "2. Name: back · Image: back:1" in text_of_view(ada)
    ada.press("entry", "up|1", block_id=f"entry-{containers}-1")
    open_office.until(lambda: "1. Name: back" in text_of_view(ada))
    ada.press("entry", "edit|0", block_id=f"entry-{containers}-0")
    open_office.until(lambda: len(ada.views()) == 2)
    ada.fill({"/name": "x"})
    ada.press("entry_add", block_id=f"add-{ports}")
    open_office.until(lambda: len(ada.views()) == 3)
    ada.fill({"/number": "8080", "/public": True})
    ada.submit()
    open_office.until(lambda: len(ada.views()) == 2)
    open_office.until(lambda: "Number: 8080" in text_of_view(ada))
    assert value(ada, "/name") == "x"
    ada.submit()
    assert ada.errors() or "Too short" in text_of_view(ada)
    ada.fill({"/name": "rear"})
    ada.submit()
    open_office.until(lambda: len(ada.views()) == 1)
    open_office.until(lambda: "1. Name: rear" in text_of_view(ada))
    assert value(ada, "/title") == "Shop"
    ada.press("entry", "remove|1", block_id=f"entry-{containers}-1")
    open_office.until(lambda: "front" not in text_of_view(ada))
    ada.submit()
    assert requested(open_office, ada) == {
        "title": "Shop",
        "containers": [{"name": "rear", "image": "back:1", "ports": [{"number": 8080, "public": True}]}],
        "runs": {"kind": "web", "domain": "shop.example.com", "name": "job"},
    }


def test_a_choice_shows_its_fields_and_switching_back_restores_them(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "app")
    kind = field(ada, "/runs/kind")

    def branch(name: str) -> str:
        return open_office.until(lambda: next((b for b in blocks(ada) if b.startswith(f"/runs/{name}")), None))

    ada.fill({kind: "cron"})
    ada.fill({branch("schedule"): "0 * * * *"})
    ada.fill({kind: "web"})
    branch("domain")
    assert not any(name.startswith("/runs/schedule") for name in blocks(ada))
    ada.fill({kind: "cron"})
    again = branch("schedule")
    assert value(ada, again) == "0 * * * *"


def test_an_entry_that_was_closed_is_gone_on_with(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "app")
    containers = list_id("/containers")
    ada.press("entry_add", block_id=f"add-{containers}")
    open_office.until(lambda: len(ada.views()) == 2)
    ada.fill({"/name": "half"})
    ada.close()
    open_office.until(lambda: "Go on adding" in text_of_view(ada))
    ada.press("entry_add", block_id=f"add-{containers}")
    open_office.until(lambda: len(ada.views()) == 2)
    assert value(ada, "/name") == "half"


def test_what_is_wrong_with_a_list_stands_above_it(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "app title=Shop")
    ada.submit()
    assert ada.errors()
    ada.fill({field(ada, "/runs/kind"): "cron"})
    open_office.until(lambda: any(b.startswith("/runs/schedule") for b in blocks(ada)))
    ada.fill({next(b for b in blocks(ada) if b.startswith("/runs/schedule")): "daily"})
    ada.submit()
    assert "Containers: Missing." in text_of_view(ada) or "Containers: Too few" in text_of_view(ada)
    assert value(ada, "/title") == "Shop"


def test_a_simple_form_that_is_closed_is_gone_on_with_too(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "note")
    ada.fill({"/text": "half a sentence"})
    ada.fill({"/town": "town 7"})
    ada.fill({"/text": "a whole sentence"})
    ada.close()
    drafted(open_office, ada, "note", "/text")
    ask(open_office, ada, "note urgent=yes")
    assert value(ada, "/text") == "a whole sentence"
    assert value(ada, "/urgent")
    ada.submit()
    assert requested(open_office, ada) == {"text": "a whole sentence", "urgent": True, "town": "town 7"}
    assert open_office.process.service.draft(ada.me.id, "note") is None
    ask(open_office, ada, "note")
    assert value(ada, "/text") is None
    ada.close()
    ask(open_office, ada, "note")
    assert "Continue" not in text_of_view(ada)  # nothing was entered


def test_a_long_choice_is_searched_as_it_is_typed(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "note text=Hello")
    assert len(ada.suggest("/town", "")) == 100
    ada.fill({"/town": "town 299"})
    ada.submit()
    assert requested(open_office, ada)["town"] == "town 299"


def test_a_draft_of_an_edit_is_apart_and_closing_rejects_nothing(open_office: Office, ada: Client) -> None:
    ask(open_office, ada, "note text=First")
    ada.submit()
    view = ada.view()
    assert view is not None
    number = view.title
    ada.close()
    service = open_office.process.service
    assert service.show(service.person(ada.me.id), number).state == "awaiting_approval"

    def edit() -> None:
        message = open_office.told(ada, number)
        ada.click(f"@{message.user}" if message.channel.startswith("@") else message.channel, message.ts, "edit")
        open_office.until(ada.view)

    edit()
    assert value(ada, "/text") == "First"
    ada.fill({"/text": "Second"})
    ada.fill({"/urgent": True})
    ada.close()
    drafted(open_office, ada, number, "/text")
    assert service.show(service.person(ada.me.id), number).form["text"] == "First"
    edit()
    assert value(ada, "/text") == "Second"
    ada.submit()
    open_office.until(lambda: service.show(service.person(ada.me.id), number).form["text"] == "Second")
    assert service.draft(ada.me.id, number) is None
