"""What happens to resources where they stand: when each is looked at, and what a look brought.

A resource is claimed by moving `look_at` on; whoever claimed it and dies is replaced when that moment comes. Nothing here
is fenced: a note is shown once by its key, and everything else is what the newest look saw.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select, update

from bot.handler import News, Note
from bot.lifecycle import StepState
from bot.store import incoming, outbox, tables
from bot.store.database import Tx
from bot.store.records import instance_number, request_number

#: After an answer, until the first look.
FIRST_LOOK = timedelta(seconds=30)


@dataclass(frozen=True)
class Look:
    """A resource that this process may look at now."""

    id: int
    instance_id: int
    step: str
    handler: str
    reference: str
    resource: Mapping[str, Any]
    state: Mapping[str, Any]
    seen: Mapping[str, Any]
    trouble: str | None
    #: Now, by the store's clock: looks by several machines are compared.
    now: datetime
    #: When another process may; a call from elsewhere moves it.
    until: datetime

    @property
    def identity(self) -> str:
        """`INS-7/ticket`."""
        return f"{instance_number(self.instance_id)}/{self.step}"


def looks(tx: Tx, instance_id: int, step: str, reference: str | None) -> dict[str, Any]:
    """What to set in a resource after an answer of its handler: from now on it is looked at, or no more."""
    if reference is None:
        return {"look_at": None}
    row = _row(tx, instance_id, step)
    return {"reference": reference, "look_at": (row.look_at if row else None) or tx.now + FIRST_LOOK}


def hear(tx: Tx, handler: str, key: str, references: Collection[str]) -> int:
    """A system called about these: each is looked at at once; how many there are. The same call counts once."""
    if not incoming.first(tx, f"{handler}:{key}"):
        return 0
    row = tables.InstanceResource
    about = (col(row.handler) == handler, col(row.reference).in_(list(references)), col(row.deleted_at).is_(None))
    return tx.exec(update(row).where(*about).values(look_at=tx.now)).rowcount


def is_due(session: Session, handler: str, now: datetime) -> bool:
    """Whether something of a handler is to be looked at: what is asked before a transaction is opened for it."""
    row = tables.InstanceResource
    return (
        session.exec(select(row.id).where(row.handler == handler, col(row.look_at) <= now).limit(1)).first() is not None
    )


def claim(tx: Tx, handler: str, lease: timedelta, most: int) -> list[Look]:
    """What of a handler is to be looked at now; at most `most`."""
    row, until = tables.InstanceResource, tx.now + lease
    query = select(row).where(row.handler == handler, col(row.look_at) <= tx.now).order_by(col(row.look_at)).limit(most)
    found = tx.exec(query.with_for_update(skip_locked=True)).all()
    if found:
        tx.exec(update(row).where(col(row.id).in_([each.id for each in found])).values(look_at=until))
    return [_look(each, tx.now, until) for each in found]


def _look(row: tables.InstanceResource, now: datetime, until: datetime) -> Look:
    return Look(
        id=tables.stored(row.id),
        instance_id=row.instance_id,
        step=row.step,
        handler=row.handler,
        reference=row.reference or "",
        resource=row.resource,
        state=row.state,
        seen=row.seen or {},
        trouble=row.trouble,
        now=now,
        until=until,
    )


def later(tx: Tx, looks: Sequence[Look], delay: timedelta) -> None:
    """They could not be looked at now."""
    for look in looks:
        _again(tx, look, tx.now + delay)


def blind(tx: Tx, what: str, reason: str, key: str) -> None:
    """It cannot be looked at until somebody of the platform mends something: they are told once a day for each `key`."""
    text = f"What becomes of {what} cannot be seen: {reason}\nNothing is lost, and nothing is concluded from it."
    outbox.alarm(tx, f"blind {key} {tx.now:%Y-%m-%d}", text)


def record(tx: Tx, look: Look, news: News) -> None:
    """What a look brought, with all that must be said and done about it. Most bring nothing, and touch one row."""
    brought = news.notes or news.wake or news.trouble != look.trouble
    if brought or news.state is not None or news.outputs is not None:
        _take_up(tx, look, news)
    row, values = tables.InstanceResource, {"seen": dict(news.seen)}
    if news.state is not None:
        values["state"] = dict(news.state)
    tx.flush()
    tx.exec(update(row).where(col(row.id) == look.id, col(row.deleted_at).is_(None)).values(**values))
    _again(tx, look, tx.now + timedelta(seconds=news.again) if news.again is not None else None)


def _take_up(tx: Tx, look: Look, news: News) -> None:
    request = _request(tx, look)
    step = _step(tx, request, look.step)  # both locked in the order in which everybody does
    row = tx.exec(
        select(tables.InstanceResource).where(tables.InstanceResource.id == look.id).with_for_update()
    ).first()
    if row is None or row.deleted_at:
        return
    for note in news.notes:
        _note(tx, look, request, note)
    if news.outputs is not None:
        _put_outputs(tx, row, request, step, news.outputs)
    if news.trouble != row.trouble:
        _put_trouble(tx, row, request, step, news.trouble)
    if news.wake and step.state == StepState.PENDING and not step.ask:
        step.run_at, tx.due = tx.now, True
        tx.add(step)


def _again(tx: Tx, look: Look, at: datetime | None) -> None:
    """Unless a call has come while it was looked at: that is another look."""
    row = tables.InstanceResource
    tx.flush()
    tx.exec(update(row).where(col(row.id) == look.id, col(row.look_at) == look.until).values(look_at=at))


def _note(tx: Tx, look: Look, request: tables.Request, note: Note) -> None:
    if incoming.first(tx, f"{look.handler}:{look.identity} {note.key}"):
        data = {"step": look.step, "by": note.by, "did": note.did, "quote": note.quote}
        outbox.record(tx, request, "commented" if note.quote else "noticed", None, data)


def _put_outputs(
    tx: Tx, row: tables.InstanceResource, request: tables.Request, step: tables.Step, new: Mapping[str, Any]
) -> None:
    """Where the resource's outputs went, they change too: the step's, and what the instance promised of them."""
    old, row.outputs = row.outputs, {**row.outputs, **new} if row.outputs else {}
    tx.add(row)
    if step.state == StepState.DONE and step.outputs:
        step.outputs = {**step.outputs, **new}
        tx.add(step)
    for owner in (request, tx.get(tables.Instance, row.instance_id)):
        if owner is not None and owner.outputs:
            moved = {name: value for name, value in new.items() if name in old and owner.outputs.get(name) == old[name]}
            owner.outputs = {**owner.outputs, **moved}
            tx.add(owner)
    outbox.touch(tx, tables.stored(request.id))


def _put_trouble(
    tx: Tx, row: tables.InstanceResource, request: tables.Request, step: tables.Step, trouble: str | None
) -> None:
    """The step shows it; the thread and the people of the platform are told when it begins."""
    row.trouble = trouble
    tx.add(row)
    if step.state == StepState.DONE:
        step.reason = trouble
        tx.add(step)
    outbox.record(
        tx, request, "troubled" if trouble else "recovered", None, {"step": row.step, "reason": trouble or ""}
    )
    if trouble:
        identity, number = f"{instance_number(row.instance_id)}/{row.step}", request_number(tables.stored(request.id))
        text = f"{identity} ({request.offering}, last changed by {number}): {trouble}"
        outbox.alarm(tx, f"trouble {row.id} {tx.now.isoformat()}", text, request.id)


def _row(tx: Tx, instance_id: int, step: str) -> tables.InstanceResource | None:
    row = tables.InstanceResource
    return tx.exec(select(row).where(row.instance_id == instance_id, row.step == step)).first()


def _request(tx: Tx, look: Look) -> tables.Request:
    """The newest request that had to do with it: its card is where people look."""
    request, step = tables.Request, tables.Step
    query = select(request).join(step, col(step.request_id) == request.id)
    about = query.where(request.instance_id == look.instance_id, step.name == look.step)
    return tx.exec(about.order_by(col(request.id).desc()).limit(1).with_for_update(of=request, key_share=True)).one()


def _step(tx: Tx, request: tables.Request, name: str) -> tables.Step:
    step = tables.Step
    return tx.exec(select(step).where(step.request_id == request.id, step.name == name).with_for_update()).one()
