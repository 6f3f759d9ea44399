"""Timers: what has to happen at a moment, as rows. Nothing that waits is in memory.

A timer fires in one transaction that deletes its row and does what it is for, so any number of workers fire it once and
one that comes late fires at once. Who fires it locks what it is about (the request, or the instance's name) before the
row, in the order in which everybody else does, so that nobody waits for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, text
from sqlmodel import Session, col, select

from bot import deadlines
from bot.deadlines import Countdown, Deadline
from bot.lifecycle import RequestState
from bot.store import rows, tables
from bot.store.database import Tx
from bot.store.records import instance_number, request_number

#: The kinds: a decision is waited for; an instance's time runs.
DECISION, EXPIRY = "decision", "expiry"
_SUBJECT = {DECISION: (request_number, "request_id"), EXPIRY: (instance_number, "instance_id")}


@dataclass(frozen=True)
class Timer:
    """One timer; `about` is the id of its request (DECISION) or of its instance (EXPIRY)."""

    id: int
    name: str
    kind: str
    about: int
    countdown: Countdown


def await_decision(tx: Tx, request_id: int, deadline: Deadline | None) -> None:
    """Wait for a decision from now on, whatever was waited for before; None: for ever."""
    stop(tx, request_id=request_id)
    begin(tx, {request_id: deadline})


def begin(tx: Tx, laid: Mapping[int, Deadline | None]) -> None:
    """The same for requests that have just become rows."""
    countdowns = {key: deadlines.decision(each, tx.now) for key, each in laid.items() if each}
    rows.add_all(tx, tables.Timer, [_row(DECISION, key, each) for key, each in countdowns.items()])


def live(tx: Tx, instance_id: int, ends_at: datetime | None) -> None:
    """The instance's time runs until `ends_at`, whatever was said before; None: for ever."""
    stop(tx, instance_id=instance_id)
    if ends_at:
        start(tx, EXPIRY, instance_id, deadlines.life(tx.now, ends_at))


def start(tx: Tx, kind: str, about: int, countdown: Countdown, due_at: datetime | None = None) -> None:
    """Set a timer that is not there; due when its countdown says, unless `due_at` does."""
    rows.add_all(tx, tables.Timer, [_row(kind, about, countdown, due_at)])


def _row(kind: str, about: int, countdown: Countdown, due_at: datetime | None = None) -> dict[str, Any]:
    number, key = _SUBJECT[kind]
    values = {"kind": kind, key: about, "due_at": due_at or countdown.due_at, "data": countdown.to_json()}
    return values | {"name": f"{kind} {number(about)}"}


def stop(tx: Tx, **about: int) -> None:
    """Away with the timers of this `request_id`, or this `instance_id`."""
    rows.remove(tx, tables.Timer, **about)


def due(session: Session, now: datetime, limit: int) -> list[Timer]:
    """What is due, the longest overdue first."""
    query = select(tables.Timer).where(tables.Timer.due_at <= now).order_by(col(tables.Timer.due_at))
    return [_timer(row) for row in session.exec(query.limit(limit)).all()]


def take(tx: Tx, timer: Timer) -> bool:
    """Make this timer yours; False: it was fired, moved or stopped in the meantime."""
    table = tables.Timer
    return tx.exec(delete(table).where(col(table.id) == timer.id, col(table.due_at) <= tx.now)).rowcount == 1


def put_off(tx: Tx, timer: Timer, delay: timedelta) -> None:
    """Look at a timer that was taken again after `delay`."""
    start(tx, timer.kind, timer.about, timer.countdown, tx.now + delay)


def decide_by(session: Session, request_ids: list[int]) -> dict[int, datetime]:
    """Until when a decision is waited for, by request; nothing where it is for ever."""
    found = rows.among(session, tables.Timer, "request_id", request_ids)
    return {row.request_id: Countdown.from_json(row.data).ends_at for row in found if row.kind == DECISION}


def unset_instances(session: Session, before: datetime) -> list[int]:
    """Instances whose time ends before that moment and that no timer keeps: an older process wrote them."""
    table, timer = tables.Instance, tables.Timer
    kept = exists().where(col(timer.instance_id) == table.id)
    query = select(table.id).where(col(table.expires_at) < before, text(tables.ALIVE), ~kept)
    return [tables.stored(key) for key in session.exec(query).all()]


def unset_requests(session: Session) -> list[int]:
    """Requests whose decision is waited for without a timer: for ever, or since an older process wrote them."""
    table, timer = tables.Request, tables.Timer
    kept = exists().where(col(timer.request_id) == table.id)
    query = select(table.id).where(table.state == RequestState.AWAITING_APPROVAL, ~kept)
    return [tables.stored(key) for key in session.exec(query).all()]


def _timer(row: Any) -> Timer:
    about = tables.stored(getattr(row, _SUBJECT[row.kind][1]))
    return Timer(tables.stored(row.id), row.name, row.kind, about, Countdown.from_json(row.data))
