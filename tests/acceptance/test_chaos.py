"""Crashes of real processes: a short storm on each store, and a worker that stands still for longer than its lease.

The long storm is a command: python -m tests.acceptance.chaos --store postgresql --kills 50 --restarts 3
"""

import os
import secrets
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.storm import HERE, Plan, storm
from tests.acceptance.site import Running, Site, site, until
from tests.conftest import address, create_database
from tests.integration.receiver import Arrival, Reaction

#: Seconds; whoever does not say that it lives for so long is taken to be dead.
LEASE = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.no_cover  # as its processes
def test_a_storm_loses_nothing_doubles_nothing_and_keeps_the_order(store: str) -> None:
    plan = Plan(store, seed=secrets.randbelow(10**6), kills=5, stops=1, restarts=1, people=2)
    report = storm(plan)
    assert report.problems == [], str(report)
    assert report.counted["kills"] == plan.kills
    assert report.counted["stories"] >= 3


class Gate(Ledger):
    """Lets nobody's call end before it is opened; without other moods."""

    BUSY = CUT = SLOW = 0.0

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.opened = threading.Event()

    def react(self, arrival: Arrival) -> Reaction:
        reaction = super().react(arrival)
        return Reaction(reaction.status, reaction.body, reaction.headers, lambda _request: self._wait())

    def _wait(self) -> None:
        self.opened.wait(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    receiver = Gate()
    with receiver.running():
        yield receiver
        receiver.opened.set()


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, gate: Gate) -> Iterator[Site]:
    """A site whose offerings call the gate; its web runs."""
    url = ""
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres_url"), f"s{uuid.uuid4().hex}"
        create_database(server, name)
        url = address(server, name)
    environment: dict[str, Any] = {
        "OFFERINGS": str(HERE / "offerings"),
        "RECEIVER": gate.url("").rstrip("/"),
        "FRONTDESK_LEASE": str(LEASE),
    }
    with site(tmp_path, socket_mode=False, database=url, **environment) as there:
        there.migrate()
        web = there.start("web")
        there.url = web.url
        web.wait_until_ready()
        yield there


def test_the_word_of_a_worker_that_stood_still_for_longer_than_its_lease_is_not_heard(opened: Site, gate: Gate) -> None:
    sleeper = opened.start("worker")
    sleeper.started()
    number = opened.call("ada", "POST", "offerings/errand/requests", json={"form": {"name": "milk"}})["id"]
    until(lambda: gate.arrivals, "the first call has come")

    stop(opened, sleeper)
    other = opened.start("worker")
    until(lambda: len(gate.arrivals) == 2, "somebody else has taken the step over", 60)
    gate.opened.set()
    until(lambda: opened.call("ada", "GET", f"requests/{number}")["state"] == "fulfilled", "it is done", 60)
    before = opened.call("ada", "GET", f"requests/{number}")
    os.kill(sleeper.process.pid, signal.SIGCONT)
    until(lambda: _dropped(sleeper, number), "the sleeper's result is dropped", 60)

    after = opened.call("ada", "GET", f"requests/{number}")
    assert (after["events"], after["steps"]) == (before["events"], before["steps"])
    names = [event["name"] for event in after["events"]]
    assert (names.count("step_done"), names.count("fulfilled")) == (3, 1)
    assert [effect.key for effect in gate.effects] == [f"{number}/{step}" for step in ("fetch", "carry", "leave")]
    assert gate.repeats == 1  # the one that was taken over, with the same key
    for process in (sleeper, other):
        assert process.stop() == 0, process.log.read_text()
        assert "Traceback" not in process.log.read_text()


def stop(opened: Site, worker: Running) -> None:
    """SIGSTOP. On SQLite not in the middle of a write: its lock is the file's, and nobody can take it from a process."""
    path = opened.environment["DATABASE_URL"].removeprefix("sqlite:///")
    for _ in range(50):
        os.kill(worker.process.pid, signal.SIGSTOP)
        if path.startswith("postgresql") or _is_free(path):
            return
        os.kill(worker.process.pid, signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("it writes all the time")


def _is_free(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def _dropped(worker: Running, number: str) -> bool:
    return f"{number}/fetch: the lease is gone or the request ended; result dropped" in worker.log.read_text()
