"""A worker with a thread to spare stays with a request: the end of a step takes the next one along, on both stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlmodel import select

from bot.handler import Done
from bot.lifecycle import RequestState
from bot.offering import Approval, Request
from bot.store import tables
from bot.store.database import Tx
from bot.store.queues import Limits
from tests.integration.test_graph import Thing, Wish, Wishes


class Killed(BaseException):
    """As `kill -9` in the middle of an effect."""


class Staying(Wishes):
    """Runs steps as such a worker does, and counts transactions."""

    commits = 0

    def __init__(self, url: str, **how: Any) -> None:
        super().__init__(url, **how)
        transaction = self.database._transaction

        @contextmanager
        def counted(**how: Any) -> Iterator[Tx]:
            self.commits += 1
            with transaction(**how) as tx:
                yield tx

        self.database._transaction = counted  # type: ignore[method-assign] # counted

    def stay(self) -> None:
        claim = self.engine.claim()
        assert claim
        self.engine.run(claim, lambda: True)

    def told(self, number: str) -> list[tuple[str, Any]]:
        return [(event.name, event.data.get("step")) for event in self.service.show(self.ada, number).events]

    def stored(self, name: str) -> tables.Step:
        with self.database.read() as session:
            return session.exec(select(tables.Step).where(tables.Step.name == name)).one()


@pytest.fixture
def desk(store_url: str) -> Iterator[Staying]:
    desk = Staying(store_url)
    yield desk
    desk.database.close()


def test_it_tells_the_same_story_in_fewer_transactions(desk: Staying) -> None:
    for name in ("first", "second", "third"):
        desk.add(name)
    desk.ask()
    desk.work()
    one_by_one, desk.commits = desk.commits, 0
    desk.ask()
    desk.stay()
    assert desk.state("REQ-2") is RequestState.FULFILLED
    assert desk.told("REQ-2") == desk.told("REQ-1")
    assert [context.key for _, context in desk.things.applied[3:]] == ["REQ-2/first", "REQ-2/second", "REQ-2/third"]
    assert desk.commits == 1 + 1 + 1 + 3, "asked, claimed, built, and one for the end of each"
    assert one_by_one > desk.commits


def test_what_comes_next_is_stored_before_it_is_made_and_repeated_by_whoever_takes_over(desk: Staying) -> None:
    desk.add("first")
    desk.add("second")

    def dies() -> Done:
        step = desk.stored("second")
        assert (step.state, step.resource) == ("running", {"name": "second"})
        raise Killed

    desk.things.scripted["second"] = [dies]
    desk.ask()
    with pytest.raises(Killed):
        desk.stay()
    assert desk.engine.claim() is None, "it is held until its lease is over"
    desk.clock.forward(seconds=31)
    desk.work()
    assert desk.state() is RequestState.FULFILLED
    assert [context.key for _, context in desk.things.applied] == ["REQ-1/first", "REQ-1/second", "REQ-1/second"]
    assert desk.stored("second").crashes == 1


def test_nothing_comes_next_for_a_request_that_was_cancelled_meanwhile(desk: Staying) -> None:
    desk.add("first")
    desk.add("second")

    def cancelled() -> Done:
        desk.service.cancel(desk.ada, "REQ-1")
        return Done({"key": "late"})

    desk.things.scripted["first"] = [cancelled]
    desk.ask()
    desk.stay()
    assert desk.state() is RequestState.CANCELLED
    assert desk.things.made == ["first"]


def test_what_has_a_limit_waits_with_all_that_it_counts(desk: Staying) -> None:
    desk.engine._limits = Limits(offerings={"wish": 1})
    desk.add("first")
    desk.add("second")
    desk.ask()
    desk.clock.forward(seconds=1)
    desk.ask()
    desk.clock.forward(seconds=1)
    desk.stay()
    assert desk.states("REQ-1") == {"first": "done", "second": "waiting"}
    desk.stay()
    assert desk.states("REQ-2") == {"first": "done", "second": "waiting"}, "who came first is first"


def test_a_step_that_cannot_be_built_yet_waits_in_its_queue(desk: Staying) -> None:
    first = desk.add("first")
    slow = desk.add("slow", after=[first])
    desk.add("reader", reads=slow, after=[first])
    desk.ask()
    desk.stay()
    assert desk.states() == {"first": "done", "slow": "done", "reader": "waiting"}
    desk.work()
    assert desk.things.made == ["first", "slow", "reader"]


def test_the_next_step_is_made_of_the_answers_that_were_approved(store_url: str) -> None:
    desk = Staying(store_url, approval=Approval("grace@example.com"))

    @desk.wish.step(early=True)
    def ticket(_request: Request[Wish]) -> Thing:
        return Thing(name="ticket")

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name=request.form.name)

    def decided() -> Done:
        desk.service.edit(desk.ada, "REQ-1", {"name": "invoices"})
        desk.service.approve(desk.grace, "REQ-1")
        return Done({"key": "T-1"})

    desk.things.scripted["ticket"] = [decided]
    desk.ask()
    desk.stay()
    desk.work()
    assert desk.state() is RequestState.FULFILLED
    assert desk.things.made == ["ticket", "invoices"]
    desk.database.close()
