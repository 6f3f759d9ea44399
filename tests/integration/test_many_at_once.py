"""Many people, and workers, at the same request at once: one outcome, everybody is told which, and nobody waits in vain."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from bot.catalogue import Catalogue
from bot.errors import Conflict, PermanentError, Unavailable
from bot.handler import Resource
from bot.lifecycle import RequestState
from bot.offering import Approval, Form, Offering, Request
from bot.people import Groups, NoDirectory
from bot.store import connections, people
from bot.store.database import Database
from bot.store.records import PersonRecord
from tests.conftest import GROUPS, Clock, Desk, Recorded, address, create_database

MANY, THREADS = 1000, 25


class Thing(Resource[Any]):
    name: str


class Wish(Form):
    name: str = "one"


class Handler(Recorded):
    name = "thing"
    resource = Thing


@pytest.fixture
def crowd(store_url: str) -> Iterator[Desk]:
    """A desk where a thousand people may decide."""
    wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=Approval("@crowd"))

    @wish.step
    def first(request: Request[Wish]) -> Thing:
        return Thing(name="first")

    @wish.step(after=[])
    def second(request: Request[Wish]) -> Thing:
        return Thing(name="second")

    handler = Handler(Thing)
    catalogue = Catalogue({"wish": {"v1": wish}}, {"thing": handler}, {Thing: handler})
    everybody = [f"p{number}@example.com" for number in range(MANY)]
    groups = Groups(NoDirectory(), GROUPS | {"crowd": everybody})
    desk = Desk(Database(store_url, Clock()), catalogue, Clock(), groups)
    yield desk
    desk.database.close()


def at_once(acts: list[Callable[[], Any]], threads: int = THREADS) -> list[Any]:
    """What each gave or raised; they begin together."""
    gate = threading.Barrier(threads)

    def begin() -> None:
        gate.wait(30)

    def act(do: Callable[[], Any]) -> Any:
        try:
            return do()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            return error

    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        return list(pool.map(act, acts))


def persons(desk: Desk, many: int = MANY) -> list[PersonRecord]:
    with desk.database.write() as tx:
        return [people.remember_email(tx, f"p{number}@example.com") for number in range(many)]


def test_of_a_thousand_decisions_one_counts_and_everybody_else_is_told_which(crowd: Desk) -> None:
    number = crowd.service.submit(crowd.ada, "wish", {})[0].number

    def decide(who: PersonRecord, index: int) -> Callable[[], Any]:
        if index % 2:
            return lambda: crowd.service.reject(who, number, f"because of {index}")
        return lambda: crowd.service.approve(who, number)

    acts = [decide(who, index) for index, who in enumerate(persons(crowd))]
    acts[500] = lambda: crowd.service.withdraw(crowd.ada, number)
    answers = at_once(acts)

    won = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(won) == 1
    record = crowd.service.show(crowd.ada, number)
    event = next(e for e in record.events if e.name in {"approved", "rejected", "withdrawn"})
    assert event.person
    for answer in answers:
        if answer is not won[0]:
            assert isinstance(answer, Conflict), repr(answer)
            assert f"{event.name} by {event.person.label}" in str(answer)
    assert sum(decision.verdict in {"approve", "reject"} for decision in record.decisions) == (
        event.name != "withdrawn"
    )
    assert [e.name for e in record.events].count(event.name) == 1


def test_who_cancels_while_steps_begin_and_end_gets_an_answer(crowd: Desk) -> None:
    """A step's record and a person's act write the same rows: in one order, or PostgreSQL ends one of the two."""
    (approver,) = persons(crowd, 1)
    ends = []
    for _ in range(12):
        number = crowd.service.submit(crowd.ada, "wish", {})[0].number
        crowd.service.approve(approver, number)
        cancel = partial(crowd.service.cancel, crowd.ada, number)
        first, second, cancelled = at_once([crowd.engine.turn, crowd.engine.turn, cancel], threads=3)
        assert [type(first), type(second)] == [bool, bool], (first, second)
        while crowd.engine.turn():
            pass
        state = crowd.service.show(crowd.ada, number).state
        assert isinstance(cancelled, Conflict) or not isinstance(cancelled, Exception), repr(cancelled)
        assert state is (RequestState.FULFILLED if isinstance(cancelled, Conflict) else RequestState.CANCELLED)
        ends.append(state)
    assert len(ends) == 12


def test_who_retries_while_somebody_gives_it_up_is_told_what_became_of_it(crowd: Desk) -> None:
    (approver,) = persons(crowd, 1)
    for _ in range(6):
        number = crowd.service.submit(crowd.ada, "wish", {})[0].number
        crowd.service.approve(approver, number)
        handler(crowd).answers = [PermanentError("It broke.")]
        while crowd.engine.turn():
            pass
        instance = crowd.service.show(crowd.ada, number).instance
        retry = partial(crowd.service.retry, crowd.grace, number)
        delete = partial(crowd.service.delete, crowd.ada, instance)
        answers = at_once([retry, delete], threads=2)
        assert all(isinstance(a, Conflict) or not isinstance(a, Exception) for a in answers), answers
        opened = [r for r in crowd.service.mine(crowd.ada).items if r.instance == instance and r.ended_at is None]
        assert len(opened) <= 1


def handler(desk: Desk) -> Handler:
    found = desk.catalogue.handlers["thing"]
    assert isinstance(found, Handler)
    return found


def test_a_process_that_freezes_within_a_transaction_holds_up_nobody_for_long(
    migrated_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen or cut off, it would keep what it has locked for as long as its connection seems to live."""
    monkeypatch.setattr(connections, "FROZEN", 0.5)
    create_database(migrated_postgres, "frozen", template="migrated")
    frozen, other = (Database(address(migrated_postgres, "frozen")) for _ in range(2))

    def freeze() -> None:
        with frozen.write() as tx:
            tx.queue("what both need")
            with other.write() as tx_of_other:  # waits for the frozen one, and not in vain
                tx_of_other.queue("what both need")
            people.remember_email(tx, "ada@example.com")

    with pytest.raises(Unavailable):
        freeze()
    with frozen.write() as tx:
        assert people.remember_email(tx, "ada@example.com").id
    frozen.close()
    other.close()
