"""Writes about requests: every transition is a conditional update, with its event and deliveries beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, select, update

from bot import lifecycle
from bot.lifecycle import ApprovalRule, Approve, InstanceState, Move, RequestState, StepState
from bot.store import outbox, rows, sealed, tables
from bot.store.database import Tx


class Moved(Exception):
    """The request is not where the caller thought; nothing was changed."""

    def __init__(self, request_id: int, state: str) -> None:
        super().__init__(f"request {request_id} is {state}")
        self.request_id, self.state = request_id, state


class Busy(Exception):
    """Another request about the same instance is open."""

    def __init__(self, request_id: int) -> None:
        super().__init__(f"request {request_id} is open")
        self.request_id = request_id


class KeyReused(Exception):
    """The same idempotency key came with other answers than those of this request."""

    def __init__(self, request_id: int) -> None:
        super().__init__(f"the key made request {request_id}")
        self.request_id = request_id


@dataclass(frozen=True)
class NewStep:
    """A step as it is laid down at submission."""

    name: str
    description: str
    early: bool = False
    follows: bool = False
    action: str = "apply"
    handler: str | None = None
    resource: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class NewRequest:
    """A request as a use case lays it down; everything in it has been checked."""

    kind: str
    offering: str
    version: str
    requester_id: int
    form: Mapping[str, Any]
    rules: Sequence[ApprovalRule]
    steps: Sequence[NewStep]
    #: The channel of its card.
    place: str
    reason: str | None = None
    instance_id: int | None = None
    key: str | None = None
    body_hash: str | None = None
    #: What is kept of its secrets, by JSON pointer.
    secrets: Mapping[str, str] = field(default_factory=dict)


def submit(tx: Tx, new: NewRequest) -> tuple[int, bool]:
    """Store a request; its id, and False when the same key had made it before. Raises KeyReused, Busy."""
    known = _by_key(tx, new)
    if known is not None:
        return known, False
    if new.instance_id is not None:
        _refuse_busy(tx, new.instance_id)
    laid = _lay_down(tx, new, new.instance_id or _open_instance(tx, new))
    outbox.begin(tx, laid, new.place)
    if not new.rules:  # with rules, an approval takes it further
        row = _locked(tx, laid.id)
        _instance_after(tx, row, "approved")
        advance(tx, row)
    return laid.id, True


@dataclass(frozen=True)
class _Laid:
    """A request that has just become a row."""

    id: int
    kind: str
    instance_id: int
    requester_id: int


def _lay_down(tx: Tx, new: NewRequest, instance_id: int) -> _Laid:
    """The rows of the request and its steps; of one that waits for approval the first early step is due."""
    request_id = rows.add(
        tx,
        tables.Request,
        kind=new.kind,
        offering=new.offering,
        version=new.version,
        instance_id=instance_id,
        open_instance_id=instance_id,
        requester_id=new.requester_id,
        form=dict(new.form),
        reason=new.reason,
        rules=[rule.to_json() for rule in new.rules],
        state=RequestState.AWAITING_APPROVAL if new.rules else RequestState.APPROVED,
        idempotency_key=new.key,
        body_hash=new.body_hash,
        created_at=tx.now,
        updated_at=tx.now,
    )
    due = next((position for position, step in enumerate(new.steps) if step.early), None) if new.rules else None
    steps = [_step(request_id, position, step) for position, step in enumerate(new.steps)]
    rows.add_all(tx, tables.Step, [step | {"run_at": tx.now if step["position"] == due else None} for step in steps])
    sealed.add(tx, request_id, new.secrets)
    return _Laid(request_id, new.kind, instance_id, new.requester_id)


def approve(tx: Tx, request_id: int, person_id: int, rules: Sequence[int], revision: int, reason: str | None) -> bool:
    """Record one approval; True when it was the last that was missing. Raises Moved."""
    row = _locked(tx, request_id)
    if row.state != RequestState.AWAITING_APPROVAL or row.revision != revision:
        raise Moved(request_id, row.state)
    if _decision(tx, row, person_id) is not None:
        raise Moved(request_id, row.state)
    _decide(tx, row, person_id, "approve", rules, reason)
    given = [
        Approve(decision.person_id, decision.rules)
        for decision in tx.exec(select(tables.Decision).where(tables.Decision.request_id == request_id)).all()
        if decision.revision == row.revision and decision.verdict == "approve"
    ]
    stored = [ApprovalRule.from_json(rule) for rule in row.rules]
    if any(lifecycle.missing(stored, given)):
        outbox.record(tx, row, "approval_given", person_id)
        return False
    move(tx, row, lifecycle.APPROVE, person_id)
    advance(tx, row)
    return True


def reject(tx: Tx, request_id: int, person_id: int, rules: Sequence[int], revision: int, reason: str) -> None:
    """Record a rejection; one is enough. Raises Moved."""
    row = _locked(tx, request_id)
    if row.revision != revision or _decision(tx, row, person_id) is not None:
        raise Moved(request_id, row.state)
    move(tx, row, lifecycle.REJECT, person_id, {"reason": reason})
    _decide(tx, row, person_id, "reject", rules, reason)


def end(tx: Tx, request_id: int, how: Move, person_id: int | None, reason: str | None = None) -> None:
    """Withdraw, cancel or expire. Raises Moved."""
    row = _locked(tx, request_id)
    move(tx, row, how, person_id, {"reason": reason} if reason else None)


def edit(
    tx: Tx,
    request_id: int,
    person_id: int,
    form: Mapping[str, Any],
    rules: Sequence[ApprovalRule],
    secrets: Mapping[str, str] | None = None,
) -> int:
    """Put other answers in while nobody has decided the whole; approvals so far are void. The new revision."""
    row = _locked(tx, request_id)
    if row.state != RequestState.AWAITING_APPROVAL:
        raise Moved(request_id, row.state)
    changed = sorted(key for key in {*row.form, *form} if row.form.get(key) != form.get(key))
    row.form, row.rules = dict(form), [rule.to_json() for rule in rules]
    row.revision, row.updated_at = row.revision + 1, tx.now
    tx.add(row)
    instance = tx.get(tables.Instance, row.instance_id)
    if instance and row.kind == "create":
        instance.form, instance.updated_at = dict(form), tx.now
        tx.add(instance)
    sealed.forget(tx, request_id)
    sealed.add(tx, request_id, secrets or {})
    outbox.record(tx, row, "edited", person_id, {"fields": changed})
    return row.revision


def answer(tx: Tx, request_id: int, step: str, person_id: int, outputs: Mapping[str, Any]) -> None:
    """Somebody did what a step asked of them: the engine goes on with their outputs. Raises Moved."""
    row = _locked(tx, request_id)
    asked = _asking(tx, row, step)
    asked.outputs, asked.ask, asked.run_at, asked.reason = dict(outputs), None, tx.now, None
    tx.add(asked)
    outbox.record(tx, row, "task_done", person_id, {"step": step})


def refuse(tx: Tx, request_id: int, step: str, person_id: int, reason: str, text: str) -> None:
    """Somebody cannot do what a step asked of them: it fails, with a Retry. Raises Moved."""
    row = _locked(tx, request_id)
    asked = _asking(tx, row, step)
    asked.ask = None
    tx.add(asked)
    outbox.record(tx, row, "task_refused", person_id, {"step": step, "reason": reason})
    fail_step(tx, row, asked, text)


def retry(tx: Tx, request_id: int, person_id: int) -> str:
    """Run the failed step again, built anew; its name. Raises Moved."""
    row = _locked(tx, request_id)
    failed = tx.exec(
        select(tables.Step).where(tables.Step.request_id == request_id, tables.Step.state == StepState.FAILED)
    ).first()
    if failed is None:
        raise Moved(request_id, row.state)
    failed.state, failed.run_at, failed.reason, failed.attempts = StepState.WAITING, None, None, 0
    failed.ended_at, failed.outputs = None, None
    if failed.action == "apply":
        failed.resource = None
    tx.add(failed)
    tx.flush()
    if row.state == RequestState.FAILED:
        move(tx, row, lifecycle.RETRY, person_id, {"step": failed.name})
    else:
        outbox.record(tx, row, "step_retried", person_id, {"step": failed.name})
    advance(tx, row)
    return failed.name


def fulfil(tx: Tx, row: tables.Request, outputs: Mapping[str, Any] | None, expires_at: datetime | None) -> None:
    """The last step is done."""
    instance = tx.get(tables.Instance, row.instance_id)
    if instance and row.kind != "delete":
        instance.form, instance.outputs, instance.expires_at = dict(row.form), dict(outputs or {}), expires_at
        tx.add(instance)
    row.outputs = dict(outputs or {})
    tx.add(row)
    tx.flush()
    move(tx, row, lifecycle.FULFIL, None)


def fail_step(tx: Tx, row: tables.Request, step: tables.Step, reason: str) -> None:
    """A step failed for good, until somebody retries it. An early one stops the request only once it is approved."""
    step.state, step.reason, step.ended_at, step.run_at = StepState.FAILED, reason, tx.now, None
    step.lease_until = None
    tx.add(step)
    tx.flush()
    outbox.record(tx, row, "step_failed", None, {"step": step.name})
    advance(tx, row)


def advance(tx: Tx, row: tables.Request) -> None:
    """Make the next step runnable, as far as the request's state allows; or fail the request at its failed step."""
    if row.state in lifecycle.ENDED:
        return
    steps = tx.exec(
        select(tables.Step).where(tables.Step.request_id == row.id).order_by(col(tables.Step.position))
    ).all()
    going = row.state in (RequestState.APPROVED, RequestState.FULFILLING)
    if not steps and going:
        fulfil(tx, row, None, None)
        return
    reachable = steps if going else [step for step in steps if step.early]
    current = next((step for step in reachable if step.state != StepState.DONE), None)
    if current is None:
        return
    if current.state == StepState.FAILED and going:
        move(tx, row, lifecycle.FAIL, None, {"step": current.name})
    elif current.state == StepState.WAITING and current.run_at is None:
        if row.state == RequestState.APPROVED and not current.early:
            move(tx, row, lifecycle.START, None)
        current.run_at = tx.now
        tx.add(current)
        tx.due = True


def move(tx: Tx, row: tables.Request, how: Move, person_id: int | None, data: dict[str, Any] | None = None) -> None:
    """Make one transition, or raise Moved: the update says where the request has to be."""
    over = how.target in lifecycle.ENDED
    values: dict[str, Any] = {"state": how.target, "updated_at": tx.now}
    if over:
        values |= {"ended_at": tx.now, "open_instance_id": None}
    table = tables.Request
    sources = [str(source) for source in how.sources]
    query = update(table).where(col(table.id) == row.id, col(table.state).in_(sources)).values(**values)
    if tx.exec(query).rowcount != 1:
        raise Moved(tables.stored(row.id), row.state)
    tx.refresh(row)
    if over:
        sealed.forget(tx, tables.stored(row.id))
    if over and how.target != RequestState.FULFILLED:
        _skip_steps(tx, tables.stored(row.id), how)
    _instance_after(tx, row, how.event)
    outbox.record(tx, row, how.event, person_id, data)


def _instance_after(tx: Tx, row: tables.Request, event: str) -> None:
    state = lifecycle.INSTANCE_AFTER.get((row.kind, event))
    if state:
        table = tables.Instance
        query = update(table).where(col(table.id) == row.instance_id)
        tx.exec(query.values(state=state, updated_at=tx.now))


def _skip_steps(tx: Tx, request_id: int, how: Move) -> None:
    """What has not begun never will, and a cancelled step is told to stop.

    An early step that is at work when approvers or the requester end the request goes on, so that what it makes can be
    told the end.
    """
    table = tables.Step
    over = (StepState.DONE, StepState.FAILED)
    left = [col(table.request_id) == request_id, col(table.state).not_in(over)]
    if how is not lifecycle.CANCEL:
        begun = col(table.early) & col(table.started_at).is_not(None)
        left.append(~(begun & col(table.state).in_((StepState.RUNNING, StepState.WAITING))))
    query = update(table).where(*left)
    tx.exec(query.values(state=StepState.SKIPPED, ask=None, run_at=None, ended_at=tx.now))


def _by_key(tx: Tx, new: NewRequest) -> int | None:
    if new.key is None:
        return None
    tx.queue(f"key {new.requester_id} {new.key}")
    known = rows.equal(tx, tables.Request, requester_id=new.requester_id, idempotency_key=new.key)
    if not known:
        return None
    row = known[0]
    if row.body_hash != new.body_hash:
        raise KeyReused(row.id)
    key: int = row.id
    return key


def _open_instance(tx: Tx, new: NewRequest) -> int:
    return rows.add(
        tx,
        tables.Instance,
        offering=new.offering,
        version=new.version,
        owner_id=new.requester_id,
        state=InstanceState.PENDING,
        form=dict(new.form),
        created_at=tx.now,
        updated_at=tx.now,
    )


def _refuse_busy(tx: Tx, instance_id: int) -> None:
    tx.queue(f"instance {instance_id}")
    row = tx.exec(select(tables.Request).where(tables.Request.open_instance_id == instance_id)).first()
    if row is None:
        return
    if row.state != RequestState.FAILED:
        raise Busy(tables.stored(row.id))
    # A failed request is still open, for a retry; asking for something else gives that up.
    move(tx, row, lifecycle.CANCEL, None, {"reason": "another request about the same instance was made"})


def _step(request_id: int, position: int, new: NewStep) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "name": new.name,
        "position": position,
        "early": new.early,
        "follows": new.follows,
        "action": new.action,
        "description": new.description,
        "state": StepState.WAITING,
        "handler": new.handler,
        "resource": dict(new.resource) if new.resource is not None else None,
        "handler_state": dict(new.state or {}),
    }


def _locked(tx: Tx, request_id: int) -> tables.Request:
    # On SQLite the transaction is alone already; on PostgreSQL decisions about one request queue up here.
    return tx.exec(select(tables.Request).where(tables.Request.id == request_id).with_for_update()).one()


def _decision(tx: Tx, row: tables.Request, person_id: int) -> tables.Decision | None:
    table = tables.Decision
    query = select(table).where(table.request_id == row.id, table.person_id == person_id)
    return tx.exec(query.where(table.revision == row.revision)).first()


def _decide(
    tx: Tx, row: tables.Request, person_id: int, verdict: str, rules: Sequence[int], reason: str | None
) -> None:
    tx.add(
        tables.Decision(
            request_id=tables.stored(row.id),
            person_id=person_id,
            revision=row.revision,
            verdict=verdict,
            reason=reason,
            rules=list(rules),
            at=tx.now,
        )
    )
    tx.flush()


def _asking(tx: Tx, row: tables.Request, name: str) -> tables.Step:
    table = tables.Step
    query = select(table).where(table.request_id == row.id, table.name == name).with_for_update()
    step = tx.exec(query).first()
    if step is None or step.state != StepState.PENDING or not step.ask:
        raise Moved(tables.stored(row.id), row.state)
    return step
