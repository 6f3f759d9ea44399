"""Which steps wait for which, and which may begin."""

from dataclasses import dataclass

import pytest

from bot.lifecycle import RequestState, StepState, runnable, waits_for, would_wait_for_itself

S, R = StepState, RequestState


@dataclass(frozen=True)
class Step:
    name: str
    state: str = S.WAITING
    early: bool = False
    always: bool = False
    after: tuple[str, ...] | None = None


LINE = [Step("ticket", early=True), Step("plan", early=True), Step("build"), Step("tell")]


def test_without_after_the_order_of_definition_is_the_order_of_work() -> None:
    assert waits_for(LINE) == {
        "ticket": frozenset(),
        "plan": {"ticket"},
        "build": {"ticket", "plan"},
        "tell": {"ticket", "plan", "build"},
    }


def test_an_early_step_waits_for_no_step_that_needs_the_approval() -> None:
    assert waits_for([Step("build"), Step("ticket", early=True)])["ticket"] == frozenset()


def test_an_always_step_waits_for_all_others_wherever_it_stands_and_nobody_for_it() -> None:
    steps = [Step("notice", always=True), Step("build"), Step("tell"), Step("clean", always=True)]
    assert waits_for(steps) == {
        "notice": {"build", "tell"},
        "build": frozenset(),
        "tell": {"build"},
        "clean": {"notice", "build", "tell"},
    }


def test_after_is_what_a_step_waits_for_and_a_name_that_is_gone_holds_nobody_up() -> None:
    assert waits_for([Step("a"), Step("b", after=("a", "gone")), Step("c", after=())])["b"] == {"a"}


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (R.AWAITING_APPROVAL, ["ticket"]),
        (R.APPROVED, ["ticket"]),
        (R.FULFILLING, ["ticket"]),
        (R.PARKED, []),
        (R.FAILED, []),
        (R.REJECTED, []),
    ],
)
def test_what_may_begin_depends_on_where_the_request_stands(state: RequestState, names: list[str]) -> None:
    assert runnable(LINE, state) == names


def test_steps_that_wait_for_the_same_begin_side_by_side() -> None:
    steps = [Step("ticket", S.DONE), Step("a", after=("ticket",)), Step("b", after=("ticket",)), Step("last")]
    assert runnable(steps, R.FULFILLING) == ["a", "b"]


def test_after_a_failure_only_what_runs_always_begins_and_it_waits_for_nothing_that_stands_still() -> None:
    steps = [
        Step("a", S.FAILED),
        Step("b", S.PENDING, after=()),
        Step("c"),
        Step("clean", always=True),
        Step("tell", always=True),
    ]
    assert runnable(steps, R.FAILED) == ["clean"]
    done = [*steps[:3], Step("clean", S.DONE, always=True), steps[4]]
    assert runnable(done, R.FAILED) == ["tell"]
    assert runnable(done, R.CANCELLED) == ["tell"]


def test_what_runs_always_waits_for_what_still_runs() -> None:
    steps = [Step("a", S.FAILED), Step("b", S.RUNNING, after=()), Step("clean", always=True)]
    assert runnable(steps, R.FAILED) == []


def test_two_steps_cannot_wait_for_each_other() -> None:
    steps = [Step("a"), Step("b"), Step("c", after=())]
    assert would_wait_for_itself(steps, "a", "b")
    assert would_wait_for_itself(steps, "a", "a")
    assert not would_wait_for_itself(steps, "c", "b")
