"""What the engine records of a step that it holds: what is about to be made, and how that ended.

Everything here is fenced (bot.store.claims). Who needs both locks the request before its steps, as people's writes do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from bot import lifecycle
from bot.handler import Ask, Posting
from bot.lifecycle import PARK, RequestState, StepState
from bot.store import outbox, progress, queues, tables
from bot.store.claims import Claim, both, held, resource_of
from bot.store.database import Tx
from bot.store.records import request_number


def wait_for(tx: Tx, claim: Claim, other: str, otherwise: str) -> None:
    """It reads what `other` leaves, so it waits for that step; it fails where that one waits for this one."""
    request = progress.locked(tx, claim.request_id)
    steps = tx.exec(select(tables.Step).where(tables.Step.request_id == request.id).order_by(col(tables.Step.position)))
    known = steps.all()
    there = any(each.name == other and each.action == "apply" for each in known)
    if not there or lifecycle.would_wait_for_itself(known, claim.name, other):
        fail(tx, claim, otherwise)
        return
    step = held(tx, claim)
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
    step = held(tx, claim)
    row = resource_of(tx, claim.instance_id, claim.name)
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
    step = held(tx, claim)
    step.handler_state = dict(state)
    tx.add(step)
    keep(tx, claim.instance_id, claim.name, state)


def keep(tx: Tx, instance_id: int, name: str, state: Mapping[str, Any]) -> None:
    """Store what a handler that follows has to know next time."""
    row = resource_of(tx, instance_id, name)
    if row:
        row.state = dict(state)
        tx.add(row)


def say(tx: Tx, claim: Claim, text: str) -> None:
    """Progress, for the card."""
    step = held(tx, claim)
    step.reason = text
    tx.add(step)
    outbox.touch(tx, claim.request_id)


def done(
    tx: Tx, claim: Claim, outputs: Mapping[str, Any], state: Mapping[str, Any], posts: Sequence[Posting] = ()
) -> tables.Request:
    """The resource is real (or gone); its request, for the next step or the end."""
    request, step = both(tx, claim)
    step.state, step.outputs, step.handler_state = StepState.DONE, dict(outputs), dict(state)
    step.reason, step.ask, step.run_at, step.lease_until, step.ended_at = None, None, None, None, tx.now
    tx.due = True  # its place is free for another one
    tx.add(step)
    row = resource_of(tx, claim.instance_id, claim.name)
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
    request, step = both(tx, claim)
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
    _clean_up(tx, request)


def again(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """It could not be done now; tried again after `delay`."""
    request, step = both(tx, claim)
    news = step.reason != reason
    step.state, step.reason, step.run_at, step.lease_until = StepState.WAITING, reason, tx.now + delay, None
    tx.due = True  # its place is free for another one
    tx.add(step)
    if news:
        outbox.record(tx, request, "step_waits", None, {"step": claim.name, "reason": reason})
    _clean_up(tx, request)


def _clean_up(tx: Tx, request: tables.Request) -> None:
    """What runs always after a failure has waited for this step to come to rest, if another one failed meanwhile."""
    if request.state == RequestState.FAILED:
        tx.flush()
        progress.advance(tx, request)


def fail(tx: Tx, claim: Claim, reason: str) -> None:
    """It failed for good, until somebody retries it."""
    progress.fail_step(tx, *both(tx, claim), reason)


def park(tx: Tx, claim: Claim, reason: str) -> None:
    """It needs a person of the platform: the step and its request stand still, visibly."""
    request, step = both(tx, claim)
    if request.state not in {*PARK.sources, PARK.target}:  # an `always` step after the end: nobody waits for it
        progress.fail_step(tx, request, step, reason)
        return
    step.state, step.reason, step.run_at, step.lease_until = StepState.PARKED, reason, None, None
    tx.due = True  # its place is free for another one
    tx.add(step)
    outbox.alarm(tx, f"parked {claim.id}/{claim.epoch}", _parked(claim, reason), claim.request_id)
    if request.state == PARK.target:
        outbox.record(tx, request, "step_parked", None, {"step": claim.name, "reason": reason})
        return
    request.parked_from = request.state
    tx.add(request)
    tx.flush()
    progress.move(tx, request, PARK, None, {"step": claim.name, "reason": reason})


def _parked(claim: Claim, reason: str) -> str:
    number = request_number(claim.request_id)
    return (
        f"{claim.key} is parked: {reason}\nNothing happens to {number} until somebody of the platform looks at it: "
        f"`frontdesk show {number}` has its story; `frontdesk retry {number}` lets it go on."
    )


def _post(tx: Tx, claim: Claim, posts: Sequence[Posting]) -> None:
    for posting in posts:
        outbox.post(tx, claim.request_id, posting.channel, posting.text)
