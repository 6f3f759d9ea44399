"""The worker: real threads over a real store, a door that fails in every way, and a stop that is clean."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.errors import PermanentError, TemporaryError, Unavailable
from bot.handler import Done, Posting, Resource
from bot.lifecycle import RequestState
from bot.offering import Approval, Form, Offering, Request
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people, tables
from bot.store.database import Database
from bot.store.sending import ClaimedCard, ClaimedDelivery
from bot.store.wake import FileEar
from bot.worker import Worker, process
from tests.conftest import GROUPS, Clock, Recorded


class Thing(Resource[Any]):
    pass


class Wish(Form):
    pass


class Door:
    """A sender that remembers, and raises what it is told to raise, once each."""

    kinds: tuple[str, ...] = ("message", "note", "notice", "post")

    def __init__(self) -> None:
        self.sent: list[ClaimedDelivery] = []
        self.shown: list[ClaimedCard] = []
        self.card_errors: list[Exception] = []
        self.errors: list[Exception] = []
        self.approvers = ["U1", "grace@example.com"]

    def send(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(delivery)
        return "D1", f"{delivery.id}.0"

    def show(self, claimed: ClaimedCard) -> tuple[str, str, str | None]:
        if self.card_errors:
            raise self.card_errors.pop(0)
        self.shown.append(claimed)
        return "C1", f"{claimed.card.id}.0", None

    def instead(self, about: ClaimedCard | ClaimedDelivery) -> list[str]:
        return self.approvers if about.card and about.card.audience == "team" else []


class Handler(Recorded):
    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        self.gate: threading.Event | None = None  # whoever comes first waits for it
        self.gate_taken = False

    def apply(self, resource: Any, context: Any) -> Any:
        gate, self.gate_taken = (None if self.gate_taken else self.gate), True
        answer = super().apply(resource, context)
        if gate:
            assert gate.wait(20)
        return answer


class Counting(Worker):
    """Counts how often it looked for something to send."""

    looks = 0

    def send_one(self) -> bool:
        self.looks += 1
        return super().send_one()


class Shop:
    """A worker with its door, turned by hand (`send`) or by its threads (`start`)."""

    def __init__(self, url: str, clock: Clock | None = None, *, door: bool = True, kind: type[Worker] = Worker) -> None:
        self.database, self.handler, self.door = Database(url, clock), Handler(), Door()
        self.wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=Approval("@dba"))

        @self.wish.step
        def work(request: Request[Wish]) -> Thing:
            return Thing()

        catalogue = Catalogue({"wish": {"v1": self.wish}}, {"thing": self.handler}, {Thing: self.handler})
        self.service = Service(self.database, catalogue, Groups(NoDirectory(), GROUPS))
        self.engine = Engine(self.database, catalogue, owner="shop", secret=str)
        self.swept = threading.Event()
        #: What each look at resources says: whether there may be more.
        self.looking: list[bool] = []
        self.worker = self.made(kind, door)
        with self.database.write() as tx:
            self.ada, self.grace = (people.remember_email(tx, f"{name}@example.com") for name in ("ada", "grace"))

    def made(self, kind: type[Worker] = Worker, door: bool = True, threads: int = process.THREADS) -> Worker:
        return kind(
            self.database,
            self.engine,
            self.door if door else None,
            [(self.swept.set, 3600.0)],
            lambda: bool(self.looking and self.looking.pop()),
            pace=timedelta(0),
            threads=threads,
        )

    def other(self) -> Engine:
        """The engine of another process."""
        return Engine(self.database, self.engine.catalogue, owner="other", secret=str)

    def ask(self) -> str:
        return self.service.submit(self.ada, "wish", {})[0].number

    def state(self, number: str) -> RequestState:
        return self.service.show(self.ada, number).state

    def looks(self) -> int:
        assert isinstance(self.worker, Counting)
        return self.worker.looks

    def until(self, true: Callable[[], Any]) -> None:
        give_up = time.monotonic() + 30
        while not true():
            assert time.monotonic() < give_up, "it never came true"
            time.sleep(0.01)

    def send(self) -> None:
        """All that can go out now."""
        while self.worker.send_one():
            pass

    def rows(self, table: type[Any]) -> list[Any]:
        with self.database.read() as session:
            return list(session.exec(select(table)).all())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(sqlite_url: str, clock: Clock) -> Iterator[Shop]:
    shop = Shop(sqlite_url, clock)
    yield shop
    shop.worker.stop()
    shop.database.close()


# With threads


@pytest.fixture
def running(store_url: str) -> Iterator[Shop]:
    shop = Shop(store_url)
    shop.worker.start()
    yield shop
    shop.worker.stop()
    shop.database.close()


def test_a_worker_takes_requests_to_their_end_and_says_so(running: Shop) -> None:
    running.handler.answers = [Done(posts=[Posting("#data", f"made {number}")]) for number in range(5)]
    numbers = [running.ask() for _ in range(5)]
    for number in numbers:
        running.service.approve(running.grace, number)
    running.until(lambda: {running.state(number) for number in numbers} == {RequestState.FULFILLED})
    running.until(lambda: {row.state for row in running.rows(tables.Delivery)} == {"sent"})
    running.until(lambda: not any(row.dirty for row in running.rows(tables.Card)))
    assert len(running.handler.applied) == 5
    told = [d.payload["event"] for d in running.door.sent if d.kind == "message"]
    assert len(told) == len(set(told)) == 15  # submitted, approved, fulfilled: once each
    assert sorted(d.payload["text"] for d in running.door.sent if d.kind == "post") == [f"made {n}" for n in range(5)]


def test_a_worker_that_stops_lets_what_runs_finish_and_starts_nothing_new(running: Shop) -> None:
    running.handler.gate = threading.Event()
    number = running.ask()
    running.service.approve(running.grace, number)
    running.until(lambda: running.handler.applied)
    stopping = threading.Thread(target=running.worker.stop)
    stopping.start()
    running.until(lambda: not any(thread.is_alive() for thread in running.worker._loops))
    later = running.ask()
    running.service.approve(running.grace, later)
    running.handler.gate.set()
    stopping.join(20)
    assert running.state(number) is RequestState.FULFILLED
    assert running.state(later) is RequestState.FULFILLING
    assert len(running.handler.applied) == 1
    assert not [thread for thread in running.worker._helpers if thread.is_alive()]


def test_a_step_that_does_not_finish_is_told_to_stop_and_given_back_at_once(running: Shop) -> None:
    running.handler.gate = threading.Event()
    number = running.ask()
    running.service.approve(running.grace, number)
    running.until(lambda: running.handler.applied)
    (_, context) = running.handler.applied[0]
    assert not context.cancelled()
    running.worker.stop(grace=0.1)
    assert context.cancelled()
    (step,) = running.rows(tables.Step)
    assert (step.state, step.attempts, step.crashes) == ("waiting", 0, 0)
    assert running.other().turn()  # without waiting for the lease
    assert running.state(number) is RequestState.FULFILLED
    running.handler.gate.set()  # what the stopped process still finds out counts no more
    running.until(lambda: not any(thread.is_alive() for thread in running.worker._steps))
    assert [event.name for event in running.service.show(running.ada, number).events].count("step_done") == 1


def test_what_another_process_makes_due_is_heard_of(
    running: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LONGEST_WAIT", 1000)  # nobody looks unasked
    elsewhere = Shop(store_url)
    number = elsewhere.ask()
    running.until(lambda: not running.worker._deaf)
    elsewhere.service.approve(elsewhere.grace, number)
    running.until(lambda: running.state(number) is RequestState.FULFILLED)
    elsewhere.database.close()


def test_a_step_that_ends_makes_room_for_the_next_one_of_its_offering(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two threads an offering has one, and its commit wakes while it still counts: nothing was found by then."""
    monkeypatch.setattr(process, "LONGEST_WAIT", 3600.0)
    monkeypatch.setattr(FileEar, "hear", lambda _: time.sleep(0.05))  # it hears this process's own commits too
    shop = Shop(sqlite_url)
    for number in (first := shop.ask(), second := shop.ask()):
        shop.service.approve(shop.grace, number)
    two, found, claim = shop.made(threads=2), list[Any](), shop.engine.claim

    def claiming(share: int | None) -> Any:
        found.append(claim(share))
        return found[-1]

    def until_it_was_looked_in_vain() -> None:
        if threading.current_thread().name.startswith("step"):
            looks = len(found)
            shop.until(lambda: len(found) > looks)

    monkeypatch.setattr(shop.engine, "claim", claiming)
    shop.handler.gate = threading.Event()
    shop.database.on_due(until_it_was_looked_in_vain)
    two.start()
    shop.until(lambda: len(found) > 1)
    shop.handler.gate.set()
    shop.until(lambda: {shop.state(first), shop.state(second)} == {RequestState.FULFILLED})
    two.stop()
    shop.database.close()
    assert found[1] is None


def test_a_worker_that_was_never_started_stops(shop: Shop) -> None:
    shop.worker.stop()


def test_a_worker_outlives_a_store_that_is_away(running: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    away = threading.Event()

    def claim(*_: object) -> None:
        away.set()
        raise Unavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(running.engine, "claim", claim)
        number = running.ask()
        running.until(away.is_set)
    running.service.approve(running.grace, number)
    running.until(lambda: running.state(number) is RequestState.FULFILLED)


def test_what_cannot_be_sent_does_not_keep_the_worker_busy(sqlite_url: str) -> None:
    """Without a Slack messages wait for ever, and a card that cannot be posted stays dirty: nobody looks all the time."""
    shop = Shop(sqlite_url, door=False, kind=Counting)
    shop.ask()
    shop.worker.start()
    shop.until(lambda: shop.looks() >= 6)  # three senders, woken at the start and after a second
    began, seen = time.monotonic(), shop.looks()
    shop.until(lambda: time.monotonic() - began > 2)
    assert shop.looks() - seen <= 3 * 4
    shop.worker.stop()
    shop.database.close()


def test_chores_are_done_at_the_start_for_it_may_be_the_first_one_for_a_while(running: Shop) -> None:
    running.until(running.swept.is_set)


# By hand


def test_without_a_door_nothing_is_said_and_steps_still_run(sqlite_url: str, clock: Clock) -> None:
    shop = Shop(sqlite_url, clock, door=False)
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    shop.send()
    assert shop.engine.turn()
    assert shop.state(number) is RequestState.FULFILLED
    assert {row.state for row in shop.rows(tables.Delivery)} == {"waiting"}
    shop.database.close()


def test_slacks_own_delay_is_kept(shop: Shop, clock: Clock) -> None:
    shop.ask()
    shop.door.errors = [TemporaryError("Slack asks for a rest.", delay=40)]
    shop.send()
    assert shop.door.sent == []
    clock.forward(seconds=39)
    shop.send()
    assert shop.door.sent == []
    clock.forward(seconds=1)
    shop.send()
    assert [delivery.kind for delivery in shop.door.sent] == ["message"]
    assert shop.door.sent[0].attempts == 2


def test_a_bug_of_the_door_is_logged_and_tried_again(
    shop: Shop, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    shop.ask()
    shop.door.errors = [KeyError("ts")]
    shop.door.card_errors = [KeyError("channel")]
    shop.send()
    clock.forward(minutes=1)
    shop.send()
    assert [each.card.ts for each in shop.door.shown] == [None, "1.0"], "it may have been found as it was at first"
    clock.forward(minutes=1)
    shop.send()
    assert len(shop.door.sent) == 1
    assert "a bug; it is tried again" in caplog.text


def test_what_can_never_be_sent_is_given_up_and_the_rest_goes_on(shop: Shop) -> None:
    number = shop.ask()
    shop.door.errors = [PermanentError("user_disabled")]
    shop.service.approve(shop.grace, number)
    shop.send()
    states = sorted((row.state, row.error) for row in shop.rows(tables.Delivery) if row.kind == "message")
    assert states == [("failed", "user_disabled"), ("sent", None)]


def test_what_could_not_be_sent_for_two_days_is_given_up(shop: Shop, clock: Clock) -> None:
    shop.ask()
    shop.door.errors = [TemporaryError("Slack does not answer.", delay=1)] * 2
    shop.send()
    clock.forward(days=3)
    shop.send()
    (row,) = [row for row in shop.rows(tables.Delivery) if row.kind == "message"]
    assert (row.state, row.error) == ("failed", "Slack does not answer. It was tried for 2 days, 0:00:00.")


def test_a_card_that_cannot_be_posted_goes_to_the_approvers_in_person(shop: Shop) -> None:
    number = shop.ask()
    shop.door.card_errors = [PermanentError("the channel is archived")]
    shop.send()
    assert [claimed.card.audience for claimed in shop.door.shown] == ["U1", "grace@example.com"]
    message = next(delivery for delivery in shop.door.sent if delivery.kind == "message")
    assert message.card is not None
    assert message.card.error == "the channel is archived"
    events = [event.name for event in shop.service.show(shop.ada, number).events]
    assert events == ["submitted", "undeliverable"]


def test_a_card_in_person_that_cannot_be_posted_either_goes_nowhere_else(shop: Shop) -> None:
    shop.ask()
    shop.door.card_errors = [PermanentError("no")] * 3
    shop.send()
    assert sorted(row.audience for row in shop.rows(tables.Card)) == ["U1", "grace@example.com", "team"]
    assert {row.error for row in shop.rows(tables.Card)} == {"no"}


def test_a_card_waits_as_long_as_slack_says(shop: Shop, clock: Clock) -> None:
    shop.ask()
    shop.door.card_errors = [TemporaryError("Slack asks for a rest.", delay=40)]
    shop.send()
    clock.forward(seconds=39)
    shop.send()
    assert shop.door.shown == []
    clock.forward(seconds=1)
    shop.send()
    assert len(shop.door.shown) == 1


def test_one_card_shows_all_that_happened_meanwhile(shop: Shop) -> None:
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    assert shop.engine.turn()
    shop.send()
    assert len(shop.door.shown) == 1
    assert [row.dirty for row in shop.rows(tables.Card)] == [False]


def test_resources_are_looked_at_while_there_are_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.worker.process.LOOKS", 0.01)
    shop.looking = [False, True, True]
    shop.worker.start()
    shop.until(lambda: not shop.looking)
