"""Files that are answers: those that were uploaded here with what is in them, those in Slack by their ids."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, cast
from sqlmodel import col, delete, select, update

from bot.store import tables
from bot.store.database import Session, Tx

#: How long a file that was uploaded here waits to become an answer, and how many are looked at together.
WAITS, AT_ONCE = timedelta(days=1), 100


@dataclass(frozen=True)
class FileRecord:
    """One file. `size` is in bytes, `type` a media type; `content` is None for one that is elsewhere."""

    id: str
    person_id: int
    name: str
    size: int
    type: str
    content: bytes | None = field(default=None, repr=False)

    def as_answer(self) -> dict[str, str | int]:
        """As a form holds it."""
        return {"id": self.id, "name": self.name, "size": self.size, "type": self.type}


def add(tx: Tx, file: FileRecord) -> None:
    """Remember it; of two with the same id the first one stands."""
    if tx.get(tables.File, file.id) is None:
        tx.add(tables.File(**vars(file), created_at=tx.now))


def find(session: Session, file_id: str) -> FileRecord | None:
    """One file, with what is in it."""
    row = session.get(tables.File, file_id)
    return FileRecord(row.id, row.person_id, row.name, row.size, row.type, row.content) if row else None


def hold(tx: Tx, ids: Collection[str]) -> set[str]:
    """Those of these files that are there yet; from now on each waits anew for the request that it was checked for."""
    this = tables.File
    among = col(this.id).in_(ids)
    tx.exec(update(this).where(among, col(this.used).is_(False)).values(created_at=tx.now))
    return set(tx.exec(select(this.id).where(among)).all())


def waiting(session: Session, now: datetime) -> list[tuple[str, int]]:
    """Files, and whose they are, that were uploaded here longer ago than they may wait, and are not known as used."""
    this = tables.File
    old = (col(this.used).is_(False), col(this.created_at) < now - WAITS)
    return [(file, person) for file, person in session.exec(select(this.id, this.person_id).where(*old).limit(AT_ONCE))]


def is_asked_with(session: Session, file_id: str, person_id: int) -> bool:
    """Whether a request of this person has it. What somebody left as a step's outputs was marked as used there."""
    request = tables.Request
    mine = (request.requester_id == person_id, _names(request.form, file_id))
    return session.exec(select(1).where(*mine).limit(1)).first() is not None


def is_drafted(session: Session, file_id: str, person_id: int) -> bool:
    """Whether a form that this person has begun has it."""
    draft = tables.Draft
    return bool(
        session.exec(select(1).where(draft.person_id == person_id, _names(draft.answers, file_id)).limit(1)).first()
    )


def mark_used(tx: Tx, ids: Collection[str]) -> None:
    """A request, or what somebody left in a step, has them: they stay."""
    if ids:
        tx.exec(update(tables.File).where(col(tables.File.id).in_(ids)).values(used=True))


def sweep(tx: Tx, ids: Collection[str]) -> int:
    """Let go of these, unless somebody has asked for one of them meanwhile; how many."""
    this = tables.File
    old = (col(this.used).is_(False), col(this.created_at) < tx.now - WAITS)
    return tx.exec(delete(this).where(col(this.id).in_(ids), *old)).rowcount


def _names(column: Any, file_id: str) -> Any:
    return cast(col(column), String).contains(file_id, autoescape=True)
