"""What a store has to do, on SQLite and on PostgreSQL: one suite, so that both mean the same."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

import pytest
from sqlmodel import select

from bot import lifecycle
from bot.handler import Ask, Posting
from bot.lifecycle import ApprovalRule, InstanceState, RequestState
from bot.people import Profile
from bot.store import (
    claims,
    detours,
    incoming,
    lanes,
    listings,
    onward,
    outbox,
    people,
    progress,
    reads,
    requests,
    sending,
    steps,
    tables,
)
from bot.store.claims import Claim, Lost
from bot.store.database import Database, Session
from bot.store.listings import Wanted
from bot.store.onward import Made
from bot.store.progress import Moved
from bot.store.records import PersonRecord, RequestRecord
from bot.store.requests import Busy, KeyReused, NewRequest, NewStep
from bot.store.wake import Wake
from tests.conftest import Clock

T = TypeVar("T")

LEASE, PACE = timedelta(seconds=30), timedelta(seconds=1)
DBA = ApprovalRule(("@dba",))
ALL_KINDS = ("message", "note", "notice", "post", "follow")


class Broken(Exception):
    """What a transaction may run into."""


@dataclass
class Store:
    """One store, with three people and short words for what tests do."""

    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        with self.database.write() as tx:
            self.ada, self.grace, self.linus = (
                people.remember_email(tx, f"{name}@example.com") for name in ("ada", "grace", "linus")
            )

    def submit(self, **given: Any) -> int:
        with self.database.write() as tx:
            return requests.submit(tx, self.wish(**given))[0]

    def wish(self, **given: Any) -> NewRequest:
        plain: dict[str, Any] = {
            "kind": "create",
            "offering": "postgres",
            "version": "v1",
            "requester_id": self.ada.id,
            "form": {"name": "orders"},
            "rules": [DBA],
            "steps": [NewStep("ticket", "A ticket", early=True, follows=True), NewStep("work", "The work")],
            "place": "#data",
        }
        return NewRequest(**plain | given)

    def approve(self, number: int, person: PersonRecord | None = None, revision: int = 1) -> bool:
        with self.database.write() as tx:
            return requests.approve(tx, number, (person or self.grace).id, [0], revision, None)

    def show(self, number: int) -> RequestRecord:
        with self.database.read() as session:
            record = reads.request(session, number)
        assert record is not None
        return record

    def claim(self, owner: str = "one") -> Claim | None:
        with self.database.write() as tx:
            return claims.claim(tx, owner, LEASE)

    def claimed(self, owner: str = "one") -> Claim:
        claim = self.claim(owner)
        assert claim is not None
        return claim

    def built(self, claim: Claim) -> None:
        with self.database.write() as tx:
            steps.built(tx, claim, Made(claim.name, "manual", {"group": "@dba"}, "It", follows=False))

    def done(self, claim: Claim, **outputs: Any) -> None:
        with self.database.write() as tx:
            onward.go_on(tx, claim, steps.done(tx, claim, outputs, {"id": 1}), None, LEASE)

    def delivery(self, *kinds: str) -> sending.ClaimedDelivery | None:
        with self.database.write() as tx:
            return sending.claim_delivery(tx, "one", LEASE, lanes.deliveries(tx, tx.now, kinds or ALL_KINDS, ""))

    def send(self, delivery: sending.ClaimedDelivery, pace: timedelta = PACE) -> None:
        with self.database.write() as tx:
            sending.delivered(tx, delivery, pace)

    def card(self) -> sending.ClaimedCard | None:
        with self.database.write() as tx:
            return sending.claim_card(tx, "one", LEASE, lanes.cards(tx, tx.now, ""))

    def post_card(self, pace: timedelta = PACE) -> sending.ClaimedCard:
        card = self.card()
        assert card is not None
        self.shown(card, pace)
        return card

    def shown(self, card: sending.ClaimedCard, pace: timedelta = PACE) -> None:
        with self.database.write() as tx:
            sending.card_shown(tx, card, "C1", "1.1", "http://slack/1", pace)

    def rows(self, table: type[T]) -> list[T]:
        with self.database.read() as session:
            return list(session.exec(select(table)).all())

    def said(self, number: int) -> list[str]:
        return [event.name for event in self.show(number).events]


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    database = Database(store_url, clock)
    yield Store(database, clock)
    database.close()


def at_once(count: int, do: Callable[[int], T]) -> list[T | Exception]:
    """What `do` gave or raised, for threads that began together."""
    start = Barrier(count)

    def one(number: int) -> T | Exception:
        start.wait()
        try:
            return do(number)
        except Exception as error:  # noqa: BLE001 - the outcome of each is what the tests look at
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


# Submitting


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


# Deciding


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


# Steps


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


# The outbox


def post(store: Store, channel: str, *texts: str) -> None:
    with store.database.write() as tx:
        for text in texts:
            outbox.post(tx, None, channel, text)


def text_of(delivery: sending.ClaimedDelivery | None) -> str | None:
    return delivery.payload["text"] if delivery else None


def test_what_shares_a_lane_goes_out_in_its_order_one_at_a_time(store: Store) -> None:
    post(store, "#a", "1", "2")
    post(store, "#b", "3")
    first, other = store.delivery(), store.delivery()
    assert (text_of(first), text_of(other), store.delivery()) == ("1", "3", None)
    assert first is not None
    store.send(first, pace=timedelta(0))
    assert text_of(store.delivery()) == "2"


def test_a_lane_rests_for_its_pace_and_no_other_lane_does(store: Store) -> None:
    post(store, "#a", "1", "2")
    first = store.delivery()
    assert first is not None
    store.send(first)
    assert store.delivery() is None
    post(store, "#b", "3")
    assert text_of(store.delivery()) == "3"
    store.clock.forward(seconds=1)
    assert text_of(store.delivery()) == "2"


def test_retry_after_holds_the_whole_lane_so_the_order_is_kept(store: Store) -> None:
    post(store, "#a", "1", "2")
    first = store.delivery()
    assert first is not None
    with store.database.write() as tx:
        sending.postpone(tx, first, timedelta(seconds=30), "Slack asks for a rest.")
    store.clock.forward(seconds=29)
    assert store.delivery() is None
    store.clock.forward(seconds=1)
    again = store.delivery()
    assert (text_of(again), again.attempts if again else 0) == ("1", 2)


def test_what_can_never_go_out_lets_the_next_one_pass(store: Store) -> None:
    post(store, "#a", "1", "2")
    first = store.delivery()
    assert first is not None
    with store.database.write() as tx:
        sending.give_up(tx, first, "is_archived")
    assert text_of(store.delivery()) == "2"
    assert [(row.state, row.error) for row in store.rows(tables.Delivery) if row.kind == "post"] == [
        ("failed", "is_archived"),
        ("waiting", None),
    ]


def test_a_delivery_whose_sender_died_is_sent_by_another_and_the_dead_ones_word_is_ignored(store: Store) -> None:
    post(store, "#a", "1")
    dead = store.delivery()
    assert dead is not None
    assert store.delivery() is None
    store.clock.forward(seconds=30)
    living = store.delivery()
    assert living is not None
    with store.database.write() as tx:
        sending.give_up(tx, dead, "late")
    store.send(living)
    assert [row.state for row in store.rows(tables.Delivery)] == ["sent"]


def test_an_alarm_is_told_once_for_its_key(store: Store) -> None:
    def ring(_i: int) -> bool:
        with store.database.write() as tx:
            return outbox.alarm(tx, "#old-stuff 2026-11-22", "#old-stuff is archived.")

    assert sorted(at_once(6, ring), key=bool) == [False] * 5 + [True]
    assert [row.payload["text"] for row in store.rows(tables.Delivery)] == ["#old-stuff is archived."]


# What comes in


def test_of_what_comes_twice_the_second_is_recognised_and_of_many_at_once_one_is_the_first(store: Store) -> None:
    def arrive(_i: int) -> bool:
        with store.database.write() as tx:
            return incoming.first(tx, "slack:Ev1")

    assert sorted(at_once(8, arrive), key=bool) == [False] * 7 + [True]
    store.clock.forward(days=1)
    with store.database.write() as tx:
        assert incoming.sweep(tx) == 0
        assert not incoming.first(tx, "slack:Ev1")


def test_what_could_not_be_dealt_with_is_no_repetition_when_it_comes_again(store: Store) -> None:
    def arrive() -> None:
        with store.database.write() as tx:
            assert incoming.first(tx, "slack:Ev1")
            raise Broken

    with pytest.raises(Broken):
        arrive()
    with store.database.write() as tx:
        assert incoming.first(tx, "slack:Ev1")


def test_what_nobody_sends_again_is_forgotten(store: Store) -> None:
    with store.database.write() as tx:
        assert incoming.first(tx, "slack:Ev1")
    store.clock.forward(days=3, seconds=1)
    with store.database.write() as tx:
        assert incoming.sweep(tx) == 1
    assert store.rows(tables.Incoming) == []


def test_senders_who_look_at_once_never_get_the_same_delivery(store: Store) -> None:
    for channel in "abcdef":
        post(store, f"#{channel}", "1")
    claims = [claim for claim in at_once(12, lambda _i: store.delivery()) if isinstance(claim, sending.ClaimedDelivery)]
    assert len({claim.id for claim in claims}) == len(claims)
    assert len(claims) + len(list(iter(store.delivery, None))) == 6


def test_lanes_take_turns(store: Store) -> None:
    for channel in "aaabbc":
        post(store, f"#{channel}", "Hello")
    lane, order = "", ""
    while found := turn(store, lane):
        lane, order = found.lane, order + found.lane[-1]
        store.send(found, timedelta(0))
    assert order == "abcaba"


def turn(store: Store, after: str) -> sending.ClaimedDelivery | None:
    with store.database.write() as tx:
        return sending.claim_delivery(tx, "one", LEASE, lanes.deliveries(tx, tx.now, ALL_KINDS, after))


def test_many_that_wait_for_a_closed_channel_keep_no_other_waiting(store: Store) -> None:
    post(store, "#closed", *"0123456789" * 5)
    post(store, "#open", "1")
    with store.database.write() as tx:
        lanes.rest(tx, "post:#closed", tx.now + timedelta(hours=1))
    open_one = store.delivery()
    assert open_one is not None
    assert open_one.lane == "post:#open"
    assert store.delivery() is None


def test_what_was_found_and_went_out_meanwhile_is_not_claimed_again(store: Store) -> None:
    post(store, "#a", "1", "2")
    with store.database.read() as session:
        found = lanes.deliveries(session, store.clock.now, ALL_KINDS, "")
    first = store.delivery()
    assert first is not None
    with store.database.write() as tx:
        assert sending.claim_delivery(tx, "two", LEASE, found) is None
    store.send(first, timedelta(0))
    with store.database.write() as tx:
        assert sending.claim_delivery(tx, "two", LEASE, found) is None


def test_a_rest_is_never_made_shorter_and_forgotten_once_it_is_long_over(store: Store) -> None:
    with store.database.write() as tx:
        lanes.rest(tx, "post:#a", tx.now + timedelta(hours=1))
        lanes.rest(tx, "post:#a", tx.now + PACE)
    assert [row.next_at for row in store.rows(tables.Lane)] == [store.clock.now + timedelta(hours=1)]
    for hours, left in ((24.9, 1), (0.2, 0)):
        store.clock.forward(hours=hours)
        with store.database.write() as tx:
            lanes.sweep(tx)
        assert len(store.rows(tables.Lane)) == left


def test_places_of_cards_take_turns_and_one_that_rests_keeps_no_other_waiting(store: Store) -> None:
    for place in ("#a", "#closed", "#a", "#b"):
        store.submit(place=place)
    with store.database.write() as tx:
        lanes.rest(tx, "card:#closed", tx.now + timedelta(hours=1))
    order, place = "", ""
    for _ in "aba":
        with store.database.write() as tx:
            claimed = sending.claim_card(tx, "one", LEASE, lanes.cards(tx, tx.now, place))
        assert claimed is not None
        place = claimed.card.place
        order += place[-1]
        store.shown(claimed, timedelta(0))
    assert order == "aba"
    assert store.card() is None


def test_what_refers_to_a_card_waits_until_it_is_posted(store: Store) -> None:
    number = store.submit()
    assert store.delivery() is None
    store.post_card()
    message = store.delivery("message")
    assert message is not None
    assert message.card is not None
    assert (message.kind, message.request_id, message.card.link) == ("message", number, "http://slack/1")


def test_what_refers_to_a_card_goes_out_once_the_card_is_given_up(store: Store) -> None:
    number = store.submit()
    card = store.card()
    assert card is not None
    with store.database.write() as tx:
        detours.card_failed(tx, card, "is_archived", ["grace@example.com", "U2"])
    message = store.delivery("message")
    assert message is not None
    assert message.card is not None
    assert message.card.error == "is_archived"
    assert sorted(row.audience for row in store.rows(tables.Card)) == ["U2", "grace@example.com", "team"]
    assert store.said(number)[-1] == "undeliverable"
    assert {claimed.card.audience for claimed in iter(store.card, None)} == {"U2", "grace@example.com"}


def test_many_changes_become_one_update_of_the_card(store: Store) -> None:
    number = store.submit()
    card = store.card()
    assert card is not None
    assert store.card() is None  # one sender has it
    store.approve(number)
    store.done(store.claimed())
    store.shown(card)
    assert store.card() is None  # its channel rests
    store.clock.forward(seconds=1)
    again = store.card()
    assert again is not None
    assert (again.card.ts, again.card.channel) == ("1.1", "C1")
    store.shown(again)
    store.clock.forward(seconds=1)
    assert store.card() is None


def test_a_card_whose_sender_died_is_claimed_again(store: Store) -> None:
    store.submit()
    store.card()
    store.clock.forward(seconds=30)
    assert store.card() is not None


def test_the_word_of_a_card_sender_that_died_is_ignored(store: Store) -> None:
    store.submit()
    dead = store.card()
    assert dead is not None
    store.clock.forward(seconds=30)
    living = store.card()
    assert living is not None
    with store.database.write() as tx:
        detours.card_failed(tx, dead, "late", ["U2"])
        sending.card_postponed(tx, dead, timedelta(days=1))
    store.shown(living)
    rows = store.rows(tables.Card)
    assert [(row.audience, row.error, row.ts) for row in rows] == [("team", None, "1.1")]


def test_a_card_is_tried_again_after_its_delay(store: Store) -> None:
    store.submit()
    card = store.card()
    assert card is not None
    with store.database.write() as tx:
        sending.card_postponed(tx, card, timedelta(seconds=5))
    assert store.card() is None
    store.clock.forward(seconds=5)
    again = store.card()
    assert again is not None
    assert again.attempts == 2


def test_several_messages_of_a_new_lane_may_be_reported_at_once(store: Store) -> None:
    def rest(_i: int) -> None:
        with store.database.write() as tx:
            lanes.rest(tx, "card:#new", tx.now + PACE)

    assert at_once(8, rest) == [None] * 8


def test_cards_of_one_channel_are_posted_one_at_a_time(store: Store) -> None:
    store.submit()
    store.submit()
    assert store.card() is not None
    assert store.card() is None
    store.submit(place="#elsewhere")
    assert store.card() is not None


def test_posts_of_a_step_go_out_with_its_end_and_never_without(store: Store) -> None:
    store.submit(rules=[])
    claim = store.claimed()
    store.clock.forward(seconds=31)
    other = store.claimed("two")
    with pytest.raises(Lost), store.database.write() as tx:
        steps.done(tx, claim, {}, {}, [Posting("#a", "twice")])
    with store.database.write() as tx:
        steps.done(tx, other, {}, {}, [Posting("#a", "once")])
    assert [row.payload["text"] for row in store.rows(tables.Delivery) if row.kind == "post"] == ["once"]


def test_those_who_follow_hear_of_the_turns_in_their_order(store: Store) -> None:
    number = store.submit()
    store.approve(number)
    with store.database.write() as tx:
        requests.end(tx, number, lifecycle.CANCEL, store.ada.id)
    followed = [row for row in store.rows(tables.Delivery) if row.kind == "follow"]
    names = {event.id: event.name for event in store.show(number).events}
    assert [names[row.payload["event"]] for row in followed] == ["approved", "cancelled"]
    assert {row.lane for row in followed} == {"follow:1/ticket"}


def next_due(store: Store) -> Any:
    with store.database.read() as session:
        return sending.next_due(session, store.clock.now)


def test_nothing_is_due_when_nothing_waits(store: Store) -> None:
    assert next_due(store) is None


def test_a_delivery_is_due_when_its_time_comes(store: Store) -> None:
    post(store, "#a", "1")
    first = store.delivery()
    assert first is not None
    with store.database.write() as tx:
        sending.postpone(tx, first, timedelta(seconds=5), "later")
    assert next_due(store) == store.clock.now + timedelta(seconds=5)


def test_what_is_due_and_cannot_go_out_is_no_reason_to_look_again(store: Store) -> None:
    store.submit()
    post(store, "#a", "1", "2")
    store.delivery()
    assert next_due(store) == store.clock.now + LEASE  # if whoever has it now is gone by then
    store.post_card()
    assert next_due(store) == store.clock.now + PACE  # its channel rests


def test_a_notice_is_for_one_person(store: Store) -> None:
    number = store.submit()
    with store.database.write() as tx:
        outbox.notice(tx, store.grace.id, number, "It is you.")
    notice = store.delivery("notice")
    assert notice is not None
    assert (notice.lane, notice.payload) == (
        f"person:{store.grace.id}",
        {"person": store.grace.id, "text": "It is you."},
    )


# People and tokens


def test_a_token_is_kept_as_a_hash_and_ends_when_it_is_revoked(store: Store) -> None:
    with store.database.write() as tx:
        token, other = people.create_token(tx, store.ada.id), people.create_token(tx, store.grace.id)
    assert token not in str([row.model_dump() for row in store.rows(tables.Token)])
    with store.database.read() as session:
        assert reads.person_by_token(session, people.digest(token)) == store.ada
        assert reads.person_by_token(session, people.digest(token + "x")) is None
        assert reads.person_by_token(session, token) is None
    with store.database.write() as tx:
        assert people.revoke_tokens(tx, store.ada.id) == 1
        assert people.revoke_tokens(tx, store.ada.id) == 0
    with store.database.read() as session:
        assert reads.person_by_token(session, people.digest(token)) is None
        assert reads.person_by_token(session, people.digest(other)) == store.grace


def test_somebody_with_a_token_who_comes_through_slack_stays_one_person(store: Store) -> None:
    with store.database.write() as tx:
        merged = people.remember(tx, Profile("U1", "T1", "Ada@Example.com", "Ada", "Europe/Berlin"))
    assert (merged.id, merged.slack_id, merged.email, merged.name) == (store.ada.id, "U1", "ada@example.com", "Ada")
    with store.database.write() as tx:
        assert people.remember(tx, Profile("U1")).name == "Ada"  # what is not told is kept
        assert people.remember_email(tx, "ADA@example.com").id == store.ada.id


def test_an_address_that_somebody_else_has_is_not_taken_over(store: Store) -> None:
    with store.database.write() as tx:
        first = people.remember(tx, Profile("U1", "T1", "ada@example.com"))
        second = people.remember(tx, Profile("U2", "T1", "ada@example.com"))
    assert first.id != second.id
    assert (first.email, second.email) == ("ada@example.com", None)


def test_somebody_who_is_met_many_times_at_once_is_one_person(store: Store) -> None:
    def meet(_i: int) -> int:
        with store.database.write() as tx:
            return people.remember(tx, Profile("U9", None, "new@example.com")).id

    outcomes = at_once(8, meet)
    assert len(set(map(str, outcomes))) == 1, outcomes


def test_an_address_that_is_met_many_times_at_once_is_one_person(store: Store) -> None:
    def meet(_i: int) -> int:
        with store.database.write() as tx:
            return people.remember_email(tx, "new@example.com").id

    outcomes = at_once(8, meet)
    assert len(set(map(str, outcomes))) == 1, outcomes


# Reading


def test_a_listing_is_newest_first_and_goes_on_where_it_ended(store: Store) -> None:
    made = [store.submit() for _ in range(3)]
    with store.database.read() as session:
        assert listings.asked_by(session, store.ada.id, Wanted(limit=2)) == [made[2], made[1]]
        assert listings.asked_by(session, store.ada.id, Wanted(before=made[1])) == [made[0]]
        assert listings.asked_by(session, store.grace.id, Wanted()) == []
        assert listings.owned_by(session, store.ada.id, Wanted(before=2)) == [1]


def test_how_long_it_usually_takes_is_said_from_three_on(store: Store) -> None:
    def usual() -> timedelta | None:
        with store.database.read() as session:
            return reads.usual_duration(session, "postgres")

    for minutes in (10, 1000, 20):
        assert usual() is None
        store.submit(rules=[], steps=[NewStep("work", "The work")])
        store.clock.forward(minutes=minutes)
        with store.database.write() as tx:
            claim = claims.claim(tx, "one", LEASE)
            assert claim is not None
            progress.fulfil(tx, steps.done(tx, claim, {}, {}).request, {}, None)
    assert usual() == timedelta(minutes=20)


def test_a_moment_comes_back_in_utc_and_whole(store: Store) -> None:
    store.submit()
    assert store.show(1).created_at == store.clock.now
    assert store.show(1).created_at.tzinfo is not None


def test_without_a_clock_of_a_test_the_time_is_about_now(store_url: str) -> None:
    database = Database(store_url)
    with database.write() as tx:
        assert abs(tx.now - database.now()) < timedelta(minutes=1)
    database.close()


def test_a_commit_that_made_work_due_wakes_and_one_that_rolled_back_does_not(store: Store) -> None:
    woken, working = list[int](), list[int]()
    store.database.on_told(lambda: woken.append(1))
    store.database.on_due(lambda: working.append(1))
    post(store, "#a", "1")
    assert (woken, working) == ([1], [])  # a message is no work for the engine

    def post_and_break() -> None:
        with store.database.write() as tx:
            outbox.post(tx, None, "#a", "2")
            raise Broken

    with pytest.raises(Broken):
        post_and_break()
    with store.database.write() as tx:
        people.remember_email(tx, "new@example.com")
    assert (woken, working) == ([1], [])
    store.submit()
    assert (woken, working) == ([1, 1], [1])


def test_somebody_to_say_one_thing_is_woken_alone_and_wakes_the_next_where_it_found_something(store: Store) -> None:
    woken: list[int] = []
    post(store, "#a", "1")
    store.database.on_told(lambda: woken.append(1))
    assert store.delivery()
    assert woken == [1]
    assert store.delivery() is None
    assert woken == [1]


def test_a_wake_up_between_the_look_and_the_wait_is_not_lost() -> None:
    wake = Wake()
    seen = wake.count
    wake.set()
    wake.wait(seen, 60)  # returns at once, or this test runs into its time limit


def test_a_reader_sees_nothing_of_a_transaction_that_is_under_way(store: Store) -> None:
    with store.database.write() as tx:
        requests.submit(tx, store.wish())
        with store.database.read() as session:
            assert count(session) == 0
    with store.database.read() as session:
        assert count(session) == 1


def count(session: Session) -> int:
    return len(session.exec(select(tables.Request)).all())
