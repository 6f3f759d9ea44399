"""Rows without objects, for what people wait on: SQLAlchemy's Core in the session's transaction.

Its ORM keeps what it knows of every object; where rows are only read, or written and left, that took most of a
submission's time (10 ms, of which SQLite had one; `python -m tests.benchmarks.submissions`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlmodel import Session, SQLModel


def add(session: Session, model: type[SQLModel], **values: Any) -> int:
    """One more row, at once; its id."""
    result = session.connection().execute(insert(_table(model)), values)
    key: int = result.inserted_primary_key[0]  # type: ignore[index] # an insert of one row has one
    return key


def add_all(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """More rows, at once; all name the same columns."""
    if rows:
        session.connection().execute(insert(_table(model)), rows)


def among(session: Session, model: type[SQLModel], column: str, keys: Iterable[Any]) -> Sequence[Any]:
    """The rows whose `column` is one of `keys`, with all that this session has changed; read by a column's name."""
    wanted = list(keys)
    if not wanted:
        return ()
    session.flush()
    table = _table(model)
    return session.connection().execute(select(table).where(table.c[column].in_(wanted))).all()


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # type: ignore[attr-defined] # made by SQLAlchemy
