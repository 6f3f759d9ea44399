"""How requests move on: transitions, and the steps that may begin after each.

Every transition is a conditional update, with its event and deliveries beside it in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select, update

from bot import lifecycle
from bot.lifecycle import InstanceState, Move, RequestState, StepState
from bot.store import outbox, rows, sealed, tables, timers
from bot.store.database import Tx
from bot.store.outbox import Subject


class Moved(Exception):
    """The request is not where the caller thought; nothing was changed."""

    def __init__(self, request_id: int, state: str) -> None:
        super().__init__(f"request {request_id} is {state}")
        self.request_id, self.state = request_id, state


def locked(tx: Tx, request_id: int) -> Any:
    """The request's row, until the transaction ends; what changes it makes another one.

    On SQLite the transaction is alone already; on PostgreSQL decisions about one request queue up here. Who only
    refers to the row (a claim that records its event) need not wait.
    """
    (row,) = rows.locked(tx, tables.Request, id=request_id)
    return row


def in_order(query: Any) -> Any:
    """Lock the steps of a query of their ids, in the one order that everybody takes who locks several."""
    return query.order_by(col(tables.Step.id)).with_for_update()


def move(
    tx: Tx,
    row: Any,
    how: Move,
    person_id: int | None,
    data: dict[str, Any] | None = None,
    lived: Mapping[str, Any] | None = None,
    **values: Any,
) -> Any:
    """Make one transition of a row that is locked; the row as it is then. Raises Moved.

    `values` are set in it, and those of `lived` in its instance.
    """
    if row.state not in how.sources:
        raise Moved(row.id, row.state)
    over, decided = how.target in lifecycle.ENDED, row.state in lifecycle.AT_WORK
    values |= {"state": str(how.target), "updated_at": tx.now}
    if over:
        values |= {"ended_at": tx.now, "open_instance_id": None}
    if over and how.target != RequestState.FULFILLED:
        # Before the request: to end it takes its row for oneself, and a claim has its step and refers to that row.
        _skip_steps(tx, row.id, how)
    rows.surely(tx, tables.Request, {"id": row.id, "state": row.state}, Moved(row.id, row.state), **values)
    row = row._replace(**values)
    if how is lifecycle.APPROVE or (over and not decided):
        timers.stop(tx, request_id=row.id)
    if over:
        sealed.forget(tx, row.id)
    instance_after(tx, row, how.event, lived)
    outbox.record(tx, row, how.event, person_id, data)
    return row


def instance_after(tx: Tx, row: Subject, event: str, lived: Mapping[str, Any] | None = None) -> None:
    """What the instance becomes, and `lived`: what else is set in it then."""
    state = lifecycle.INSTANCE_AFTER.get((row.kind, event))
    if state:
        rows.change(tx, tables.Instance, {"id": row.instance_id}, state=str(state), updated_at=tx.now, **(lived or {}))
    if state is InstanceState.DELETED:
        timers.stop(tx, instance_id=row.instance_id)


@dataclass(frozen=True)
class Standing:
    """A request and its steps, as this transaction leaves them."""

    request: Any
    steps: Sequence[Any]
    #: Those that may begin now.
    due: Sequence[Any] = ()

    @property
    def complete(self) -> bool:
        """Whether all its steps are done, while it is at work."""
        return self.request.state in lifecycle.AT_WORK and all(step.state == StepState.DONE for step in self.steps)


def advance(tx: Tx, row: Any) -> None:
    """Make the steps runnable that may begin now; or fail the request at a failed one, or end one without steps."""
    make_due(tx, moved_on(tx, row).due)


def moved_on(tx: Tx, row: Any) -> Standing:
    """Fail the request at a failed step, end one without steps, begin its work; which steps may begin then."""
    steps = _steps(tx, row)
    at_work = row.state in lifecycle.AT_WORK
    if at_work and not steps:
        return Standing(fulfil(tx, row, None, None), steps)
    failed = next((step for step in steps if step.state == StepState.FAILED), None)
    if at_work and failed:
        row = move(tx, row, lifecycle.FAIL, None, {"step": failed.name})
    names = lifecycle.runnable(steps, RequestState(row.state))
    due = [step for step in steps if step.name in names and step.run_at is None]
    if row.state == RequestState.APPROVED and not all(step.early for step in due):
        row = move(tx, row, lifecycle.START, None)
    return Standing(row, steps, due)


def make_due(tx: Tx, steps: Iterable[Any]) -> None:
    """Let whoever is free run these."""
    for step in steps:
        rows.change(tx, tables.Step, {"id": step.id}, run_at=tx.now)
        tx.due = True


def fulfil(tx: Tx, row: Any, outputs: Mapping[str, Any] | None, expires_at: datetime | None) -> Any:
    """The last step is done; the request's row as it is then."""
    kept = dict(outputs or {})
    if row.kind == "delete":
        return move(tx, row, lifecycle.FULFIL, None, outputs=kept)
    if row.kind == "update" or expires_at:
        timers.live(tx, row.instance_id, expires_at)
    lived = {"form": row.form, "version": row.version, "outputs": kept, "expires_at": expires_at}
    return move(tx, row, lifecycle.FULFIL, None, lived=lived, outputs=kept)


def fail_step(tx: Tx, row: Any, step: Any, reason: str) -> None:
    """A step failed for good, until somebody retries it. An early one stops the request only once it is approved."""
    over = {"ended_at": tx.now, "run_at": None, "lease_until": None, "ask": None}
    rows.change(tx, tables.Step, {"id": step.id}, state=StepState.FAILED, reason=reason, **over)
    tx.due = True  # its place is free for another one
    outbox.record(tx, row, "step_failed", None, {"step": step.name, "reason": reason})
    advance(tx, row)


def _steps(tx: Tx, row: Any) -> Sequence[Any]:
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
