"""What people have entered and not yet submitted: one row for each person and form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.store import rows, tables
from bot.store.database import Session, Tx


@dataclass(frozen=True)
class DraftRecord:
    """`answers` is the door's own notation; `version` the one of the form that they were entered in."""

    version: str
    answers: Mapping[str, Any]
    updated_at: datetime


def find(session: Session, person_id: int, about: str) -> DraftRecord | None:
    """What this person has entered in the form `about` (an offering, a request, or a step of one)."""
    found = rows.equal(session, tables.Draft, person_id=person_id, offering=about)
    row = max(found, key=lambda each: each.id, default=None)
    return DraftRecord(row.version, row.answers, row.updated_at) if row else None


def change(
    tx: Tx, person_id: int, about: str, version: str, edit: Callable[[DraftRecord | None], Mapping[str, Any]]
) -> DraftRecord:
    """Read, edit and write in one transaction, so that of two clicks none overwrites the other's answers."""
    row = tx.exec(_mine(person_id, about).with_for_update()).first()
    found = DraftRecord(row.version, row.answers, row.updated_at) if row else None
    row = row or tables.Draft(person_id=person_id, offering=about, version=version, answers={}, updated_at=tx.now)
    row.answers, row.version, row.updated_at = dict(edit(found)), version, tx.now
    tx.add(row)
    return DraftRecord(row.version, row.answers, row.updated_at)


def drop(tx: Tx, person_id: int, about: str) -> None:
    """It was submitted, or they start over; about nothing there is none."""
    drop_all(tx, [(person_id, about)])


def drop_all(tx: Tx, drafts: Iterable[tuple[int, str]]) -> None:
    """The same for each person and form."""
    rows.remove_any(tx, tables.Draft, [{"person_id": person, "offering": about} for person, about in drafts if about])


def _mine(person_id: int, about: str) -> SelectOfScalar[tables.Draft]:
    this = tables.Draft
    mine = (col(this.person_id) == person_id, col(this.offering) == about)
    return select(this).where(*mine).order_by(col(this.id).desc()).limit(1)
