"""Which processes run: each writes a row and a sign of life now and then."""

from datetime import timedelta

from sqlmodel import Session, col, delete, select, update

from bot.store import tables
from bot.store.database import Tx

#: Between two signs of life; a process that was silent for three of them is taken for gone.
BEAT = timedelta(seconds=20)
ALIVE = 3 * BEAT
#: A row of a process that ended without a word.
_KEPT = timedelta(days=1)


def beat(tx: Tx, owner: str, parts: str, version: str) -> None:
    """This process is alive; rows of those that were not for a day go."""
    table = tables.Process
    known = tx.exec(update(table).where(col(table.owner) == owner).values(seen_at=tx.now)).rowcount
    if not known:
        tx.add(table(owner=owner, parts=parts, version=version, started_at=tx.now, seen_at=tx.now))
    tx.exec(delete(table).where(col(table.seen_at) < tx.now - _KEPT))


def end(tx: Tx, owner: str) -> None:
    """This process ends, as it should."""
    tx.exec(delete(tables.Process).where(col(tables.Process.owner) == owner))


def all_of_them(session: Session) -> list[tables.Process]:
    """The processes that were heard of lately, the latest first."""
    return list(session.exec(select(tables.Process).order_by(col(tables.Process.seen_at).desc())).all())
