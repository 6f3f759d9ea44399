"""Cards: many changes become one update, and what refers to one waits for it."""

from datetime import timedelta

import pytest

from bot import lifecycle
from bot.handler import Posting
from bot.store import (
    detours,
    lanes,
    requests,
    sending,
    steps,
    tables,
)
from bot.store.claims import Lost
from tests.integration.store.stored import LEASE, Store


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
