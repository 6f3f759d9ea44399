"""What `frontdesk doctor` asks the store: plain facts, at most so many of each, by index."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, text
from sqlmodel import Session, col, select

from bot.lifecycle import InstanceState, RequestState, StepState
from bot.store import processes, rows, tables, unsaid
from bot.store.database import Database
from bot.store.records import instance_number, request_number

#: Of each kind of trouble so many are listed; the rest is counted.
MOST = 20


@dataclass(frozen=True)
class StuckStep:
    """A step that should have moved: `key` is `REQ-12/ticket`; `at` when it should have, or since when it waits."""

    key: str
    number: str
    at: datetime
    reason: str | None
    worker: str | None
    group: str | None


@dataclass(frozen=True)
class Ending:
    """A request or an instance, and when its time is over."""

    number: str
    at: datetime


@dataclass(frozen=True)
class Trouble:
    """A resource that nobody can work with any more: `identity` is `INS-7/ticket`, `number` `INS-7`."""

    identity: str
    number: str
    handler: str
    reason: str


@dataclass(frozen=True)
class Alive:
    """A process that gave a sign of life lately, and how long ago."""

    owner: str
    parts: str
    version: str
    silent: timedelta


@dataclass(frozen=True)
class Some:
    """The first of a kind, and how many there are."""

    items: list[Any] = field(default_factory=list)
    count: int = 0

    @property
    def more(self) -> int:
        """How many are not among the items."""
        return max(0, self.count - len(self.items))


@dataclass(frozen=True)
class Checkup:
    """All the facts. Lengths are what counts as long."""

    now: datetime
    #: How far this machine's clock is before the database's.
    ahead: timedelta
    processes: list[Alive]
    overrun: Some
    overdue: Some
    waiting: Some
    stopped: Some
    cards: Some
    deliveries: Some
    late: Some
    decisions: Some
    instances: Some
    troubles: Some


_STOPPED = (StepState.FAILED, StepState.PARKED)
LONG_OVERRUN, LONG_OVERDUE, LONG_WAIT = timedelta(minutes=1), timedelta(minutes=5), timedelta(days=7)
LONG_UNSAID, SOON_DECISION, SOON_INSTANCE = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def take(database: Database) -> Checkup:
    """Look at everything once. Raises Unavailable."""
    with database.read() as session:
        here, now = database.now(), database.agreed_time(session)
        step, delivery = tables.Step, tables.Delivery
        running, asked = step.state == StepState.RUNNING, step.state == StepState.PENDING
        due = col(step.state).in_((StepState.WAITING, StepState.PENDING))
        return Checkup(
            now=now,
            ahead=here - now,
            processes=[
                Alive(row.owner, row.parts, row.version, now - row.seen_at)
                for row in processes.all_of_them(session)
                if now - row.seen_at <= processes.ALIVE
            ],
            overrun=_steps(session, now, "lease_until", running, col(step.lease_until) < now - LONG_OVERRUN),
            overdue=_steps(session, now, "run_at", due, col(step.run_at) < now - LONG_OVERDUE),
            waiting=_steps(session, now, "started_at", asked, col(step.started_at) < now - LONG_WAIT),
            stopped=_stopped(session, now),
            cards=_cards(session),
            deliveries=_deliveries(session, text("state = 'failed'"), newest=True),
            late=_deliveries(session, text("state = 'waiting'"), delivery.created_at < now - LONG_UNSAID),
            decisions=_decisions(session, now),
            instances=_instances(session, now),
            troubles=_troubles(session),
        )


def _some(session: Session, query: Select[Any], count: Any) -> tuple[list[Any], int]:
    first = list(session.execute(query.limit(MOST)).all())
    return first, len(first) if len(first) < MOST else int(session.execute(count).scalar_one())


def _steps(session: Session, now: datetime, moment: str, *where: Any) -> Some:
    step = tables.Step
    query = select(step).where(*where).order_by(col(step.run_at), col(step.id))
    first, count = _some(session, query, select(func.count()).select_from(step).where(*where))
    return Some([_stuck(row, getattr(row, moment) or now) for (row,) in first], count)


def _stuck(step: Any, at: datetime) -> StuckStep:
    number, group = request_number(step.request_id), step.ask["group"] if step.ask else None
    return StuckStep(f"{number}/{step.name}", number, at, step.reason, step.owner, group)


def _stopped(session: Session, now: datetime) -> Some:
    """Steps that failed or are parked, of requests that are not over: those are looked through, one by one."""
    step, request = tables.Step, tables.Request
    mine = (step.request_id == col(request.id), text(f"step.{tables.STOPPED}"))
    stopped = select(func.count()).select_from(step).where(*mine).correlate(request).scalar_subquery()
    looked = col(request.state).in_((RequestState.FAILED, RequestState.PARKED, RequestState.AWAITING_APPROVAL))
    found = session.execute(select(col(request.id), stopped).where(looked, stopped > 0).order_by(col(request.id))).all()
    steps = rows.among(session, step, "request_id", [key for key, _ in found[:MOST]])
    first = sorted((row for row in steps if row.state in _STOPPED), key=lambda row: (row.request_id, row.id))[:MOST]
    return Some([_stuck(row, row.ended_at or row.started_at or now) for row in first], sum(count for _, count in found))


def _cards(session: Session) -> Some:
    """Cards that can never be shown, of requests that are not over."""
    card, request = tables.Card, tables.Request
    where = (text(tables.ASTRAY), col(request.open_instance_id).is_not(None))
    joined = select(card).join(request, col(request.id) == card.request_id).where(*where)
    joined = joined.order_by(col(card.place), col(card.id))
    counted = select(func.count()).select_from(card).join(request, col(request.id) == card.request_id).where(*where)
    first, count = _some(session, joined, counted)
    return Some([(request_number(row.request_id), unsaid.card_record(row)) for (row,) in first], count)


def _deliveries(session: Session, *where: Any, newest: bool = False) -> Some:
    delivery = tables.Delivery
    order = col(delivery.run_at).desc() if newest else col(delivery.run_at)
    query = select(delivery).where(*where).order_by(order, col(delivery.id))
    first, count = _some(session, query, select(func.count()).select_from(delivery).where(*where))
    return Some([(_about(row), unsaid.delivery_record(session, row)) for (row,) in first], count)


def _about(row: tables.Delivery) -> str:
    return request_number(row.request_id) if row.request_id else f"delivery {row.id}"


def _decisions(session: Session, now: datetime) -> Some:
    """Requests that expire soon if nobody decides."""
    timer = tables.Timer
    query = (
        select(timer).where(timer.kind == "decision", timer.due_at < now + SOON_DECISION).order_by(col(timer.due_at))
    )
    found = [
        Ending(request_number(row.request_id), datetime.fromisoformat(row.data["ends_at"]))
        for row in session.exec(query.limit(10 * MOST)).all()
        if row.request_id and row.data.get("ends_at")
    ]
    soon = [each for each in found if each.at < now + SOON_DECISION]
    return Some(soon[:MOST], len(soon))


def _instances(session: Session, now: datetime) -> Some:
    table = tables.Instance
    where = (
        col(table.expires_at) < now + SOON_INSTANCE,
        col(table.expires_at) >= now,
        text(tables.ALIVE),
        col(table.state) == InstanceState.READY,
    )
    query = select(table).where(*where).order_by(col(table.expires_at))
    first, count = _some(session, query, select(func.count()).select_from(table).where(*where))
    return Some([Ending(instance_number(tables.stored(row.id)), row.expires_at) for (row,) in first], count)


def _troubles(session: Session) -> Some:
    """Resources that somebody has to see to where they stand."""
    table, where = tables.InstanceResource, text(tables.TROUBLED)
    query = select(table).where(where).order_by(col(table.id))
    first, count = _some(session, query, select(func.count()).select_from(table).where(where))
    return Some([_trouble(row) for (row,) in first], count)


def _trouble(row: tables.InstanceResource) -> Trouble:
    number = instance_number(row.instance_id)
    return Trouble(f"{number}/{row.step}", number, row.handler, row.trouble or "")
