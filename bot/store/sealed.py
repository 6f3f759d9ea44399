"""What is kept of the secrets in forms, while their request is open."""

from collections.abc import Mapping

from sqlmodel import select

from bot.store import rows, tables
from bot.store.database import Session, Tx


def add(tx: Tx, request_id: int, kept: Mapping[str, str]) -> None:
    """Keep these, by the JSON pointers of their answers."""
    new = [
        {"request_id": request_id, "pointer": pointer, "kept": each, "created_at": tx.now}
        for pointer, each in kept.items()
    ]
    rows.add_all(tx, tables.Secret, new)


def find(session: Session, request_id: int, pointer: str) -> str | None:
    """What is kept of one; None once it is gone."""
    this = tables.Secret
    return session.exec(select(this.kept).where(this.request_id == request_id, this.pointer == pointer)).first()


def forget(tx: Tx, request_id: int) -> None:
    """Let go of them all: the request ends, or is asked anew."""
    found = rows.equal(tx, tables.Secret, request_id=request_id)
    if found:
        tx.forgotten += [row.kept for row in found]
        rows.remove(tx, tables.Secret, request_id=request_id)
