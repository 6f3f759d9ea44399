"""Brings a database to the schema of this code, and says whether it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bot.errors import Misconfigured, Unavailable
from bot.store.database import Database

_SCRIPTS = Path(__file__).parent.parent / "migrations"
#: Any number; taken on PostgreSQL so that processes that start together migrate one after another.
_LOCK = 730_412


def migrate(url: str) -> None:
    """Bring the database to the newest schema; does nothing when it is there. Raises Misconfigured without one."""
    try:
        with _connected(url) as (config, connection):
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            command.upgrade(config, "head")
    except OperationalError as error:
        raise Misconfigured(
            f"the database cannot be used: {_why(error)}.", where="DATABASE_URL", hint="Is it there, and may we use it?"
        ) from error


def is_current(database: Database) -> bool:
    """Whether the schema is the one of this code. Raises Unavailable."""
    try:
        with database.reader.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    except OperationalError as error:
        raise Unavailable(f"The database does not answer: {_why(error)}.") from error
    return set(heads) == set(_script().get_heads())


def _why(error: OperationalError) -> str:
    """The driver's first line, which names the host and never the password."""
    return next(iter(str(error.orig).strip().splitlines()), "it does not say why").rstrip(".")


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
