"""What a handler answers, and what becomes of a step then; also when a person tries it again."""

import pytest

from bot.engine import MOST_BUGS, backoff
from bot.engine.retrying import LARGEST_DELAY
from bot.errors import PermanentError, TemporaryError
from bot.handler import Ask, Done, Pending, Posting
from bot.lifecycle import InstanceState, RequestState
from bot.offering import Request, Step
from tests.integration.engine.wishes import Key, Thing, Wish, Wishes, steps_of


def test_done_leaves_outputs_for_the_next_step_and_ends_with_the_last(desk: Wishes) -> None:
    desk.handler.answers = [Done({"key": "DBA-1"}, {"id": "1"}), Done({"key": "2"})]
    desk.ask()
    desk.work()
    assert [resource.name for resource, _ in desk.handler.applied] == ["ticket orders", "work DBA-1"]
    assert desk.handler.keys == ["REQ-1/ticket", "REQ-1/work"]
    assert [context.identity for _, context in desk.handler.applied] == ["INS-1/ticket", "INS-1/work"]
    assert desk.shown().state is RequestState.FULFILLED
    assert desk.engine.turn() is False


def test_pending_is_asked_again_with_its_state_after_its_delay(one: Wishes) -> None:
    one.handler.answers = [Pending("it comes up", 60, {"location": "/1"}, [Posting("#data", "on its way")])]
    one.ask()
    one.work()
    assert (one.step().state, one.step().reason) == ("pending", "it comes up")
    one.clock.forward(seconds=60)
    one.work()
    assert [dict(context.state) for _, context in one.handler.applied] == [{}, {"location": "/1"}]
    assert one.names == ["orders"]  # built once, asked twice
    assert one.shown().state is RequestState.FULFILLED


def test_pending_without_a_delay_is_asked_again_some_time(one: Wishes) -> None:
    one.handler.answers = [Pending("soon")]
    one.ask()
    one.work()
    one.clock.forward(minutes=5)
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_a_step_that_asks_is_ended_by_the_answer_and_not_by_the_handler(one: Wishes) -> None:
    one.handler.answers = [
        Pending("waits", state={"a": 1}, ask=Ask("@data-platform", "Do it", Key.model_json_schema()))
    ]
    one.ask()
    one.work()
    one.clock.forward(days=7)
    one.work()
    assert one.step().state == "pending"
    one.service.complete(one.grace, "REQ-1", "work", {"key": "K"})
    one.work()
    assert len(one.handler.applied) == 1
    assert (one.step().state, one.step().outputs) == ("done", {"key": "K"})


def test_a_temporary_error_is_tried_again_after_the_handlers_own_delay(one: Wishes) -> None:
    one.handler.answers = [TemporaryError("The site rests.", delay=90)]
    one.ask()
    one.work()
    assert (one.step().state, one.step().reason) == ("waiting", "The site rests.")
    one.clock.forward(seconds=89)
    one.work()
    assert len(one.handler.applied) == 1
    one.clock.forward(seconds=1)
    one.work()
    assert one.handler.keys == ["REQ-1/work"] * 2
    assert one.shown().state is RequestState.FULFILLED


def test_a_temporary_error_that_lasts_a_day_fails_the_step(one: Wishes) -> None:
    one.handler.answers = [TemporaryError("The site rests.", delay=1)] * 3
    one.ask()
    one.work()
    one.clock.forward(hours=25)
    one.work()
    assert one.shown().state is RequestState.FAILED
    assert one.step().reason == "The site rests. It was tried for 1 day, 1:00:00."


def test_a_permanent_error_fails_the_step_at_once_with_its_text(one: Wishes) -> None:
    one.handler.answers = [PermanentError("There is no project DBA.")]
    one.ask()
    one.work()
    assert (one.shown().state, one.step().reason) == (RequestState.FAILED, "There is no project DBA.")
    assert one.service.instances(one.ada).items[0].state is InstanceState.FAILED


def test_a_bug_is_tried_again_then_fails_and_its_text_is_in_the_log_only(
    one: Wishes, caplog: pytest.LogCaptureFixture
) -> None:
    one.handler.answers = [ValueError("secret=hunter2")] * MOST_BUGS
    one.ask()
    for _ in range(MOST_BUGS):
        one.work()
        one.clock.forward(minutes=10)
    assert one.shown().state is RequestState.FAILED
    assert one.step().reason == "ValueError in the step work; the log of the worker has the details."
    assert len(one.handler.applied) == MOST_BUGS
    assert "hunter2" in caplog.text


def test_a_step_function_that_breaks_is_a_bug_like_any_other(url: str) -> None:
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        raise LookupError(request.form.name)

    desk.ask()
    desk.work()
    assert desk.step().reason == "LookupError in the step work; the log of the worker has the details."
    desk.database.close()


def test_outputs_that_are_read_too_early_fail_the_step_and_say_which(url: str) -> None:
    desk = Wishes(url)
    _, later = steps_of(desk)

    @desk.wish.step
    def odd(request: Request[Wish]) -> Thing:
        return Thing(name=request.of(missing).key)

    missing: Step[Wish, Key] = Step("nowhere", later.build)
    desk.handler.answers = [Done({"key": "1"}), Done({"key": "2"})]
    desk.ask()
    desk.work()
    assert desk.step("odd").reason == "The step 'nowhere' has not run yet, so its outputs are not known."
    desk.database.close()


def test_back_off_grows_has_jitter_and_an_end() -> None:
    for attempts in range(40):
        delay = backoff(attempts)
        assert 0.5 <= delay <= LARGEST_DELAY
    assert backoff(20) >= LARGEST_DELAY / 2
    assert len({backoff(5) for _ in range(20)}) > 1


def test_retry_builds_anew_so_that_a_mended_file_helps(one: Wishes) -> None:
    one.handler.answers = [PermanentError("no")]
    one.ask()
    one.work()
    one.service.retry(one.grace, "REQ-1")
    one.work()
    assert [resource.name for resource, _ in one.handler.applied] == ["orders 1", "orders 2"]
    assert one.shown().state is RequestState.FULFILLED


def test_a_retry_that_takes_back_repeats_what_was_stored(one: Wishes) -> None:
    one.ask()
    one.work()
    one.handler.answers = [PermanentError("no")]
    one.service.delete(one.ada, "INS-1")
    one.work()
    assert one.service.instance(one.ada, "INS-1").state is InstanceState.FAILED
    one.service.retry(one.grace, "REQ-2")
    one.work()
    assert [resource.name for resource, _ in one.handler.deleted] == ["orders 1", "orders 1"]
    assert one.service.instance(one.ada, "INS-1").state is InstanceState.DELETED
