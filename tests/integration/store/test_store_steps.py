"""Steps: who holds one, for how long, and what becomes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot import lifecycle
from bot.handler import Ask
from bot.lifecycle import InstanceState, RequestState
from bot.store import (
    claims,
    progress,
    reads,
    requests,
    steps,
    tables,
)
from bot.store.claims import Claim, Lost
from bot.store.onward import Made
from bot.store.progress import Moved
from bot.store.submitting import NewStep
from tests.integration.store.stored import LEASE, PACE, Store, at_once


def test_two_workers_never_get_the_same_step(store: Store) -> None:
    for _ in range(6):
        store.submit()
    claims = at_once(12, lambda i: store.claim(f"worker{i}"))
    taken = [claim.id for claim in claims if isinstance(claim, Claim)]
    assert sorted(taken) == sorted(set(taken))
    rest = list(iter(store.claim, None))
    assert len(taken) + len(rest) == 6


def test_a_step_is_free_again_only_when_its_lease_is_over(store: Store) -> None:
    store.submit()
    first = store.claimed("one")
    store.clock.forward(seconds=29)
    assert store.claim("two") is None
    store.clock.forward(seconds=1)
    second = store.claimed("two")
    assert (second.id, second.epoch, second.crashes) == (first.id, first.epoch + 1, 1)
    assert second.since == first.since


def test_a_lease_that_is_renewed_lasts_and_only_its_holder_renews_it(store: Store) -> None:
    store.submit()
    claim = store.claimed("one")
    store.clock.forward(seconds=20)
    with store.database.write() as tx:
        assert claims.renew(tx, "two", [claim.id], LEASE) == set()
        assert claims.renew(tx, "one", [claim.id], LEASE) == {claim.id}
    store.clock.forward(seconds=20)
    assert store.claim("two") is None


WRITES: dict[str, Callable[..., Any]] = {
    "built": lambda tx, claim: steps.built(tx, claim, Made(claim.name, "manual", {}, "", follows=False)),
    "save": lambda tx, claim: steps.save(tx, claim, {}),
    "say": lambda tx, claim: steps.say(tx, claim, "still here"),
    "done": lambda tx, claim: steps.done(tx, claim, {}, {}),
    "pending": lambda tx, claim: steps.pending(tx, claim, "later", {}, delay=None),
    "again": lambda tx, claim: steps.again(tx, claim, "later", LEASE),
    "fail": lambda tx, claim: steps.fail(tx, claim, "no"),
    "park": lambda tx, claim: steps.park(tx, claim, "no"),
    "release": claims.release,
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("lost_by", ["take-over", "cancelled"])
def test_who_lost_the_lease_changes_nothing(store: Store, write: str, lost_by: str) -> None:
    number = store.submit(rules=[])
    claim = store.claimed("one")
    if lost_by == "take-over":
        store.clock.forward(seconds=31)
        store.claimed("two")
    else:
        with store.database.write() as tx:
            requests.end(tx, number, lifecycle.CANCEL, store.ada.id)
    before = store.show(number)
    with pytest.raises(Lost), store.database.write() as tx:
        WRITES[write](tx, claim)
    assert store.show(number) == before
    assert store.rows(tables.InstanceResource) == []


def test_the_holder_of_an_older_epoch_is_fenced_even_under_the_same_name(store: Store) -> None:
    store.submit()
    old = store.claimed("one")
    store.clock.forward(seconds=31)
    store.claimed("one")
    with pytest.raises(Lost):
        store.done(old)


def test_a_released_step_is_due_at_once(store: Store) -> None:
    store.submit()
    claim = store.claimed()
    with store.database.write() as tx:
        claims.release(tx, claim)
    assert store.claimed("two").crashes == 0


def test_steps_run_in_their_order_and_only_as_far_as_the_state_allows(store: Store) -> None:
    number = store.submit()
    ticket = store.claimed()
    assert (ticket.name, ticket.key, ticket.identity) == ("ticket", "REQ-1/ticket", "INS-1/ticket")
    store.done(ticket)
    assert store.claim() is None  # the rest waits for approval
    store.approve(number)
    assert store.show(number).state is RequestState.FULFILLING
    assert store.claimed().name == "work"


def test_an_early_step_that_failed_stops_the_request_once_it_is_approved(store: Store) -> None:
    number = store.submit()
    with store.database.write() as tx:
        claim = claims.claim(tx, "one", LEASE)
        assert claim is not None
        steps.fail(tx, claim, "Jira says no.")
    assert store.show(number).state is RequestState.AWAITING_APPROVAL
    store.approve(number)
    record = store.show(number)
    assert (record.state, record.steps[0].reason) == (RequestState.FAILED, "Jira says no.")
    with store.database.write() as tx:
        assert requests.retry(tx, number, store.grace.id) == ["ticket"]
    assert store.show(number).state is RequestState.FULFILLING
    assert store.claimed().name == "ticket"


def test_retry_forgets_what_was_built_but_not_what_the_handler_knows(store: Store) -> None:
    number = store.submit(rules=[])
    claim = store.claimed()
    store.built(claim)
    with store.database.write() as tx:
        steps.save(tx, claim, {"id": "DBA-1"})
        steps.fail(tx, claim, "no")
    with store.database.write() as tx:
        requests.retry(tx, number, store.grace.id)
    again = store.claimed()
    assert (again.resource, again.state, again.attempts) == (None, {"id": "DBA-1"}, 1)


def test_a_step_that_asks_waits_until_somebody_answers_and_only_once(store: Store) -> None:
    number = store.submit(rules=[])
    claim = store.claimed()
    with store.database.write() as tx:
        steps.pending(tx, claim, "waiting", {}, delay=None, ask=Ask("@dba", "Do it"))
    store.clock.forward(days=30)
    assert store.claim() is None

    def answer(_i: int) -> None:
        with store.database.write() as tx:
            requests.answer(tx, number, "ticket", store.grace.id, {"host": "db1"})

    outcomes = at_once(10, answer)
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 9
    assert store.claimed().answer == {"host": "db1"}
    with pytest.raises(Moved):
        answer(0)


def test_a_pending_step_is_asked_again_after_its_delay(store: Store) -> None:
    store.submit()
    claim = store.claimed()
    for _ in range(2):
        with store.database.write() as tx:
            steps.pending(tx, claim, "the same", {}, delay=timedelta(seconds=60))
        store.clock.forward(seconds=59)
        assert store.claim() is None
        store.clock.forward(seconds=1)
        claim = store.claimed()
    assert claim.attempts == 1  # waiting is no attempt


def test_a_parked_step_and_its_request_stand_still(store: Store) -> None:
    number = store.submit()
    with store.database.write() as tx:
        claim = claims.claim(tx, "one", LEASE)
        assert claim is not None
        steps.park(tx, claim, "unknown")
    assert store.show(number).state is RequestState.PARKED
    assert [row.parked_from for row in store.rows(tables.Request)] == ["awaiting_approval"]
    store.clock.forward(days=1)
    assert store.claim() is None


def test_what_an_instance_consists_of_is_stored_before_it_is_made_and_gone_when_it_is_taken_back(store: Store) -> None:
    number = store.submit(rules=[], steps=[NewStep("work", "The work")])
    claim = store.claimed()
    store.built(claim)
    instance = store.show(number).instance_id
    with store.database.read() as session:
        assert [row.step for row in reads.resources(session, instance)] == ["work"]
    with store.database.write() as tx:
        standing = steps.done(tx, claim, {"host": "db1"}, {"id": 1})
        progress.fulfil(tx, standing.request, {"host": "db1"}, store.clock.now)
    assert store.show(number).outputs == {"host": "db1"}
    assert running(store) == [f"expiry INS-{instance}"]
    store.submit(
        kind="delete",
        rules=[],
        instance_id=instance,
        steps=[NewStep("work", "Gone", action="delete", handler="manual", resource={"group": "@dba"})],
    )
    gone = store.claimed()
    assert (gone.action, gone.previous) == ("delete", {"group": "@dba"})
    with store.database.write() as tx:
        progress.fulfil(tx, steps.done(tx, gone, {}, {}).request, {}, None)
    with store.database.read() as session:
        assert reads.resources(session, instance) == []
        found = reads.instance(session, instance)
    assert found is not None
    assert found.state is InstanceState.DELETED
    assert running(store) == [], "what is gone has no time"


def running(store: Store) -> list[str]:
    """The timers that are set."""
    return [timer.name for timer in store.rows(tables.Timer)]


def test_the_next_step_that_is_due_is_known(store: Store) -> None:
    def due() -> Any:
        with store.database.read() as session:
            return claims.next_due(session, store.clock.now - PACE)

    assert due() is None
    store.submit()
    assert due() == store.clock.now
    with store.database.write() as tx:
        claim = claims.claim(tx, "one", LEASE)
        assert claim is not None
        steps.again(tx, claim, "later", timedelta(seconds=9))
    assert due() == store.clock.now + timedelta(seconds=9)
