"""Workers that die, freeze or are overtaken: every effect once, every result from who held the step."""

from typing import Any

import pytest
from sqlmodel import select

from bot.engine import MOST_CRASHES, Engine
from bot.handler import Context, Done, Posting
from bot.lifecycle import InstanceState, RequestState
from bot.store import steps, tables
from tests.integration.engine.wishes import Wishes


class Power(BaseException):
    """The power goes: nothing that catches errors catches this."""


def test_a_crash_between_the_effect_and_its_record_repeats_the_stored_resource(
    one: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.ask()
    with monkeypatch.context() as patch:
        patch.setattr(one.engine, "_record", lambda *_: (_ for _ in ()).throw(Power()))
        with pytest.raises(Power):
            one.engine.turn()
    assert one.step().state == "running"
    one.work()
    assert len(one.handler.applied) == 1  # its lease is not over
    one.clock.forward(seconds=31)
    one.work()
    first, second = one.handler.applied
    assert first[0] == second[0]
    assert (first[1].key, first[1].identity) == (second[1].key, second[1].identity)
    assert one.names == ["orders"]
    assert one.shown().state is RequestState.FULFILLED
    assert [event.name for event in one.shown().events].count("step_done") == 1


def test_a_crash_before_the_resource_is_stored_builds_it_again(one: Wishes, monkeypatch: pytest.MonkeyPatch) -> None:
    one.ask()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "built", lambda *_args, **_more: (_ for _ in ()).throw(Power()))
        with pytest.raises(Power):
            one.engine.turn()
    assert one.handler.applied == []
    one.clock.forward(seconds=31)
    one.work()
    assert one.names == ["orders", "orders"]
    assert one.shown().state is RequestState.FULFILLED


def test_what_was_saved_survives_a_crash(one: Wishes) -> None:
    states: list[dict[str, Any]] = []

    def apply(_resource: Any, context: Context) -> Any:
        states.append(dict(context.state))
        if not context.state:
            context.save({"tried": True})
            raise Power
        return Done(state={"made": True})

    one.handler.does = apply
    one.ask()
    with pytest.raises(Power):
        one.engine.turn()
    one.clock.forward(seconds=31)
    one.work()
    assert states == [{}, {"tried": True}]


def test_a_step_that_kills_its_workers_is_parked(one: Wishes) -> None:
    def apply(_resource: Any, _context: Context) -> Any:
        raise Power

    one.handler.does = apply
    one.ask()
    for _ in range(MOST_CRASHES):
        with pytest.raises(Power):
            one.engine.turn()
        one.clock.forward(seconds=31)
    one.work()
    assert one.shown().state is RequestState.PARKED
    assert one.step().reason == "The worker died 3 times while it ran this step."
    one.clock.forward(days=1)
    assert one.engine.turn() is False


def test_who_was_overtaken_drops_the_result_and_is_told_while_working(one: Wishes) -> None:
    other = Engine(one.database, one.catalogue, owner="other", secret=str)
    told: list[bool] = []

    def apply(_resource: Any, context: Context) -> Any:
        if not told:
            told.append(context.cancelled())
            one.clock.forward(seconds=31)
            assert other.turn()
            one.engine.renew()
            told.append(context.cancelled())
            return Done(state={"by": "overtaken"}, posts=[Posting("#data", "twice")])
        return Done(state={"by": "other"}, posts=[Posting("#data", "once")])

    one.handler.does = apply
    one.ask()
    assert one.engine.turn()
    assert told == [False, True]
    with one.database.read() as session:
        row = session.get(tables.InstanceResource, 1)
        posts = [d.payload["text"] for d in session.exec(select(tables.Delivery)).all() if d.kind == "post"]
    assert row is not None
    assert (row.state, posts) == ({"by": "other"}, ["once"])


def test_a_step_whose_request_is_cancelled_while_it_runs_is_told_and_its_result_dropped(one: Wishes) -> None:
    told: list[bool] = []

    def apply(_resource: Any, context: Context) -> Any:
        one.service.cancel(one.ada, "REQ-1", "not needed")
        one.engine.renew()
        told.append(context.cancelled())
        return Done()

    one.handler.does = apply
    one.ask()
    assert one.engine.turn()
    assert told == [True]
    assert (one.shown().state, one.step().state) == (RequestState.CANCELLED, "skipped")
    instance = one.service.instances(one.ada).items[0]
    assert instance.state is InstanceState.FAILED
    one.service.delete(one.ada, "INS-1")  # what it may have made is taken back
    one.work()
    assert [context.identity for _, context in one.handler.deleted] == ["INS-1/work"]


def test_renewing_keeps_a_step_for_longer_than_its_lease(one: Wishes) -> None:
    other = Engine(one.database, one.catalogue, owner="other", secret=str)

    def apply(_resource: Any, context: Context) -> Any:
        for _ in range(3):
            one.clock.forward(seconds=20)
            one.engine.renew()
            assert other.claim() is None
        assert not context.cancelled()
        return Done()

    one.handler.does = apply
    one.ask()
    one.work()
    assert one.shown().state is RequestState.FULFILLED
    one.engine.renew()  # nothing is held any more
