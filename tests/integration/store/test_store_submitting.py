"""Requests come to be: all of one in one transaction, once for each key."""

import pytest

from bot import lifecycle
from bot.lifecycle import RequestState
from bot.store import (
    claims,
    requests,
    steps,
    tables,
)
from bot.store.requests import Busy, KeyReused, NewStep
from tests.integration.store.stored import LEASE, Broken, Store, at_once


def test_a_submission_stores_all_of_it_in_one_transaction(store: Store) -> None:
    number = store.submit()
    record = store.show(number)
    assert (record.state, record.revision, record.requester) == (RequestState.AWAITING_APPROVAL, 1, store.ada)
    assert [(step.name, step.early, step.state) for step in record.steps] == [
        ("ticket", True, "waiting"),
        ("work", False, "waiting"),
    ]
    assert [step.run_at for step in record.steps] == [store.clock.now, None]
    assert store.said(number) == ["submitted"]
    assert [card.place for card in store.rows(tables.Card)] == ["#data"]
    assert [delivery.kind for delivery in store.rows(tables.Delivery)] == ["message"]


def test_an_error_in_a_transaction_leaves_nothing_behind(store: Store) -> None:

    def submit_and_break() -> None:
        with store.database.write() as tx:
            requests.submit(tx, store.wish())
            raise Broken

    with pytest.raises(Broken):
        submit_and_break()
    for table in (tables.Request, tables.Instance, tables.Step, tables.Event, tables.Card, tables.Delivery):
        assert store.rows(table) == []


def test_without_a_rule_a_request_starts_approved_and_goes_to_work(store: Store) -> None:
    number = store.submit(rules=[], steps=[NewStep("work", "The work")])
    assert store.show(number).state is RequestState.FULFILLING
    assert store.said(number) == ["submitted", "started"]


def test_a_request_without_steps_is_fulfilled_at_once(store: Store) -> None:
    number = store.submit(rules=[], steps=[])
    assert store.show(number).state is RequestState.FULFILLED


def test_the_same_key_gives_the_same_request_and_another_body_is_refused(store: Store) -> None:
    first = store.submit(key="k", body_hash="a")
    with store.database.write() as tx:
        assert requests.submit(tx, store.wish(key="k", body_hash="a")) == (first, False)
    with pytest.raises(KeyReused), store.database.write() as tx:
        requests.submit(tx, store.wish(key="k", body_hash="b"))
    assert store.submit(key="k", body_hash="b", requester_id=store.grace.id) != first


def test_a_key_that_comes_many_times_at_once_makes_one_request(store: Store) -> None:
    def submit(_number: int) -> tuple[int, bool]:
        with store.database.write() as tx:
            return requests.submit(tx, store.wish(key="k", body_hash="a"))

    outcomes = at_once(12, submit)
    assert sorted(map(str, outcomes)) == sorted(["(1, False)"] * 11 + ["(1, True)"])
    assert len(store.rows(tables.Request)) == 1


def test_a_second_request_about_the_same_instance_is_refused_by_the_first_ones_number(store: Store) -> None:
    number = store.submit()
    instance = store.show(number).instance_id
    with pytest.raises(Busy) as busy:
        store.submit(kind="delete", instance_id=instance)
    assert busy.value.request_id == number
    with store.database.write() as tx:
        requests.end(tx, number, lifecycle.WITHDRAW, store.ada.id)
    assert store.submit(kind="delete", instance_id=instance) == number + 1


def test_of_many_deletes_at_once_one_is_made_and_the_others_hear_its_number(store: Store) -> None:
    number = store.submit(rules=[], steps=[])
    instance = store.show(number).instance_id

    def delete(_number: int) -> int:
        return store.submit(kind="delete", instance_id=instance)

    outcomes = at_once(8, delete)
    made = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(made) == 1
    assert [outcome.request_id for outcome in outcomes if isinstance(outcome, Busy)] == made * 7


def test_a_failed_request_is_given_up_when_another_one_about_its_instance_is_made(store: Store) -> None:
    number = store.submit(rules=[])
    with store.database.write() as tx:
        claim = claims.claim(tx, "one", LEASE)
        assert claim is not None
        steps.fail(tx, claim, "It broke.")
    assert store.show(number).state is RequestState.FAILED
    later = store.submit(kind="delete", instance_id=store.show(number).instance_id)
    assert store.show(number).state is RequestState.CANCELLED
    assert store.show(later).state is RequestState.AWAITING_APPROVAL
