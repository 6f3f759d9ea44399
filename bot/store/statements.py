"""Statements for the driver's own cursor: SQLAlchemy writes each once, and says how values go in and come out.

Running them through SQLAlchemy took twenty times as long as SQLite did (`python -m tests.benchmarks submissions`). What
the driver raises is raised as SQLAlchemy's.

PostgreSQL is another process, and every answer that is waited for costs two switches: what nobody asks back is put off,
and goes out in its order with the next question or the end of the transaction, in one trip. SQLite's driver lets another
thread go first with every statement, and with every row of `executemany`, which takes a twentieth of a millisecond where
many wait: rows that come together are one statement.
"""

import json
import time
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy import JSON, Connection, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

_Convert = Callable[[Any], Any]
#: JSON as SQLAlchemy writes it to SQLite, without looking for options and white space each time.
_encode_any, _decode_text = json.JSONEncoder().encode, json.JSONDecoder().raw_decode
#: So many values are given to one statement of SQLite's at the most: an older one takes 999.
_PLACES = 900
#: In the info of a connection: what was put off.
_PUT_OFF = "put off"


def _encode(value: Any) -> str:
    return "{}" if value == {} else _encode_any(value)


def _decode(found: str) -> Any:
    return {} if found == "{}" else _decode_text(found)[0]


class Losses:
    """When a connection was lost the last time (time.monotonic): those that rested then have to be looked at."""

    at: float = 0.0


losses = Losses()


class Statement:
    """One statement, written for one kind of database."""

    def __init__(self, clause: ClauseElement, dialect: Dialect, returns: Iterable[ColumnElement[Any]] = ()) -> None:
        """`returns`: the columns of what it finds."""
        compiled = cast("SQLCompiler", clause.compile(dialect=dialect))
        self.text, self._near = str(compiled), dialect.name == "sqlite"
        self._error: type[Exception] = dialect.loaded_dbapi.Error
        self._names = tuple(compiled.positiontup or ())
        self._into = [
            (at, convert) for at, name in enumerate(self._names) if (convert := _into(compiled, name)) is not None
        ]
        #: What the clause says itself, a limit for example.
        self._said = {name: bind.value for name, bind in compiled.binds.items() if bind.value is not None}
        columns: list[Any] = list(returns)
        self._made = cast("Any", namedtuple)("Row", [column.name for column in columns])._make  # noqa: PYI024 - columns of any table
        self._from = [
            (at, convert) for at, column in enumerate(columns) if (convert := _out_of(column.type, dialect)) is not None
        ]

    def run(self, session: Session, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after the statement, and after all that was put off before."""
        line, parameters = line_of(session), self._parameters(values)
        if self._near or not line.connection.info.get(_PUT_OFF):
            return self.execute(line, parameters)
        with _in_one_trip(line.connection):
            return self.execute(line, parameters)

    def put_off(self, session: Session, values: Mapping[str, Any], unless: Exception | None = None) -> None:
        """Run it in its turn, by the end of the transaction: nobody asks what came of it.

        But if it does not concern one row, `unless` is raised then.
        """
        line, parameters = line_of(session), self._parameters(values)
        if self._near:
            _require_one(self.execute(line, parameters), unless)
        else:
            line.connection.info[_PUT_OFF].append(_PutOff(self, parameters, unless))

    def put_off_all(self, session: Session, values: Sequence[Mapping[str, Any]]) -> None:
        """The same with an insert, for each of these rows."""
        if len(values) == 1 or not self._near:
            for each in values:
                self.put_off(session, each)
            return
        line, given = line_of(session), [self._parameters(each) for each in values]
        most = _power_of_two(_PLACES // len(self._names))
        while given:
            size = min(most, _power_of_two(len(given)))
            self.execute(line, [*chain.from_iterable(given[:size])], self._text_for(size))
            given = given[size:]

    def rows(self, session: Session, values: Mapping[str, Any]) -> list[Any]:
        """What it finds."""
        return [self._read(found) for found in self.run(session, values).fetchall()]

    def execute(self, line: "Line", parameters: Sequence[Any], text: str = "") -> Any:
        """The driver's cursor after the statement, or after `text` in its place."""
        cursor = line.driver if self._near else psycopg.RawCursor(line.driver)
        try:
            return cursor.execute(text or self.text, parameters)
        except self._error as error:
            raise _raised(self.text, line.connection, error) from error

    def _text_for(self, rows: int) -> str:
        """SQLite's insert, of so many rows."""
        places = self.text[self.text.rindex("(") :]
        return self.text + f", {places}" * (rows - 1)

    def _read(self, found: Sequence[Any]) -> Any:
        row = list(found)
        for at, convert in self._from:
            if row[at] is not None:
                row[at] = convert(row[at])
        return self._made(row)

    def _parameters(self, values: Mapping[str, Any]) -> list[Any]:
        if self._said:
            values = {**self._said, **values}
        given = [values[name] for name in self._names]
        for at, convert in self._into:
            if given[at] is not None:
                given[at] = convert(given[at])
        return given


class Line(NamedTuple):
    """What statements of a session are run by: SQLAlchemy's connection, the driver's, the dialect they are written in."""

    connection: Connection
    driver: Any
    dialect: Dialect


class _PutOff(NamedTuple):
    statement: Statement
    parameters: Sequence[Any]
    unless: Exception | None


def _power_of_two(most: int) -> int:
    """The largest: rows come in few sizes, so that the driver knows their statements again."""
    return 1 << (most.bit_length() - 1)


def _require_one(cursor: Any, unless: Exception | None) -> None:
    if unless is not None and cursor.rowcount != 1:
        raise unless


def begin(connection: Connection) -> None:
    """From here on things can be put off."""
    connection.info[_PUT_OFF] = []


def drop(info: dict[Any, Any]) -> None:
    """The transaction is over: what it put off and did not settle is undone like the rest of it."""
    info.pop(_PUT_OFF, None)


def settle(connection: Connection) -> None:
    """Run what was put off."""
    with _in_one_trip(connection):
        pass


def commit(connection: Connection) -> None:
    """Run what was put off, and end the transaction with it."""
    waiting = connection.info.get(_PUT_OFF) or ()
    if any(each.unless is not None for each in waiting):  # nothing is stored before that is known
        settle(connection)
    elif waiting:
        with _in_one_trip(connection):
            _driver(connection).execute("COMMIT")
    connection.commit()


@contextmanager
def _in_one_trip(connection: Connection) -> Iterator[None]:
    """What was put off, and then the block."""
    waiting = connection.info.get(_PUT_OFF)
    if not waiting:
        yield
        return
    connection.info[_PUT_OFF] = []
    line = _line(connection)
    with raising("what was put off", connection), line.driver.pipeline():
        ran = [(each.statement.execute(line, each.parameters), each.unless) for each in waiting]
        yield
    for cursor, unless in ran:
        _require_one(cursor, unless)


@contextmanager
def raising(what: str, connection: Connection) -> Iterator[None]:
    """What the driver raises in the block is raised as SQLAlchemy's. Without parameters: they are answers."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _raised(what, connection, error) from error


def _raised(what: str, connection: Connection, error: Exception) -> Exception:
    lost, dialect = is_lost(connection, error), connection.dialect
    kind = dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        what, None, error, kind, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )


def is_lost(connection: Connection, error: Exception) -> bool:
    """Whether the error was the end of the connection; then it is given up, and those that rested are looked at."""
    if _is_near(connection) or not _driver(connection).closed:
        return False
    losses.at = time.monotonic()
    connection.invalidate(error)
    return True


def _into(compiled: SQLCompiler, name: str) -> _Convert | None:
    kind, dialect = compiled.binds[name].type, compiled.dialect
    if isinstance(kind, JSON) and dialect.name == "sqlite":
        return _encode
    own = kind if isinstance(kind, TypeDecorator) else kind.dialect_impl(dialect)
    return own.bind_processor(dialect)


def _out_of(kind: Any, dialect: Dialect) -> _Convert | None:
    if isinstance(kind, JSON) and dialect.name == "sqlite":
        return _decode
    own = kind if isinstance(kind, TypeDecorator) else kind.dialect_impl(dialect)
    return cast("_Convert | None", own.result_processor(dialect, None))


def line_of(session: Session) -> Line:
    """A session of ours is one transaction on one connection (bot.store.database); it takes a while to say which."""
    known: Line | None = session.info.get("line")
    if known is None:
        known = session.info["line"] = _line(cast("Connection", session.get_bind()))
    return known


def _line(connection: Connection) -> Line:
    own = connection.dialect
    dialect = _DIALECTS.get(own.name) or _DIALECTS.setdefault(own.name, _positional(own))
    return Line(connection, _driver(connection), dialect)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _is_near(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


#: One for each kind of database: what it writes serves every engine of that kind.
_DIALECTS: dict[str, Dialect] = {}


def dialect_of(session: Session) -> Dialect:
    """For which kind of database a statement has to be written."""
    return line_of(session).dialect


def _positional(dialect: Dialect) -> Dialect:
    # psycopg takes half as long where it need not look for the names of parameters.
    if isinstance(dialect, PGDialect_psycopg):
        return PGDialect_psycopg(paramstyle="numeric_dollar", dbapi=dialect.dbapi)  # type: ignore[no-untyped-call] # SQLAlchemy's
    return dialect
