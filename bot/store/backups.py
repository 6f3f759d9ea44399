"""Copies of an SQLite database: made while others write, and put back only where nobody else is."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from bot.errors import Conflict, Misconfigured
from bot.store.migration import can_go_on_from

_ELSEWHERE = "PostgreSQL brings its own: pg_dump and pg_restore, or the backups of whoever runs it."


def backup(url: str, file: Path) -> int:
    """Copy the database as it is at one moment into a new file; its size in bytes.

    Others go on reading and writing. The file is complete and checked before it has its name.
    Raises Misconfigured, Conflict.
    """
    source = _path(url)
    if not source.is_file():
        raise Misconfigured(f"{source} is not there.", where="DATABASE_URL", hint="There is nothing to copy.")
    part = file.with_name(f"{file.name}.part")
    with _reserved(file), _reserved(part):
        with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(part)) as here:
            there.backup(here)
            here.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            _check(here, part)
        _sync(part)
        part.replace(file)
    return file.stat().st_size


def restore(url: str, file: Path, *, force: bool = False) -> str:
    """Put a copy in the database's place; the schema that it has. `force` replaces what is there.

    Raises Misconfigured for a copy that is damaged or from elsewhere, Conflict for a database that is there or in use.
    """
    target = _path(url)
    if not file.is_file():
        raise Conflict(f"{file} is not there.")
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as there:
        _check(there, file)
        schema = _schema(there, file)
        if target.exists() and not force:
            raise Conflict(
                f"{target} is there already. Stop Frontdesk, then use --force to replace it; nothing was changed."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        _make_room(target)
        with closing(sqlite3.connect(target, timeout=1)) as here:
            there.backup(here)
            _check(here, target)
    return schema


def _path(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise Misconfigured("is no SQLite file.", where="DATABASE_URL", hint=_ELSEWHERE)
    return Path(str(parsed.database))


@contextmanager
def _reserved(path: Path) -> Iterator[None]:
    """The name is ours, or somebody's file stays as it is; what was only begun goes again."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Conflict(f"{path} is there already; nothing was written. Give another name.") from None
    except OSError as error:
        raise Conflict(f"{path} cannot be written: {error.strerror}.") from error
    try:
        yield
    except BaseException:  # also an interrupt: half a copy must not look like one
        path.unlink(missing_ok=True)
        raise


def _check(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(3)").fetchall()]
    except sqlite3.DatabaseError as error:
        raise Conflict(f"{path} is no SQLite database, or is damaged: {error}.") from error
    if found != ["ok"]:
        raise Conflict(f"{path} is damaged: {'; '.join(found)}.")


def _schema(connection: sqlite3.Connection, path: Path) -> str:
    try:
        found = [str(version) for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.OperationalError:
        found = []
    if not found:
        raise Conflict(f"{path} is no database of Frontdesk's: it has no schema of ours. Nothing was changed.")
    if not can_go_on_from(found):
        raise Conflict(
            f"{path} has a schema that this version of Frontdesk cannot work with ({', '.join(found)}). Restore it with "
            "the version that it was made with, or a newer one; nothing was changed."
        )
    return found[0]


def _make_room(path: Path) -> None:
    """Nobody else has it open; what is no database any more is set aside, for whoever wants to look at it.

    Only whoever is alone may leave WAL mode: every connection of a running process stands against it.
    """
    try:
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise Conflict(f"{path} is in use: stop every process of Frontdesk first. Nothing was changed.") from error
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.replace(beside.with_name(f"{beside.name}.damaged"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
