"""Who is woken by a commit, and what a reader sees meanwhile."""

import pytest

from bot.store import (
    outbox,
    people,
    submitting,
)
from bot.store.wake import Wake
from tests.integration.store.stored import Broken, Store, count, post


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
        submitting.submit(tx, store.wish())
        with store.database.read() as session:
            assert count(session) == 0
    with store.database.read() as session:
        assert count(session) == 1
