"""Steps that stand still: those that took too long, and those that wait for somebody of the platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from bot.lifecycle import StepState
from bot.store import progress, tables
from bot.store.database import Tx


def fail_overdue(tx: Tx) -> int:
    """What waits for a person, or for another look, and has taken too long fails; how many there were."""
    return fail_late(tx, tables.Step.state == StepState.PENDING)


def fail_late(tx: Tx, *which: Any) -> int:
    table = tables.Step
    late = (*which, col(table.deadline_at) <= tx.now)
    looked = select(table.id, table.request_id).where(*late).order_by(col(table.request_id), col(table.id)).limit(100)
    failed = 0
    for key, request_id in tx.exec(looked).all():
        row = progress.locked(tx, request_id)
        step = tx.exec(select(table).where(table.id == key, *late).with_for_update()).first()
        if step is None:  # it ended in this moment
            continue
        waited = f" Until then: {step.reason}" if step.reason else ""
        progress.fail_step(tx, row, step, f"It took longer than its limit.{waited}")
        failed += 1
    return failed


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
