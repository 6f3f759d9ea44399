"""Requests come to be: all of one in one transaction, once for each key."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from bot import lifecycle
from bot.deadlines import Deadline
from bot.lifecycle import RequestState
from bot.store import (
    claims,
    requests,
    steps,
    submitting,
    tables,
)
from bot.store.submitting import Busy, KeyReused, NewStep
from tests.integration.store.stored import DBA, LEASE, Broken, Store, at_once


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


DIFFERENT: list[dict[str, Any]] = [
    {"key": "k", "body_hash": "a", "deadline": Deadline(timedelta(days=3))},
    {"rules": [], "form": {"name": "billing"}},
    {"place": "#other", "steps": [], "rules": [DBA, DBA], "secrets": {"/password": "sealed"}},
    {"rules": [], "steps": [NewStep("work", "The work")], "offering": "access"},
]


def test_many_that_are_stored_together_are_as_each_is_alone(store: Store) -> None:
    alone = [store.submit(**each) for each in DIFFERENT]
    known = alone[0]
    fresh = [each | {"key": None} for each in DIFFERENT]
    with store.database.write() as tx:
        made = submitting.submit_all(tx, [store.wish(**each) for each in [*fresh, DIFFERENT[0]]])
    assert [created for _, created in made] == [True] * 4 + [False]
    assert made[-1][0] == known
    for one, (other, _) in zip(alone, made, strict=False):
        assert _all_of(store, one) == _all_of(store, other)
    instances = [store.show(number).instance_id for number in [*alone, *(number for number, _ in made[:4])]]
    assert len(set(instances)) == 8


def _all_of(store: Store, number: int) -> list[Any]:
    """What is stored of a request, without its own keys, and whom its messages are about."""
    record = store.show(number)
    found: list[Any] = [record.form, record.state, record.kind, record.requester, store.said(number)]
    for table in (tables.Step, tables.Involved, tables.Card, tables.Event, tables.Timer, tables.Secret):
        rows: list[Any] = [row.model_dump() for row in store.rows(table) if row.request_id == number]  # type: ignore[attr-defined] # each has it
        found += [{name: row[name] for name in row if not name.endswith("id") and name != "name"} for row in rows]
    events = {event.id: event.request_id for event in store.rows(tables.Event)}
    cards = {card.id: card.request_id for card in store.rows(tables.Card)}
    for each in store.rows(tables.Delivery):
        if each.request_id == number:
            assert (events[each.payload["event"]], cards[each.card_id or 0]) == (number, number)
            found.append((each.lane, each.kind, each.run_at))
    return found


def test_one_key_twice_among_those_that_are_stored_together_stores_none(store: Store) -> None:
    twice = [store.wish(key="k", body_hash="a")] * 2
    with pytest.raises(DBAPIError), store.database.write() as tx:
        submitting.submit_all(tx, [store.wish(), *twice])
    assert store.rows(tables.Request) == []


def test_an_error_in_a_transaction_leaves_nothing_behind(store: Store) -> None:

    def submit_and_break() -> None:
        with store.database.write() as tx:
            submitting.submit(tx, store.wish())
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
        assert submitting.submit(tx, store.wish(key="k", body_hash="a")) == (first, False)
    with pytest.raises(KeyReused), store.database.write() as tx:
        submitting.submit(tx, store.wish(key="k", body_hash="b"))
    assert store.submit(key="k", body_hash="b", requester_id=store.grace.id) != first


def test_a_key_that_comes_many_times_at_once_makes_one_request(store: Store) -> None:
    def submit(_number: int) -> tuple[int, bool]:
        with store.database.write() as tx:
            return submitting.submit(tx, store.wish(key="k", body_hash="a"))

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
