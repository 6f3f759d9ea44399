"""Rows without objects, for what people and steps wait on: read and written by the driver's own cursor (bot.store.statements)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Dialect, Insert, Table, and_, bindparam, delete, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session, SQLModel

from bot.store.statements import Statement, dialect_of, line_of

T = TypeVar("T")
#: So many alternatives are one statement at the most.
_MOST = 64
#: As a value of `change`: what stands there, and one.
ONE_MORE: Final = object()


def add(session: Session, model: type[SQLModel], **values: Any) -> int:
    """One more row, at once; its id."""
    given = _defaults(model) | values
    cursor = _insert(model, dialect_of(session), tuple(given)).run(session, given)
    key: int = cursor.lastrowid if _knows_last(dialect_of(session)) else cursor.fetchone()[0]
    return key


def add_all(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """More rows; all name the same columns."""
    if rows:
        given = [_defaults(model) | dict(row) for row in rows]
        _insert_all(model, dialect_of(session), tuple(given[0])).put_off_all(session, given)


def add_each(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """More rows, at once; their ids. All name the same columns."""
    if len(rows) < 2 or not _knows_last(dialect_of(session)):
        return [add(session, model, **row) for row in rows]
    add_all(session, model, rows)
    last: int = line_of(session).driver.execute("SELECT last_insert_rowid()").fetchone()[0]
    return list(range(last - len(rows) + 1, last + 1))  # nobody else writes meanwhile


def among(session: Session, model: type[SQLModel], column: str, keys: Iterable[Any]) -> Sequence[Any]:
    """The rows whose `column` is one of `keys`, with all that this session has changed; read by a column's name."""
    wanted = list(keys)
    if not wanted:
        return ()
    if len(wanted) == 1:
        return equal(session, model, **{column: wanted[0]})
    session.flush()
    values = {f"key_{at}": key for at, key in enumerate(_padded(wanted))}
    return _select_among(model, dialect_of(session), column, len(values)).rows(session, values)


def equal(session: Session, model: type[SQLModel], **values: Any) -> Sequence[Any]:
    """The rows that have these values (none may be None), with all that this session has changed."""
    session.flush()
    return _select_equal(model, dialect_of(session), tuple(values)).rows(session, values)


def of_any(session: Session, model: type[SQLModel], wheres: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """The same for each of these values; all name the same columns."""
    session.flush()
    found = [
        _select_any(model, dialect_of(session), names, places).rows(session, values)
        for names, places, values in _any_of(wheres)
    ]
    return list(chain.from_iterable(found))


def locked(session: Session, model: type[SQLModel], **values: Any) -> Sequence[Any]:
    """As `equal`, and nobody else changes them until the transaction ends. Who only refers to one need not wait."""
    session.flush()
    return _select_locked(model, dialect_of(session), tuple(values)).rows(session, values)


def asked(session: Session, query: Callable[[], Any], **values: Any) -> Sequence[Any]:
    """What a query finds; `query` writes it, once for each kind of database."""
    session.flush()
    return _written(query, dialect_of(session)).rows(session, values)


def side_by_side(questions: Iterable[Any]) -> Any:
    """Queries of one value each as one query, which finds one row."""
    return select(*(each.scalar_subquery().label(f"at_{place}") for place, each in enumerate(questions)))


def put(
    session: Session, model: type[SQLModel], key: Mapping[str, Any], first: Mapping[str, Any], **values: Any
) -> None:
    """Set `values` in the row of this unique `key`; where there is none, a new one has `first` beside them."""
    session.flush()
    given = {**_defaults(model), **first, **values, **key}
    _put(model, dialect_of(session), tuple(key), tuple(values), tuple(given)).put_off(session, given)


def change(session: Session, model: type[SQLModel], where: Mapping[str, Any], **values: Any) -> None:
    """Set `values` where a row has those of `where`. Objects of the session do not notice."""
    statement, given = _changing(session, model, where, values)
    statement.put_off(session, given)


def surely(session: Session, model: type[SQLModel], where: Mapping[str, Any], unless: Exception, **values: Any) -> None:
    """As `change`; where it is not one row, `unless` is raised by the end of the transaction, which undoes it."""
    statement, given = _changing(session, model, where, values)
    statement.put_off(session, given, unless=unless)


def _changing(
    session: Session, model: type[SQLModel], where: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[Statement, Mapping[str, Any]]:
    session.flush()
    more = tuple([name for name, value in values.items() if value is ONE_MORE])
    plain = {name: value for name, value in values.items() if value is not ONE_MORE} if more else values
    statement = _update(model, dialect_of(session), tuple(where), tuple(plain), more)
    return statement, {**plain, **{f"where_{name}": value for name, value in where.items()}}


def remove(session: Session, model: type[SQLModel], **where: Any) -> None:
    """Take away the rows that have these values. Objects of the session do not notice."""
    remove_any(session, model, [where])


def remove_any(session: Session, model: type[SQLModel], wheres: Sequence[Mapping[str, Any]]) -> None:
    """The same for each of these values; all name the same columns."""
    session.flush()
    for names, places, values in _any_of(wheres):
        _delete_any(model, dialect_of(session), names, places).put_off(session, values)


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    """What a new row has where nothing is said, other than nothing."""
    return {column.name: column.default.arg for column in _table(model).c if column.default is not None}  # type: ignore[attr-defined] # plain values


@cache
def _insert(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> Statement:
    naming = _naming(model, names)
    return Statement(naming if _knows_last(dialect) else naming.returning(_table(model).c.id), dialect)


def _knows_last(dialect: Dialect) -> bool:
    # SQLite can return it too, and takes three times as long over the row.
    return dialect.name == "sqlite"


@cache
def _insert_all(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> Statement:
    return Statement(_naming(model, names), dialect)


def _naming(model: type[SQLModel], names: tuple[str, ...]) -> Insert:
    return insert(_table(model)).values({name: bindparam(name) for name in names})


@cache
def _select_equal(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> Statement:
    table = _table(model)
    return Statement(select(table).where(*_having(table, names)), dialect, table.c)


@cache
def _select_locked(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> Statement:
    table = _table(model)
    query = select(table).where(*_having(table, names))
    return Statement(query.with_for_update(key_share=True), dialect, table.c)


@cache
def _written(query: Callable[[], Any], dialect: Dialect) -> Statement:
    clause = query()
    return Statement(clause, dialect, clause.selected_columns)


@cache
def _put(
    model: type[SQLModel], dialect: Dialect, key: tuple[str, ...], names: tuple[str, ...], given: tuple[str, ...]
) -> Statement:
    write: Any = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    naming = write(_table(model)).values({name: bindparam(name) for name in given})
    again = {name: naming.excluded[name] for name in names}
    return Statement(naming.on_conflict_do_update(index_elements=key, set_=again), dialect)


@cache
def _select_among(model: type[SQLModel], dialect: Dialect, name: str, places: int) -> Statement:
    table = _table(model)
    keys = [bindparam(f"key_{at}", type_=table.c[name].type) for at in range(places)]
    return Statement(select(table).where(table.c[name].in_(keys)), dialect, table.c)


@cache
def _update(
    model: type[SQLModel], dialect: Dialect, where: tuple[str, ...], plain: tuple[str, ...], more: tuple[str, ...]
) -> Statement:
    table = _table(model)
    values: dict[str, Any] = {name: bindparam(name, type_=table.c[name].type) for name in plain}
    values |= {name: table.c[name] + literal_column("1") for name in more}
    return Statement(update(table).where(*_having(table, where, "where_")).values(values), dialect)


@cache
def _select_any(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...], places: int) -> Statement:
    table = _table(model)
    return Statement(select(table).where(_having_any(table, names, places)), dialect, table.c)


@cache
def _delete_any(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...], places: int) -> Statement:
    table = _table(model)
    return Statement(delete(table).where(_having_any(table, names, places)), dialect)


def _having_any(table: Table, names: Iterable[str], places: int) -> ColumnElement[bool]:
    # Of rows as one value, `(a, b) IN ...`, SQLite looks through the whole table.
    return or_(*(and_(*_having(table, names, f"at_{at}_")) for at in range(places)))


def _any_of(wheres: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], int, dict[str, Any]]]:
    """For so many at a time: the columns, how many, and the values by the names of `_having_any`."""
    for first in range(0, len(wheres), _MOST):
        some = _padded(wheres[first : first + _MOST])
        values = {f"at_{at}_{name}": value for at, where in enumerate(some) for name, value in where.items()}
        yield tuple(wheres[0]), len(some), values


def _padded(wanted: Sequence[T]) -> list[T]:
    """A power of two of them, the last one repeated, so that few statements serve every number."""
    places = 1 << (len(wanted) - 1).bit_length()
    return [*wanted, *repeat(wanted[-1], places - len(wanted))]


def _having(table: Table, names: Iterable[str], prefix: str = "") -> list[ColumnElement[bool]]:
    """Each of these columns has the value that is given as its name, behind `prefix`."""
    return [table.c[name] == bindparam(f"{prefix}{name}", type_=table.c[name].type) for name in names]


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # type: ignore[attr-defined] # made by SQLAlchemy
