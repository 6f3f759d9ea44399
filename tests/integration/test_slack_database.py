"""A database that goes away under people in Slack: each of them is answered, and told of nothing that is not so."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from bot.demo.slack.client import Client
from bot.demo.slack.entities import Message
from bot.slack.forms import patience
from tests.conftest import address, create_database
from tests.integration.clicks import click_old
from tests.integration.line import Line
from tests.integration.office import Office, buttons, everything, opened, text_of
from tests.integration.test_slack_once import quiet

AWAY, UNKNOWN = "database does not answer just now. Nothing was changed.", "It may have been stored"
SLOW = "longer than usual"


@pytest.fixture
def line(migrated_postgres: str) -> Iterator[Line]:
    """A line to a database of its own."""
    name = f"t{uuid.uuid4().hex}"
    create_database(migrated_postgres, name, template="migrated")
    line = Line(address(migrated_postgres, name))
    yield line
    line.close()


@pytest.fixture(params=["signed HTTP", "Socket Mode"])
def office(request: pytest.FixtureRequest, tmp_path: Path, line: Line) -> Iterator[Office]:
    with opened(tmp_path, socket_mode=request.param == "Socket Mode", url=line.url) as office:
        yield office


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "ACKNOWLEDGED", 0.05)
    monkeypatch.setattr(patience, "ARRIVED", 0.0)


def card_to_approve(office: Office) -> tuple[str, Message]:
    number = office.ask(office.ada)
    office.until(lambda: "approve" in buttons(office.card(number)))
    office.until(lambda: quiet(office))  # what is being said while the line is cut waits for its lease
    return number, office.card(number)


def told(who: Client, words: str) -> int:
    return sum(words in text_of(message) for message in everything(who))


def is_locked_out(line: Line) -> bool:
    """Whether somebody waits for a row that somebody else holds."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(line.beside) as looking:
        return looking.execute(waiting).fetchone() is not None


def state(office: Office, number: str) -> str:
    service = office.process.service
    return str(service.show(service.person(office.ada.me.id), number).state)


def decisions(office: Office, number: str) -> list[str]:
    service = office.process.service
    record = service.show(service.person(office.ada.me.id), number)
    return [each.name for each in record.events if each.name in ("approved", "rejected")]


def test_whoever_clicks_types_or_submits_is_told_that_nothing_was_changed_and_does_it_again_after(
    office: Office, line: Line
) -> None:
    number, card = card_to_approve(office)
    office.ada.type_command("#general", "/platform request postgres name=second size=small")
    office.until(office.ada.view)
    line.cut()
    click_old(office, office.grace, card, "approve")
    office.until(lambda: told(office.grace, AWAY) == 1)
    click_old(office, office.linus, card, "reject")
    office.until(lambda: told(office.linus, AWAY) == 1)
    assert office.linus.view() is None
    office.margaret.type_command("#general", "/platform list")
    office.until(lambda: told(office.margaret, AWAY) == 1)
    office.ada.submit()
    assert AWAY in " ".join(office.ada.errors().values())
    assert [each.status for each in office.workspace.deliveries()[-4:]] == [200] * 4
    assert told(office.grace, "You approved") == 0

    line.mend()
    assert state(office, number) == "awaiting_approval"
    office.ada.submit()
    view = office.ada.view()
    assert view is not None
    assert view.title == "REQ-2"
    click_old(office, office.grace, card, "approve")
    office.until(lambda: "approve" not in buttons(office.card(number)))
    assert decisions(office, number) == ["approved"]


def test_whoever_clicks_while_the_line_is_cut_in_a_commit_is_not_told_that_nothing_was_changed(
    office: Office, line: Line
) -> None:
    number, card = card_to_approve(office)
    with cut_as_it_commits(office, line):
        click_old(office, office.grace, card, "approve")
    office.until(lambda: told(office.grace, UNKNOWN) == 1)
    assert told(office.grace, "Nothing was changed") == 0
    line.mend()
    click_old(office, office.grace, card, "approve")
    office.until(lambda: "approve" not in buttons(office.card(number)))
    assert decisions(office, number) == ["approved"]


@contextmanager
def cut_as_it_commits(office: Office, line: Line) -> Iterator[None]:
    """Whoever decides says COMMIT, and the line is cut."""
    service, deciding = office.process.service, threading.local()
    approve = service.approve

    def approved(*given: object, **named: object) -> object:
        deciding.now = True
        try:
            return approve(*given, **named)  # type: ignore[arg-type] # as they came
        finally:
            deciding.now = False

    def committing(_connection: object) -> None:
        if getattr(deciding, "now", False):
            line.cut()

    service.approve = approved  # type: ignore[method-assign,assignment]
    event.listen(office.process.database.writer, "commit", committing)
    yield
    event.remove(office.process.database.writer, "commit", committing)
    del service.approve


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("comes_back", [True, False], ids=["answers after all", "goes away"])
def test_a_click_that_a_slow_database_keeps_waiting_is_told_what_came_of_it(
    office: Office, line: Line, comes_back: bool
) -> None:
    number, card = card_to_approve(office)
    with psycopg.connect(line.beside) as other:
        other.execute("SELECT id FROM request FOR UPDATE")
        pressed = threading.Thread(target=click_old, args=(office, office.grace, card, "approve"))
        pressed.start()
        office.until(lambda: told(office.grace, SLOW) == 1)
        office.until(lambda: is_locked_out(line))  # on a slow machine it is told before it has come so far
        pressed.join()
        assert office.workspace.deliveries()[-1].status == 200
        assert told(office.grace, "You approved") == 0
        if not comes_back:
            line.cut()
    if comes_back:
        office.until(lambda: told(office.grace, f"You approved {number}") == 1)
        assert decisions(office, number) == ["approved"]
        return
    office.until(lambda: told(office.grace, AWAY) == 1)
    line.mend()
    assert decisions(office, number) == []
