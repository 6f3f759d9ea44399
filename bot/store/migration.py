"""Brings a database to the schema of this code, and says whether it is there.

Processes of two versions run beside each other during a deploy, so a migration only adds what older code can leave out
(`bot/store/tables.py` says how). Its number says that: four digits, of which the first is the generation. Code goes on
with a newer schema of its own generation; a migration that older code cannot bear begins the next one, `1000`.
"""

from collections.abc import Iterator, Sequence
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
from bot.store.outages import why

_SCRIPTS = Path(__file__).parent.parent / "migrations"
#: Any number; taken on PostgreSQL so that processes that start together migrate one after another.
_LOCK = 730_412
#: Seconds that a migration of an SQLite file waits for another one.
_PATIENCE = 60


def migrate(url: str) -> None:
    """Bring the database to the newest schema; does nothing when it is there. Raises Misconfigured without one."""
    try:
        with _connected(url) as (config, connection):
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            if not _is_ahead(connection):
                command.upgrade(config, "head")
    except OperationalError as error:
        raise Misconfigured(
            f"the database cannot be used: {why(error)}.", where="DATABASE_URL", hint="Is it there, and may we use it?"
        ) from error


def is_current(database: Database) -> bool:
    """Whether the schema is the one of this code, or a newer one that it can work with. Raises Unavailable."""
    try:
        with database.reader.connect() as connection:
            found = MigrationContext.configure(connection).get_current_heads()
    except OperationalError as error:
        raise Unavailable(f"The database does not answer: {why(error)}.") from error
    ours = _script().get_current_head() or ""
    return len(found) == 1 and (found[0] == ours or _is_newer(found[0], ours))


def can_go_on_from(schema: Sequence[str]) -> bool:
    """Whether this code can work with a database of this schema: its own, an older one, a newer of its generation."""
    scripts = _script()
    known = {script.revision for script in scripts.walk_revisions()}
    return set(schema) <= known or (len(schema) == 1 and _is_newer(schema[0], scripts.get_current_head() or ""))


def _is_ahead(connection: Connection) -> bool:
    """Whether newer code has migrated it, and ours can work with that. Raises Misconfigured where it cannot."""
    found = MigrationContext.configure(connection).get_current_heads()
    if not can_go_on_from(found):
        raise Misconfigured(
            f"its schema ({', '.join(found)}) is of a version that this one cannot work with.",
            where="DATABASE_URL",
            hint="Run the newer version of Frontdesk.",
        )
    return len(found) == 1 and _is_newer(found[0], _script().get_current_head() or "")


def _is_newer(found: str, ours: str) -> bool:
    """Whether the code that left `found` knows more than ours, of the same generation."""
    return len(found) == len(ours) and found[:1] == ours[:1] and found > ours


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


@contextmanager
def _connected(url: str) -> Iterator[tuple[Config, Connection]]:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    database = Database(url)
    try:
        with database.writer.connect() as connection:
            if database.sqlite:  # another process may be migrating it: that is worth a wait
                connection.connection.driver_connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")  # type: ignore[union-attr] # sqlite3's
            config.attributes["connection"] = connection
            with connection.begin():
                yield config, connection
    finally:
        database.close()
