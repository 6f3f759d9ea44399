"""Transactions on SQLite (one machine) and PostgreSQL (several), with the same meaning on both.

SQLite: one writer connection that opens with `BEGIN IMMEDIATE` (a deferred read-then-write fails at once with
"database is locked"), and readers beside it, in WAL mode with synchronous=FULL. PostgreSQL: a pool.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import DateTime, Dialect, String, bindparam, func, select
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session
from typing_extensions import override

from bot.errors import Unavailable
from bot.store import connections, outages, rows, statements
from bot.store.commits import Again, SharedCommits
from bot.store.wake import CHANNEL, Ear, FileEar, ServerEar, Voice

__all__ = ["Clock", "Database", "Instant", "Session", "Tx", "utc_now"]

Clock = Callable[[], datetime]
T = TypeVar("T")
#: Seconds in which every process writes something: a disk that nobody has found full for so long is not.
_LATELY = 30.0


def utc_now() -> datetime:
    """Now, in UTC: the one place that asks this machine's clock."""
    return datetime.now(UTC)


class Instant(TypeDecorator[datetime]):
    """A moment: stored as UTC without a zone, read back with one, on both stores; SQLite keeps a text."""

    impl = DateTime
    cache_ok = True

    @override
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _into_text if dialect.name == "sqlite" else _into_utc

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _from_text if dialect.name == "sqlite" else _from_utc


def _into_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None


@lru_cache(maxsize=64)  # a transaction writes the moment that it began at many times
def _into_text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:-6] if moment else None  # without the zone


def _from_utc(found: datetime | None) -> datetime | None:
    return found.replace(tzinfo=UTC) if found else None


def _from_text(found: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{found}+00:00") if found else None


class Tx(Session):
    """One write transaction. `now` is its time; `due` says that it made work for the engine."""

    now: datetime
    due: bool = False
    #: It made something to be said.
    told: bool = False
    #: The requests whose cards it has marked already.
    touched: set[int]
    #: What was kept of secrets that this transaction lets go of.
    forgotten: list[str]

    def queue(self, name: str) -> None:
        """Wait for every other transaction that has named the same, until it ends.

        Between looking for a row and making it, nobody else makes it. On SQLite a transaction is alone already.
        """
        if self.get_bind().dialect.name == "postgresql":
            rows.asked(self, _my_turn, name=name)


def _its_clock() -> Any:
    return select(func.statement_timestamp().label("now"))


def _my_turn() -> Any:
    return select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name", type_=String()))).label("turn"))


class Database:
    """Opens transactions. `clock` is for tests; without it PostgreSQL's own time counts, so that machines agree.

    `pool` is how many connections to PostgreSQL this process may have: a thread needs one at a time. Whatever opens a
    transaction raises Unavailable while the database cannot be used.
    """

    def __init__(self, url: str, clock: Clock | None = None, *, pool: int = 20) -> None:
        self.url = connections.address(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._clock = clock or utc_now
        self._ask_database = clock is None and not self.sqlite
        self._ahead = timedelta(0)
        self._waiting: list[Callable[[], None]] = []
        self._speaking: list[Callable[[], None]] = []
        self._forgetting: list[Callable[[str], None]] = []
        self._shared: SharedCommits | None = None
        self._refused = (0.0, "")
        self._name, self._voice = uuid.uuid4().hex, Voice(self._notify)
        if self.sqlite:
            self.writer = connections.file(self.url, writer=True)
            self.reader = connections.file(self.url, writer=False)
            self._shared = SharedCommits(self.writer, patience=connections.PATIENCE)
        else:
            self.writer = connections.server(self.url, pool)
            self.reader = self.writer.execution_options(**{connections.READS: True})

    @property
    def no_room(self) -> str | None:
        """What happened, and what to do, where something could not be written lately because the disk is full."""
        refused, says = self._refused
        return says if refused and time.monotonic() - refused < _LATELY else None

    def now(self) -> datetime:
        """Now, for texts and deadlines: by PostgreSQL's clock, as the last transaction has told it."""
        return self._clock() + self._ahead

    def agreed_time(self, session: Session) -> datetime:
        """Now, as all machines have it."""
        if not self._ask_database:
            return self._clock()
        return self._by_its_clock(rows.asked(session, _its_clock)[0].now)

    def on_due(self, wake: Callable[[], None]) -> None:
        """`wake` is called after each commit of this process that made work due."""
        self._waiting.append(wake)

    def on_told(self, wake: Callable[[], None]) -> None:
        """`wake` is called after each commit of this process that made something to be said."""
        self._speaking.append(wake)

    def on_forgotten(self, forget: Callable[[str], None]) -> None:
        """`forget` is called after a commit with what was kept of each secret that is gone."""
        self._forgetting.append(forget)

    def run(self, do: Callable[[Tx], T]) -> T:
        """What `do` returns, in one transaction that commits after it. `do` may be run twice: the first time is undone.

        Cheaper than `write` for what goes on all the time: on SQLite it needs no savepoint (bot.store.commits).
        """
        while True:
            try:
                with self._writing(again=True) as tx:
                    made = do(tx)
            except Again:
                continue
            return made

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction; commits at the end of the block, rolls back on an error."""
        with self._writing() as tx:
            yield tx

    @contextmanager
    def _writing(self, *, again: bool = False) -> Iterator[Tx]:
        try:
            with outages.told(), self._transaction(again=again) as tx:
                tx.now, tx.forgotten, tx.touched = self._begun(tx), [], set()
                yield tx
        except outages.NoRoom as error:
            self._refused = (time.monotonic(), error.says)
            raise
        for forget in self._forgetting:
            for kept in tx.forgotten:
                forget(kept)
        for wake in (*(self._waiting if tx.due else ()), *(self._speaking if tx.told else ())):
            wake()
        # Who says things itself calls nobody for it: of four workers each would make the three others look in vain.
        if not self.sqlite and (tx.due or (tx.told and not self._speaking)):
            self._voice.tell()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with (
            outages.told(),
            self.reader.connect() as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            if self.sqlite:
                connections.begin(connection, "BEGIN")
            else:
                connections.look(connection)
            yield session

    @contextmanager
    def ear(self) -> Iterator[Ear]:
        """Hears of work that other processes make due. Raises Unavailable, then and as long as it cannot."""
        try:
            ear = FileEar(self.url.database or "") if self.sqlite else ServerEar(self._listener, self._name)
            try:
                yield ear
            finally:
                ear.close()
        except (psycopg.Error, sqlite3.Error) as error:
            raise Unavailable(f"Nobody tells of work that is due: {outages.why(error)}.") from error

    def caution(self) -> str | None:
        """What whoever runs this ought to know of where the database is, if there is anything."""
        kind = connections.network_file_system(Path(self.url.database or ".")) if self.sqlite else None
        if kind is None:
            return None
        return (
            f"{self.url.database} is on a network file system ({kind}), where SQLite's locks do not hold and data gets "
            "lost. Move it to a local disk, or set DATABASE_URL to PostgreSQL."
        )

    def close(self) -> None:
        """Says what is still to be said, and gives back every connection."""
        self._voice.close()
        self.writer.dispose()
        self.reader.dispose()

    @contextmanager
    def _transaction(self, *, again: bool = False) -> Iterator[Tx]:
        if self._shared is None:
            with (
                self.writer.connect() as connection,
                Tx(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as tx,
            ):
                connection.begin()
                yield tx
                tx.flush()
                with outages.told(unknown=True):
                    statements.commit(connection)
            return
        with (
            self._shared.member(again=again) as connection,
            # What a session takes back of its own accord is its own only, in a savepoint that it opens if it is used.
            Tx(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as tx,
        ):
            yield tx
            if tx.in_transaction():
                tx.commit()

    def _begun(self, tx: Tx) -> datetime:
        """When this transaction began."""
        return self._by_its_clock(tx.connection().info[connections.BEGAN]) if self._ask_database else self._clock()

    def _by_its_clock(self, moment: datetime) -> datetime:
        self._ahead = moment - self._clock()
        return moment.astimezone(UTC)

    def _notify(self) -> None:
        """Tell the other processes; what cannot be told they find by looking."""
        with suppress(Unavailable), outages.told(), self.reader.connect() as connection:
            connection.exec_driver_sql(f"NOTIFY {CHANNEL}, '{self._name}'")

    def _listener(self) -> "psycopg.Connection[object]":
        return connections.listener(self.url)
