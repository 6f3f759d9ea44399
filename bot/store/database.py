"""Transactions on SQLite (one machine) and PostgreSQL (several), with the same meaning on both.

SQLite: one writer connection that opens with `BEGIN IMMEDIATE` (a deferred read-then-write fails at once with
"database is locked"), and readers beside it, in WAL mode with synchronous=FULL. PostgreSQL: a pool.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from bot.errors import Misconfigured
from bot.store.commits import SharedCommits

__all__ = ["Clock", "Database", "Instant", "Session", "Tx", "Wake", "utc_now"]

_KNOWN = "Set sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, in UTC: the one place that asks this machine's clock."""
    return datetime.now(UTC)


class Instant(TypeDecorator[datetime]):
    """A moment: stored as UTC without a zone, read back with one, on both stores."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value else None


class Tx(Session):
    """One write transaction. `now` is its time; `due` says that it made work for the engine or a delivery."""

    now: datetime
    due: bool = False
    #: What was kept of secrets that this transaction lets go of.
    forgotten: list[str]

    def queue(self, name: str) -> None:
        """Wait for every other transaction that has named the same, until it ends.

        Between looking for a row and making it, nobody else makes it. On SQLite a transaction is alone already.
        """
        if self.get_bind().dialect.name == "postgresql":
            self.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))


class Database:
    """Opens transactions. `clock` is for tests; without it PostgreSQL's own time counts, so that machines agree."""

    def __init__(self, url: str, clock: Clock | None = None, *, pool: int = 20) -> None:
        self.url = _read(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._clock = clock or utc_now
        self._ask_database = clock is None and not self.sqlite
        self._waiting: list[Callable[[], None]] = []
        self._forgetting: list[Callable[[str], None]] = []
        self._shared: SharedCommits | None = None
        if self.sqlite:
            self.writer = _sqlite_engine(url, writer=True)
            self.reader = _sqlite_engine(url, writer=False)
            self._shared = SharedCommits(self.writer)
        else:
            self.writer = self.reader = create_engine(url, pool_size=pool, max_overflow=0, pool_pre_ping=True)

    def now(self) -> datetime:
        """This process's clock, for texts and deadlines that need no agreement between machines."""
        return self._clock()

    def on_due(self, wake: Callable[[], None]) -> None:
        """`wake` is called after each commit of this process that made work due."""
        self._waiting.append(wake)

    def on_forgotten(self, forget: Callable[[str], None]) -> None:
        """`forget` is called after a commit with what was kept of each secret that is gone."""
        self._forgetting.append(forget)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction; commits at the end of the block, rolls back on an error."""
        with self._transaction() as tx:
            tx.now, tx.forgotten = self._time(tx), []
            yield tx
            if tx.in_transaction():
                tx.commit()
        for forget in self._forgetting:
            for kept in tx.forgotten:
                forget(kept)
        if tx.due:
            for wake in self._waiting:
                wake()

    @contextmanager
    def _transaction(self) -> Iterator[Tx]:
        if self._shared is None:
            with (
                self.writer.begin() as connection,
                Tx(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as tx,
            ):
                yield tx
            return
        with (
            self._shared.member() as connection,
            # What a session takes back of its own accord is its own only, in a savepoint that it opens if it is used.
            Tx(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as tx,
        ):
            yield tx

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with self.reader.connect() as connection, Session(connection, expire_on_commit=False) as session:
            if self.sqlite:
                _begin(connection, "BEGIN")
            yield session

    def close(self) -> None:
        """Gives back every connection."""
        self.writer.dispose()
        self.reader.dispose()

    def _time(self, tx: Session) -> datetime:
        if not self._ask_database:
            return self._clock()
        moment: datetime = tx.execute(select(func.statement_timestamp())).scalar_one()
        return moment.astimezone(UTC)


def _read(url: str) -> URL:
    """The address of a database. Raises Misconfigured for one that no driver of ours understands."""
    try:
        read = make_url(url)
        read.get_dialect()
    except (ArgumentError, ValueError):  # not repeated: it may hold a password
        raise Misconfigured("is no address of a database.", where="DATABASE_URL", hint=_KNOWN) from None
    if read.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Misconfigured(f"{read.drivername} is not supported.", where="DATABASE_URL", hint=_KNOWN)
    return read


def _sqlite_engine(url: str, *, writer: bool) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"its folder cannot be made: {error}.", where="DATABASE_URL", hint=_KNOWN) from error
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1 if writer else 8,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": 30, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        _begin(connection, "BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _begin(connection: Connection, how: str) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        driver.execute(how)


class Wake:
    """A condition that counts: a wake-up between a look and the wait is not lost, and everybody who waits is woken."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it was set; take it before you look for work."""
        return self._count

    def set(self) -> None:
        """Wake everybody."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Until it was set since `seen`, at the longest `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, max(0.0, seconds))
