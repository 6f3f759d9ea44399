"""Brings a database to the schema of this code, and says whether it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.store.database import Database

_SCRIPTS = Path(__file__).parent.parent / "migrations"
#: Any number; taken on PostgreSQL so that processes that start together migrate one after another.
_LOCK = 730_412


def migrate(url: str) -> None:
    """Bring the database to the newest schema; does nothing when it is there."""
    with _connected(url) as (config, connection):
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the schema is the one of this code."""
    with database.reader.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(_script().get_heads())


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


@contextmanager
def _connected(url: str) -> Iterator[tuple[Config, Connection]]:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    database = Database(url)
    try:
        with database.writer.begin() as connection:
            config.attributes["connection"] = connection
            yield config, connection
    finally:
        database.close()
