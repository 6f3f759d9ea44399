"""The life of requests at the service, as Hypothesis likes it: everybody tries everything, in any order.

A few lives in every run; more by command: LIVES=500 pytest tests/integration/test_life.py
"""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import select

from bot import lifecycle
from bot.catalogue import Catalogue
from bot.deadlines import Deadline, Renewal
from bot.errors import PermanentError, Refused, TemporaryError
from bot.handler import Ask, Done, Pending, Resource
from bot.lifecycle import Move, RequestState, StepState
from bot.offering import Approval, Form, Offering, Request
from bot.store import outbox, reads, tables
from bot.store.database import Database
from bot.store.records import PersonRecord, RequestRecord
from tests.conftest import Clock, Desk, Recorded, address, create_database, drop_database, file_at

MOVES = [move for move in vars(lifecycle).values() if isinstance(move, Move)]
S = RequestState
#: One of the four people, and one of the requests so far, counted round.
WHO, WHICH = st.integers(0, 3), st.integers(0, 5)


class Thing(Resource[Any]):
    name: str


class Wish(Form):
    name: str = "one"


def offering() -> Offering[Wish]:
    wanted = Offering(
        "wish",
        Wish,
        owner="@data-platform",
        notify="#data",
        approval=[Approval("@dba", count=2), Approval("@security")],
        expires=timedelta(days=30),
        renew=Renewal(timedelta(days=30), most=1),
        deadline=Deadline(timedelta(days=7)),
    )

    @wanted.step(early=True)
    def ticket(request: Request[Wish]) -> Thing:
        return Thing(name=f"ticket {request.number}")

    @wanted.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name=f"work {request.form.name}")

    @wanted.step
    def last(request: Request[Wish]) -> Thing:
        return Thing(name=f"last {request.number}")

    return wanted


class Crash(BaseException):
    """The worker dies here."""


class Lifelike(Recorded):
    """Makes things once for each key, as a system that honours keys, and complains of what may never be asked of it."""

    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        self.there: set[str] = set()
        self.done: dict[str, str] = {}
        #: What comes of the next call: one of OUTCOMES.
        self.next = "done"

    def apply(self, resource: Any, context: Any) -> Any:
        outcome, self.next = self.next, "done"
        if outcome in ERRORS:
            raise ERRORS[outcome]
        if outcome == "pending":
            return Pending("It takes a while.", delay=60)
        if outcome == "ask" and not resource.name.startswith("ticket"):
            return Pending("It waits for somebody.", ask=Ask("@data-platform", "Do it"))
        if context.key not in self.done:
            assert context.identity not in self.there or context.previous is not None, (
                f"{context.identity} is made twice"
            )
            self.there.add(context.identity)
            self.done[context.key] = resource.name
        if outcome == "crash":  # after the effect: the worst moment
            raise Crash
        return Done()

    def delete(self, resource: Any, context: Any) -> Any:
        outcome, self.next = self.next, "done"
        if outcome in ERRORS:
            raise ERRORS[outcome]
        self.there.discard(context.identity)
        if outcome == "crash":
            raise Crash
        return Done()


ERRORS = {
    "temporary": TemporaryError("Not now.", delay=30),
    "permanent": PermanentError("It broke."),
    "bug": ZeroDivisionError("a bug"),
}
OUTCOMES = ["pending", "ask", "crash", *ERRORS]
#: Gives the address of an empty database for a while, by store.
FRESH: dict[str, Callable[[], AbstractContextManager[str]]] = {}


@pytest.fixture(autouse=True, scope="module")
def stores(migrated_postgres: str) -> None:
    """What the machines below cannot ask for themselves."""

    @contextmanager
    def sqlite() -> Iterator[str]:
        with TemporaryDirectory() as folder:
            yield file_at(Path(folder) / "life.db")

    @contextmanager
    def postgresql() -> Iterator[str]:
        name = f"life{uuid.uuid4().hex}"
        create_database(migrated_postgres, name, template="migrated")
        yield address(migrated_postgres, name)
        drop_database(migrated_postgres, name)

    FRESH.update(sqlite=sqlite, postgresql=postgresql)


class Life(RuleBasedStateMachine):
    """Everybody tries everything in any order and at any time; what the state does not allow is refused and changes nothing."""

    store = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.handler, wish = Lifelike(), offering()
        catalogue = Catalogue({"wish": {"v1": wish}}, {"thing": self.handler}, {Thing: self.handler})
        self.clock = Clock()
        database = Database(self.stack.enter_context(FRESH[self.store]()), self.clock)
        self.stack.callback(database.close)
        self.desk = Desk(database, catalogue, self.clock)
        self.people = [self.desk.ada, self.desk.grace, self.desk.linus, self.desk.margaret]

    def teardown(self) -> None:
        try:
            self.nothing_is_stuck()
        finally:
            self.stack.close()

    def nothing_is_stuck(self) -> None:
        """Left alone with a world in which all goes well, whatever is still at work waits for a person."""
        self.handler.next = "done"
        for _ in range(8):
            self.work()
            self.clock.forward(minutes=10)
        for record in self.records():
            if record.state in lifecycle.AT_WORK:
                assert record.asking, f"{record.number} is {record.state}, and nobody is asked: {record.steps}"
            if record.state is S.FAILED:
                assert any(step.state is StepState.FAILED for step in record.steps)
        with self.desk.database.read() as session:
            steps = session.exec(select(tables.Step)).all()
        assert not [step for step in steps if step.state == StepState.RUNNING]
        assert not [s for s in steps if s.state == StepState.WAITING and s.run_at and s.run_at <= self.clock.now]

    def records(self) -> list[RequestRecord]:
        with self.desk.database.read() as session:
            return list(reads.requests(session, session.exec(select(tables.Request.id)).all()))  # type: ignore[arg-type]

    @initialize(who=WHO)
    def somebody_begins(self, who: int) -> None:
        self.ask(who, None)

    @precondition(lambda self: len(self.records()) < 4)
    @rule(who=WHO, key=st.sampled_from([None, "k"]))
    def ask(self, who: int, key: str | None) -> None:
        self.desk.service.submit(self.people[who], "wish", {}, key=key)

    @rule(which=WHICH)
    def the_right_ones_approve(self, which: int) -> None:
        """Without this, few requests get as far as work."""
        before = self.one_of_them(which)
        for who in (1, 2, 3):
            if before.state is S.AWAITING_APPROVAL:
                self.act(who, which, "approve")

    @rule(who=WHO, which=WHICH)
    def approve(self, who: int, which: int) -> None:
        self.act(who, which, "approve")

    @rule(who=WHO, which=WHICH, what=st.sampled_from(["reject", "withdraw", "cancel", "retry", "edit"]))
    def act(self, who: int, which: int, what: str) -> None:
        before = self.one_of_them(which)
        given: dict[str, list[Any]] = {"reject": ["no"], "edit": [{"name": "two"}]}
        after = self.tried(what, self.people[who], before.number, *given.get(what, []))
        if after is None:
            assert before == next(record for record in self.records() if record.number == before.number)
        else:
            self.assert_allowed(self.people[who], before, after, what)

    def one_of_them(self, which: int) -> RequestRecord:
        everything = sorted(self.records(), key=lambda record: record.id)
        return everything[which % len(everything)]

    def tried(self, what: str, *arguments: Any) -> Any:
        """What the service answered; None if it refused, and said why."""
        told = None
        try:
            return getattr(self.desk.service, what)(*arguments)
        except Refused as refused:
            told = str(refused)
        assert told
        return None

    @staticmethod
    def assert_allowed(who: PersonRecord, before: RequestRecord, after: RequestRecord, what: str) -> None:
        if what in ("approve", "reject"):
            assert who.id != before.requester.id
            assert before.state is S.AWAITING_APPROVAL
        if what in ("withdraw", "edit"):
            assert who.id == before.requester.id
        if before.state != after.state:
            event = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}.get(what)
            moves = [move for move in MOVES if before.state in move.sources and event in (None, move.event)]
            assert moves

    @rule()
    def work(self) -> None:
        for _ in range(60):
            if not self.turned():
                return
        raise AssertionError("work without an end")

    @rule()
    def one_turn(self) -> None:
        self.turned()

    def turned(self) -> bool:
        try:
            return self.desk.engine.turn()
        except Crash:
            return True  # that worker is gone; its lease is not

    @rule(outcome=st.sampled_from(OUTCOMES))
    def the_next_step_will(self, outcome: str) -> None:
        self.handler.next = outcome

    @rule(by=st.sampled_from([{"seconds": 40}, {"minutes": 10}, {"hours": 30}, {"days": 9}, {"days": 40}]))
    def time_goes_by(self, by: dict[str, float]) -> None:
        self.clock.forward(**by)
        self.desk.service.sweep()
        self.desk.engine.sweep()

    @rule(who=WHO, which=WHICH, done=st.booleans())
    def answer(self, who: int, which: int, done: bool) -> None:
        record, person = self.one_of_them(which), self.people[who]
        step = record.asking[0].name if record.asking else "work"
        self.tried("complete", person, record.number, step) if done else self.tried(
            "refuse", person, record.number, step, "no"
        )

    @rule(who=WHO, which=WHICH)
    def delete(self, who: int, which: int) -> None:
        self.tried("delete", self.people[who], self.one_of_them(which).instance)

    @rule(who=WHO, which=WHICH, name=st.sampled_from(["one", "two", "three"]))
    def update(self, who: int, which: int, name: str) -> None:
        self.tried("update", self.people[who], self.one_of_them(which).instance, {"name": name})

    @rule(who=WHO, which=WHICH)
    def renew(self, who: int, which: int) -> None:
        self.tried("renew", self.people[who], self.one_of_them(which).instance)

    @invariant()
    def every_state_was_reached_by_moves_of_the_life_cycle(self) -> None:
        for record in self.records():
            state = S.AWAITING_APPROVAL if record.rules else S.APPROVED
            parked_from = state
            for event in record.events:
                if event.name == "resumed":
                    assert state is S.PARKED
                    state = parked_from
                    continue
                move = next((each for each in MOVES if each.event == event.name), None)
                if move is None:
                    continue
                assert state in move.sources, f"{record.number}: {event.name} while it was {state}"
                parked_from = state if move is lifecycle.PARK else parked_from
                state = move.target
            assert state == record.state, f"{record.number} is {record.state}, and its events lead to {state}"

    @invariant()
    def everything_that_happened_is_told_once(self) -> None:
        with self.desk.database.read() as session:
            events = session.exec(select(tables.Event)).all()
            deliveries = session.exec(select(tables.Delivery)).all()
            owners = {row.id: row.owner_id for row in session.exec(select(tables.Instance))}
        said = Counter((row.kind, row.payload.get("event")) for row in deliveries if row.kind in ("message", "note"))
        for event in events:
            # Whose time somebody else extended hears of it; who did it themselves knows.
            for_owner = event.name == "renewed" and event.person_id != owners[event.instance_id]
            assert said.pop(("message", event.id), 0) == (event.name in outbox.TOLD or for_owner), event
            assert said.pop(("note", event.id), 0) == (event.name in outbox.NOTED), event
        assert not said

    @invariant()
    def every_request_tells_a_true_story(self) -> None:
        for record in self.records():
            names = [event.name for event in record.events]
            for once in ("submitted", "approved", "rejected", "withdrawn", "fulfilled", "cancelled"):
                assert names.count(once) <= 1
            assert (record.ended_at is not None) == (record.state in lifecycle.ENDED)
            if record.kind == "create" and record.state in (S.FULFILLING, S.FULFILLED):
                self.assert_approved(record)
            if record.state in lifecycle.ENDED:
                assert not record.asking
                over = {StepState.DONE, StepState.SKIPPED, StepState.FAILED}
                # An early step that was at work goes on, so that what it makes can be told the end.
                assert all(step.state in over or (step.early and step.started_at) for step in record.steps)
            if record.state is S.FULFILLED:
                assert {step.state for step in record.steps} <= {StepState.DONE}

    @staticmethod
    def assert_approved(record: RequestRecord) -> None:
        approvers = [d.person.id for d in record.decisions if d.current and d.verdict == "approve"]
        assert record.requester.id not in approvers
        assert len(set(approvers)) >= 2

    @invariant()
    def an_instance_has_at_most_one_open_request(self) -> None:
        opened = [record.instance_id for record in self.records() if record.state in lifecycle.OPEN]
        assert len(opened) == len(set(opened))


class LifeOnPostgreSQL(Life):
    """The same."""

    store = "postgresql"


LIVES = os.environ.get("LIVES")
#: To shrink is to open hundreds of databases.
USUAL = settings(
    stateful_step_count=30, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
)
TestLife = Life.TestCase
TestLife.settings = settings(USUAL, max_examples=int(LIVES or 25))
TestLifeOnPostgreSQL = LifeOnPostgreSQL.TestCase
TestLifeOnPostgreSQL.settings = settings(USUAL, max_examples=int(LIVES or 8))
