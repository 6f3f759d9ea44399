"""Holding a step: claim one that is due, keep it, give it back.

Every write after the claim is fenced by `owner`, `epoch` and the running state: who lost the lease changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from bot.lifecycle import StepState
from bot.store import outbox, progress, queues, tables
from bot.store.database import Tx
from bot.store.queues import Limits
from bot.store.records import instance_number, request_number
from bot.store.standing import fail_late

#: After so many workers that stopped while they ran a step, somebody is told; it is the engine's to park it.
_CRASHES_ALARM = 2
_NO_LIMITS = Limits()


@dataclass(frozen=True)
class Claim:
    """A step that this process may run now."""

    id: int
    owner: str
    epoch: int
    request_id: int
    instance_id: int
    #: Of the request: `create`, `update` or `delete`.
    kind: str
    name: str
    #: Where it waited (bot.store.queues).
    queue: str
    action: str
    handler: str | None
    resource: Mapping[str, Any] | None
    #: As it was before this request (an update, a delete), and what it left then.
    previous: Mapping[str, Any] | None
    left: Mapping[str, Any]
    state: Mapping[str, Any]
    #: What a person reported, for a step that waited for them.
    answer: Mapping[str, Any] | None
    attempts: int
    crashes: int
    #: The worker that was heard of no more, if it is taken over.
    taken_from: str | None
    #: Of the trace that its request was asked in.
    traceparent: str | None
    #: How often a pending one was asked.
    polls: int
    reruns: int
    #: Since when it has been tried or waited for, and until when it may.
    since: datetime
    deadline: datetime | None = None

    @property
    def key(self) -> str:
        """`REQ-13/ticket`; of a step that ran to its end before a Retry, `REQ-13/notice/2`."""
        again = f"/{self.reruns + 1}" if self.reruns else ""
        return f"{request_number(self.request_id)}/{self.name}{again}"

    @property
    def identity(self) -> str:
        """`INS-7/ticket`."""
        return f"{instance_number(self.instance_id)}/{self.name}"


class Lost(Exception):
    """This process no longer holds the step: drop the result and stop."""


def claim(
    tx: Tx, owner: str, lease: timedelta, limits: Limits = _NO_LIMITS, here: Mapping[str, int] | None = None
) -> Claim | None:
    """The next step that is due, or whose holder is gone; None when none may begin.

    `here` is how many steps of each offering this process runs.
    """
    step = queues.next_step(tx, limits, here or {})
    if step is None:
        return None
    request = tx.exec(select(tables.Request).where(tables.Request.id == step.request_id)).one()
    gone = step.owner if step.state == StepState.RUNNING else None
    if step.state == StepState.RUNNING:
        step.crashes += 1
        if step.crashes == _CRASHES_ALARM:
            outbox.alarm(tx, f"crashes {step.id}/{step.epoch}", _crashing(step), step.request_id)
    elif step.state == StepState.WAITING:
        step.attempts += 1
    first = step.started_at is None
    step.state, step.owner, step.epoch, step.lease_until = StepState.RUNNING, owner, step.epoch + 1, tx.now + lease
    step.started_at = step.started_at or tx.now
    tx.add(step)
    if first:
        outbox.record(tx, request, "step_started", None, {"step": step.name})
    if gone:
        outbox.record(tx, request, "step_taken_over", None, {"step": step.name, "worker": gone})
    return _claim(tx, step, request, owner, gone)


def _claim(tx: Tx, step: tables.Step, request: tables.Request, owner: str, gone: str | None) -> Claim:
    made = resource_of(tx, request.instance_id, step.name)
    return Claim(
        id=tables.stored(step.id),
        owner=owner,
        epoch=step.epoch,
        request_id=step.request_id,
        instance_id=request.instance_id,
        kind=request.kind,
        name=step.name,
        queue=step.queue,
        action=step.action,
        handler=step.handler,
        resource=step.resource,
        previous=made.resource if made and step.action == "delete" else step.previous,
        left=made.outputs if made else {},
        state=step.handler_state,
        answer=step.outputs,
        attempts=step.attempts,
        crashes=step.crashes,
        taken_from=gone,
        traceparent=request.traceparent,
        polls=step.polls,
        reruns=step.reruns,
        since=step.started_at or tx.now,
        deadline=step.deadline_at,
    )


def _crashing(step: tables.Step) -> str:
    return (
        f"{request_number(step.request_id)}/{step.name}: its worker stopped {step.crashes} times while it ran; another "
        f"one has taken it over. The last was {step.owner}: its log says why. If it goes on, the step is parked."
    )


def renew(tx: Tx, owner: str, ids: Sequence[int], lease: timedelta) -> set[int]:
    """Keep the steps that `owner` still holds; the ids of those. What has taken too long fails."""
    table = tables.Step
    mine = (col(table.owner) == owner, col(table.state) == StepState.RUNNING, col(table.id).in_(ids))
    fail_late(tx, *mine)
    kept = {tables.stored(key) for key in tx.exec(progress.in_order(select(table.id).where(*mine))).all()}
    tx.exec(update(table).where(col(table.id).in_(kept)).values(lease_until=tx.now + lease))
    return kept


def is_held(session: Session, claim: Claim) -> bool:
    """Whether the process that claimed the step still has it."""
    table = tables.Step
    query = select(table.id).where(
        table.id == claim.id,
        table.owner == claim.owner,
        table.epoch == claim.epoch,
        table.state == StepState.RUNNING,
    )
    return session.exec(query).first() is not None


def release(tx: Tx, claim: Claim) -> None:
    """Give a step back at once, unharmed: this process ends. The attempt does not count."""
    step = held(tx, claim)
    step.state, step.run_at, step.lease_until = StepState.WAITING, tx.now, None
    step.attempts = max(0, step.attempts - 1)
    tx.add(step)
    tx.due = True


def leave(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """This process does not know it, another one may: it is offered again after `delay`, as if nothing had been."""
    request, step = both(tx, claim)
    news = step.reason != reason
    step.state, step.reason, step.run_at, step.lease_until = StepState.WAITING, reason, tx.now + delay, None
    step.attempts, step.polls = max(0, step.attempts - 1), step.polls + 1
    tx.due = True  # its place is free for another one
    tx.add(step)
    if news:
        outbox.record(tx, request, "step_waits", None, {"step": claim.name, "reason": reason})


def next_due(session: Session, since: datetime) -> datetime | None:
    """The first moment after `since` when a step comes due or a holder's lease ends, if there is one.

    What was due at `since` and could not be claimed waits for a commit, and that wakes.
    """
    table = tables.Step
    moments = [
        session.exec(select(func.min(at)).where(table.state == state, at > since)).first()
        for state, at in (
            (StepState.WAITING, col(table.run_at)),
            (StepState.PENDING, col(table.run_at)),
            (StepState.RUNNING, col(table.lease_until)),
        )
    ]
    return min((moment for moment in moments if moment), default=None)


def held(tx: Tx, claim: Claim) -> tables.Step:
    table = tables.Step
    query = select(table).where(
        table.id == claim.id,
        table.owner == claim.owner,
        table.epoch == claim.epoch,
        table.state == StepState.RUNNING,
    )
    step = tx.exec(query.with_for_update()).first()
    if step is None:
        raise Lost(claim.key)
    return step


def both(tx: Tx, claim: Claim) -> tuple[tables.Request, tables.Step]:
    """First the request: people who act on it take the two rows in this order, so that nobody waits for each other."""
    request = progress.locked(tx, claim.request_id)
    return request, held(tx, claim)


def resource_of(tx: Tx, instance_id: int, name: str) -> tables.InstanceResource | None:
    table = tables.InstanceResource
    return tx.exec(select(table).where(table.instance_id == instance_id, table.step == name)).first()
