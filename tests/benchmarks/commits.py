"""The floor under everything that is promised: one row, committed to SQLite as the store does (WAL, synchronous=FULL)."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def bare(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that commits one row."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, row TEXT)")

        def commit(row: str) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (row) VALUES (?)", (row,))
            connection.execute("COMMIT")

        yield commit
