"""Migrations: from nothing to what the tables say, back, and again, on both stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from bot import app, settings
from bot.errors import Misconfigured
from bot.store import migration
from bot.store.database import Database
from bot.store.migration import is_current, migrate
from tests.conftest import address, create_database

SCRIPTS = Path(migration.__file__).parent.parent / "migrations"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deeper/frontdesk.db"
    server = request.getfixturevalue("postgres_url")
    name = f"empty_{abs(hash(str(tmp_path)))}"
    create_database(server, name)
    return address(server, name)


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.close()


def tables_of(database: Database) -> set[str]:
    return set(inspect(database.reader).get_table_names()) - {"alembic_version"}


def test_from_nothing_the_migrations_make_what_the_tables_say(database: Database, empty_url: str) -> None:
    assert not is_current(database)
    migrate(empty_url)
    assert is_current(database)
    assert tables_of(database) == set(SQLModel.metadata.tables)
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_twice_changes_nothing(database: Database, empty_url: str) -> None:
    migrate(empty_url)
    migrate(empty_url)
    assert is_current(database)


def test_each_migration_goes_back_and_forth(database: Database, empty_url: str) -> None:
    migrate(empty_url)
    for script in ScriptDirectory(str(SCRIPTS)).walk_revisions():
        with migration._connected(empty_url) as (config, _):
            command.downgrade(config, str(script.down_revision or "base"))
        assert not is_current(database)
    assert tables_of(database) == set()
    migrate(empty_url)
    assert tables_of(database) == set(SQLModel.metadata.tables)


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory(str(SCRIPTS)).get_heads()) == 1


def test_a_command_that_needs_the_tables_says_what_to_run(empty_url: str) -> None:
    told = settings.read({"DATABASE_URL": empty_url})
    with pytest.raises(Misconfigured, match="DATABASE_URL: is not at the schema of this code. Run frontdesk migrate"):
        app.create_token(told, "ada@example.com")
    app.migrate(told)
    assert app.create_token(told, "ada@example.com").startswith("fd_")
