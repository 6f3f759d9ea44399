"""Holding a step: claim one that is due, keep it, give it back.

Every write after the claim is fenced by `owner`, `epoch` and the running state: who lost the lease changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select, update

from bot.lifecycle import StepState
from bot.store import outbox, progress, queues, rows, tables
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
    #: Its place in its request, and the steps that it waited for; None: all before it.
    position: int
    after: Sequence[str] | None
    #: Where it waited (bot.store.queues).
    queue: str
    action: str
    handler: str | None
    resource: Mapping[str, Any] | None
    #: Whether its handler wants to hear how the request goes on.
    follows: bool
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
    (request,) = rows.equal(tx, tables.Request, id=step.request_id)
    return take(tx, request, step, owner, lease)


def take(tx: Tx, request: Any, step: Any, owner: str, lease: timedelta, **more: Any) -> Claim:
    """Hold a step that this transaction has locked, and set `more` in it."""
    gone = step.owner if step.state == StepState.RUNNING else None
    first = step.started_at is None
    counted = _counted(step)
    if counted.get("crashes") == _CRASHES_ALARM:
        outbox.alarm(tx, f"crashes {step.id}/{step.epoch}", _crashing(step), step.request_id)
    held_by = {"state": str(StepState.RUNNING), "owner": owner, "epoch": step.epoch + 1, "lease_until": tx.now + lease}
    values = counted | held_by | {"started_at": step.started_at or tx.now} | more
    rows.change(tx, tables.Step, {"id": step.id}, **values)
    if first:
        outbox.note(tx, request, "step_started", {"step": step.name})
    if gone:
        outbox.note(tx, request, "step_taken_over", {"step": step.name, "worker": gone})
    return _claim(tx, step._replace(**values), request, owner, gone)


def _counted(step: Any) -> dict[str, int]:
    """A step whose worker is gone counts a crash, one that waited an attempt, one that is asked again neither."""
    if step.state == StepState.RUNNING:
        return {"crashes": step.crashes + 1}
    return {"attempts": step.attempts + 1} if step.state == StepState.WAITING else {}


def _claim(tx: Tx, step: Any, request: Any, owner: str, gone: str | None) -> Claim:
    made = resource_of(tx, request.instance_id, step.name) if request.kind != "create" else None
    return Claim(
        id=step.id,
        owner=owner,
        epoch=step.epoch,
        request_id=step.request_id,
        instance_id=request.instance_id,
        kind=request.kind,
        name=step.name,
        position=step.position,
        after=step.after,
        queue=step.queue,
        action=step.action,
        handler=step.handler,
        resource=step.resource,
        follows=step.follows,
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
        since=step.started_at,
        deadline=step.deadline_at,
    )


def _crashing(step: Any) -> str:
    return (
        f"{request_number(step.request_id)}/{step.name}: its worker stopped {_CRASHES_ALARM} times while it ran; another "
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
    return bool(rows.equal(session, tables.Step, **_mine(claim)))


def release(tx: Tx, claim: Claim) -> None:
    """Give a step back at once, unharmed: this process ends. The attempt does not count."""
    attempts = max(0, claim.attempts - 1)
    put(tx, claim, state=StepState.WAITING, run_at=tx.now, lease_until=None, attempts=attempts)
    tx.due = True


def leave(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """This process does not know it, another one may: it is offered again after `delay`, as if nothing had been."""
    request, step = both(tx, claim)
    counts = {"attempts": max(0, step.attempts - 1), "polls": step.polls + 1}
    put(tx, claim, state=StepState.WAITING, reason=reason, run_at=tx.now + delay, lease_until=None, **counts)
    tx.due = True  # its place is free for another one
    if step.reason != reason:
        outbox.note(tx, request, "step_waits", {"step": claim.name, "reason": reason})


def next_due(session: Session, since: datetime) -> datetime | None:
    """The first moment after `since` when a step comes due or a holder's lease ends, if there is one.

    What was due at `since` and could not be claimed waits for a commit, and that wakes.
    """
    (moments,) = rows.asked(session, _next_moments, since=since)
    return min((moment for moment in moments if moment), default=None)


def _next_moments() -> Any:
    table = tables.Step
    since: Any = bindparam("since")
    waits = (
        (StepState.WAITING, col(table.run_at)),
        (StepState.PENDING, col(table.run_at)),
        (StepState.RUNNING, col(table.lease_until)),
    )
    return rows.side_by_side(select(func.min(at)).where(table.state == state, at > since) for state, at in waits)


def put(tx: Tx, claim: Claim, **values: Any) -> None:
    """Set `values` in a step that is still held. Raises Lost, by the end of the transaction."""
    rows.surely(tx, tables.Step, _mine(claim), Lost(claim.key), **values)


def both(tx: Tx, claim: Claim) -> tuple[Any, Any]:
    """First the request: people who act on it take the two rows in this order, so that nobody waits for each other."""
    request = progress.locked(tx, claim.request_id)
    step = next(iter(rows.locked(tx, tables.Step, **_mine(claim))), None)
    if step is None:
        raise Lost(claim.key)
    return request, step


def _mine(claim: Claim) -> dict[str, Any]:
    return {"id": claim.id, "owner": claim.owner, "epoch": claim.epoch, "state": str(StepState.RUNNING)}


def resource_of(tx: Tx, instance_id: int, name: str) -> Any | None:
    return next(iter(rows.equal(tx, tables.InstanceResource, instance_id=instance_id, step=name)), None)
