"""Options from data in Slack, over HTTP and when the form is edited: offered to a person, and checked once more."""

import sys
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from bot import Person
from bot.demo.slack.client import Client
from bot.errors import NotFound
from bot.offering import Options
from bot.slack.forms import patience
from bot.slack.forms.windows import Window
from bot.store.records import RequestRecord
from tests.integration.asking import ask, block, offering, requested
from tests.integration.clicks import start_over
from tests.integration.office import Office

COPY = '''
"""A copy of a database"""

from collections.abc import Mapping
from typing import Any, Literal

from bot import Approval, Form, Offering, Person, Request
from bot.handlers import manual


class Share(Form):
    role: str


class Copy(Form):
    region: Literal["eu", "us"] = "eu"
    database: str
    tags: list[str] = []
    shares: list[Share] = []


def databases(person: Person, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{answers.get('region')}-{number}", f"{person.name}: {name}")
        for number, name in enumerate(["orders", "the orders of 2020", "billing"])
    ]


def words(person: Person, answers: Mapping[str, Any], text: str) -> list[str]:
    return [each for each in ("new", "x-1", "x-2", "admin-1") if each.startswith(text)] if text else ["old", "new"]


copy = Offering(
    "copy",
    Copy,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
    options={"database": databases, "tags": words, "shares.role": words},
)


@copy.step
def work(request: Request[Copy]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions=f"Copy {request.form.database}")
'''


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, copy=COPY) as office:
        yield office


@pytest.fixture
def office(open_office: Office) -> Iterator[Office]:
    offering = open_office.process.service.offering("copy")
    before = dict(offering.options)
    yield start_over(open_office)
    offering.options = before


def found(ada: Client, pointer: str, text: str) -> list[str]:
    return [option["text"]["text"] for option in ada.suggest(block(ada, pointer), text)]


def swap(office: Office, **sources: Options) -> None:
    offering = office.process.service.offering("copy")
    offering.options = {**offering.options, **sources}


def nothing(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
    return []


def broken(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
    raise ConnectionError("no route")


def mine(office: Office, ada: Client) -> list[RequestRecord]:
    """What she has asked for, the newest first."""
    service = office.process.service
    return list(service.mine(service.person(ada.me.id)).items)


def test_what_is_offered_depends_on_who_asks_and_on_the_form_so_far(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    assert found(ada, "/database", "ord")[:2] == [f"{ada.me.name}: orders", f"{ada.me.name}: the orders of 2020"]
    assert found(ada, "/database", "bill") == [f"{ada.me.name}: billing"]
    assert found(ada, "/tags", "x") == ["x-1", "x-2"]
    ada.fill({block(ada, "/region"): "us"})
    options = ada.suggest(block(ada, "/database"), "billing")
    assert [each["value"] for each in options] == ["us-2"]


def test_what_was_chosen_becomes_the_answer(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1", "new"]})
    ada.submit()
    form = requested(office, ada)[1]
    assert (form["database"], form["tags"]) == ("eu-2", ["x-1", "new"])


def test_a_choice_that_is_gone_stands_at_its_field_and_nothing_else_is_lost(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1"]})
    ada.fill({block(ada, "/region"): "us"})
    ada.submit()
    assert ada.errors() == {block(ada, "/database"): "“eu-2” is not, or no longer, one of your choices. Choose again."}
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    ada.submit()
    assert requested(office, ada)[1]["database"] == "us-2"


def test_where_nothing_is_offered_the_submit_says_so(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    swap(office, database=nothing)
    ada.submit()
    assert ada.errors() == {
        block(ada, "/database"): "There is nothing to choose from for you here, with these answers."
    }


def test_options_that_cannot_be_looked_up_are_told_and_lose_nothing(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    before = dict(office.process.service.offering("copy").options)
    swap(office, database=broken)
    assert found(ada, "/database", "") == ["⚠️ The choices could not be looked up. Search again."]
    ada.submit()
    [said] = ada.errors().values()
    assert said.startswith("The choices for database could not be looked up")
    swap(office, **before)
    ada.submit()
    assert requested(office, ada)[1]["database"] == "eu-2"


class Slow:
    """A source that takes as long as it is held."""

    def __init__(self, offered: list[str]) -> None:
        self.offered, self.released = offered, Event()

    def __call__(self, _person: Person, _answers: Mapping[str, Any]) -> list[str]:
        assert self.released.wait(30)
        return self.offered


@pytest.fixture
def in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An acknowledgement that does not wait, so that every check of choices is a slow one."""
    monkeypatch.setattr(patience, "ACKNOWLEDGED", 0.05)


@pytest.mark.usefixtures("in_no_hurry")
def test_a_slow_source_is_waited_for_and_the_window_says_so_and_goes_on(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1"]})
    slow = Slow(["eu-2"])
    swap(office, database=slow)
    ada.submit()
    assert "Checking your choices" in str(ada.view())
    assert "submit" not in ada.view().body  # type: ignore[union-attr]
    drafted = office.process.service.draft(ada.me.id, "copy")
    assert drafted is not None
    assert drafted.answers["entered"][""] == {"/database": "eu-2", "/tags": ["x-1"]}
    slow.released.set()
    office.until(lambda: (view := ada.view()) and view.title.startswith("REQ-"))
    form = requested(office, ada)[1]
    assert (form["database"], form["tags"]) == ("eu-2", ["x-1"])
    office.until(lambda: office.process.service.draft(ada.me.id, "copy") is None)


@pytest.mark.usefixtures("in_no_hurry")
def test_who_does_not_wait_for_a_slow_source_goes_back_to_the_form_and_nothing_is_made_twice(
    office: Office, ada: Client
) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1"]})
    before = dict(office.process.service.offering("copy").options)
    slow = Slow(["eu-2"])
    swap(office, database=slow)
    ada.submit()
    ada.press("form_resume")
    office.until(lambda: "Checking" not in str(ada.view()))
    view = ada.view()
    assert view is not None
    assert [each["value"] for each in view.values[block(ada, "/tags")]["answer"]["selected_options"]] == ["x-1"]
    swap(office, **before)
    ada.submit()
    office.until(lambda: (view := ada.view()) and view.title.startswith("REQ-"))
    number, _ = requested(office, ada)
    slow.released.set()
    service = office.process.service
    after = f"REQ-{int(number.removeprefix('REQ-')) + 1}"
    office.until(lambda: service.draft(ada.me.id, "copy") is None)
    with pytest.raises(NotFound):
        service.show(service.person(ada.me.id), after)


@pytest.mark.usefixtures("in_no_hurry")
def test_who_goes_back_too_late_hears_that_it_was_handed_in(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1"]})
    slow = Slow(["eu-2"])
    swap(office, database=slow)
    ada.submit()
    office.process.service.forget(office.process.service.person(ada.me.id), "copy")  # as if it had just been done
    ada.press("form_resume")
    office.until(lambda: "was handed in meanwhile" in str(ada.view()))
    slow.released.set()


@pytest.mark.usefixtures("in_no_hurry")
def test_what_a_slow_source_refuses_stands_at_its_field_and_nothing_typed_is_lost(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing", block(ada, "/tags"): ["x-1"]})
    before = dict(office.process.service.offering("copy").options)
    slow = Slow(["us-1"])
    swap(office, database=slow)
    ada.submit()
    assert "Checking your choices" in str(ada.view())
    slow.released.set()
    office.until(lambda: "“eu-2” is not, or no longer, one of your choices" in str(ada.view()))
    view = ada.view()
    assert view is not None
    assert [each["value"] for each in view.values[block(ada, "/tags")]["answer"]["selected_options"]] == ["x-1"]
    swap(office, **before)
    ada.submit()
    office.until(lambda: (view := ada.view()) and view.title.startswith("REQ-"))
    assert requested(office, ada)[1]["tags"] == ["x-1"]


@pytest.mark.usefixtures("in_no_hurry")
def test_who_closes_the_window_meanwhile_hears_of_it_and_may_go_on(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    slow = Slow([])
    swap(office, database=slow)
    ada.submit()
    ada.close()
    slow.released.set()
    told = office.told(ada, "was not sent")
    assert "There is nothing to choose from" in told.text
    ada.type_command("#general", "/platform request copy")
    office.until(ada.view)
    assert "Continue where you left off" in str(ada.view())
    assert ada.view().values[block(ada, "/database")]["answer"]["selected_option"]["value"] == "eu-2"  # type: ignore[union-attr]


@pytest.mark.usefixtures("in_no_hurry")
@pytest.mark.parametrize(("offered", "said"), [(["eu-2"], "was sent. Its window"), (["us-1"], "was not sent")])
def test_whose_window_slack_does_not_show_hears_of_it_in_a_message(
    office: Office, monkeypatch: pytest.MonkeyPatch, offered: list[str], said: str
) -> None:
    def away(*_given: Any, **_more: Any) -> None:
        raise ConnectionRefusedError("no route")

    grace = office.grace  # what is said to Ada is looked for by others
    ask(office, grace, "copy tags=x-1")
    grace.fill({block(grace, "/database"): f"{grace.me.name}: billing"})
    slow = Slow(offered)
    swap(office, database=slow)
    grace.submit()
    monkeypatch.setattr(WebClient, "views_update", away)
    slow.released.set()
    office.told(grace, said)


@pytest.mark.usefixtures("in_no_hurry")
def test_a_process_that_dies_before_the_window_hears_of_its_request_offers_it_no_second_time(
    office: Office, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It dies right after the transaction: nothing is left to do, and nobody to tell the window.
    monkeypatch.setattr(patience, "later", lambda *_: None)
    monkeypatch.setattr(Window, "forget", lambda *_: sys.exit())
    ask(office, ada, "copy tags=x-1")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    slow = Slow(["eu-2"])
    swap(office, database=slow)
    before = mine(office, ada)
    ada.submit()
    slow.released.set()
    office.until(lambda: mine(office, ada) != before)
    assert mine(office, ada)[0].form == {"region": "eu", "database": "eu-2", "tags": ["x-1"], "shares": []}
    ada.close()
    ada.type_command("#general", "/platform request copy")
    office.until(ada.view)
    assert "Continue where you left off" not in str(ada.view())


def test_an_entry_of_a_list_has_options_too(office: Office, ada: Client) -> None:
    ask(office, ada, "copy")
    ada.fill({block(ada, "/database"): f"{ada.me.name}: billing"})
    ada.press("entry_add")
    office.until(lambda: len(ada.views()) == 2)
    ada.fill({block(ada, "/role"): "admin-1"})
    ada.submit()
    office.until(lambda: "admin-1" in str(ada.view()))
    ada.submit()
    assert requested(office, ada)[1]["shares"] == [{"role": "admin-1"}]


def test_over_http_the_same_choices_count_and_the_contract_says_nothing_of_them(office: Office, ada: Client) -> None:
    token = office.process.service.create_token(ada.me.id)
    with httpx.Client(base_url=office.url, headers={"Authorization": f"Bearer {token}"}) as http:
        refused = http.post("/v1/offerings/copy/requests", json={"form": {"database": "us-1"}})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/form/database"
        made = http.post("/v1/offerings/copy/requests", json={"form": {"region": "us", "database": "us-1"}})
        assert made.status_code == 201, made.text
        assert "x-frontdesk" not in http.get("/openapi.json").text
        swap(office, database=broken)
        again = http.post("/v1/offerings/copy/requests", json={"form": {"database": "eu-1"}})
        assert (again.status_code, "could not be looked up" in again.text) == (503, True)
    assert "x-frontdesk" not in str(office.process.service.offering("copy").contract.to_json())


def test_an_edit_is_checked_like_a_request(office: Office, ada: Client) -> None:
    service = office.process.service
    person = service.person(ada.me.id)
    record, _ = service.submit(person, "copy", {"database": "eu-1"})
    mine = office.told(ada, record.number)
    ada.click(mine.channel, mine.ts, "edit")
    office.until(ada.view)
    ada.fill({block(ada, "/region"): "us"})
    ada.submit()
    assert list(ada.errors()) == [block(ada, "/database")]
    ada.fill({block(ada, "/database"): f"{ada.me.name}: orders"})
    ada.submit()
    assert service.show(person, record.number).form["database"] == "us-0"
