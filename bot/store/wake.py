"""Wake-ups: of the threads of this process, and of other processes that share the database.

PostgreSQL tells: a process that has committed work sends NOTIFY, one that works has a connection that listens. It is
sent after the commit, by a thread of its own and once for all commits of a moment: inside of the transactions
PostgreSQL lets only one of them commit at a time (eight writers: 1,190 commits a second instead of 2,680). What a kill
between the two loses is found by looking, as everything is while nobody listens. SQLite cannot tell; asking it whether
the file has changed takes a few microseconds, so it is asked five times a second.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from select import select
from typing import Protocol

import psycopg

#: Seconds between two looks at SQLite's file, and the longest that an ear listens without a pause.
_LOOK, _LISTEN = 0.2, 1.0
#: Seconds from one NOTIFY to the next: all that was committed meanwhile is one.
_BREATH = 0.02
CHANNEL = "frontdesk"


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

    def one(self) -> None:
        """Wake one of them: whoever finds work wakes the next."""
        with self._condition:
            self._count += 1
            self._condition.notify()

    def wait(self, seen: int, seconds: float) -> None:
        """Until it was set since `seen`, at the longest `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, max(0.0, seconds))


class Ear(Protocol):
    """Hears that another process has made work due. Raises psycopg.Error or sqlite3.Error when it hears no more."""

    def hear(self) -> bool:
        """Listen for a moment: a second at the most."""
        ...

    def close(self) -> None:
        """Hear no more."""


class FileEar:
    """Looks whether another connection has written to an SQLite file."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._seen = self._version()

    def hear(self) -> bool:
        """Whether the file has changed since the last look."""
        time.sleep(_LOOK)
        seen, self._seen = self._seen, self._version()
        return seen != self._seen

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


class ServerEar:
    """A connection to PostgreSQL that listens; what this process has said itself (`name`) is no news."""

    def __init__(self, connect: Callable[[], "psycopg.Connection[object]"], name: str) -> None:
        self._connection, self._name = connect(), name
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {CHANNEL}")

    def hear(self) -> bool:
        """Whether another process has notified."""
        select([self._connection], [], [], _LISTEN)  # psycopg itself would look ten times a second
        return any(said.payload != self._name for said in [*self._connection.notifies(timeout=0)])

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Voice:
    """Says that there is something to hear, once for all that wanted it said meanwhile. Nobody waits for it."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._lock = say, threading.Lock()
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self) -> None:
        """Have it said in a moment."""
        self._wanted.set()
        if not self._speaks() and not self._ended.is_set():
            with self._lock:
                self._thread = self._thread if self._speaks() else self._started()

    def close(self) -> None:
        """Say what is left, and nothing more."""
        self._ended.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _speaks(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._speak, name="voice", daemon=True)
        thread.start()
        return thread

    def _speak(self) -> None:
        while not self._ended.is_set():
            self._wanted.wait()
            self._wanted.clear()
            self._say()
            self._ended.wait(_BREATH)
        if self._wanted.is_set():
            self._say()
