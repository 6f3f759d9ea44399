"""Alarms: what those who look after the platform are told, once, in their channel and in the log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import PermanentError
from bot.store import outbox, tables
from bot.store.database import Database
from bot.store.records import request_number
from tests.conftest import Clock
from tests.integration.office import opened, text_of
from tests.integration.test_worker import Shop


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(store_url: str, clock: Clock) -> Iterator[Shop]:
    shop = Shop(store_url, clock)
    yield shop
    shop.worker.stop()
    shop.database.close()


def alarms(shop: Shop) -> list[str]:
    """All alarms so far, in their order."""
    rows = sorted(shop.rows(tables.Delivery), key=lambda row: row.id)
    return [row.payload["text"] for row in rows if row.kind == "alarm"]


def stopped(shop: Shop, clock: Clock) -> None:
    """A worker takes the step and is never heard of again."""
    claim = shop.engine.claim()
    assert claim is not None
    shop.engine.leases.drop(claim)
    clock.forward(seconds=31)


def test_an_alarm_is_said_once_for_its_name(shop: Shop) -> None:
    for text in ("The token of Jira is refused.", "again"):
        with shop.database.write() as tx:
            outbox.alarm(tx, "jira token 2026-11-25", text)
    with shop.database.write() as tx:
        outbox.alarm(tx, "jira token 2026-11-26", "It is still refused.")
    shop.send()
    said = [delivery.payload["text"] for delivery in shop.door.sent if delivery.kind == "alarm"]
    assert said == ["The token of Jira is refused.", "It is still refused."]


def test_an_alarm_of_a_change_that_is_taken_back_is_never_said(shop: Shop) -> None:
    def broken() -> None:
        with shop.database.write() as tx:
            outbox.alarm(tx, "one", "It did not happen.")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert alarms(shop) == []


def test_a_parked_request_is_told_with_its_number_the_reason_and_what_to_do(shop: Shop, clock: Clock) -> None:
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    shop.wish.steps.clear()
    while not alarms(shop):  # for a while it is left to a worker that may know the step
        shop.engine.turn()
        clock.forward(minutes=1)
    (text,) = alarms(shop)
    assert text.removeprefix(f"{number}/").startswith(
        "work is parked: wish v1 has no step work in the code that runs now."
    )
    assert f"frontdesk show {number}" in text


def test_a_step_that_stops_its_workers_is_told_before_it_is_parked(shop: Shop, clock: Clock) -> None:
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    stopped(shop, clock)
    stopped(shop, clock)
    assert alarms(shop) == []  # one worker may stop for any reason
    stopped(shop, clock)
    (crashing,) = alarms(shop)
    assert crashing.removeprefix(f"{number}/").startswith("work: its worker stopped 2 times while it ran")
    assert shop.engine.turn()
    assert [text.split(":")[0] for text in alarms(shop)] == [f"{number}/{step}" for step in ("work", "work is parked")]


def test_what_is_given_up_is_told_once_a_day_for_its_lane(shop: Shop, clock: Clock) -> None:
    for _ in range(3):
        shop.ask()
    shop.door.errors = [PermanentError("user_disabled")] * 4
    shop.send()
    (text,) = alarms(shop)
    assert "is given up: user_disabled" in text
    assert "REQ-1 " in text
    assert "frontdesk doctor" in text
    clock.forward(days=1)
    shop.door.errors = [PermanentError("user_disabled")]
    shop.ask()
    shop.send()
    assert len(alarms(shop)) == 2


def test_an_alarm_that_cannot_be_posted_rings_no_alarm(shop: Shop) -> None:
    with shop.database.write() as tx:
        outbox.alarm(tx, "one", "The first.")
    shop.door.errors = [PermanentError("channel_not_found")]
    shop.send()
    assert alarms(shop) == ["The first."]


def test_a_card_that_cannot_be_shown_is_told_with_its_place(shop: Shop) -> None:
    number = shop.ask()
    shop.door.card_errors = [PermanentError("the channel is archived")]
    shop.send()
    (text,) = alarms(shop)
    assert text.startswith(f"The card of {number} cannot be shown in #data: the channel is archived")


def test_without_a_slack_an_alarm_stands_in_the_log(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(sqlite_url, door=False)
    with shop.database.write() as tx:
        outbox.alarm(tx, "one", "A step is parked.")
    shop.send()
    assert "alarm: A step is parked." in caplog.text
    assert [row.state for row in shop.rows(tables.Delivery)] == ["sent"]
    shop.database.close()


def parked(database: Database) -> str:
    """An alarm about a request, with words that Slack would read as a mention of everybody."""
    with database.write() as tx:
        outbox.alarm(tx, "parked", f"{request_number(7)}/ticket is parked: <!channel> & more")
    return "REQ-7/ticket is parked: &lt;!channel&gt; &amp; more"


def test_an_alarm_is_posted_in_the_platforms_channel_as_it_was_written(tmp_path: Path) -> None:
    with opened(tmp_path, PLATFORM_CHANNEL="#data-platform") as office:
        text = parked(office.process.database)
        message = office.until(
            lambda: next((m for m in office.grace.sees("#data-platform") if "REQ-7" in text_of(m)), None)
        )
        assert message.text == text


def test_without_a_platforms_channel_an_alarm_stands_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as office:
        parked(office.process.database)
        office.until(lambda: "REQ-7/ticket is parked" in caplog.text)
        assert not [m for m in office.grace.sees("#data-platform") if "REQ-7" in text_of(m)]


def test_the_rest_between_alarms_is_a_channels(sqlite_url: str, clock: Clock) -> None:
    shop = Shop(sqlite_url, clock)
    shop.worker.outgoing.pace = timedelta(seconds=1)
    for name in ("one", "two"):
        with shop.database.write() as tx:
            outbox.alarm(tx, name, name)
    shop.send()
    assert [d.payload["text"] for d in shop.door.sent] == ["one"]
    clock.forward(seconds=1)
    shop.send()
    assert [d.payload["text"] for d in shop.door.sent] == ["one", "two"]
    shop.database.close()
