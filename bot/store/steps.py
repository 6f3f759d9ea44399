"""What the engine records of a step that it holds: what is about to be made, and how that ended.

Everything here is fenced (bot.store.claims). Who needs both locks the request before its steps, as people's writes do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import lifecycle
from bot.handler import Ask, Posting
from bot.lifecycle import PARK, RequestState, StepState
from bot.store import news, outbox, progress, queues, rows, tables
from bot.store.claims import Claim, both, put, resource_of
from bot.store.database import Tx
from bot.store.onward import Made, lay
from bot.store.progress import Standing
from bot.store.records import request_number


def wait_for(tx: Tx, claim: Claim, other: str, otherwise: str) -> None:
    """It reads what `other` leaves, so it waits for that step; it fails where that one waits for this one."""
    request = progress.locked(tx, claim.request_id)
    known = sorted(rows.equal(tx, tables.Step, request_id=request.id), key=lambda step: step.position)
    there = any(each.name == other and each.action == "apply" for each in known)
    if not there or lifecycle.would_wait_for_itself(known, claim.name, other):
        fail(tx, claim, otherwise)
        return
    after = sorted({*lifecycle.waits_for(known)[claim.name], other})
    attempts = max(0, claim.attempts - 1)
    put(tx, claim, state=StepState.WAITING, after=after, run_at=None, lease_until=None, attempts=attempts)
    progress.advance(tx, request)


def built(
    tx: Tx,
    claim: Claim,
    made: Made,
) -> Claim:
    """Store what is about to be made, before it is made: from here on the instance may consist of it.

    The claim as it is then: an update knows what it changes.
    """
    old = resource_of(tx, claim.instance_id, claim.name) if claim.kind == "update" else None
    claim = replace(
        claim,
        handler=made.handler,
        resource=made.resource,
        queue=queues.name(queues.offering_of(claim.queue), made.handler),
        follows=made.follows,
        deadline=claim.deadline or (tx.now + made.limit if made.limit else None),
        left=old.outputs if old else {},
    )
    changes = old is not None and old.deleted_at is None and claim.previous is None
    retired = old if changes and old and old.handler != made.handler else None
    if retired:
        claim = replace(claim, left={})
    elif changes and old:
        claim = replace(claim, previous=old.resource, state=old.state)
    put(
        tx,
        claim,
        handler=made.handler,
        resource=dict(made.resource),
        previous=claim.previous,
        handler_state=dict(claim.state),
        follows=claim.follows,
        queue=claim.queue,
        deadline_at=claim.deadline,
    )
    if retired:
        _retire(tx, claim, retired)
    lay(tx, claim, made.description)
    return claim


def _retire(tx: Tx, claim: Claim, row: Any) -> None:
    """Another handler makes it from now on: what the old one made is taken back once the request has done the rest."""
    steps = rows.equal(tx, tables.Step, request_id=claim.request_id)
    names = {step.name for step in steps}
    name = f"{row.step} before {request_number(claim.request_id)}"
    while name in names:
        name += " "
    rows.change(tx, tables.InstanceResource, {"id": row.id}, step=name)
    offering = queues.offering_of(claim.queue)
    rows.add(
        tx,
        tables.Step,
        request_id=claim.request_id,
        offering=offering,
        queue=queues.name(offering, row.handler),
        name=name,
        position=max(step.position for step in steps) + 1,
        action="delete",
        follows=row.follows,
        description=f"Take back: {row.description}",
        state=StepState.WAITING,
        handler=row.handler,
        resource=row.resource,
        handler_state=row.state,
    )


def save(tx: Tx, claim: Claim, state: Mapping[str, Any]) -> None:
    """Store what the handler has to know after a crash."""
    put(tx, claim, handler_state=dict(state))
    keep(tx, claim.instance_id, claim.name, state)


def keep(tx: Tx, instance_id: int, name: str, state: Mapping[str, Any]) -> None:
    """Store what a handler that follows has to know next time."""
    rows.change(tx, tables.InstanceResource, {"instance_id": instance_id, "step": name}, state=dict(state))


def say(tx: Tx, claim: Claim, text: str) -> None:
    """Progress, for the card."""
    put(tx, claim, reason=text)
    outbox.touch(tx, claim.request_id)


def done(
    tx: Tx,
    claim: Claim,
    outputs: Mapping[str, Any],
    state: Mapping[str, Any],
    posts: Sequence[Posting] = (),
    reference: str | None = None,
) -> Standing:
    """The resource is real (or gone); where its request stands. What is `due` then is for the caller to make so.

    `reference`: what the system that the resource stands in calls it, if it is to be looked at there.
    """
    request = progress.locked(tx, claim.request_id)
    over = {"run_at": None, "lease_until": None, "ended_at": tx.now, "reason": None, "ask": None}
    put(tx, claim, state=StepState.DONE, outputs=dict(outputs), handler_state=dict(state), **over)
    gone = tx.now if claim.action == "delete" else None
    here = {"instance_id": claim.instance_id, "step": claim.name}
    looks = news.looks(tx, claim.instance_id, claim.name, None if gone else reference)
    rows.change(tx, tables.InstanceResource, here, state=dict(state), outputs=dict(outputs), deleted_at=gone, **looks)
    _post(tx, claim, posts)
    outbox.note(tx, request, "step_done", {"step": claim.name})
    _hurry(tx, claim)
    return progress.moved_on(tx, request)


def _hurry(tx: Tx, claim: Claim) -> None:
    """What its resource is to hear of may have waited for this answer."""
    if claim.follows:
        outbox.hurry(tx, f"follow:{claim.instance_id}/{claim.name}")


def pending(
    tx: Tx,
    claim: Claim,
    reason: str,
    state: Mapping[str, Any],
    *,
    delay: timedelta | None,
    ask: Ask | None = None,
    posts: Sequence[Posting] = (),
    reference: str | None = None,
) -> None:
    """Not ready: asked again after `delay`, or when a person answers. `reference`: as in `done`."""
    request, step = both(tx, claim)
    is_new = step.reason != reason or step.ask is None
    put(
        tx,
        claim,
        state=StepState.PENDING,
        reason=reason,
        handler_state=dict(state),
        lease_until=None,
        run_at=tx.now + delay if delay is not None else None,
        polls=rows.ONE_MORE,
        ask={"group": ask.group, "instructions": ask.instructions, "outputs": ask.outputs} if ask else None,
    )
    tx.due = True  # its place is free for another one
    here = {"instance_id": claim.instance_id, "step": claim.name}
    looks = news.looks(tx, claim.instance_id, claim.name, reference)
    rows.change(tx, tables.InstanceResource, here, state=dict(state), **looks)
    _post(tx, claim, posts)
    if ask and is_new:
        outbox.record(tx, request, "task_opened", None, {"step": claim.name})
    elif is_new:
        outbox.note(tx, request, "step_waits", {"step": claim.name, "reason": reason})
    _hurry(tx, claim)
    _clean_up(tx, request)


def again(tx: Tx, claim: Claim, reason: str, delay: timedelta) -> None:
    """It could not be done now; tried again after `delay`."""
    request, step = both(tx, claim)
    put(tx, claim, state=StepState.WAITING, reason=reason, run_at=tx.now + delay, lease_until=None)
    tx.due = True  # its place is free for another one
    if step.reason != reason:
        outbox.note(tx, request, "step_waits", {"step": claim.name, "reason": reason})
    _clean_up(tx, request)


def _clean_up(tx: Tx, request: Any) -> None:
    """What runs always after a failure has waited for this step to come to rest, if another one failed meanwhile."""
    if request.state == RequestState.FAILED:
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
    put(tx, claim, state=StepState.PARKED, reason=reason, run_at=None, lease_until=None)
    tx.due = True  # its place is free for another one
    outbox.alarm(tx, f"parked {claim.id}/{claim.epoch}", _parked(claim, reason), claim.request_id)
    if request.state == PARK.target:
        outbox.record(tx, request, "step_parked", None, {"step": claim.name, "reason": reason})
        return
    why = {"step": claim.name, "reason": reason}
    progress.move(tx, request, PARK, None, why, parked_from=request.state)


def _parked(claim: Claim, reason: str) -> str:
    number = request_number(claim.request_id)
    return (
        f"{claim.key} is parked: {reason}\nNothing happens to {number} until somebody of the platform looks at it: "
        f"`frontdesk show {number}` has its story; `frontdesk retry {number}` lets it go on."
    )


def _post(tx: Tx, claim: Claim, posts: Sequence[Posting]) -> None:
    for posting in posts:
        outbox.post(tx, claim.request_id, posting.channel, posting.text)
