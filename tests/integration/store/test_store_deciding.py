"""Decisions and ends: whatever happens at once, one wins and the others are told."""

import pytest

from bot import lifecycle
from bot.lifecycle import ApprovalRule, InstanceState, RequestState
from bot.store import (
    people,
    reads,
    requests,
)
from bot.store.progress import Moved
from tests.integration.store.stored import DBA, Store, at_once


@pytest.mark.parametrize("verdict", ["approve", "reject", "mixed"])
def test_of_thirty_people_who_decide_at_once_one_does_and_the_others_are_told(store: Store, verdict: str) -> None:
    number = store.submit()
    with store.database.write() as tx:
        crowd = [people.remember_email(tx, f"p{i}@example.com") for i in range(30)]

    def decide(i: int) -> None:
        with store.database.write() as tx:
            if verdict == "approve" or (verdict == "mixed" and i % 2):
                requests.approve(tx, number, crowd[i].id, [0], 1, None)
            else:
                requests.reject(tx, number, crowd[i].id, [0], 1, "no")

    outcomes = at_once(30, decide)
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 29
    record = store.show(number)
    assert len(record.decisions) == 1
    assert sum(name in ("approved", "rejected") for name in store.said(number)) == 1


def test_one_person_who_clicks_thirty_times_decides_once(store: Store) -> None:
    number = store.submit(rules=[ApprovalRule(("@dba",), count=2)])
    outcomes = at_once(30, lambda _i: store.approve(number))
    assert outcomes.count(False) == 1
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 29
    assert store.show(number).state is RequestState.AWAITING_APPROVAL


def test_two_of_a_rule_who_approve_at_once_approve_it_together(store: Store) -> None:
    number = store.submit(rules=[ApprovalRule(("@dba",), count=2)])
    outcomes = at_once(2, lambda i: store.approve(number, (store.grace, store.linus)[i]))
    assert sorted(map(bool, outcomes)) == [False, True]
    assert store.said(number).count("approved") == 1


def test_an_edit_voids_approvals_and_old_buttons(store: Store) -> None:
    number = store.submit(rules=[ApprovalRule(("@dba",), count=2)])
    assert store.approve(number) is False
    with store.database.write() as tx:
        assert requests.edit(tx, number, store.ada.id, {"name": "other"}, [DBA]) == 2
    with pytest.raises(Moved):
        store.approve(number, store.linus, revision=1)
    record = store.show(number)
    assert [decision.current for decision in record.decisions] == [False]
    assert record.events[-1].data == {"fields": ["name"]}
    assert store.approve(number, store.grace, revision=2) is True


def test_the_same_answers_sent_again_change_nothing_and_leave_the_approvals(store: Store) -> None:
    both = [ApprovalRule(("@dba",), count=2)]
    number = store.submit(rules=both)
    for _ in range(2):
        with store.database.write() as tx:
            assert requests.edit(tx, number, store.ada.id, {"name": "other"}, both) == 2
    assert store.said(number).count("edited") == 1
    store.approve(number, store.grace, revision=2)
    with store.database.write() as tx:
        requests.edit(tx, number, store.ada.id, {"name": "other"}, both)
    assert store.approve(number, store.linus, revision=2) is True


def test_a_secret_that_is_given_again_is_named_among_what_changed(store: Store) -> None:
    number = store.submit()
    with store.database.write() as tx:
        form = store.show(number).form
        requests.edit(tx, number, store.ada.id, form, [DBA], {"/password": "sealed"})
    assert store.show(number).events[-1].data == {"fields": ["password"]}


def test_an_approval_of_older_answers_does_not_count_for_newer_ones(store: Store) -> None:
    both = [ApprovalRule(("@dba",), count=2)]
    number = store.submit(rules=both)
    store.approve(number, store.grace)
    with store.database.write() as tx:
        requests.edit(tx, number, store.ada.id, {"name": "other"}, both)
    assert store.approve(number, store.linus, revision=2) is False
    assert store.approve(number, store.grace, revision=2) is True


@pytest.mark.parametrize("move", [lifecycle.WITHDRAW, lifecycle.EXPIRE, lifecycle.CANCEL])
def test_what_the_state_does_not_allow_changes_nothing(store: Store, move: lifecycle.Move) -> None:
    number = store.submit()
    with store.database.write() as tx:
        requests.reject(tx, number, store.grace.id, [0], 1, "no")
    before = store.show(number)
    with pytest.raises(Moved, match="is rejected"), store.database.write() as tx:
        requests.end(tx, number, move, store.ada.id)
    with pytest.raises(Moved):
        store.approve(number, store.linus)
    with pytest.raises(Moved), store.database.write() as tx:
        requests.edit(tx, number, store.ada.id, {}, [])
    assert store.show(number) == before


def test_a_request_that_is_over_skips_its_steps_and_frees_its_instance(store: Store) -> None:
    number = store.submit()
    with store.database.write() as tx:
        requests.end(tx, number, lifecycle.WITHDRAW, store.ada.id, "changed my mind")
    record = store.show(number)
    assert {step.state for step in record.steps} == {"skipped"}
    with store.database.read() as session:
        instance = reads.instance(session, record.instance_id)
    assert instance is not None
    assert (instance.state, instance.open_request) == (InstanceState.DELETED, None)
    assert store.claim() is None
    assert record.events[-1].data == {"reason": "changed my mind"}
