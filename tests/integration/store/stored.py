"""A store with people in it, and what tests do there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

from sqlmodel import select

from bot.lifecycle import ApprovalRule
from bot.store import (
    claims,
    lanes,
    onward,
    outbox,
    people,
    reads,
    requests,
    sending,
    steps,
    submitting,
    tables,
)
from bot.store.claims import Claim
from bot.store.database import Database, Session
from bot.store.onward import Made
from bot.store.records import PersonRecord, RequestRecord
from bot.store.submitting import NewRequest, NewStep
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
            return submitting.submit(tx, self.wish(**given))[0]

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


def post(store: Store, channel: str, *texts: str) -> None:
    with store.database.write() as tx:
        for text in texts:
            outbox.post(tx, None, channel, text)


def count(session: Session) -> int:
    return len(session.exec(select(tables.Request)).all())
