"""The floor under everything that is promised: one row, committed durably by one writer, one after the other."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def bare(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that commits one row to SQLite as the store does: WAL, synchronous=FULL."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, row TEXT)")

        def commit(row: str) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (row) VALUES (?)", (row,))
            connection.execute("COMMIT")

        yield commit


@contextmanager
def bare_postgresql(url: str) -> Iterator[Callable[[str], None]]:
    """The same on PostgreSQL, over one connection: begin, insert, commit."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE bare (id SERIAL PRIMARY KEY, row TEXT)")
        connection.commit()

        def commit(row: str) -> None:
            connection.execute("INSERT INTO bare (row) VALUES (%s)", (row,))
            connection.commit()

        yield commit
