"""Steps that run side by side, that run whatever happened, that take too long, that are stopped: on both stores."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from bot.catalogue import Catalogue
from bot.errors import Conflict, PermanentError, TemporaryError
from bot.handler import Ask, Done, Outputs, Pending, Resource
from bot.lifecycle import RequestState, StepState
from bot.offering import Approval, Form, Offering, Request
from bot.store.database import Database
from tests.conftest import Clock, Desk, Recorded


class Key(Outputs):
    key: str


class Thing(Resource[Key]):
    name: str


class Wish(Form):
    name: str = "orders"


class Things(Recorded):
    name = "thing"
    resource: ClassVar[type[Resource[Any]]] = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        #: What to answer or raise, by the thing's name; else Done.
        self.scripted: dict[str, list[Any]] = {}

    def _next(self, resource: Any) -> Any:
        script = self.scripted.get(resource.name) or []
        answer = script.pop(0) if script else Done({"key": resource.name})
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def made(self) -> list[str]:
        return [resource.name for resource, _ in self.applied]


class Wishes(Desk):
    def __init__(self, url: str, approval: Approval | None = None) -> None:
        self.wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=approval)
        self.things = Things()
        catalogue = Catalogue({"wish": {"v1": self.wish}}, {"thing": self.things}, {Thing: self.things})
        clock = Clock()
        super().__init__(Database(url, clock), catalogue, clock)

    def add(self, name: str, reads: Any = None, **how: Any) -> Any:
        def build(request: Request[Wish]) -> Thing:
            if reads is not None:
                request.of(reads)
            return Thing(name=name)

        build.__name__ = name
        return self.wish.step(**how)(build) if how else self.wish.step(build)

    def ask(self) -> str:
        return self.service.submit(self.ada, "wish", {})[0].number

    def states(self, number: str = "REQ-1") -> dict[str, str]:
        return {step.name: str(step.state) for step in self.service.show(self.ada, number).steps}

    def state(self, number: str = "REQ-1") -> RequestState:
        return self.service.show(self.ada, number).state


@pytest.fixture
def wishes(store_url: str) -> Iterator[Callable[..., Wishes]]:
    opened: list[Wishes] = []

    def open_one(**how: Any) -> Wishes:
        opened.append(Wishes(store_url, **how))
        return opened[-1]

    yield open_one
    for each in opened:
        each.database.close()


def test_steps_that_need_each_other_not_run_side_by_side_and_the_last_one_ends_the_request(
    wishes: Callable[..., Wishes],
) -> None:
    desk = wishes()
    first = desk.add("first")
    left, right = desk.add("left", after=[first]), desk.add("right", after=[first])
    desk.add("last", after=[left, right])
    desk.ask()
    assert desk.engine.turn()
    one, other = desk.engine.claim(), desk.engine.claim()
    assert one
    assert other
    assert {one.name, other.name} == {"left", "right"}
    assert desk.engine.claim() is None, "the last one waits for both"
    desk.engine.run(other)
    assert desk.engine.claim() is None
    desk.engine.run(one)
    desk.work()
    assert desk.state() is RequestState.FULFILLED


def test_two_last_steps_that_end_at_once_end_the_request_once(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("left", after=[])
    desk.add("right", after=[])
    desk.ask()
    left, right = desk.engine.claim(), desk.engine.claim()
    assert left
    assert right
    # While the left one's outcome is being worked out, the right one ends.
    other = right

    def meanwhile() -> Done:
        desk.engine.run(other)
        return Done({"key": "left"})

    desk.things.scripted[left.name] = [meanwhile]
    desk.engine.run(left)
    assert desk.state() is RequestState.FULFILLED
    assert [e.name for e in desk.service.show(desk.ada, "REQ-1").events].count("fulfilled") == 1


def test_a_step_that_reads_another_ones_outputs_waits_for_it_without_being_told(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    slow = desk.add("slow", after=[])
    desk.add("reader", reads=slow, after=[])
    desk.ask()
    one, other = desk.engine.claim(), desk.engine.claim()
    assert one
    assert other
    desk.engine.run(other if other.name == "reader" else one)
    assert desk.states() == {"slow": "running", "reader": "waiting"}
    assert desk.engine.claim() is None
    desk.engine.run(one if one.name == "slow" else other)
    desk.work()
    assert (desk.state(), desk.things.made) == (RequestState.FULFILLED, ["slow", "reader"])


def test_after_a_failure_the_clean_up_runs_and_after_a_retry_it_runs_once_more_under_another_key(
    wishes: Callable[..., Wishes],
) -> None:
    desk = wishes()
    seen: list[str | None] = []

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name="work")

    @desk.wish.step(always=True)
    def notice(request: Request[Wish]) -> Thing:
        seen.append(request.failure)
        return Thing(name="notice")

    desk.things.scripted["work"] = [PermanentError("It broke.")]
    number = desk.ask()
    desk.work()
    assert desk.state() is RequestState.FAILED
    assert desk.states() == {"work": "failed", "notice": "done"}
    desk.service.retry(desk.margaret, number)
    desk.work()
    assert desk.state() is RequestState.FULFILLED
    assert seen == ["work: It broke.", None]
    keys = [context.key for resource, context in desk.things.applied if resource.name == "notice"]
    assert keys == ["REQ-1/notice", "REQ-1/notice/2"]


@pytest.mark.parametrize("rest", ["it waits for somebody", "it is tried again later"])
def test_the_clean_up_waits_for_what_still_runs_when_another_step_fails(
    wishes: Callable[..., Wishes], rest: str
) -> None:
    desk = wishes()
    desk.add("work", after=[])
    desk.add("other", after=[])
    desk.add("clean", always=True)
    waits = Pending("for @dba", ask=Ask("@dba", "Do it.")) if "somebody" in rest else TemporaryError("Busy.", delay=600)
    desk.things.scripted = {"work": [PermanentError("It broke.")], "other": [waits]}
    desk.ask()
    work, other = desk.engine.claim(), desk.engine.claim()
    assert work
    assert other
    desk.engine.run(work)
    assert (desk.state(), desk.engine.claim()) == (RequestState.FAILED, None)
    desk.engine.run(other)
    desk.work()
    assert (desk.states()["clean"], desk.things.made) == ("done", ["work", "other", "clean"])


def test_when_all_is_well_an_always_step_is_the_last_one(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("clean", always=True)
    desk.add("work")
    desk.ask()
    desk.work()
    assert (desk.state(), desk.things.made) == (RequestState.FULFILLED, ["work", "clean"])


def test_a_request_that_is_cancelled_at_work_tells_its_handler_and_cleans_up(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("work")
    desk.add("later")
    desk.add("clean", always=True)
    number = desk.ask()
    claim = desk.engine.claim()
    assert claim
    heard: list[bool] = []

    def at_work() -> Done:
        _, context = desk.things.applied[-1]
        heard.append(context.cancelled())
        desk.service.cancel(desk.ada, number, "not needed any more")
        desk.engine.renew()
        heard.append(context.cancelled())
        return Done({"key": "late"})

    desk.things.scripted["work"] = [at_work]
    desk.engine.run(claim)
    desk.work()
    assert heard == [False, True]
    assert desk.state() is RequestState.CANCELLED
    assert desk.states() == {"work": "skipped", "later": "skipped", "clean": "done"}


def test_a_cancellation_by_another_process_is_heard_of_without_waiting_for_the_lease(
    wishes: Callable[..., Wishes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.running._CANCEL_LOOK", 0.0)
    desk = wishes()
    desk.add("work")
    number = desk.ask()
    claim = desk.engine.claim()
    assert claim
    heard: list[bool] = []

    def at_work() -> Done:
        _, context = desk.things.applied[-1]
        heard.append(context.cancelled())
        desk.service.cancel(desk.ada, number)
        heard.append(context.cancelled())
        return Done()

    desk.things.scripted["work"] = [at_work]
    desk.engine.run(claim)
    assert heard == [False, True]


def test_nothing_is_cleaned_up_of_what_never_began(wishes: Callable[..., Wishes]) -> None:
    desk = wishes(approval=Approval("@dba"))
    desk.add("work")
    desk.add("clean", always=True)
    number = desk.ask()
    desk.service.approve(desk.grace, number)
    desk.service.cancel(desk.ada, number)
    desk.work()
    assert (desk.states(), desk.things.made) == ({"work": "skipped", "clean": "skipped"}, [])


def test_a_running_step_that_passes_its_limit_fails_and_is_told_to_stop(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("work", limit=timedelta(hours=1))
    desk.ask()
    claim = desk.engine.claim()
    assert claim
    heard: list[bool] = []

    def at_work() -> Done:
        _, context = desk.things.applied[-1]
        desk.clock.forward(hours=2)
        desk.engine.renew()
        heard.append(context.cancelled())
        return Done()

    desk.things.scripted["work"] = [at_work]
    desk.engine.run(claim)
    (step,) = desk.service.show(desk.ada, "REQ-1").steps
    assert (heard, step.state, desk.state()) == ([True], StepState.FAILED, RequestState.FAILED)
    assert step.reason == "It took longer than its limit."


def test_a_task_that_nobody_does_in_time_fails_and_says_what_it_waited_for(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("work", limit=timedelta(days=2))
    desk.things.scripted["work"] = [Pending("waiting for @dba", ask=Ask("@dba", "Do it."))]
    desk.ask()
    desk.work()
    desk.clock.forward(days=1)
    desk.engine.sweep()
    assert desk.states() == {"work": "pending"}
    desk.clock.forward(days=2)
    desk.engine.sweep()
    (step,) = desk.service.show(desk.ada, "REQ-1").steps
    assert step.reason == "It took longer than its limit. Until then: waiting for @dba"
    assert not step.ask
    desk.service.retry(desk.margaret, "REQ-1")
    desk.work()
    assert desk.state() is RequestState.FULFILLED, "the retry has its own time"


def test_what_is_never_ready_is_asked_less_and_less_often_and_fails_in_the_end(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("work")
    desk.things.scripted["work"] = [Pending("the cluster is coming up")] * 200
    desk.ask()
    desk.work()
    asked = len(desk.things.applied)
    desk.clock.forward(seconds=3)
    desk.work()
    assert len(desk.things.applied) > asked
    for _ in range(30):
        desk.clock.forward(hours=12)
        desk.work()
    (step,) = desk.service.show(desk.ada, "REQ-1").steps
    assert step.state is StepState.FAILED
    assert step.reason == "It has not become ready in time. Until then: the cluster is coming up"


def test_after_a_retry_a_temporary_error_has_all_its_time_again(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    desk.add("work")
    desk.things.scripted["work"] = [PermanentError("No."), TemporaryError("The site rests.", delay=1)]
    number = desk.ask()
    desk.work()
    desk.clock.forward(days=3)
    desk.service.retry(desk.margaret, number)
    desk.work()
    desk.clock.forward(seconds=2)
    desk.work()
    assert desk.state() is RequestState.FULFILLED


def test_deleting_takes_back_first_what_was_built_upon_others(wishes: Callable[..., Wishes]) -> None:
    desk = wishes()
    base = desk.add("base")
    desk.add("left", after=[base])
    desk.add("right", after=[base])
    desk.ask()
    desk.work()
    desk.service.delete(desk.ada, "INS-1")
    one, other = desk.engine.claim(), desk.engine.claim()
    assert one
    assert other
    assert {one.name, other.name} == {"left", "right"}, "side by side, as they were made"
    assert desk.engine.claim() is None
    desk.engine.run(one)
    desk.engine.run(other)
    desk.work()
    assert [resource.name for resource, _ in desk.things.deleted][-1] == "base"
    assert desk.state("REQ-2") is RequestState.FULFILLED


def test_engine_and_people_who_write_about_the_same_request_never_wait_for_each_other(
    wishes: Callable[..., Wishes], caplog: pytest.LogCaptureFixture
) -> None:
    desk = wishes()
    desk.add("left", after=[])
    desk.add("right", after=[])
    desk.things.scripted["left"] = [Pending("coming up", delay=0.0), PermanentError("No.")] * 20
    numbers = [desk.ask() for _ in range(20)]
    start = threading.Barrier(3)

    def run() -> None:
        start.wait()
        desk.work()

    def stop() -> None:
        start.wait()
        for number in numbers:
            with suppress(Conflict):
                desk.service.cancel(desk.ada, number)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(run), pool.submit(run), pool.submit(stop)]:
            done.result(60)
    assert not [record for record in caplog.records if record.exc_info], "a write was given up"
