"""Listings: all that somebody may see and nothing else, page by page, and always by an index."""

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from psycopg import RawCursor
from sqlalchemy import Connection, event, insert, text
from sqlmodel import Session

from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.handler import Ask, Pending, Resource
from bot.offering import Approval, Form, Offering, Request
from bot.people import Groups, NoDirectory
from bot.service import Page, Service
from bot.store import checkup, claims, involved, lanes, listings, people, reads, sending, tables
from bot.store.database import Database
from bot.store.listings import Sight, Wanted
from bot.store.records import PersonRecord
from bot.store.statements import Statement
from tests.conftest import GROUPS, Clock, Recorded

STATES = ["awaiting_approval", "fulfilling", "failed", "fulfilled", "rejected", "withdrawn"]


class Thing(Resource[Any]):
    pass


class Wish(Form):
    who: str


class Town:
    """Many requests of several people in every state; each offering has another team and other approvers."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, Clock())
        handler = Recorded(Thing)
        handler.name, handler.resource = "thing", Thing  # type: ignore[misc] # of this one only
        rules: dict[str, Any] = {
            "plain": Approval("@dba"),
            "two": [Approval("@dba"), Approval("@security", "Linus@example.com", requester_may=True)],
            "named": lambda request: [Approval(request.form.who, count=1)],
        }
        teams = {"plain": "@data-platform", "two": "@security", "named": "ada@example.com"}
        self.offerings = {
            name: Offering(name, Wish, owner=teams[name], notify="#x", approval=rule) for name, rule in rules.items()
        }
        for offering in self.offerings.values():
            self._with_steps(offering)
        catalogue = Catalogue({n: {"v1": o} for n, o in self.offerings.items()}, {"thing": handler}, {Thing: handler})
        self.service = Service(self.database, catalogue, Groups(NoDirectory(), GROUPS))
        self.engine = Engine(self.database, catalogue, owner="town", secret=str)
        self.handler = handler
        with self.database.write() as tx:
            self.people = [
                people.remember_email(tx, f"{name}@example.com")
                for name in ("ada", "grace", "linus", "margaret", "eve")
            ]

    def _with_steps(self, offering: Offering[Wish]) -> None:
        @offering.step
        def work(request: Request[Wish]) -> Thing:
            return Thing()

    def live(self, requests: int, chance: random.Random) -> None:
        """Ask, decide and work at random."""
        asks = ["@data-platform", "eve@example.com", "@security"]
        self.handler.answers = [
            Pending("a person", ask=Ask(chance.choice(asks), "Do it")) if chance.random() < 0.6 else ValueError("bug")
            for _ in range(requests)
        ]
        for _ in range(requests):
            asker = chance.choice(self.people)
            form = {"who": chance.choice(["eve@example.com", "grace@example.com", "@dba"])}
            self.service.submit(asker, chance.choice(list(self.offerings)), form)
            for record in self.service.waiting(chance.choice(self.people), limit=2).items:
                self._decide(chance, record.number)
            if chance.random() < 0.5:
                self.engine.turn()

    def _decide(self, chance: random.Random, number: str) -> None:
        for person in chance.sample(self.people, 2):
            moves: list[Callable[[], object]] = [
                lambda: self.service.approve(person, number),  # noqa: B023 - called at once
                lambda: self.service.complete(person, number, "work"),  # noqa: B023
                lambda: self.service.refuse(person, number, "work", "no"),  # noqa: B023
            ]
            if chance.random() < 0.1:
                moves.insert(0, lambda: self.service.reject(person, number, "no"))  # noqa: B023
            for move in moves:
                self._try(move)

    def _try(self, move: Callable[[], object]) -> None:
        from bot.errors import Refused

        try:
            move()
        except Refused:
            return

    def everything(self) -> list[Any]:
        with self.database.read() as session:
            keys = [key for (key,) in session.execute(text("SELECT id FROM request ORDER BY id"))]
            return reads.requests(session, keys)


def pages(turn: Callable[[int | None], Page]) -> list[str]:
    """The numbers of all pages."""
    found: list[str] = []
    cursor: int | None = None
    for _ in itertools.repeat(None):
        page = turn(cursor)
        found += [record.number for record in page.items]
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError


@pytest.fixture
def town(store_url: str) -> Iterator[Town]:
    town = Town(store_url)
    town.live(60, random.Random(7))
    yield town
    town.database.close()


def test_everybody_sees_all_that_they_may_read_and_nothing_else(town: Town) -> None:
    everything = town.everything()
    permissions = town.service.permissions
    seen = 0
    for person in town.people:
        for state, offering in itertools.product([None, *STATES], [None, "two"]):
            expected = [
                record.number
                for record in reversed(everything)
                if permissions.may_read(person, record, town.offerings[record.offering])
                and state in (None, record.state)
                and offering in (None, record.offering)
            ]

            def turn(
                cursor: int | None, who: PersonRecord = person, state: str | None = state, of: str | None = offering
            ) -> Page:
                return town.service.requests(who, state=state, offering=of, before=cursor, limit=7)

            assert pages(turn) == expected, (person.label, state, offering)
            seen += len(expected)
    assert seen > 100


@pytest.mark.parametrize("by_older_processes", [False, True])
def test_where_much_is_over_it_is_the_same_side_by_side(
    town: Town, monkeypatch: pytest.MonkeyPatch, by_older_processes: bool
) -> None:
    monkeypatch.setattr(listings, "_NEWEST", 1)
    monkeypatch.setattr(listings, "_FEW", 1)  # each side is asked for what it has
    if by_older_processes:  # which do not say of which offering
        with town.database.write() as tx:
            tx.execute(text("UPDATE involved SET offering = ''"))
            tx.execute(text("UPDATE decision SET offering = ''"))
    test_everybody_sees_all_that_they_may_read_and_nothing_else(town)


def test_everybody_sees_what_waits_for_them_oldest_first(town: Town) -> None:
    everything, seen = town.everything(), 0
    for person in town.people:
        expected = [record.number for record in everything if town.service.permissions.waits_for(person, record)]
        assert pages(lambda cursor, who=person: town.service.waiting(who, after=cursor, limit=3)) == expected  # type: ignore[misc] # its default
        seen += len(expected)
    assert seen > 20


def test_everybody_sees_what_they_asked_for_and_what_of_it_is_open(town: Town) -> None:
    for person in town.people:
        asked = [record for record in reversed(town.everything()) if record.requester.id == person.id]

        def turn(cursor: int | None, who: PersonRecord = person) -> Page:
            return town.service.mine(who, before=cursor, limit=4)

        assert pages(turn) == [record.number for record in asked]
        still_open = [record.number for record in asked if record.ended_at is None]
        assert [r.number for r in town.service.mine(person, open_only=True, limit=200).items] == still_open


def test_who_is_asked_is_known_after_every_event(town: Town) -> None:
    """Nothing that happened since left the rows behind: made anew they are the same."""
    with town.database.write() as tx:
        before = sorted(
            map(tuple, tx.execute(text("SELECT request_id, step, who, waits, not_for FROM involved"))), key=str
        )
        for record in town.everything():
            involved.renew(tx, record.id, "edited")
        after = sorted(
            map(tuple, tx.execute(text("SELECT request_id, step, who, waits, not_for FROM involved"))), key=str
        )
    assert before == after
    assert before


def test_what_an_older_process_stored_is_caught_up_with(town: Town) -> None:
    expected = {p.id: [record.number for record in town.service.waiting(p, limit=200).items] for p in town.people}
    with town.database.write() as tx:
        tx.execute(text("DELETE FROM involved"))
    assert not any(town.service.waiting(person).items for person in town.people)
    town.engine.sweep()
    for person in town.people:
        assert [record.number for record in town.service.waiting(person, limit=200).items] == expected[person.id]


def plans(town: Town, do: Callable[[], object]) -> list[str]:
    """How the store goes about each statement; PostgreSQL reads a table whole only where it has no other way."""
    statements: list[tuple[str, Any]] = []
    rows: list[tuple[str, Any]] = []

    def seen(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        statements.append((statement, parameters))

    def executed(self: Statement, line: Any, parameters: Any, text: str = "") -> Any:
        rows.append((text or self.text, parameters))
        return execute(self, line, parameters, text)

    engines = {town.database.reader, town.database.writer} if town.database.sqlite else {town.database.writer}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", seen)
    execute, Statement.execute = Statement.execute, executed  # type: ignore[method-assign] # put back below
    do()
    Statement.execute = execute  # type: ignore[method-assign] # as it was
    for engine in engines:
        event.remove(engine, "before_cursor_execute", seen)
    explain = "EXPLAIN QUERY PLAN " if town.database.sqlite else "EXPLAIN "
    with town.database.writer.connect() as connection:
        if not town.database.sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        driver: Any = connection.connection.driver_connection
        raw = driver if town.database.sqlite else RawCursor(driver)
        asks: list[Any] = [(connection.exec_driver_sql, *each) for each in statements]
        asks += [(raw.execute, *each) for each in rows]
        return [
            f"{statement}\n{row}"
            for ask, statement, parameters in asks
            if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE"))
            for row in ask(explain + statement, parameters)
        ]


def test_no_listing_no_claim_and_no_chore_reads_a_table_whole(town: Town) -> None:
    person, service = town.people[1], town.service
    asked: dict[str, Callable[[], object]] = {
        "requests": lambda: service.requests(person),
        "requests of a state": lambda: service.requests(person, state="failed"),
        "requests that are over": lambda: service.requests(person, state="fulfilled", offering="two"),
        "mine": lambda: service.mine(person, state="failed"),
        "open": lambda: service.mine(person, open_only=True),
        "waiting": lambda: service.waiting(person),
        "instances": lambda: service.instances(person),
        "claim": town.engine.claim,
        "say": lambda: _look(town),
        "doctor": lambda: checkup.take(town.database),
        "look around": service.look_around,
        "adopt": service.adopt,
        "fire timers": service.sweep,
        "sweep": town.engine.sweep,
        "next due": lambda: _next_due(town, [claims.next_due, sending.next_due]),
    }
    found = [f"{what}: {plan}" for what, do in asked.items() for plan in plans(town, do)]
    whole = [plan for plan in found if _reads_whole(plan.rpartition("\n")[2])]
    assert len(found) > len(asked)
    assert not whole, "\n\n".join(whole)


def _next_due(town: Town, asked: list[Any]) -> None:
    for next_due in asked:
        with town.database.read() as session:
            next_due(session, town.database.now())


def _look(town: Town) -> None:
    """For something to say, and claim it."""
    kinds = ["note", "message", "post", "follow"]
    with town.database.write() as tx:
        cards, deliveries = lanes.cards(tx, tx.now, "#"), lanes.deliveries(tx, tx.now, kinds, "follow")
        assert sending.claim_card(tx, "one", timedelta(minutes=1), cards)
        sending.claim_delivery(tx, "one", timedelta(minutes=1), deliveries or [1])


def _reads_whole(row: str) -> bool:
    big = ("request", "step", "involved", "instance", "decision", "delivery", "card", "event")
    return any(f"SCAN {table}" in row and "USING" not in row for table in big) or any(
        f"Seq Scan on {table}" in row for table in big
    )


#: How many requests somebody sees, then how many more; of each kind that they do not see there are a fifth.
FEW, MORE = 300, 3_000
#: What they see all of, each for a reason of its own.
SIDES: dict[str, Sight] = {
    "asked for": Sight(1),
    "owned": Sight(2),
    "looked after": Sight(9, offerings={"kept": ["v1"]}),
    "decided": Sight(3),
    "to decide": Sight(9, names=["ada@example.com"]),
    "for a group to decide": Sight(9, groups=["@dba"]),
}
#: What they see nothing of, though there is some.
OFFERING = {"an offering": Wanted(offering="rare"), "its state": Wanted(offering="rare", state="fulfilled")}
STATE = {"a state": Wanted(state="rejected"), "a state of theirs": Wanted(offering="usual", state="rejected")}
#: Rows of another table do not know the state of their request.
QUESTIONS = [
    (side, wanted) for side in SIDES for wanted in (OFFERING if "decide" in side else OFFERING | STATE).items()
]


def test_the_few_of_ones_many_are_found_without_reading_the_others(
    request: pytest.FixtureRequest, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_NEWEST", 10)
    monkeypatch.setattr(listings, "_FEW", 50)  # there are more of each
    database = Database(store_url)
    request.addfinalizer(database.close)
    with database.writer.begin() as connection:
        _begin_crowd(connection)
    taken: list[dict[str, int]] = []
    for more in (FEW, MORE):
        with database.writer.begin() as connection:
            _crowd(connection, "usual", "fulfilled", more, seen=True)
            _crowd(connection, "kept", "fulfilled", more, seen=False)
            for offering, state in (("usual", "rejected"), ("rare", "fulfilled"), ("rare", "rejected")):
                _crowd(connection, offering, state, more // 5, seen=False)
        if not database.sqlite:  # as it does by itself
            with database.reader.connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))
        taken.append(_work_of_all(database))
    few, many = taken
    grown = {what: (few[what], many[what]) for what in few if many[what] > few[what] * 1.25 + 100}
    assert not grown, grown


def _work_of_all(database: Database) -> dict[str, int]:
    asked: dict[str, Callable[[Session], list[int]]] = {
        f"{side}: {what}": partial(listings.readable, sight=SIDES[side], wanted=wanted)
        for side, (what, wanted) in QUESTIONS
    }
    asked |= {
        f"mine: {what}": partial(listings.asked_by, person_id=1, wanted=wanted)
        for what, wanted in (OFFERING | STATE).items()
    }
    return {what: _work(database, ask) for what, ask in asked.items()}


def _work(database: Database, ask: Callable[[Session], list[int]]) -> int:
    """SQLite's instructions, PostgreSQL's rows and entries of indexes."""
    ticks: list[int] = []
    with database.writer.connect() as connection, Session(connection) as session:
        driver: Any = session.connection().connection.driver_connection
        if database.sqlite:
            driver.set_progress_handler(lambda: ticks.append(1), 1)
        before = 0 if database.sqlite else _read(session)
        assert ask(session) == []
        if database.sqlite:
            driver.set_progress_handler(None, 1)
            return len(ticks)
        return _read(session) - before


def _read(session: Session) -> int:
    """What this transaction has read."""
    counts = (
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    return int(session.execute(text(counts)).scalar_one())


def _begin_crowd(connection: Connection) -> None:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    people = [{"id": key, "created_at": at} for key in (1, 2, 3, 4, 9)]
    connection.execute(insert(tables.Person), people)
    instance = {"id": 1, "offering": "usual", "version": "v1", "owner_id": 9, "state": "ready", "form": {}}
    connection.execute(insert(tables.Instance), [instance | {"created_at": at, "updated_at": at}])


def _crowd(connection: Connection, offering: str, state: str, count: int, *, seen: bool) -> None:
    """So many requests that are over."""
    first = (connection.execute(text("SELECT max(id) FROM request")).scalar() or 0) + 1
    keys, at = range(first, first + count), datetime(2026, 11, 2, tzinfo=UTC)
    kind = {"kind": "create", "offering": offering, "state": state, "version": "v1", "instance_id": 1}
    whose: dict[str, Any] = {"requester_id": 1 if seen else 4, "owner_id": 2 if seen else None, "form": {}, "rules": []}
    common = kind | whose | {"created_at": at, "updated_at": at}
    connection.execute(insert(tables.Request), [common | {"id": key} for key in keys])
    if seen:
        decision = {"person_id": 3, "revision": 1, "verdict": "approve", "rules": [0], "offering": offering, "at": at}
        connection.execute(insert(tables.Decision), [decision | {"request_id": key} for key in keys])
        involved = {"step": "", "waits": False, "offering": offering}
        whos = [{"who": "ada@example.com", "is_group": False}, {"who": "@dba", "is_group": True}]
        connection.execute(
            insert(tables.Involved), [involved | who | {"request_id": key} for who in whos for key in keys]
        )
