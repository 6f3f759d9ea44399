"""Rows without objects, for what people wait on: the driver's own cursor in the session's transaction.

SQLAlchemy writes each statement once and says how values go in and come out; running it through SQLAlchemy took twenty
times as long as SQLite did (`python -m tests.benchmarks submissions`). What the driver raises is raised as SQLAlchemy's.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Insert, Table, bindparam, delete, insert, literal_column, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session, SQLModel

#: As a value of `change`: what stands there, and one.
ONE_MORE: Final = object()

_Convert = Callable[[Any], Any]


class _Statement:
    """One statement, written for one kind of database."""

    def __init__(self, clause: ClauseElement, dialect: Dialect, returns: Table | None = None) -> None:
        compiled = cast("SQLCompiler", clause.compile(dialect=dialect))
        self._dialect, self._text, self._positional = dialect, str(compiled), compiled.positional
        names = compiled.positiontup if compiled.positional else compiled.binds
        self._binds = [(name, _into(compiled, name)) for name in names or ()]
        columns = list(returns.c) if returns is not None else []
        self._made = cast("Any", namedtuple)("Row", [column.name for column in columns])._make  # noqa: PYI024 - columns of any table
        found = ((at, column.type.dialect_impl(dialect)) for at, column in enumerate(columns))
        self._from = [(at, convert) for at, kind in found if (convert := kind.result_processor(dialect, None))]

    def run(self, session: Session, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after the statement."""
        cursor = _driver(session).cursor()
        self._raising(cursor.execute, self._parameters(values))
        return cursor

    def run_all(self, session: Session, values: Iterable[Mapping[str, Any]]) -> None:
        """Once for each."""
        self._raising(_driver(session).cursor().executemany, [self._parameters(each) for each in values])

    def rows(self, session: Session, values: Mapping[str, Any]) -> list[Any]:
        """What it finds."""
        return [self._read(found) for found in self.run(session, values).fetchall()]

    def _read(self, found: Sequence[Any]) -> Any:
        row = list(found)
        for at, convert in self._from:
            row[at] = convert(row[at])
        return self._made(row)

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        given = [
            convert(value) if convert and (value := values[name]) is not None else values[name]
            for name, convert in self._binds
        ]
        return given if self._positional else dict(zip((name for name, _ in self._binds), given, strict=True))

    def _raising(self, execute: Callable[[str, Any], Any], parameters: Any) -> None:
        driver = self._dialect.loaded_dbapi
        try:
            execute(self._text, parameters)
        except driver.Error as error:
            # Parameters are answers: they go to no log.
            raise DBAPIError.instance(
                self._text, None, error, driver.Error, hide_parameters=True, dialect=self._dialect
            ) from error


def _into(compiled: SQLCompiler, name: str) -> _Convert | None:
    kind = compiled.binds[name].type
    return kind.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)


def add(session: Session, model: type[SQLModel], **values: Any) -> int:
    """One more row, at once; its id."""
    given = _defaults(model) | values
    cursor = _insert(model, _dialect(session), tuple(given)).run(session, given)
    key: int = cursor.lastrowid if _knows_last(_dialect(session)) else cursor.fetchone()[0]
    return key


def add_all(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """More rows, at once; all name the same columns."""
    if rows:
        given = [_defaults(model) | dict(row) for row in rows]
        _insert_all(model, _dialect(session), tuple(given[0])).run_all(session, given)


def among(session: Session, model: type[SQLModel], column: str, keys: Iterable[Any]) -> Sequence[Any]:
    """The rows whose `column` is one of `keys`, with all that this session has changed; read by a column's name."""
    wanted = list(keys)
    if not wanted:
        return ()
    if len(wanted) == 1:
        return equal(session, model, **{column: wanted[0]})
    session.flush()
    places = 1 << (len(wanted) - 1).bit_length()  # the last one repeated, so that few statements serve every number
    given = chain(wanted, repeat(wanted[-1], places - len(wanted)))
    values = {f"key_{at}": key for at, key in enumerate(given)}
    return _select_among(model, _dialect(session), column, places).rows(session, values)


def equal(session: Session, model: type[SQLModel], **values: Any) -> Sequence[Any]:
    """The rows that have these values (none may be None), with all that this session has changed."""
    session.flush()
    return _select_equal(model, _dialect(session), tuple(values)).rows(session, values)


def change(session: Session, model: type[SQLModel], where: Mapping[str, Any], **values: Any) -> int:
    """Set `values` where a row has those of `where`; how many did. Objects of the session do not notice."""
    session.flush()
    more = tuple(name for name, value in values.items() if value is ONE_MORE)
    plain = {name: value for name, value in values.items() if value is not ONE_MORE}
    statement = _update(model, _dialect(session), tuple(where), tuple(plain), more)
    changed: int = statement.run(session, plain | {f"where_{name}": value for name, value in where.items()}).rowcount
    return changed


def remove(session: Session, model: type[SQLModel], **where: Any) -> int:
    """Take away the rows that have these values; how many there were. Objects of the session do not notice."""
    session.flush()
    removed: int = _delete(model, _dialect(session), tuple(where)).run(session, where).rowcount
    return removed


def _connection(session: Session) -> Connection:
    # A session of ours is one transaction on one connection (bot.store.database), and it takes a while to say which.
    known: Connection | None = session.info.get("connection")
    if known is None:
        known = session.info["connection"] = cast("Connection", session.get_bind())
    return known


def _driver(session: Session) -> Any:
    known = session.info.get("driver")
    if known is None:
        known = session.info["driver"] = _connection(session).connection.driver_connection
    return known


#: One for each kind of database: what it writes serves every engine of that kind.
_DIALECTS: dict[str, Dialect] = {}


def _dialect(session: Session) -> Dialect:
    dialect = _connection(session).dialect
    return _DIALECTS.setdefault(dialect.name, dialect)


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    """What a new row has where nothing is said, other than nothing."""
    return {column.name: column.default.arg for column in _table(model).c if column.default is not None}  # type: ignore[attr-defined] # plain values


@cache
def _insert(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> _Statement:
    naming = _naming(model, names)
    return _Statement(naming if _knows_last(dialect) else naming.returning(_table(model).c.id), dialect)


def _knows_last(dialect: Dialect) -> bool:
    # SQLite can return it too, and takes three times as long over the row.
    return dialect.name == "sqlite"


@cache
def _insert_all(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> _Statement:
    return _Statement(_naming(model, names), dialect)


def _naming(model: type[SQLModel], names: tuple[str, ...]) -> Insert:
    return insert(_table(model)).values({name: bindparam(name) for name in names})


@cache
def _select_equal(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> _Statement:
    table = _table(model)
    criteria = (table.c[name] == bindparam(name, type_=table.c[name].type) for name in names)
    return _Statement(select(table).where(*criteria), dialect, table)


@cache
def _select_among(model: type[SQLModel], dialect: Dialect, name: str, places: int) -> _Statement:
    table = _table(model)
    keys = [bindparam(f"key_{at}", type_=table.c[name].type) for at in range(places)]
    return _Statement(select(table).where(table.c[name].in_(keys)), dialect, table)


@cache
def _update(
    model: type[SQLModel], dialect: Dialect, where: tuple[str, ...], plain: tuple[str, ...], more: tuple[str, ...]
) -> _Statement:
    table = _table(model)
    criteria = (table.c[name] == bindparam(f"where_{name}", type_=table.c[name].type) for name in where)
    values: dict[str, Any] = {name: bindparam(name, type_=table.c[name].type) for name in plain}
    values |= {name: table.c[name] + literal_column("1") for name in more}
    return _Statement(update(table).where(*criteria).values(values), dialect)


@cache
def _delete(model: type[SQLModel], dialect: Dialect, names: tuple[str, ...]) -> _Statement:
    table = _table(model)
    criteria = (table.c[name] == bindparam(name, type_=table.c[name].type) for name in names)
    return _Statement(delete(table).where(*criteria), dialect)


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # type: ignore[attr-defined] # made by SQLAlchemy
