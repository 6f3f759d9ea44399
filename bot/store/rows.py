"""Rows without objects, for what people wait on: SQLAlchemy's Core in the session's transaction.

Its ORM keeps what it knows of every object; where rows are only read, or written and left, that took most of a
submission's time (10 ms, of which SQLite had one; `python -m tests.benchmarks.submissions`). Statements are built
once, which is as much again.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Column, Connection, Insert, Select, Table, bindparam, insert, select, update
from sqlmodel import Session, SQLModel


def add(session: Session, model: type[SQLModel], **values: Any) -> int:
    """One more row, at once; its id."""
    result = _connection(session).execute(_insert(model), values)
    key: int = result.inserted_primary_key[0]  # type: ignore[index] # an insert of one row has one
    return key


def add_all(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """More rows, at once; all name the same columns."""
    if rows:
        _connection(session).execute(_insert(model), rows)


def among(session: Session, model: type[SQLModel], column: str, keys: Iterable[Any]) -> Sequence[Any]:
    """The rows whose `column` is one of `keys`, with all that this session has changed; read by a column's name."""
    wanted = list(keys)
    if not wanted:
        return ()
    if len(wanted) == 1:
        return equal(session, model, **{column: wanted[0]})
    session.flush()
    return _connection(session).execute(_select_among(model, column), {"keys": wanted}).all()


def equal(session: Session, model: type[SQLModel], **values: Any) -> Sequence[Any]:
    """The rows that have these values (none may be None), with all that this session has changed."""
    session.flush()
    return _connection(session).execute(_select_equal(model, tuple(values)), values).all()


def change(session: Session, model: type[SQLModel], where: Mapping[str, Any], **values: Any) -> int:
    """Set `values` where a row has those of `where`; how many did. Objects of the session do not notice."""
    session.flush()
    table = _table(model)
    criteria = [table.c[name] == value for name, value in where.items()]
    return _connection(session).execute(update(table).where(*criteria).values(**values)).rowcount


def column(model: type[SQLModel], name: str) -> Column[Any]:
    """For a value that is computed from what stands there."""
    return _table(model).c[name]


def _connection(session: Session) -> Connection:
    # A session of ours is one transaction (bot.store.database), and it takes a while to say which connection it has.
    known: Connection | None = session.info.get("connection")
    if known is None:
        known = session.info["connection"] = session.connection()
    return known


@cache
def _insert(model: type[SQLModel]) -> Insert:
    return insert(_table(model))


@cache
def _select_equal(model: type[SQLModel], names: tuple[str, ...]) -> Select[Any]:
    table = _table(model)
    return select(table).where(*(table.c[name] == bindparam(name, type_=table.c[name].type) for name in names))


@cache
def _select_among(model: type[SQLModel], name: str) -> Select[Any]:
    table = _table(model)
    return select(table).where(table.c[name].in_(bindparam("keys", expanding=True)))


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # type: ignore[attr-defined] # made by SQLAlchemy
