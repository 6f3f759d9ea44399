"""A database that cannot be used, as what people are told: `Unavailable`. Each kind of trouble is mapped here, once.

A statement that the database refuses because it is wrong stays a bug.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from bot.errors import Unavailable
from bot.store.commits import Undone

log = logging.getLogger(__name__)

_NOTHING = "Nothing was changed. Please try again in a minute; if it stays like this, tell the platform's team."
_UNKNOWN = "It may have been stored: look whether it is there before you try again."
_MAKE_ROOM = "Make room on the disk that it is on: what is under way waits for that, and goes on by itself."
_AWAY, _BUSY, _FULL = "does not answer just now", "is busy just now", "has no room left"
#: SQLite's primary result codes (https://www.sqlite.org/rescode.html). SQLITE_ERROR is a wrong statement: ours.
_SQLITE = {sqlite3.SQLITE_BUSY: _BUSY, sqlite3.SQLITE_LOCKED: _BUSY, sqlite3.SQLITE_FULL: _FULL}
#: PostgreSQL's (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL = {"53100": _FULL, "53300": _BUSY, "55P03": _BUSY, "40P01": _BUSY, "25006": _AWAY}


class NoRoom(Unavailable):
    """Nothing more can be written: the disk is full. `says` is for whoever can make room."""

    @property
    def says(self) -> str:
        """What happened, and what to do."""
        return f"The database has no room left ({why(self.__cause__ or self)}). {_MAKE_ROOM}"


@contextmanager
def told(*, unknown: bool = False) -> Iterator[None]:
    """Raises Unavailable for a database that cannot be used.

    `unknown`: if it went away within the block, nobody can say whether that took effect.
    """
    try:
        yield
    except (DBAPIError, NoConnection, Undone, sqlite3.Error) as error:
        trouble = _trouble(error)
        if trouble is None:
            raise
        _say(trouble, error)
        kind = NoRoom if trouble == _FULL else Unavailable
        raise kind(
            f"Frontdesk's database {trouble}. {_UNKNOWN if unknown and trouble == _AWAY else _NOTHING}"
        ) from error


def why(error: BaseException) -> str:
    """The driver's first line, which names the host and never the password."""
    said = str(getattr(error, "orig", None) or error).strip()
    return next(iter(said.splitlines()), "it does not say why").rstrip(".")


_said: dict[str, float] = {}
_REST = 10.0


def _say(trouble: str, error: Exception) -> None:
    """In the log, every ten seconds at the most: each thread finds out anew each second."""
    now = time.monotonic()
    if now - _said.get(trouble, -_REST) >= _REST:
        _said[trouble] = now
        log.warning("the database %s: %s.%s", trouble, why(error), f" {_MAKE_ROOM}" if trouble == _FULL else "")


def _trouble(error: Exception) -> str | None:
    """What is the matter with the database; None when the matter is the statement."""
    if isinstance(error, NoConnection):
        return _BUSY
    if isinstance(error, Undone):
        return (_trouble(error.__cause__) if isinstance(error.__cause__, Exception) else None) or _AWAY
    said = getattr(error, "orig", error)
    if isinstance(said, sqlite3.Error):  # as SQLAlchemy wraps it, or from where we speak to the driver
        return _of_sqlite(said)
    known = _POSTGRESQL.get(getattr(said, "sqlstate", None) or "")
    lost = isinstance(error, OperationalError | InterfaceError) or getattr(error, "connection_invalidated", False)
    return known or (_AWAY if lost else None)


def _of_sqlite(error: sqlite3.Error) -> str | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    usable = not isinstance(error, sqlite3.OperationalError) or code == sqlite3.SQLITE_ERROR
    return None if usable else _SQLITE.get(code, _AWAY)
