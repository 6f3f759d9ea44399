"""Whatever happens to a call of Slack's Web API, each message stands there once, in its order and in its words."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.errors import TemporaryError
from bot.slack.deliveries import SlackSender
from bot.store import lanes, sending, tables
from bot.store.sending import ClaimedCard, ClaimedDelivery
from tests.integration.clicks import read
from tests.integration.office import Office, buttons, everything, is_card, opened, text_of


def cards(office: Office, number: str, channel: str = "#data-platform") -> list[Any]:
    return [m for m in office.grace.sees(channel) if is_card(m, number)]


def told(office: Office, who: Any, words: str) -> list[Any]:
    return [m for m in everything(who) if words in m.text and not m.only_for]


def notes(office: Office, number: str, words: str) -> list[Any]:
    card = office.card(number)
    return [m for m in office.grace.sees("#data-platform") if m.thread_ts == card.ts and words in m.text]


def row(office: Office, table: type[Any], **values: Any) -> Any:
    with office.process.database.read() as session:
        return session.exec(select(table).filter_by(**values)).first()


def quiet(office: Office) -> bool:
    """Nothing waits to be said."""
    with office.process.database.read() as session:
        waiting = session.exec(select(tables.Delivery).where(tables.Delivery.state == "waiting")).first()
        return waiting is None and session.exec(select(tables.Card).filter_by(dirty=True)).first() is None


LOST: list[dict[str, Any]] = [
    {"cut": True},
    {"status": 500},
    {"status": 503, "delay": 0.2},
    {"error": "internal_error"},
    {"error": "fatal_error"},
]


@pytest.mark.parametrize("how", LOST, ids=["reset", "500", "late 503", "internal_error", "fatal_error"])
def test_a_message_that_slack_took_before_its_answer_was_lost_is_found_and_not_posted_again(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    with opened(tmp_path) as office:
        office.workspace.refuse("chat.postMessage", times=2, done=True, **how)  # the card, the word to Ada
        number = office.ask(office.ada)
        office.until(lambda: quiet(office))
        office.workspace.refuse("chat.postMessage", times=2, done=True, **how)  # the note, the word to Ada
        office.workspace.refuse("chat.update", done=True, **how)
        office.press(office.grace, "approve", number)
        read(office, number, "Approved by <@U01GRACE>")
        office.until(lambda: notes(office, number, "Approved by"))
        office.until(lambda: told(office, office.ada, "approved by"))
        office.until(lambda: quiet(office))
        assert len(cards(office, number)) == 1
        assert len(told(office, office.ada, "asked for")) == 1
        assert len(told(office, office.ada, "approved by")) == 1
        assert len(notes(office, number, "Approved by")) == 1
        assert row(office, tables.Card, audience="team").ts == office.card(number).ts
        note = row(office, tables.Delivery, kind="note")
        assert (note.state, note.ts) == ("sent", notes(office, number, "Approved by")[0].ts)


def test_a_message_whose_answer_never_comes_is_looked_for_after_the_time_limit(tmp_path: Path) -> None:
    # A claim of three seconds lets one call take one.
    with opened(tmp_path, FRONTDESK_LEASE="3") as office:
        office.workspace.refuse("chat.postMessage", done=True, delay=1.5)
        number = office.ask(office.ada)
        office.told(office.ada, "asked for")
        office.until(lambda: quiet(office))
        assert office.workspace.calls("conversations.history")
        assert len(cards(office, number)) == 1
        assert len(told(office, office.ada, "asked for")) == 1


def test_what_did_not_arrive_is_posted_after_all(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.workspace.refuse("chat.postMessage", times=2, cut=True)
        number = office.ask(office.ada)
        office.card(number)
        office.told(office.ada, "asked for")
        office.until(lambda: quiet(office))
        assert office.workspace.calls("conversations.history")
        assert len(cards(office, number)) == 1


def test_a_look_that_slack_refuses_is_taken_again_before_anything_is_posted(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.workspace.refuse("chat.postMessage", done=True, cut=True)
        office.workspace.refuse("conversations.history", status=500)
        office.workspace.refuse("conversations.history", retry_after=1)
        number = office.ask(office.ada)
        office.until(lambda: told(office, office.ada, "asked for"), 30)  # each attempt waits longer
        office.until(lambda: quiet(office), 20)
        assert len(cards(office, number)) == 1


@pytest.mark.parametrize("kind", ["card", "delivery"])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_worker_that_dies_between_slacks_answer_and_its_own_record_leaves_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, store: str, kind: str
) -> None:
    """The claim ends without an outcome; whoever takes it over finds what had arrived."""
    died: list[int] = []
    url = "" if store == "sqlite" else request.getfixturevalue("postgres_store")
    with monkeypatch.context() as patch:
        name = {"card": "card_shown", "delivery": "delivered"}[kind]
        patch.setattr(sending, name, dying(getattr(sending, name), died))
        with opened(tmp_path, url=url, FRONTDESK_LEASE="1.5") as office:
            number = office.ask(office.ada)
            office.until(lambda: died)
            office.told(office.ada, "asked for")
            office.until(lambda: quiet(office), 20)
            assert len(cards(office, number)) == 1
            assert len(told(office, office.ada, "asked for")) == 1
            assert office.workspace.calls("conversations.history")


def dying(record: Callable[..., None], died: list[int]) -> Callable[..., None]:
    """The first record is never written."""

    def once(tx: Any, claimed: ClaimedCard | ClaimedDelivery, *more: Any, **options: Any) -> None:
        if not died:
            died.append(1)
            raise OSError("the machine is gone")
        record(tx, claimed, *more, **options)

    return once


@pytest.fixture
def postgres_store(migrated_postgres: str) -> str:
    """An empty database on PostgreSQL."""
    from tests.conftest import address, create_database

    create_database(migrated_postgres, "once", template="migrated") if not _exists(migrated_postgres, "once") else None
    return address(migrated_postgres, "once")


def _exists(server: str, name: str) -> bool:
    import psycopg

    with psycopg.connect(server) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def test_every_post_carries_the_id_of_what_it_says(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.press(office.grace, "approve", number)
        office.until(lambda: quiet(office))
        marks = [
            json.loads(call.arguments["metadata"])
            if isinstance(call.arguments["metadata"], str)
            else call.arguments["metadata"]
            for call in office.workspace.calls("chat.postMessage")
            if call.arguments.get("metadata")
        ]
        assert len(marks) == len({json.dumps(mark) for mark in marks}) >= 4
        assert {mark["event_type"] for mark in marks} == {"frontdesk_card", "frontdesk_delivery"}


def test_nothing_is_posted_once_a_claim_may_be_over(tmp_path: Path) -> None:
    """A process that stood still wakes up, and somebody else has taken over."""
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.until(lambda: quiet(office))
        sender = office.process.worker.outgoing.sender
        assert isinstance(sender, SlackSender)
        delivery = ClaimedDelivery(
            999,
            1,
            "post",
            "post:#access",
            {"channel": "#access", "text": "x"},
            None,
            None,
            1,
            office.process.database.now(),
            at=-1000.0,
        )
        with pytest.raises(TemporaryError, match="another process may be sending it"):
            sender.send(delivery)
        assert number
        assert office.workspace.messages("#access") == []


# Rates


def test_a_rest_of_posting_is_kept_by_everybody_while_cards_are_updated(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.until(lambda: quiet(office))
        office.workspace.refuse("chat.postMessage", retry_after=3)
        office.process.service.approve(office.process.service.person(office.grace.me.id), number)
        read(office, number, "Approved by <@U01GRACE>")  # chat.update goes on
        office.until(lambda: row(office, tables.Lane, name=lanes.POSTING))
        asked = [call.status for call in office.workspace.calls("chat.postMessage")].count(429)
        office.told(office.ada, "approved by")
        assert asked == 1
        assert [call.status for call in office.workspace.calls("chat.postMessage")].count(429) == 1, "nobody else tried"


def test_a_rest_of_updating_lets_posts_through(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.until(lambda: quiet(office))
        office.workspace.refuse("chat.update", retry_after=3)
        office.process.service.approve(office.process.service.person(office.grace.me.id), number)
        office.told(office.ada, "approved by")
        other = office.ask(office.ada, "/platform request postgres name=second size=small")
        office.card(other)
        assert "Approved by" not in text_of(office.card(number))
        read(office, number, "Approved by <@U01GRACE>")


# Blocks that Slack does not take


def test_a_card_whose_blocks_slack_refuses_is_said_in_plain_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as office, caplog.at_level(logging.ERROR):
        office.workspace.refuse("chat.postMessage", error="invalid_blocks")
        number = office.ask(office.ada)

        def plain() -> Any:
            return next((m for m in office.grace.sees("#data-platform") if number in m.text and not m.blocks), None)

        message = office.until(plain)
        for words in (
            "PostgreSQL",
            "orders",
            "small",
            "Asked for by <@U01ADA>",
            "Waits for approval",
            "Approve, Reject",
        ):
            assert words in message.text
        assert "/platform show" in message.text
        assert "Slack refuses a message, so it goes out in plain words: invalid_blocks" in caplog.text
        office.process.service.approve(office.process.service.person(office.grace.me.id), number)
        read(office, number, "Approved by <@U01GRACE>")  # the next update has its blocks again
        card = cards(office, number)[0]
        assert (card.ts, "approve" in buttons(card)) == (message.ts, False)


def test_an_update_whose_blocks_slack_refuses_is_said_in_plain_words(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.until(lambda: quiet(office))
        ts = office.card(number).ts
        office.workspace.refuse("chat.update", error="invalid_blocks")
        office.process.service.reject(office.process.service.person(office.grace.me.id), number, "No <!channel> budget")
        plain = office.until(
            lambda: next((m for m in office.grace.sees("#data-platform") if m.ts == ts and not m.blocks), None)
        )
        assert "Rejected" in plain.text
        assert "No &lt;!channel&gt; budget" in plain.text
