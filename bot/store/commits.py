"""Writers of one SQLite file that come at the same time share a commit, because it is the commit that waits for the disk.

One after the other, as SQLite has it anyway. Whoever finds nobody waiting commits for all, and nobody returns before that.
Nothing is promised earlier: a commit takes 0.2 to 8 ms of disk (synchronous=FULL), and fifty submissions at once need a
few, not fifty.

Who fails takes back only their own. Behind others that cannot be run again each writes in a savepoint of the open
transaction; behind those that can, or nobody, in none: a savepoint takes as long as a fifth of what is written in it. Who
fails then takes back everything, and the others are run again.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

#: How many share one commit at the most, so that the first of them does not wait for long.
_LARGEST = 32


class Undone(Exception):
    """The transaction ended before its commit (the disk is full, for example): nothing of it is stored."""


class Again(Exception):
    """Another one of the same transaction failed and took back all of it: run this one again."""


@dataclass
class _Group:
    """One open transaction, and those who wait for its end."""

    connection: Connection
    members: int = 0
    #: Somebody in it has written, and cannot be run again.
    final: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    #: What the last member that failed failed of: the reason, if that ended the transaction for all.
    failed: Exception | None = None


class SharedCommits:
    """Hands the one writing connection from thread to thread."""

    def __init__(self, engine: Engine, patience: float) -> None:
        """`patience` is how many seconds a writer waits, in all, while another process holds the file."""
        self._engine, self._patience = engine, patience
        self._turn, self._counting = threading.Lock(), threading.Lock()
        self._waiting, self._writing = 0, 0
        self._open: _Group | None = None

    @contextmanager
    def member(self, *, again: bool = False) -> Iterator[Connection]:
        """Write alone in the block; committed when it has ended. Raises what the block or the commit raises.

        `again`: the block can be run again, and is to be when this raises Again.
        """
        arrived = time.monotonic()
        with self._my_turn():
            group = self._open = self._open or self._begin(self._patience - (time.monotonic() - arrived))
            group.members += 1
            try:
                with _savepoint(group) if group.final else _whole(group):
                    yield group.connection
                group.final = group.final or not again
            except Exception as error:  # only noted, for the group's end; raised again
                group.failed = error
                raise
            finally:
                if not self._waiting or group.members >= _LARGEST or not _is_open(group):
                    self._end(group)
        group.over.wait()
        if group.error is not None:
            raise group.error

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if self._writing == threading.get_ident():
            raise RuntimeError("a write within a write would wait for itself")
        with self._counting:
            self._waiting += 1
        try:
            self._turn.acquire()
        finally:
            with self._counting:
                self._waiting -= 1
        self._writing = threading.get_ident()
        try:
            yield
        finally:
            self._writing = 0
            self._turn.release()

    def _begin(self, patience: float) -> _Group:
        connection = self._engine.connect()
        try:
            # Who has waited for others that waited in vain does not begin to wait anew.
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout = {max(1, int(patience * 1000))}")
            connection.begin()
        except BaseException:  # also an interrupt: a connection that did not begin goes back
            connection.close()
            raise
        return _Group(connection)

    def _end(self, group: _Group) -> None:
        """Commit for all members; each of them raises it if that fails."""
        self._open = None
        try:
            _commit(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, the members raise it
            group.error = error
        finally:
            group.connection.close()
            group.over.set()


@contextmanager
def _savepoint(group: _Group) -> Iterator[None]:
    """Of the driver's own: SQLAlchemy takes fifty times as long, and sessions have one of theirs where they need it."""
    driver: Any = group.connection.connection.driver_connection
    driver.execute("SAVEPOINT member")
    try:
        yield
    except BaseException:  # also an interrupt: what the member wrote is taken back; raised again
        if _is_open(group):
            driver.execute("ROLLBACK TO member")
            driver.execute("RELEASE member")
        raise
    driver.execute("RELEASE member")


@contextmanager
def _whole(group: _Group) -> Iterator[None]:
    """All that is written so far can be run again: who fails takes it back."""
    try:
        yield
    except BaseException:  # also an interrupt; raised again
        if _is_open(group):
            driver: Any = group.connection.connection.driver_connection
            driver.execute("ROLLBACK")
            group.error = Again()
        raise


def _commit(group: _Group) -> None:
    if group.error is not None:
        raise group.error
    if not _is_open(group):
        raise Undone("SQLite ended the transaction; nothing of it is stored.") from group.failed
    group.connection.commit()


def _is_open(group: _Group) -> bool:
    # Some errors (disk full, no memory) end the whole transaction; a commit after that would say nothing.
    return bool(group.connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr] # sqlite3's
