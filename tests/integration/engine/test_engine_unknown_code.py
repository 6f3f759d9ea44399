"""Steps and handlers that the code which runs now does not know."""

from typing import Any

import pytest

from bot.catalogue import Catalogue
from bot.handler import Outputs, Resource
from bot.lifecycle import RequestState
from bot.offering import Request
from tests.integration.engine.wishes import Wish, Wishes


class Other(Resource[Outputs]):
    """No handler makes it real."""


@pytest.mark.parametrize(
    ("versions", "named"), [({}, "wish v1 has no step work"), ({"v2": None}, "wish v1 has no step")]
)
def test_a_step_that_the_code_does_not_have_any_more_is_parked(one: Wishes, versions: Any, named: str) -> None:
    one.ask()
    gone = {"wish": dict.fromkeys(versions, one.wish)} if versions else {}
    one.engine.catalogue = Catalogue(gone, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    assert one.shown().state is RequestState.PARKED
    assert named in (one.step().reason or "")


def test_a_step_that_this_process_does_not_know_is_left_to_others_first(one: Wishes) -> None:
    one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.work()
    assert (one.shown().state, one.step().attempts) == (RequestState.FULFILLING, 0)
    assert "has no step work in the code that runs now" in (one.step().reason or "")
    one.clock.forward(seconds=5)
    one.engine.catalogue = known
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_what_was_parked_for_want_of_code_goes_on_when_the_code_is_there(one: Wishes) -> None:
    one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    one.engine.sweep()
    assert one.shown().state is RequestState.PARKED, "the code is not there yet"
    one.engine.catalogue = known
    one.engine.sweep()
    one.work()
    assert one.shown().state is RequestState.FULFILLED
    assert [e.name for e in one.shown().events].count("resumed") == 1


def test_a_parked_request_is_resumed_by_its_team_with_retry(one: Wishes) -> None:
    number = one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    one.engine.catalogue = known
    one.service.retry(one.margaret, number)
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_a_resource_without_a_handler_is_parked(url: str) -> None:
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Other:
        return Other()

    desk.ask()
    desk.work()
    assert desk.step().reason == "No handler makes a Other real."
    desk.database.close()


def test_taking_back_what_no_handler_knows_any_more_is_parked(one: Wishes) -> None:
    one.ask()
    one.work()
    one.service.delete(one.ada, "INS-1")
    one.engine.catalogue = Catalogue(one.catalogue.offerings, {}, {})
    one.work()
    assert one.step(number="REQ-2").reason == "No handler called thing is installed."
