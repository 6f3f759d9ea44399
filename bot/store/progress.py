"""How requests move on: transitions, and the steps that may begin after each.

Every transition is a conditional update, with its event and deliveries beside it in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select, update

from bot import lifecycle
from bot.lifecycle import InstanceState, Move, RequestState, StepState
from bot.store import outbox, rows, sealed, tables, timers
from bot.store.database import Tx


class Moved(Exception):
    """The request is not where the caller thought; nothing was changed."""

    def __init__(self, request_id: int, state: str) -> None:
        super().__init__(f"request {request_id} is {state}")
        self.request_id, self.state = request_id, state


def locked(tx: Tx, request_id: int) -> tables.Request:
    """The request's row, until the transaction ends.

    On SQLite the transaction is alone already; on PostgreSQL decisions about one request queue up here. Who only
    refers to the row (a claim that records its event) need not wait.
    """
    query = select(tables.Request).where(tables.Request.id == request_id)
    return tx.exec(query.with_for_update(key_share=True)).one()


def in_order(query: Any) -> Any:
    """Lock the steps of a query of their ids, in the one order that everybody takes who locks several."""
    return query.order_by(col(tables.Step.id)).with_for_update()


def move(tx: Tx, row: tables.Request, how: Move, person_id: int | None, data: dict[str, Any] | None = None) -> None:
    """Make one transition, or raise Moved: the update says where the request has to be."""
    over = how.target in lifecycle.ENDED
    values: dict[str, Any] = {"state": how.target, "updated_at": tx.now}
    if over:
        values |= {"ended_at": tx.now, "open_instance_id": None}
    table = tables.Request
    sources = [str(source) for source in how.sources]
    if over and how.target != RequestState.FULFILLED and row.state in sources:
        # Before the request: to end it takes its row for oneself, and a claim has its step and refers to that row.
        _skip_steps(tx, tables.stored(row.id), how)
    query = update(table).where(col(table.id) == row.id, col(table.state).in_(sources)).values(**values)
    if tx.exec(query).rowcount != 1:
        raise Moved(tables.stored(row.id), row.state)
    tx.refresh(row)
    if how is lifecycle.APPROVE or over:
        timers.stop(tx, request_id=tables.stored(row.id))
    if over:
        sealed.forget(tx, tables.stored(row.id))
    instance_after(tx, row, how.event)
    outbox.record(tx, row, how.event, person_id, data)


def instance_after(tx: Tx, row: tables.Request, event: str) -> None:
    """What the instance becomes."""
    state = lifecycle.INSTANCE_AFTER.get((row.kind, event))
    if state:
        rows.change(tx, tables.Instance, {"id": row.instance_id}, state=state, updated_at=tx.now)
    if state is InstanceState.DELETED:
        timers.stop(tx, instance_id=row.instance_id)


def advance(tx: Tx, row: tables.Request) -> None:
    """Make the steps runnable that may begin now; or fail the request at a failed one, or end one without steps."""
    steps = _steps(tx, row)
    at_work = row.state in lifecycle.AT_WORK
    if at_work and not steps:
        fulfil(tx, row, None, None)
        return
    failed = next((step for step in steps if step.state == StepState.FAILED), None)
    if at_work and failed:
        move(tx, row, lifecycle.FAIL, None, {"step": failed.name})
    names = lifecycle.runnable(steps, RequestState(row.state))
    due = [step for step in steps if step.name in names and step.run_at is None]
    if row.state == RequestState.APPROVED and not all(step.early for step in due):
        move(tx, row, lifecycle.START, None)
    for step in due:
        rows.change(tx, tables.Step, {"id": step.id}, run_at=tx.now)
        tx.due = True


def is_complete(tx: Tx, row: tables.Request) -> bool:
    """Whether all its steps are done, while it is at work."""
    return row.state in lifecycle.AT_WORK and all(step.state == StepState.DONE for step in _steps(tx, row))


def fulfil(tx: Tx, row: tables.Request, outputs: Mapping[str, Any] | None, expires_at: datetime | None) -> None:
    """The last step is done."""
    instance = tx.get(tables.Instance, row.instance_id)
    if instance and row.kind != "delete":
        instance.form, instance.version = dict(row.form), row.version
        instance.outputs, instance.expires_at = dict(outputs or {}), expires_at
        tx.add(instance)
        timers.live(tx, row.instance_id, expires_at)
    row.outputs = dict(outputs or {})
    tx.add(row)
    tx.flush()
    move(tx, row, lifecycle.FULFIL, None)


def fail_step(tx: Tx, row: tables.Request, step: tables.Step, reason: str) -> None:
    """A step failed for good, until somebody retries it. An early one stops the request only once it is approved."""
    step.state, step.reason, step.ended_at, step.run_at = StepState.FAILED, reason, tx.now, None
    step.lease_until, step.ask = None, None
    tx.add(step)
    tx.due = True  # its place is free for another one
    tx.flush()
    outbox.record(tx, row, "step_failed", None, {"step": step.name, "reason": reason})
    advance(tx, row)


def _steps(tx: Tx, row: tables.Request) -> Sequence[Any]:
    return sorted(rows.equal(tx, tables.Step, request_id=row.id), key=lambda step: step.position)


def _skip_steps(tx: Tx, request_id: int, how: Move) -> None:
    """What has not begun never will, and a cancelled step is told to stop.

    An early step that is at work when approvers or the requester end the request goes on, so that what it makes can be
    told the end. Of a request that was cancelled at work, the steps that run always are left.
    """
    table = tables.Step
    over = (StepState.DONE, StepState.FAILED)
    left = [col(table.request_id) == request_id, col(table.state).not_in(over)]
    begun = select(table.id).where(table.request_id == request_id, ~col(table.early), col(table.epoch) > 0)
    if how is not lifecycle.CANCEL:
        early = col(table.early) & (col(table.epoch) > 0)
        left.append(~(early & col(table.state).in_((StepState.RUNNING, StepState.WAITING))))
    elif tx.exec(begun.limit(1)).first() is not None:
        left.append(~col(table.always))
    tx.exec(in_order(select(table.id).where(*left))).all()
    query = update(table).where(*left)
    tx.exec(query.values(state=StepState.SKIPPED, ask=None, run_at=None, ended_at=tx.now))
