"""A last look at what is asked for, before it is sent: in Slack, for offerings that want one."""

from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import pytest
from sqlmodel import select

from bot import Person
from bot.demo.slack.client import Client
from bot.slack.forms import patience
from bot.store import tables
from tests.integration.asking import ask, block, offering, requested
from tests.integration.office import Office

VAULT = '''
"""A vault"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import SecretStr

from bot import Approval, Field, Form, Offering, Person, Request
from bot.handlers import manual


class Network(Form):
    zone: str = "north"


class Vault(Form):
    name: str = Field(min_length=3)
    owner: Person
    size: Literal["small", "large"] = "small"
    notes: list[str] = []
    network: Network = Network()
    password: SecretStr = Field(min_length=4)


def names(person: Person, answers: Mapping[str, Any]) -> list[str]:
    return ["orders", "ab"]


vault = Offering(
    "vault", Vault, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"), review=True,
    options={"name": names},
)


@vault.step
def work(request: Request[Vault]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''
FREE = '''
"""A free thing"""

from bot import Form, Offering, Request
from bot.handlers import manual


class Free(Form):
    text: str


free = Offering("free", Free, owner="@data-platform", notify="#data-platform", review=True)


@free.step
def work(request: Request[Free]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''
SECRET = "correct horse"


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, vault=VAULT, free=FREE) as office:
        yield office


def read(ada: Client) -> str:
    view = ada.view()
    assert view is not None
    return str(view.body)


def submits(ada: Client) -> str:
    view = ada.view()
    assert view is not None
    return str((view.body.get("submit") or {}).get("text"))


def fill(office: Office, ada: Client) -> None:
    ask(office, ada, "vault")
    assert submits(ada) == "Review"
    given = {"/name": "orders", "/owner": "@grace", "/size": "large", "/password": SECRET}
    ada.fill({block(ada, pointer): value for pointer, value in given.items()})
    ada.submit()
    assert submits(ada) == "Submit", (ada.errors(), ada.notice())


def requests(office: Office, ada: Client) -> int:
    service = office.process.service
    return len(service.mine(service.person(ada.me.id)).items)


def test_a_valid_form_is_shown_with_its_defaults_and_its_approvers_and_nothing_is_sent_yet(
    office: Office, ada: Client
) -> None:
    before = requests(office, ada)
    fill(office, ada)
    said = read(ada)
    given, default = said.index("What you ask for"), said.index("Filled in by default")
    assert given < said.index("*Name*: orders") < said.index("*Size*: large") < default
    assert default < said.index("*Network / Zone*: north")
    assert "will be asked to approve it" in said
    assert "<!subteam^" in said
    assert SECRET not in said
    assert requests(office, ada) == before


def test_submit_sends_what_was_shown_with_the_secret_that_was_typed(office: Office, ada: Client) -> None:
    before = requests(office, ada)
    fill(office, ada)
    ada.submit()
    form = requested(office, ada)[1]
    assert (form["name"], form["size"], form["password"]) == ("orders", "large", "••••")
    assert form["network"] == {"zone": "north"}
    assert requests(office, ada) == before + 1
    assert office.process.service.draft(ada.me.id, "vault") is None


def test_back_returns_to_the_form_with_everything_kept(office: Office, ada: Client) -> None:
    fill(office, ada)
    ada.press("form_back")
    office.until(lambda: submits(ada) == "Review")
    view = ada.view()
    assert view is not None
    assert view.values["/size"]["answer"]["selected_option"]["value"] == "large"
    assert view.values["/password"]["answer"]["value"] == SECRET
    ada.fill({"/size": "small"})
    ada.submit()
    assert "*Size*: small" in read(ada)
    ada.submit()
    assert requested(office, ada)[1]["size"] == "small"


def test_what_is_wrong_is_told_at_its_field_before_anything_is_reviewed(office: Office, ada: Client) -> None:
    ask(office, ada, "vault")
    ada.fill({"/name": "ab", "/owner": "@grace", "/password": SECRET})
    ada.submit()
    assert list(ada.errors()) == ["/name"]
    assert submits(ada) == "Review"


def test_what_goes_wrong_after_the_look_leads_back_to_the_form(
    office: Office, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = office.process.service.offering("vault")

    def broken(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
        raise ConnectionError("no route")

    fill(office, ada)
    with monkeypatch.context() as patched:
        patched.setattr(offering, "options", {"name": broken})
        ada.submit()
        assert submits(ada) == "Review"
        assert "could not be looked up" in read(ada)
    with monkeypatch.context() as patched:
        patched.setattr(offering, "options", {"name": lambda _person, _answers: ["other"]})
        ada.submit()
        assert list(ada.errors()) == ["/name"]
    ada.submit()
    assert submits(ada) == "Submit"
    ada.submit()
    assert requested(office, ada)[1]["size"] == "large"


def test_a_look_that_is_closed_is_offered_again(office: Office, ada: Client) -> None:
    fill(office, ada)
    ada.close()
    service = office.process.service
    office.until(lambda: service.draft(ada.me.id, "vault"))
    ada.type_command("#general", "/platform request vault")
    office.until(ada.view)
    assert "where you left off" in read(ada)
    assert submits(ada) == "Review"


def test_nothing_that_people_type_is_live_and_where_nobody_approves_that_is_said(office: Office, ada: Client) -> None:
    ask(office, ada, "free")
    ada.fill({"/text": "<!channel> & <@U1>"})
    ada.submit()
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in read(ada)
    assert "Nobody has to approve it." in read(ada)
    ada.submit()
    assert requested(office, ada)[1] == {"text": "<!channel> & <@U1>"}


def test_an_edit_shows_what_changes(office: Office, ada: Client) -> None:
    fill(office, ada)
    ada.submit()
    view = ada.view()
    assert view is not None
    number = view.title
    ada.close_all()
    mine = office.told(ada, number)
    ada.click(mine.channel, mine.ts, "edit")
    office.until(ada.view)
    ada.fill({"/size": "small", "/password": "another one"})
    ada.submit()
    assert "*Size*: small _(was large)_" in read(ada)
    ada.submit()
    service = office.process.service
    assert service.show(service.person(ada.me.id), number).form["size"] == "small"


def test_a_secret_stays_in_its_input_while_a_slow_source_is_asked(
    office: Office, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ACKNOWLEDGED", 0.05)
    offering = office.process.service.offering("vault")
    released, before = Event(), offering.options

    def slow(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
        assert released.wait(30)
        return ["orders"]

    ask(office, ada, "vault")
    password, name, owner = (block(ada, pointer) for pointer in ("/password", "/name", "/owner"))
    ada.fill({name: "orders", owner: "@grace", password: SECRET})
    monkeypatch.setattr(offering, "options", {"name": slow})
    ada.submit()
    assert submits(ada) == "Checking…"
    assert "Checking your choices" in read(ada)
    ada.submit()
    assert submits(ada) == "Checking…"
    released.set()
    office.until(lambda: submits(ada) == "Submit")
    monkeypatch.setattr(offering, "options", before)
    ada.submit()
    office.until(lambda: (view := ada.view()) and view.title.startswith("REQ-"))
    with office.process.database.read() as session:
        assert SECRET not in repr([each.answers for each in session.exec(select(tables.Draft)).all()])
