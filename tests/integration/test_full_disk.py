"""A disk that is really full, under both stores: nothing is lost, nothing is done twice, and it goes on by itself."""

import os
import shutil
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from bot.errors import Unavailable
from bot.handler import Done
from bot.lifecycle import RequestState
from bot.store import database, outages, tables
from tests.conftest import address, drop_database, file_at
from tests.integration.office import opened
from tests.integration.test_worker import Shop

#: More than is free in pages that exist already.
MUCH = 400_000


@dataclass
class Disk:
    """A small one, for a database: other things fill it, and go away again."""

    folder: Path
    url: str = ""

    def fill(self) -> None:
        with suppress(OSError), (self.folder / "other").open("wb", buffering=0) as other:
            while other.write(bytes(4096)):
                pass

    def free(self) -> None:
        (self.folder / "other").unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """In memory, and not below pytest's own folder, where PostgreSQL's user may not look."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "small", folder]
        if os.geteuid() or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
            pytest.skip("a disk of its own needs root, and the command mount")
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def sqlite(disk: Disk) -> Disk:
    file_at(disk.folder / "frontdesk.db")
    disk.url = f"sqlite:///{disk.folder}/frontdesk.db"
    return disk


@pytest.fixture
def postgresql(disk: Disk, migrated_postgres: str) -> Iterator[Disk]:
    """Its tables are on that disk, in a tablespace; its log is elsewhere."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(migrated_postgres, autocommit=True) as connection:
        ((data,),) = connection.execute("SHOW data_directory").fetchall()
        place = disk.folder / "tables"
        place.mkdir()
        os.chown(place, Path(data).stat().st_uid, Path(data).stat().st_gid)
        connection.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated TABLESPACE {name}".encode())
    disk.url = address(migrated_postgres, name)
    yield disk
    drop_database(migrated_postgres, name)
    with psycopg.connect(migrated_postgres, autocommit=True) as connection:
        connection.execute(f"DROP TABLESPACE {name}".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest) -> Disk:
    found: Disk = request.getfixturevalue(request.param)
    return found


def much() -> str:
    """Text that is not to be compressed."""
    return os.urandom(MUCH // 2).hex()


def test_a_step_whose_outcome_finds_no_room_is_recorded_once_there_is_some(
    full: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_said", {})  # it is said now and then only
    shop = Shop(full.url)
    shop.handler.gate, shop.handler.answers = threading.Event(), [Done(state={"report": much()})]
    number, other = shop.ask(), shop.ask()
    shop.worker.start()
    shop.service.approve(shop.grace, number)
    shop.until(lambda: shop.handler.applied)
    full.fill()
    shop.handler.gate.set()
    shop.until(lambda: shop.database.no_room)
    assert "has no room left" in caplog.text
    assert "Make room on the disk that it is on" in caplog.text
    assert shop.state(number) is RequestState.FULFILLING
    with pytest.raises(Unavailable, match="has no room left"):
        shop.service.submit(shop.ada, "wish", {}, reason=much())
    full.free()
    shop.until(lambda: shop.state(number) is RequestState.FULFILLED)
    shop.service.approve(shop.grace, other)
    shop.until(lambda: shop.state(other) is RequestState.FULFILLED)
    shop.until(lambda: {row.state for row in shop.rows(tables.Delivery)} == {"sent"})
    assert len(shop.handler.applied) == 2
    first = shop.rows(tables.Step)[0]
    assert (first.epoch, first.crashes, first.attempts) == (1, 0, 1)
    told = [d.payload["event"] for d in shop.door.sent if d.kind == "message"]
    assert len(told) == len(set(told)) == 6
    shop.worker.stop()
    shop.database.close()


def test_who_asks_is_told_and_readyz_says_what_to_do(
    sqlite: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, url=sqlite.url) as office, httpx.Client(base_url=office.url, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {office.process.service.create_token('ada@example.com')}"
        asked = {"form": {"name": "orders"}, "reason": "x" * 3000}

        def ask() -> httpx.Response:
            return client.post("/v1/offerings/postgres/requests", json=asked)

        sqlite.fill()
        refused = next(answer for _ in range(500) if not (answer := ask()).is_success)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert "has no room left. Nothing was changed." in refused.json()["detail"]
        assert client.get("/v1/requests").is_success, "who reads needs no room"
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "Make room on the disk that it is on" in ready.json()["detail"]
        sqlite.free()
        assert ask().is_success
        monkeypatch.setattr(database, "_LATELY", 0.0)  # half a minute later
        assert client.get("/readyz").status_code == 200
