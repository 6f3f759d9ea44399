"""Migrations: from nothing to what the tables say, back, and again, on both stores."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, insert, inspect, select, text
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


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0005", "0007"])
def test_a_process_of_before_writes_and_reads_beside_the_newest_schema(
    database: Database, empty_url: str, revision: str
) -> None:
    with migration._connected(empty_url) as (config, _):
        command.upgrade(config, revision)
    known = MetaData()
    with database.reader.connect() as connection:
        known.reflect(connection)
    migrate(empty_url)
    with database.writer.begin() as connection:
        for table in known.sorted_tables:
            if table.name == "alembic_version":
                continue
            connection.execute(insert(table).values({c.name: value_of(c) for c in table.columns if is_named(c)}))
            assert len(connection.execute(select(table)).all()) == 1, f"{table.name} reads as it did"


def older(database: Database, url: str, revision: str, *names: str) -> MetaData:
    """The schema as it was at a revision, with a row in each of these tables."""
    with migration._connected(url) as (config, _):
        command.upgrade(config, revision)
    known = MetaData()
    with database.writer.begin() as connection:
        known.reflect(connection)
        for name in names:
            table = known.tables[name]
            connection.execute(insert(table).values({c.name: value_of(c) for c in table.columns if is_named(c)}))
    return known


def test_issues_that_were_made_before_they_had_a_reference_get_theirs(database: Database, empty_url: str) -> None:
    known = older(database, empty_url, "0009", "person", "instance")
    with database.writer.begin() as connection:
        row = known.tables["instance_resource"]
        plain = {c.name: value_of(c) for c in row.columns if is_named(c)}
        for step, handler, state, reference in (
            ("old", "jira", {"id": "10001", "key": "DBA-1"}, None),
            ("older", "jira", {"id": "10002", "key": "DBA-2"}, None),
            ("unknown", "jira", {"ref": "abc", "label": "frontdesk-abc"}, None),
            ("known", "jira", {"id": "10003", "key": "DBA-3"}, "10003"),
            ("task", "manual", {"id": "7"}, None),
        ):
            values = plain | {"step": step, "handler": handler, "state": state, "reference": reference}
            connection.execute(insert(row).values(values))
    migrate(empty_url)
    with database.reader.connect() as connection:
        found = connection.execute(select(row.c.step, row.c.reference, row.c.look_at)).all()
    assert {step: reference for step, reference, _ in found} == {
        "old": "10001", "older": "10002", "unknown": None, "known": "10003", "task": None,
    }  # fmt: skip
    looks = {step: at for step, _, at in found}
    assert None not in (looks["old"], looks["older"])
    assert looks["old"] < looks["older"], "not all at once"
    assert looks["known"] is looks["task"] is looks["unknown"] is None


def test_decisions_of_before_say_of_which_offering_they_are(database: Database, empty_url: str) -> None:
    older(database, empty_url, "0015", "person", "instance", "request", "decision")
    migrate(empty_url)
    with database.reader.connect() as connection:
        asked = "SELECT decision.offering FROM decision JOIN request ON request.offering = decision.offering"
        assert connection.execute(text(asked)).all() == [("x",)]


def is_named(column: Column[Any]) -> bool:
    """Whether a process has to name it when it adds a row."""
    return not column.nullable and not (column.primary_key and isinstance(column.type, Integer))


def value_of(column: Column[Any]) -> Any:
    if column.foreign_keys:
        return 1
    return {int: 1, str: "x", bool: False, datetime: datetime(2026, 11, 2)}.get(column.type.python_type, {})  # noqa: DTZ001


def test_a_newer_schema_of_this_generation_will_do_and_one_of_the_next_will_not(
    database: Database, empty_url: str
) -> None:
    migrate(empty_url)
    for version, fits in (("0999", True), ("1000", False)):
        with database.writer.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        assert is_current(database) is fits
        with nullcontext() if fits else pytest.raises(Misconfigured, match="Run the newer version"):
            migrate(empty_url)


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory(str(SCRIPTS)).get_heads()) == 1


def test_a_command_that_needs_the_tables_says_what_to_run(empty_url: str) -> None:
    told = settings.read({"DATABASE_URL": empty_url})
    with pytest.raises(Misconfigured, match="DATABASE_URL: is not at the schema of this code. Run frontdesk migrate"):
        app.create_token(told, "ada@example.com")
    app.migrate(told)
    assert app.create_token(told, "ada@example.com").startswith("fd_")
