"""The life of requests at the service, as Hypothesis likes it: everybody tries everything, in any order."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot import lifecycle
from bot.catalogue import Catalogue
from bot.errors import PermanentError, Refused
from bot.handler import Ask, Done, Pending, Resource
from bot.lifecycle import Move, RequestState, StepState
from bot.offering import Approval, Form, Offering, Request
from bot.store.database import Database
from bot.store.migration import migrate
from bot.store.records import PersonRecord, RequestRecord
from tests.conftest import Clock, Desk, Recorded

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
    )

    @wanted.step(early=True)
    def ticket(request: Request[Wish]) -> Thing:
        return Thing(name=f"ticket {request.number}")

    @wanted.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name=f"work {request.number}")

    @wanted.step
    def last(request: Request[Wish]) -> Thing:
        return Thing(name=f"last {request.number}")

    return wanted


class Lifelike(Recorded):
    """Makes things, and complains if one is made twice or taken back without being there."""

    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        self.there: set[str] = set()
        self.waits: set[str] = set()
        self.breaks = False
        self.asks = False

    def apply(self, resource: Any, context: Any) -> Any:
        if self.breaks:
            self.breaks = False
            raise PermanentError("It broke.")
        if self.asks and not resource.name.startswith("ticket"):
            self.asks = False
            self.waits.add(context.identity)
            return Pending("waits", ask=Ask("@data-platform", "Do it"))
        assert context.identity not in self.there, "made twice"
        self.there.add(context.identity)
        return Done()

    def delete(self, resource: Any, context: Any) -> Any:
        self.there.discard(context.identity)
        return Done()


class Life(RuleBasedStateMachine):
    """Everybody tries everything in any order; what the state does not allow is refused and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name)}/life.db"
        migrate(url)
        self.handler, wish = Lifelike(), offering()
        catalogue = Catalogue({"wish": {"v1": wish}}, {"thing": self.handler}, {Thing: self.handler})
        self.desk = Desk(Database(url, Clock()), catalogue, Clock())
        self.people = [self.desk.ada, self.desk.grace, self.desk.linus, self.desk.margaret]

    def teardown(self) -> None:
        self.desk.database.close()
        self.folder.cleanup()

    def records(self) -> Iterator[RequestRecord]:
        service = self.desk.service
        for person in self.people:
            yield from service.mine(person).items

    @initialize(who=WHO)
    def somebody_begins(self, who: int) -> None:
        self.ask(who, None)

    @precondition(lambda self: sum(1 for _ in self.records()) < 3)
    @rule(who=WHO, key=st.sampled_from([None, "k"]))
    def ask(self, who: int, key: str | None) -> None:
        self.desk.service.submit(self.people[who], "wish", {}, key=key)

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
        self.desk.work()

    @rule()
    def one_turn(self) -> None:
        self.desk.engine.turn()

    @rule()
    def the_next_thing_breaks(self) -> None:
        self.handler.breaks = True

    @rule()
    def the_next_thing_needs_a_person(self) -> None:
        self.handler.asks = True

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
                assert {step.state for step in record.steps} <= {StepState.DONE, StepState.SKIPPED, StepState.FAILED}
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


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.generate,),  # to shrink is to open hundreds of databases
    suppress_health_check=list(HealthCheck),
)
