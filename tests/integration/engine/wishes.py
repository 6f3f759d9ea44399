"""An offering whose handler answers as a test says, and who turns the engine on it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.catalogue import Catalogue
from bot.engine import MOST_LOOKS
from bot.errors import TemporaryError
from bot.handler import Context, Event, Outputs, Resource
from bot.offering import Approval, Form, Offering, Request, Step
from bot.store import lanes, sending
from bot.store.database import Database
from bot.store.records import RequestRecord, StepRecord
from tests.conftest import Clock, Desk, Recorded


class Key(Outputs):
    key: str


class Thing(Resource[Key]):
    name: str


class Wish(Form):
    name: str = "orders"


class Promise(Outputs):
    key: str
    port: int = 5432


class Follower(Recorded):
    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        self.followed: list[tuple[Any, Context, Event]] = []
        #: What a test wants it to do instead of answering in turn, and on hearing of an event.
        self.does: Callable[[Any, Context], Any] | None = None
        self.hears: Callable[[Any, Context, Event], None] | None = None

    def apply(self, resource: Any, context: Any) -> Any:
        return self.does(resource, context) if self.does else super().apply(resource, context)

    def follow(self, resource: Any, context: Any, event: Event) -> None:
        self.followed.append((resource, context, event))
        if self.hears:
            self.hears(resource, context, event)

    @property
    def keys(self) -> list[str]:
        return [context.key for _, context in self.applied]


class Wishes(Desk):
    """A desk with one offering, whose steps `ticket` (early) and `work` make a Thing each."""

    def __init__(self, url: str, *, approval: Approval | None = None, outputs: type[Outputs] | None = None) -> None:
        self.names: list[str] = []
        self.wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=approval, outputs=outputs)
        self.handler = Follower()
        clock = Clock()
        catalogue = Catalogue({"wish": {"v1": self.wish}}, {"thing": self.handler}, {Thing: self.handler})
        super().__init__(Database(url, clock), catalogue, clock)

    def ask(self, **answers: Any) -> str:
        return self.service.submit(self.ada, "wish", answers)[0].number

    def shown(self, number: str = "REQ-1") -> RequestRecord:
        return self.service.show(self.ada, number)

    def step(self, name: str = "work", number: str = "REQ-1") -> StepRecord:
        return next(step for step in self.shown(number).steps if step.name == name)

    def nobody_knows_it(self) -> None:
        """Until it is parked."""
        for _ in range(MOST_LOOKS + 1):
            self.work()
            self.clock.forward(minutes=1)

    def follow(self) -> None:
        """Send what waits to be followed, as the worker does."""
        while True:
            with self.database.write() as tx:
                found = lanes.deliveries(tx, tx.now, ["follow"], "")
                delivery = sending.claim_delivery(tx, "test", timedelta(minutes=1), found)
            if delivery is None:
                return
            try:
                self.engine.follow(delivery)
            except TemporaryError as error:
                with self.database.write() as tx:
                    sending.postpone(tx, delivery, timedelta(seconds=error.delay or 1), str(error))
            else:
                with self.database.write() as tx:
                    sending.delivered(tx, delivery, timedelta(0))


def steps_of(desk: Wishes) -> tuple[Step[Wish, Key], Step[Wish, Key]]:
    @desk.wish.step(early=True)
    def ticket(request: Request[Wish]) -> Thing:
        return Thing(name=f"ticket {request.form.name}")

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        """Somebody works on it."""
        return Thing(name=f"work {request.of(ticket).key}")

    return ticket, work
