"""What is to be said: in order, at its pace, once."""

from datetime import timedelta
from typing import Any

from bot.store import (
    lanes,
    outbox,
    sending,
    tables,
)
from tests.integration.store.stored import ALL_KINDS, LEASE, PACE, Store, at_once, post


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


def test_several_messages_of_a_new_lane_may_be_reported_at_once(store: Store) -> None:
    def rest(_i: int) -> None:
        with store.database.write() as tx:
            lanes.rest(tx, "card:#new", tx.now + PACE)

    assert at_once(8, rest) == [None] * 8


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
