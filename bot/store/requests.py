"""Writes of people: decide, edit, answer, retry, end. Each locks its request and moves it on (bot.store.progress)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from bot import lifecycle
from bot.deadlines import Deadline
from bot.lifecycle import ApprovalRule, Approve, Move, RequestState, StepState
from bot.store import outbox, rows, sealed, tables, timers
from bot.store.database import Tx
from bot.store.progress import Moved, advance, fail_step, locked, move


def approve(tx: Tx, request_id: int, person_id: int, rules: Sequence[int], revision: int, reason: str | None) -> bool:
    """Record one approval; True when it was the last that was missing. Raises Moved."""
    row = locked(tx, request_id)
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
    advance(tx, move(tx, row, lifecycle.APPROVE, person_id))
    return True


def reject(tx: Tx, request_id: int, person_id: int, rules: Sequence[int], revision: int, reason: str) -> None:
    """Record a rejection; one is enough. Raises Moved."""
    row = locked(tx, request_id)
    if row.revision != revision or _decision(tx, row, person_id) is not None:
        raise Moved(request_id, row.state)
    move(tx, row, lifecycle.REJECT, person_id, {"reason": reason})
    _decide(tx, row, person_id, "reject", rules, reason)


def end(tx: Tx, request_id: int, how: Move, person_id: int | None, reason: str | None = None) -> None:
    """Withdraw, cancel or expire. Raises Moved."""
    row = locked(tx, request_id)
    advance(tx, move(tx, row, how, person_id, {"reason": reason} if reason else None))


def edit(
    tx: Tx,
    request_id: int,
    person_id: int,
    form: Mapping[str, Any],
    rules: Sequence[ApprovalRule],
    secrets: Mapping[str, str] | None = None,
    deadline: Deadline | None = None,
) -> int:
    """Put other answers in while nobody has decided the whole; approvals so far are void, and its time begins anew.

    The new revision. The same answers again change nothing. Raises Moved.
    """
    row = locked(tx, request_id)
    if row.state != RequestState.AWAITING_APPROVAL:
        raise Moved(request_id, row.state)
    laid = [rule.to_json() for rule in rules]
    changed = {key for key in {*row.form, *form} if row.form.get(key) != form.get(key)}
    changed |= {pointer.split("/")[1] for pointer in secrets or {}}
    if not changed and row.rules == laid:  # sent again, because the first answer was lost
        now: int = row.revision
        return now
    revision: int = row.revision + 1
    rows.change(tx, tables.Request, {"id": row.id}, form=dict(form), rules=laid, revision=revision, updated_at=tx.now)
    if row.kind == "create":
        rows.change(tx, tables.Instance, {"id": row.instance_id}, form=dict(form), updated_at=tx.now)
    sealed.forget(tx, request_id)
    sealed.add(tx, request_id, secrets or {})
    timers.await_decision(tx, request_id, deadline)
    outbox.record(tx, row, "edited", person_id, {"fields": sorted(changed)})
    return revision


def answer(tx: Tx, request_id: int, step: str, person_id: int, outputs: Mapping[str, Any]) -> None:
    """Somebody did what a step asked of them: the engine goes on with their outputs. Raises Moved."""
    row = locked(tx, request_id)
    asked = _asking(tx, row, step)
    asked.outputs, asked.ask, asked.run_at, asked.reason = dict(outputs), None, tx.now, None
    tx.due = True
    tx.add(asked)
    outbox.record(tx, row, "task_done", person_id, {"step": step})


def refuse(tx: Tx, request_id: int, step: str, person_id: int, reason: str, text: str) -> None:
    """Somebody cannot do what a step asked of them: it fails, with a Retry. Raises Moved."""
    row = locked(tx, request_id)
    asked = _asking(tx, row, step)
    asked.ask = None
    tx.add(asked)
    outbox.record(tx, row, "task_refused", person_id, {"step": step, "reason": reason})
    fail_step(tx, row, asked, text)


def retry(tx: Tx, request_id: int, person_id: int | None) -> list[str]:
    """Run what failed or was parked again, built anew; the names of those steps. Raises Moved."""
    row = locked(tx, request_id)
    table = tables.Step
    query = select(table).where(table.request_id == request_id).order_by(col(table.position))
    steps = tx.exec(query).all()
    stopped = [step for step in steps if step.state in (StepState.FAILED, StepState.PARKED)]
    if not stopped or row.state in lifecycle.ENDED:
        raise Moved(request_id, row.state)
    for step in stopped:
        _begin_anew(tx, step)
    if row.state == RequestState.FAILED:
        for step in steps:
            if step.always and step.state == StepState.DONE:  # its outcome is another one now
                step.reruns += 1
                _begin_anew(tx, step)
    tx.flush()
    names = [step.name for step in stopped]
    if row.state == RequestState.FAILED:
        row = move(tx, row, lifecycle.RETRY, person_id, {"step": names[0]})
    elif row.state == RequestState.PARKED:
        resumed = lifecycle.resume(row.parked_from or RequestState.FULFILLING)
        row = move(tx, row, resumed, person_id, {"step": names[0]})
    else:
        outbox.record(tx, row, "step_retried", person_id, {"step": names[0]})
    advance(tx, row)
    return names


def _begin_anew(tx: Tx, step: tables.Step) -> None:
    step.state, step.run_at, step.reason, step.attempts = StepState.WAITING, None, None, 0
    step.crashes, step.polls, step.outputs = 0, 0, None
    step.started_at, step.deadline_at, step.ended_at = None, None, None
    if step.action == "apply":
        step.resource = None
    tx.add(step)


def _decision(tx: Tx, row: Any, person_id: int) -> tables.Decision | None:
    table = tables.Decision
    query = select(table).where(table.request_id == row.id, table.person_id == person_id)
    return tx.exec(query.where(table.revision == row.revision)).first()


def _decide(tx: Tx, row: Any, person_id: int, verdict: str, rules: Sequence[int], reason: str | None) -> None:
    tx.add(
        tables.Decision(
            request_id=row.id,
            person_id=person_id,
            revision=row.revision,
            verdict=verdict,
            reason=reason,
            rules=list(rules),
            offering=row.offering,
            at=tx.now,
        )
    )
    tx.flush()


def _asking(tx: Tx, row: Any, name: str) -> tables.Step:
    table = tables.Step
    query = select(table).where(table.request_id == row.id, table.name == name).with_for_update()
    step = tx.exec(query).first()
    if step is None or step.state != StepState.PENDING or not step.ask:
        raise Moved(row.id, row.state)
    return step
