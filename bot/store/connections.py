"""How each store is connected to: addresses, pools, and what a connection is told before it is used."""

import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.pool import QueuePool

from bot.errors import Misconfigured
from bot.store import statements

_KNOWN = "Set sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."
#: Seconds that a writer waits while another process writes to the SQLite file. A click has to be answered within three.
PATIENCE = 2.0
#: A server that has gone without a word is noticed in seconds: connecting, sending (ms), and silence on the line.
_SERVER = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "frontdesk",
}
#: What each connection tells the server. It too has to notice who has gone without a word: else it keeps that process's
#: connections for hours beside those that the process opens when it comes back. A Unix socket ignores these.
_SESSION = (
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    "SET tcp_user_timeout = 5000"
)
#: An option of those who need no transaction on PostgreSQL: each statement sees what is committed by then.
READS = "reads"
#: In the info of a connection: when its transaction began, by PostgreSQL's clock.
BEGAN = "began"
#: Seconds that a transaction may stand still, with all that it has locked: ours never wait for anything within one, so its
#: process has been frozen, or cut off, and others go on without it.
FROZEN = 10.0
#: Seconds to wait for one of the pool's connections; SQLite's one writer is waited for elsewhere (bot.store.commits).
_POOL_TIMEOUT = 10
#: File systems that other machines write to as well: SQLite's locks and its WAL do not hold there.
_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "beegfs",
    "gpfs",
    "ocfs2",
}


def address(url: str) -> URL:
    """The address of a database. Raises Misconfigured for one that no driver of ours understands."""
    try:
        read = make_url(url)
        read.get_dialect()
    except (ArgumentError, ValueError):  # not repeated: it may hold a password
        raise Misconfigured("is no address of a database.", where="DATABASE_URL", hint=_KNOWN) from None
    if read.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Misconfigured(f"{read.drivername} is not supported.", where="DATABASE_URL", hint=_KNOWN)
    return read


def server(url: URL, pool: int) -> Engine:
    """PostgreSQL: `pool` connections at the most, opened as they are needed; a dead one is noticed before it is used."""
    engine = create_engine(url, pool_size=pool, max_overflow=0, pool_timeout=_POOL_TIMEOUT, connect_args=_SERVER)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.autocommit = True  # we say BEGIN ourselves
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(FROZEN * 1000)}; {_SESSION}")
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        statements.drop(record.info)
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["used"] < statements.losses.at:
            try:
                connection.execute("SELECT 1")
            except psycopg.Error as error:
                raise InvalidatePoolError from error

    event.listen(engine, "begin", _begun)
    event.listen(engine, "before_cursor_execute", lambda connection, *_: statements.settle(connection))
    return engine


def _begun(connection: Connection) -> None:
    """Begin a transaction of PostgreSQL's, and learn when that was by its clock: one trip for both."""
    if connection.get_execution_options().get(READS):
        return
    cursor = _first(connection, "BEGIN; SELECT statement_timestamp()")
    cursor.nextset()
    connection.info[BEGAN] = cursor.fetchone()[0]
    statements.begin(connection)


def look(connection: Connection) -> None:
    """Before something is read without a transaction: that the connection lives."""
    _first(connection, "SELECT 1")


def _first(connection: Connection, what: str) -> Any:
    """The driver's cursor after the first statement of a connection, which may have been lost while it rested."""
    try:
        return _driver(connection).execute(what, prepare=False)
    except psycopg.Error as error:
        if not statements.is_lost(connection, error):
            raise
    with statements.raising(what, connection):  # over another one
        return _driver(connection).execute(what, prepare=False)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def listener(url: URL) -> "psycopg.Connection[Any]":
    """One more connection to PostgreSQL, outside of the pool. Raises psycopg.Error."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection: psycopg.Connection[Any] = psycopg.connect(plain, **_SERVER)  # type: ignore[arg-type] # typed one by one
    connection.execute(_SESSION)
    connection.commit()
    return connection


def file(url: URL, *, writer: bool) -> Engine:
    """SQLite: one connection that writes, or eight that read. Raises Misconfigured."""
    _make_folder(url)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1 if writer else 8,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    # Not by an event: with one, SQLAlchemy looks for others at each turn, which took a tenth of an empty transaction.
    how = "BEGIN IMMEDIATE" if writer else "BEGIN"
    engine.dialect.do_begin = lambda pooled: _begin(pooled.driver_connection, how)  # type: ignore[method-assign,assignment] # a dialect of its own
    return engine


def begin(connection: Connection, how: str) -> None:
    """Begin a transaction of SQLite's, if none is open."""
    _begin(connection.connection.driver_connection, how)


def _begin(driver: Any, how: str) -> None:
    if not driver.in_transaction:
        driver.execute(how)


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"its folder cannot be made: {error}.", where="DATABASE_URL", hint=_KNOWN) from error


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The kind of network file system that `path` is on; None when it is on none, or where nobody can say (no Linux)."""
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    where = path.resolve()
    mounted = [(Path(point.replace("\\040", " ")), kind) for _, point, kind, *_ in map(str.split, lines)]
    holding = [(len(point.parts), kind) for point, kind in mounted if where.is_relative_to(point)]
    kind = max(holding, default=(0, ""), key=lambda each: each[0])[1]
    return kind if kind in _NETWORK or kind == "fuse.sshfs" else None
