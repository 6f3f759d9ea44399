"""Writes of the engine: claim a due step, keep it, and record how it ended.

Every write after the claim is fenced by `owner`, `epoch` and the running state: who lost the lease changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from bot import lifecycle
from bot.handler import Ask, Posting
from bot.lifecycle import PARK, StepState
from bot.store import outbox, progress, queues, tables
from bot.store.database import Tx
from bot.store.queues import Limits
from bot.store.records import instance_number, request_number

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
    return _claim(tx, step, request, owner)


def _claim(tx: Tx, step: tables.Step, request: tables.Request, owner: str) -> Claim:
    made = _resource(tx, request.instance_id, step.name)
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
        polls=step.polls,
        reruns=step.reruns,
        since=step.started_at or tx.now,
        deadline=step.deadline_at,
    )


def renew(tx: Tx, owner: str, ids: Sequence[int], lease: timedelta) -> set[int]:
    """Keep the steps that `owner` still holds; the ids of those. What has taken too long fails."""
    table = tables.Step
    mine = (col(table.owner) == owner, col(table.state) == StepState.RUNNING, col(table.id).in_(ids))
    _fail_overdue(tx, *mine)
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
    step = _held(tx, claim)
    step.state, step.run_at, step.lease_until = StepState.WAITING, tx.now, None
    step.attempts = max(0, step.attempts - 1)
    tx.add(step)
    tx.due = True


def leave(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """This process does not know it, another one may: it is offered again after `delay`, as if nothing had been."""
    request, step = _both(tx, claim)
    news = step.reason != reason
    step.state, step.reason, step.run_at, step.lease_until = StepState.WAITING, reason, tx.now + delay, None
    step.attempts, step.polls = max(0, step.attempts - 1), step.polls + 1
    tx.add(step)
    if news:
        outbox.record(tx, request, "step_waits", None, {"step": claim.name, "reason": reason})


def wait_for(tx: Tx, claim: Claim, other: str, otherwise: str) -> None:
    """It reads what `other` leaves, so it waits for that step; it fails where that one waits for this one."""
    request = progress.locked(tx, claim.request_id)
    steps = tx.exec(select(tables.Step).where(tables.Step.request_id == request.id).order_by(col(tables.Step.position)))
    known = steps.all()
    there = any(each.name == other and each.action == "apply" for each in known)
    if not there or lifecycle.would_wait_for_itself(known, claim.name, other):
        fail(tx, claim, otherwise)
        return
    step = _held(tx, claim)
    step.after = sorted({*lifecycle.waits_for(known)[claim.name], other})
    step.state, step.run_at, step.lease_until = StepState.WAITING, None, None
    step.attempts = max(0, step.attempts - 1)
    tx.add(step)
    tx.flush()
    progress.advance(tx, request)


def built(
    tx: Tx,
    claim: Claim,
    handler: str,
    resource: Mapping[str, Any],
    *,
    description: str,
    follows: bool,
    limit: timedelta | None = None,
) -> Claim:
    """Store what is about to be made, before it is made: from here on the instance may consist of it.

    The claim as it is then: an update knows what it changes.
    """
    step = _held(tx, claim)
    row = _resource(tx, claim.instance_id, claim.name)
    if row is not None and row.deleted_at is None and claim.kind == "update" and step.previous is None:
        if row.handler == handler:
            step.previous, step.handler_state = row.resource, row.state
        else:
            _retire(tx, step, row)
            row = None
    step.handler, step.resource, step.follows = handler, dict(resource), follows
    step.queue = queues.name(queues.offering_of(step.queue), handler)
    step.deadline_at = step.deadline_at or (tx.now + limit if limit else None)
    tx.add(step)
    if row is None:
        row = tables.InstanceResource(
            instance_id=claim.instance_id,
            step=claim.name,
            position=step.position,
            handler=handler,
            description=description,
            resource={},
            state={},
            outputs={},
        )
    row.handler, row.resource, row.follows, row.deleted_at = handler, dict(resource), follows, None
    row.position, row.after = step.position, step.after
    tx.add(row)
    return replace(
        claim,
        handler=handler,
        resource=resource,
        previous=step.previous,
        left=row.outputs,
        state=step.handler_state,
        deadline=step.deadline_at,
    )


def _retire(tx: Tx, step: tables.Step, row: tables.InstanceResource) -> None:
    """Another handler makes it from now on: what the old one made is taken back once the request has done the rest."""
    table = tables.Step
    names = set(tx.exec(select(table.name).where(table.request_id == step.request_id)).all())
    name = f"{row.step} before {request_number(step.request_id)}"
    while name in names:
        name += " "
    row.step = name
    tx.add(row)
    last = tx.exec(
        select(table.position).where(table.request_id == step.request_id).order_by(col(table.position).desc())
    )
    tx.add(
        tables.Step(
            request_id=step.request_id,
            offering=step.offering,
            queue=queues.name(queues.offering_of(step.queue), row.handler),
            name=name,
            position=(last.first() or 0) + 1,
            action="delete",
            follows=row.follows,
            description=f"Take back: {row.description}",
            state=StepState.WAITING,
            handler=row.handler,
            resource=row.resource,
            handler_state=row.state,
        )
    )
    tx.flush()


def save(tx: Tx, claim: Claim, state: Mapping[str, Any]) -> None:
    """Store what the handler has to know after a crash."""
    step = _held(tx, claim)
    step.handler_state = dict(state)
    tx.add(step)
    keep(tx, claim.instance_id, claim.name, state)


def keep(tx: Tx, instance_id: int, name: str, state: Mapping[str, Any]) -> None:
    """Store what a handler that follows has to know next time."""
    row = _resource(tx, instance_id, name)
    if row:
        row.state = dict(state)
        tx.add(row)


def say(tx: Tx, claim: Claim, text: str) -> None:
    """Progress, for the card."""
    step = _held(tx, claim)
    step.reason = text
    tx.add(step)
    outbox.touch(tx, claim.request_id)


def done(
    tx: Tx, claim: Claim, outputs: Mapping[str, Any], state: Mapping[str, Any], posts: Sequence[Posting] = ()
) -> tables.Request:
    """The resource is real (or gone); its request, for the next step or the end."""
    request, step = _both(tx, claim)
    step.state, step.outputs, step.handler_state = StepState.DONE, dict(outputs), dict(state)
    step.reason, step.ask, step.run_at, step.lease_until, step.ended_at = None, None, None, None, tx.now
    tx.add(step)
    row = _resource(tx, claim.instance_id, claim.name)
    if row:
        row.state, row.outputs = dict(state), dict(outputs)
        row.deleted_at = tx.now if claim.action == "delete" else None
        tx.add(row)
    _post(tx, claim, posts)
    outbox.record(tx, request, "step_done", None, {"step": claim.name})
    outbox.hurry(tx, f"follow:{claim.instance_id}/{claim.name}")
    progress.advance(tx, request)
    return request


def fulfil(tx: Tx, claim: Claim, outputs: Mapping[str, Any], expires_at: datetime | None) -> None:
    """The request that this step was the last of is fulfilled."""
    progress.fulfil(tx, progress.locked(tx, claim.request_id), outputs, expires_at)


def pending(
    tx: Tx,
    claim: Claim,
    reason: str,
    state: Mapping[str, Any],
    *,
    delay: timedelta | None,
    ask: Ask | None = None,
    posts: Sequence[Posting] = (),
) -> None:
    """Not ready: asked again after `delay`, or when a person answers."""
    request, step = _both(tx, claim)
    news = step.reason != reason or step.ask is None
    step.state, step.reason, step.handler_state, step.lease_until = StepState.PENDING, reason, dict(state), None
    step.run_at = tx.now + delay if delay is not None else None
    step.polls += 1
    tx.due = True  # its place is free for another one
    step.ask = {"group": ask.group, "instructions": ask.instructions, "outputs": ask.outputs} if ask else None
    tx.add(step)
    keep(tx, claim.instance_id, claim.name, state)
    _post(tx, claim, posts)
    if ask and news:
        outbox.record(tx, request, "task_opened", None, {"step": claim.name})
    elif news:
        outbox.record(tx, request, "step_waits", None, {"step": claim.name, "reason": reason})
    outbox.hurry(tx, f"follow:{claim.instance_id}/{claim.name}")


def again(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """It could not be done now; tried again after `delay`."""
    request, step = _both(tx, claim)
    news = step.reason != reason
    step.state, step.reason, step.run_at, step.lease_until = StepState.WAITING, reason, tx.now + delay, None
    tx.due = True  # its place is free for another one
    tx.add(step)
    if news:
        outbox.record(tx, request, "step_waits", None, {"step": claim.name, "reason": reason})


def fail(tx: Tx, claim: Claim, reason: str) -> None:
    """It failed for good, until somebody retries it."""
    progress.fail_step(tx, *_both(tx, claim), reason)


def fail_overdue(tx: Tx) -> int:
    """What waits for a person, or for another look, and has taken too long fails; how many there were."""
    return _fail_overdue(tx, tables.Step.state == StepState.PENDING)


def _fail_overdue(tx: Tx, *which: Any) -> int:
    table = tables.Step
    late = (*which, col(table.deadline_at) <= tx.now)
    looked = select(table.id, table.request_id).where(*late).order_by(col(table.request_id), col(table.id)).limit(100)
    failed = 0
    for key, request_id in tx.exec(looked).all():
        row = progress.locked(tx, request_id)
        step = tx.exec(select(table).where(table.id == key, *late).with_for_update()).first()
        if step is None:  # it ended in this moment
            continue
        waited = f" It waited for: {step.reason}" if step.reason else ""
        progress.fail_step(tx, row, step, f"It took longer than its limit.{waited}")
        failed += 1
    return failed


def park(tx: Tx, claim: Claim, reason: str) -> None:
    """It needs a person of the platform: the step and its request stand still, visibly."""
    request, step = _both(tx, claim)
    if request.state not in {*PARK.sources, PARK.target}:  # an `always` step after the end: nobody waits for it
        progress.fail_step(tx, request, step, reason)
        return
    step.state, step.reason, step.run_at, step.lease_until = StepState.PARKED, reason, None, None
    tx.add(step)
    outbox.alarm(tx, f"parked {claim.id}/{claim.epoch}", _parked(claim, reason), claim.request_id)
    if request.state == PARK.target:
        outbox.record(tx, request, "step_parked", None, {"step": claim.name, "reason": reason})
        return
    request.parked_from = request.state
    tx.add(request)
    tx.flush()
    progress.move(tx, request, PARK, None, {"step": claim.name, "reason": reason})


@dataclass(frozen=True)
class ParkedStep:
    """A step that nobody could run."""

    request_id: int
    offering: str
    version: str
    name: str
    handler: str | None
    crashes: int


def parked(session: Session) -> list[ParkedStep]:
    """All steps that stand still and need a person of the platform, or code that knows them."""
    table, request = tables.Step, tables.Request
    query = select(table, request).join(request, col(request.id) == table.request_id)
    found: Iterable[tuple[tables.Step, tables.Request]] = session.exec(query.where(table.state == StepState.PARKED))
    return [
        ParkedStep(step.request_id, row.offering, row.version, step.name, step.handler, step.crashes)
        for step, row in found
    ]


def _crashing(step: tables.Step) -> str:
    return (
        f"{request_number(step.request_id)}/{step.name}: its worker stopped {step.crashes} times while it ran; another "
        f"one has taken it over. The last was {step.owner}: its log says why. If it goes on, the step is parked."
    )


def _parked(claim: Claim, reason: str) -> str:
    number = request_number(claim.request_id)
    return (
        f"{claim.key} is parked: {reason}\nNothing happens to {number} until somebody of the platform looks at it: "
        f"`frontdesk show {number}` has its story; `frontdesk retry {number}` lets it go on."
    )


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


def _held(tx: Tx, claim: Claim) -> tables.Step:
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


def _both(tx: Tx, claim: Claim) -> tuple[tables.Request, tables.Step]:
    """First the request: people who act on it take the two rows in this order, so that nobody waits for each other."""
    request = progress.locked(tx, claim.request_id)
    return request, _held(tx, claim)


def _resource(tx: Tx, instance_id: int, name: str) -> tables.InstanceResource | None:
    table = tables.InstanceResource
    return tx.exec(select(table).where(table.instance_id == instance_id, table.step == name)).first()


def _post(tx: Tx, claim: Claim, posts: Sequence[Posting]) -> None:
    for posting in posts:
        outbox.post(tx, claim.request_id, posting.channel, posting.text)
