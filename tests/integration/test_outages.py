"""A database that is away, busy or full: whoever asks gets an answer, nothing is lost, and everybody goes on after."""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.errors import Unavailable
from bot.lifecycle import RequestState
from bot.store import connections, tables
from bot.store.database import Database
from bot.store.leases import Leases
from tests.conftest import Clock, address, create_database
from tests.integration.http_desk import HttpDesk, http_desk
from tests.integration.line import Line
from tests.integration.office import opened
from tests.integration.test_worker import Shop


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """Somebody else writes to the file, for as long as the block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full(database: Database) -> Iterator[None]:
    """The disk has no room for one more page."""
    with database.writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    yield
    with database.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


def fill(shop: Shop, key: str) -> None:
    """Submissions until there is no room: what fits into the last page still fits."""
    for number in range(200):
        shop.service.submit(shop.ada, "wish", {}, key=f"{key} {number}", reason="x" * 3000)


@pytest.fixture
def line(migrated_postgres: str) -> Iterator[Line]:
    """A line to a database of its own."""
    name = f"t{uuid.uuid4().hex}"
    create_database(migrated_postgres, name, template="migrated")
    line = Line(address(migrated_postgres, name))
    yield line
    line.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.05)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HttpDesk]:
    with http_desk(tmp_path) as served:
        yield served


@pytest.mark.usefixtures("impatient")
def test_a_busy_file_is_told_and_the_same_key_works_after(sqlite_url: str, tmp_path: Path) -> None:
    shop = Shop(sqlite_url)
    with taken(tmp_path / "frontdesk.db"), pytest.raises(Unavailable, match="is busy just now. Nothing was changed"):
        shop.service.submit(shop.ada, "wish", {}, key="once")
    assert shop.service.submit(shop.ada, "wish", {}, key="once")[1]
    shop.database.close()


def test_a_full_disk_is_told_and_nothing_half_is_left(sqlite_url: str) -> None:
    shop = Shop(sqlite_url)
    with full(shop.database):
        with pytest.raises(Unavailable, match="has no room left. Nothing was changed"):
            fill(shop, "key")
        stored = shop.rows(tables.Request)
        assert {row.request_id for row in shop.rows(tables.Step)} == {row.id for row in stored}
    _, created = shop.service.submit(shop.ada, "wish", {}, key=f"key {len(stored)}", reason="x" * 3000)
    assert created
    assert len(shop.rows(tables.Request)) == len(stored) + 1
    shop.database.close()


def test_who_shares_the_commit_of_a_full_disk_is_told_the_same(sqlite_url: str) -> None:
    shop = Shop(sqlite_url)
    problems: list[str] = []

    def submit(number: int) -> None:
        try:
            fill(shop, f"{number}")
        except Unavailable as error:
            problems.append(str(error))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    with full(shop.database):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(problems) == 8
    assert all("has no room left" in problem for problem in problems), problems
    shop.database.close()


def test_a_wrong_statement_stays_a_bug(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises((OperationalError, ProgrammingError), match="nowhere"), database.write() as tx:
        tx.execute(text("SELECT * FROM nowhere"))
    database.close()


def test_over_http_it_is_503_as_problem_json(served: HttpDesk, tmp_path: Path) -> None:
    ada = served.client("ada")
    shared = served.desk.database._shared
    assert shared
    shared._patience = 0.05
    with taken(tmp_path / "frontdesk.db"):
        answer = ada.post("/v1/offerings/database/requests", json={"form": {"name": "orders"}})
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert "is busy just now" in answer.json()["detail"]
    assert ada.post("/v1/offerings/database/requests", json={"form": {"name": "orders"}}).status_code == 201


@pytest.mark.usefixtures("impatient")
def test_in_slack_it_stands_in_the_form_and_what_was_typed_is_still_there(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.ada.type_command("#general", "/platform request postgres name=orders")
        office.until(office.ada.view)
        with taken(tmp_path / "frontdesk.db"):
            office.ada.submit()
        view = office.ada.view()
        assert view
        assert "is busy just now. Nothing was changed." in " ".join(view.errors.values())
        office.ada.submit()
        view = office.ada.view()
        assert view
        assert view.title == "REQ-1"


# PostgreSQL, on a line that is cut


def test_a_line_that_is_cut_is_told_and_used_again_once_it_is_whole(line: Line) -> None:
    shop = Shop(line.url)
    number = shop.ask()
    line.cut()
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not answer just now"):
            shop.service.show(shop.ada, number)
        with pytest.raises(Unavailable, match="Nothing was changed"):
            shop.ask()
    line.mend()
    assert shop.state(number) is RequestState.AWAITING_APPROVAL
    shop.service.approve(shop.grace, number)
    assert [row.id for row in shop.rows(tables.Request)] == [1]
    shop.database.close()


def test_a_line_that_is_cut_while_it_commits_leaves_nobody_with_a_promise(line: Line) -> None:
    database = Database(line.url)

    def write() -> None:
        with database.write() as tx:
            tx.execute(text("UPDATE person SET name = 'x'"))
            line.cut()

    with pytest.raises(Unavailable, match="It may have been stored"):
        write()
    line.mend()
    database.close()


def test_a_worker_goes_on_after_and_what_it_did_meanwhile_counts(line: Line) -> None:
    shop = Shop(line.url)
    shop.worker.start()
    shop.handler.gate = threading.Event()
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    shop.until(lambda: shop.handler.applied)
    shop.until(lambda: not shop.worker._deaf)
    line.cut()
    shop.handler.gate.set()
    shop.until(lambda: shop.worker._deaf)
    line.mend()
    shop.until(lambda: shop.state(number) is RequestState.FULFILLED)
    assert len(shop.handler.applied) == 1
    shop.until(lambda: not shop.worker._deaf)  # somebody listens again
    later = shop.ask()
    shop.service.approve(shop.grace, later)
    shop.until(lambda: shop.state(later) is RequestState.FULFILLED)
    shop.worker.stop()
    shop.database.close()


# Leases


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_cannot_renew_stops_before_the_lease_ends(line: Line) -> None:
    seconds = Seconds()
    shop = Shop(line.url)
    shop.engine.leases = leases = Leases(shop.database, "shop", timedelta(seconds=30), seconds)
    shop.service.approve(shop.grace, shop.ask())
    claim = leases.take()
    assert claim
    seconds.now += 10
    leases.renew()
    line.cut()
    with pytest.raises(Unavailable):
        leases.renew()
    seconds.now += 23
    assert leases.sure(claim)
    seconds.now += 2  # 25 seconds after the last renewal that worked
    assert not leases.sure(claim)
    line.mend()
    leases.renew()  # nobody has taken it meanwhile
    assert leases.sure(claim)
    leases.drop(claim)
    shop.database.close()


def test_a_step_that_was_taken_over_is_not_given_back(sqlite_url: str, clock: Clock) -> None:
    shop = Shop(sqlite_url, clock)
    shop.service.approve(shop.grace, shop.ask())
    claim = shop.engine.claim()
    assert claim
    clock.forward(seconds=31)
    other = shop.other()
    assert other.claim()
    shop.engine.leases.release()
    assert [(step.owner, step.state) for step in shop.rows(tables.Step)] == [("other", "running")]
    assert not shop.engine.leases.held(claim)
    shop.database.close()


# Where a file may not be


def test_an_sqlite_file_on_a_network_file_system_is_told(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nfiler:/data /srv/data nfs4 rw 0 0\n/dev/sdb /srv/data/local ext4 rw 0 0\n"
    )
    where = {
        path: connections.network_file_system(Path(path), mounts)
        for path in ("/srv/data/frontdesk.db", "/srv/data/local/frontdesk.db", "/srv/frontdesk.db")
    }
    assert list(where.values()) == ["nfs4", None, None]


def test_a_database_says_where_it_may_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/frontdesk.db")
    assert database.caution() is None
    monkeypatch.setattr(connections, "network_file_system", lambda _path: "nfs4")
    assert "network file system (nfs4), where SQLite's locks do not hold" in str(database.caution())
    database.close()
