"""What comes in, who it comes from, and what is read."""

from datetime import timedelta

import pytest

from bot.people import Profile
from bot.store import (
    claims,
    incoming,
    listings,
    people,
    progress,
    reads,
    steps,
    tables,
)
from bot.store.database import Database
from bot.store.listings import Wanted
from bot.store.submitting import NewStep
from tests.integration.store.stored import LEASE, Broken, Store, at_once


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
