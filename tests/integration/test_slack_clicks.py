"""Clicks that decide: stored before they are acknowledged, so that nothing after the acknowledgement can lose them."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from bot.demo.slack.client import Client
from bot.demo.slack.delivery import deliver
from bot.demo.slack.entities import Delivery, Message
from bot.slack import errors
from bot.slack.door import Listeners
from bot.slack.forms import patience
from tests.integration.clicks import click_old
from tests.integration.office import Office, buttons, everything, opened, text_of
from tests.integration.test_slack_once import quiet

ERRAND = '''
"""Errand"""
from datetime import timedelta
from bot import Approval, Form, Offering, Renewal, Request
from bot.handlers import manual

class Errand(Form):
    name: str

errand = Offering("errand", Errand, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"),
                  expires=timedelta(days=30), renew=Renewal(timedelta(days=30), most=2))

@errand.step
def run(request: Request[Errand]) -> manual.Task:
    return manual.Task(group="@dba", instructions="Run")
'''
ASKED = "/platform request errand name=bread"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("clicks")
    (folder / "offerings").mkdir()
    (folder / "offerings" / "errand.py").write_text(ERRAND)
    with opened(folder, offerings=folder / "offerings") as office:
        yield office


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends with each acknowledgement: nothing that comes after it is done."""
    monkeypatch.setattr(Listeners, "submit", lambda *_given, **_more: Future())


def state(office: Office, number: str) -> str:
    return str(shown(office, number).state)


def shown(office: Office, number: str) -> Any:
    return office.process.service.show(office.process.service.person(office.ada.me.id), number)


def asks(office: Office, number: str) -> bool:
    return bool(shown(office, number).asking)


def task(office: Office) -> str:
    """A request whose step waits for Grace."""
    number = office.ask(office.ada, ASKED)
    service = office.process.service
    service.approve(service.person(office.grace.me.id), number)
    office.until(lambda: asks(office, number))
    office.until(lambda: "complete" in buttons(office.card(number)))
    return number


def failed(office: Office) -> str:
    number = task(office)
    service = office.process.service
    service.refuse(service.person(office.grace.me.id), number, "run", "no bread")
    office.until(lambda: "retry" in buttons(office.card(number)))
    return number


def lived(office: Office) -> tuple[str, str]:
    number = task(office)
    service = office.process.service
    service.complete(service.person(office.grace.me.id), number, "run")
    office.until(lambda: state(office, number) == "fulfilled")
    return number, shown(office, number).instance


def mine(office: Office, action: str, number: str) -> Message:
    """What Ada has been sent with that button about that request or instance."""
    return office.until(lambda: next((m for m in everything(office.ada) if offers(m, action, number)), None))


def offers(message: Message, action: str, number: str) -> bool:
    elements = [e for block in message.blocks for e in [*block.get("elements", ()), block.get("accessory") or {}]]
    return any(e.get("action_id") == action and e["value"].split("|")[0] == number for e in elements)


def answers(who: Client) -> list[Message]:
    """What only this person sees."""
    return [message for message in everything(who) if message.only_for == who.me.id]


def told(who: Client, words: str) -> list[Message]:
    return [message for message in everything(who) if words in text_of(message)]


def test_an_approval_is_stored_before_it_is_acknowledged(office: Office, request: pytest.FixtureRequest) -> None:
    number = office.ask(office.ada, ASKED)
    office.until(lambda: "approve" in buttons(office.card(number)))
    request.getfixturevalue("gone")
    office.press(office.grace, "approve", number)
    assert state(office, number) != "awaiting_approval"


def test_a_withdrawal_is_stored_before_it_is_acknowledged(office: Office, request: pytest.FixtureRequest) -> None:
    number = office.ask(office.ada, ASKED)
    message = mine(office, "withdraw", number)
    request.getfixturevalue("gone")
    click_old(office, office.ada, message, "withdraw")
    assert state(office, number) == "withdrawn"


def test_a_task_that_asks_nothing_is_done_before_it_is_acknowledged(
    office: Office, request: pytest.FixtureRequest
) -> None:
    number = task(office)
    request.getfixturevalue("gone")
    office.press(office.grace, "complete", number)
    assert not asks(office, number)


def test_a_retry_and_a_cancel_are_stored_before_they_are_acknowledged(
    office: Office, request: pytest.FixtureRequest
) -> None:
    again, over = failed(office), failed(office)
    request.getfixturevalue("gone")
    office.press(office.grace, "retry", again)
    office.press(office.grace, "cancel", over)
    assert state(office, again) == "fulfilling"
    assert state(office, over) == "cancelled"


def test_a_renewal_and_a_delete_are_stored_before_they_are_acknowledged(
    office: Office, request: pytest.FixtureRequest
) -> None:
    _, instance = lived(office)
    office.ada.type_command("#general", "/platform list")
    listing = mine(office, "renew", instance)
    request.getfixturevalue("gone")
    office.ada.click("#general", listing.ts, "renew", value(listing, "renew", instance))
    ada = office.process.service.person(office.ada.me.id)
    assert office.process.service.instance(ada, instance).renewals == 1
    office.ada.click("#general", listing.ts, "delete", value(listing, "delete", instance))
    assert office.process.service.instance(ada, instance).open_request


def value(listing: Message, action: str, instance: str) -> str:
    """What a button about that instance says."""
    elements = [e for block in listing.blocks for e in [*block.get("elements", ()), block.get("accessory") or {}]]
    found = (e["value"] for e in elements if e.get("action_id") == action)
    return next(str(each) for each in found if each.startswith(f"{instance}|"))


def again(office: Office, delivery: Delivery) -> Delivery:
    """Slack sends what a person did once more: the line was cut before the acknowledgement."""
    return deliver(office.workspace, next(iter(office.workspace.apps.values())), delivery.payload)


def test_a_click_that_slack_sends_again_counts_once_and_is_answered_once(office: Office) -> None:
    number = failed(office)
    office.press(office.grace, "retry", number)
    retry = office.workspace.deliveries()[-1]
    office.until(lambda: asks(office, number))
    service = office.process.service
    service.refuse(service.person(office.grace.me.id), number, "run", "still no bread")
    office.until(lambda: state(office, number) == "failed")
    before, others = len(answers(office.grace)), len(answers(office.linus))
    assert again(office, retry).status == 200
    assert state(office, number) == "failed", "one click, one retry"
    office.until(lambda: "retry" in buttons(office.card(number)))
    click_old(office, office.linus, office.card(number), "retry")
    office.until(lambda: len(answers(office.linus)) > others)  # whoever came later has been answered
    assert len(answers(office.grace)) == before


def test_a_refusal_is_told_once_however_often_slack_sends_the_click(office: Office) -> None:
    number, before = office.ask(office.ada, ASKED), len(answers(office.margaret))
    office.press(office.margaret, "approve", number)
    refused = office.workspace.deliveries()[-1]
    office.until(lambda: len(answers(office.margaret)) == before + 1)
    again(office, refused)
    office.press(office.margaret, "approve", number)
    office.until(lambda: len(answers(office.margaret)) == before + 2)
    assert state(office, number) == "awaiting_approval"


def test_while_the_store_is_busy_a_click_is_acknowledged_in_time_and_its_outcome_told_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ACKNOWLEDGED", 0.05)
    monkeypatch.setattr(patience, "ARRIVED", 0.0)
    number = office.ask(office.ada, ASKED)
    office.until(lambda: "approve" in buttons(office.card(number)))
    card = office.card(number)
    with office.process.database.write():  # one at a time, on SQLite
        pressed = threading.Thread(target=office.grace.click, args=("#data-platform", card.ts, "approve"))
        pressed.start()
        office.until(lambda: told(office.grace, "longer than usual"))
        pressed.join()
        assert office.workspace.deliveries()[-1].status == 200
        assert state(office, number) == "awaiting_approval"
    office.until(lambda: told(office.grace, f"You approved {number}"))
    assert state(office, number) != "awaiting_approval"


@pytest.mark.parametrize("trouble", [{"retry_after": 1}, {"error": "invalid_auth"}, {"status": 500}])
def test_an_answer_that_slack_takes_nowhere_now_is_said_later(
    office: Office, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any]
) -> None:
    monkeypatch.setattr(errors, "_MENDED", 0.3)
    number = office.ask(office.ada, ASKED)
    card = office.card(number)
    office.until(lambda: quiet(office))
    office.workspace.refuse("chat.postMessage", **trouble)
    address = f"{office.workspace.base_url}/response/used"
    click_old(office, office.margaret, card, "approve", response_url=address)
    said = office.told(office.margaret, f"{number} is for @dba to decide.")
    assert said.only_for == ""
    office.until(lambda: quiet(office))
    assert len(told(office.margaret, f"{number} is for")) == 1
