"""What happens when a timer is due, and what moves one: reminders, escalations, expiry, warnings, renewals."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlmodel import select

from bot import lifecycle
from bot.deadlines import Countdown, Deadline, Renewal
from bot.lifecycle import ApprovalRule, InstanceState, RequestState
from bot.store import outbox, progress, reads, rows, submitting, tables, timers
from bot.store.database import Tx
from bot.store.submitting import NewRequest
from bot.store.timers import Timer

#: When a wait is looked at again that cannot end just now: its request is parked, its instance is worked on.
STANDSTILL = timedelta(minutes=5)
#: An instance in one of these has an owner who lives with it.
_LIVED_WITH = (InstanceState.READY, InstanceState.CHANGING, InstanceState.FAILED)


class NotRenewed(Exception):
    """The instance is not as the caller saw it; nothing was changed."""


def decision_due(tx: Tx, timer: Timer) -> bool:
    """Remind, escalate or expire, whichever it is time for; False: somebody else did, or the wait is over."""
    row = progress.locked(tx, timer.about)
    if not timers.take(tx, timer):
        return False
    if row.state == RequestState.PARKED:
        timers.put_off(tx, timer, STANDSTILL)
    elif row.state == RequestState.AWAITING_APPROVAL:
        _next_for(tx, row, timer.countdown)
    state: str = row.state
    return state != RequestState.PARKED


def _next_for(tx: Tx, row: Any, countdown: Countdown) -> None:
    if tx.now < countdown.ends_at:
        _ask_again(tx, row, "reminded", countdown.after(tx.now), {})
    elif countdown.later:
        _escalate(tx, row, countdown)
    else:
        progress.move(tx, row, lifecycle.EXPIRE, None)


def _escalate(tx: Tx, row: Any, countdown: Countdown) -> None:
    """The rules that lack an approval are open to more people; their indices, and so the approvals, stay."""
    who = countdown.later[0].who
    record = reads.request(tx, row.id)
    lacking = record.undecided if record else ()
    rules = [ApprovalRule.from_json(stored) for stored in row.rules]
    opened = [
        (replace(rule, who=tuple(dict.fromkeys((*rule.who, *who)))) if rule in lacking else rule).to_json()
        for rule in rules
    ]
    rows.change(tx, tables.Request, {"id": row.id}, rules=opened, updated_at=tx.now)
    _ask_again(tx, row, "escalated", countdown.escalated(tx.now), {"who": list(who)})


def _ask_again(tx: Tx, row: Any, event: str, countdown: Countdown, data: dict[str, Any]) -> None:
    timers.start(tx, timers.DECISION, row.id, countdown)
    said = outbox.record(tx, row, event, None, data | {"until": countdown.ends_at.isoformat()})
    outbox.remind(tx, row, said)


def life_due(tx: Tx, timer: Timer, deletion: Callable[[Tx], NewRequest]) -> bool:
    """Warn the owner, or make the delete request; False: somebody else did, or not now.

    `deletion` lays the request down, from what this transaction sees.
    """
    tx.queue(f"instance {timer.about}")
    instance = tx.get(tables.Instance, timer.about)
    if not timers.take(tx, timer) or instance is None or instance.state not in _LIVED_WITH:
        return False
    if tx.now < timer.countdown.ends_at:
        _warn(tx, instance, timer.countdown)
    elif _is_worked_on(tx, timer.about):
        timers.put_off(tx, timer, STANDSTILL)
        return False
    else:
        submitting.submit(tx, deletion(tx))
    return True


def _warn(tx: Tx, instance: tables.Instance, countdown: Countdown) -> None:
    key = tables.stored(instance.id)
    timers.start(tx, timers.EXPIRY, key, countdown.after(tx.now))
    made_by = _made_by(tx, key)
    event = outbox.record(tx, made_by, "ending", None, {"until": countdown.ends_at.isoformat()})
    outbox.tell(tx, made_by, event, instance.owner_id, "warning")


def renew(tx: Tx, instance_id: int, person_id: int, renewal: Renewal, seen: int) -> None:
    """Extend the time of an instance that was renewed `seen` times so far. Raises NotRenewed."""
    tx.queue(f"instance {instance_id}")
    table = tables.Instance
    row = tx.exec(select(table).where(table.id == instance_id).with_for_update()).one()
    alive = row.state in (InstanceState.READY, InstanceState.CHANGING)
    if row.expires_at is None or not alive or row.renewals != seen or seen >= renewal.most:
        raise NotRenewed
    row.expires_at, row.renewals, row.updated_at = row.expires_at + renewal.by, seen + 1, tx.now
    tx.add(row)
    timers.live(tx, instance_id, row.expires_at)
    made_by = _made_by(tx, instance_id)
    event = outbox.record(tx, made_by, "renewed", person_id, {"until": row.expires_at.isoformat()})
    if person_id != row.owner_id:
        outbox.tell(tx, made_by, event, row.owner_id)


def adopt_request(tx: Tx, request_id: int, deadline: Deadline) -> None:
    """Wait for a decision that was waited for without a timer, from now on."""
    row = progress.locked(tx, request_id)
    if row.state == RequestState.AWAITING_APPROVAL and not rows.equal(tx, tables.Timer, request_id=request_id):
        timers.await_decision(tx, request_id, deadline)
        outbox.touch(tx, request_id)


def adopt_instance(tx: Tx, instance_id: int) -> None:
    """Let the time of an instance run that had no timer."""
    tx.queue(f"instance {instance_id}")
    row = tx.get(tables.Instance, instance_id)
    if row and not rows.equal(tx, tables.Timer, instance_id=instance_id):
        timers.live(tx, instance_id, row.expires_at)


def _is_worked_on(tx: Tx, instance_id: int) -> bool:
    """Whether a request about it is open that does not just wait for a Retry."""
    found = rows.equal(tx, tables.Request, open_instance_id=instance_id)
    return any(row.state != RequestState.FAILED for row in found)


def _made_by(tx: Tx, instance_id: int) -> tables.Request:
    """The request that the instance came from: its story is told on that one's card."""
    table = tables.Request
    return tx.exec(select(table).where(table.instance_id == instance_id, table.kind == "create")).one()
