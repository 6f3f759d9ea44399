"""What an offering promises its owner is there at the end."""

from datetime import timedelta

from bot.engine import keep_promise
from bot.handler import Done
from bot.lifecycle import RequestState
from tests.integration.engine.wishes import Promise, Wishes, steps_of


def test_what_is_promised_is_taken_from_the_steps_with_its_defaults(url: str) -> None:
    desk = Wishes(url, outputs=Promise)
    steps_of(desk)
    desk.handler.answers = [Done({"key": "early"}), Done({"key": "late", "more": 1})]
    desk.ask()
    desk.work()
    assert desk.shown().outputs == {"key": "late", "port": 5432}
    assert keep_promise(desk.wish, {}) == {"port": 5432}
    desk.database.close()


def test_a_broken_promise_fails_the_last_step_and_names_what_is_missing(url: str) -> None:
    desk = Wishes(url, outputs=Promise)
    steps_of(desk)
    desk.handler.answers = [Done({"key": "1"}), Done({"key": 2})]
    desk.ask()
    desk.work()
    assert desk.shown().state is RequestState.FAILED
    assert "what wish promises its owner is not there. key: " in (desk.step().reason or "")
    desk.service.retry(desk.grace, "REQ-1")
    desk.handler.answers = [Done({"key": "2"})]
    desk.work()
    assert desk.shown().outputs == {"key": "2", "port": 5432}
    desk.database.close()


def test_an_instance_expires_when_its_offering_says(one: Wishes) -> None:
    one.wish.expires = timedelta(days=3)
    one.ask()
    one.work()
    assert one.service.instance(one.ada, "INS-1").expires_at == one.clock.now + timedelta(days=3)
