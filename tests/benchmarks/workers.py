"""Workers beside each other: how soon another one takes over from one that is killed, and what four do that one does.

Every worker is a process of its own. Steps only wait, and each worker runs one of them at once (of two threads one offering has one): what is measured is how they share
the work, not how many cores there are.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from bot.lifecycle import StepState
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people, tables
from bot.store.database import Database
from bot.store.migration import migrate
from bot.worker import LONGEST_WAIT_DEAF
from tests.benchmarks import figures, sleeper, stores
from tests.benchmarks.processes import ROOT

#: Seconds of a lease, of a step, and until something is given up; steps in a round.
LEASE, STEP, PATIENCE = 2.0, 0.1, 120.0
COUNT, THREADS, ROUNDS, BAR = 80, 2, 2, 3.5


def main(rounds: int = ROUNDS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        fresh = stack.enter_context(stores.postgresql(folder))
        figures.title(f"A worker is killed at its step; its lease is {LEASE:.0f} s. Until another one has the step")
        for store, url in (("SQLite", stores.sqlite(folder)), ("PostgreSQL", fresh())):
            figures.at_most(f"taken over, {store}", _take_over(url), LEASE + LONGEST_WAIT_DEAF, "s")
        taken = figures.in_turn(rounds, {"1": lambda: _all_done(fresh(), 1), "4": lambda: _all_done(fresh(), 4)})
        figures.title(f"{COUNT} steps that wait {STEP * 1000:.0f} ms, on PostgreSQL: {rounds} rounds in turn")
        for many in (1, 4):
            figures.told(f"workers: {many}", figures.spread([1000 * s for s in taken[f"{many}"]]))
        figures.at_least("four workers / one", figures.ratio(taken, "1", "4"), BAR, "times")


def _take_over(url: str) -> float:
    """Seconds from a kill to the next claim, by the clock of this machine, which both stores go by here."""
    database = _asked(url, 1)
    with _worker(url, PATIENCE) as first:
        _until(database, lambda session: session.exec(_owners()).first())
        with _worker(url, 0):
            killed = database.now()
            first.kill()
            taken: datetime = _until(database, lambda session: session.exec(_taken_over()).first())
    database.close()
    return (taken - killed).total_seconds()


def _all_done(url: str, many: int) -> float:
    """Seconds from the moment in which all steps are due to the end of the last one."""
    database = _asked(url, COUNT)
    table = tables.Step
    with database.write() as tx:
        tx.exec(update(table).values(run_at=None))
    with ExitStack() as stack:
        for _ in range(many):
            stack.enter_context(_worker(url, STEP))
        with database.write() as tx:
            tx.exec(update(table).values(run_at=tx.now))
            tx.due, begin = True, tx.now
        undone = select(func.count()).select_from(table).where(table.state != StepState.DONE)
        _until(database, lambda session: not session.exec(undone).one())
    with database.read() as session:
        last: Any = session.exec(select(func.max(table.ended_at))).one()
    database.close()
    seconds: float = (last - begin).total_seconds()
    return seconds


def _asked(url: str, count: int) -> Database:
    migrate(url)
    database = Database(url)
    service = Service(database, sleeper.catalogue(), Groups(NoDirectory(), {}))
    with database.write() as tx:
        ada = people.remember_email(tx, "ada@example.com")
    for _ in range(count):
        service.submit(ada, "waiting", {})
    return database


@contextmanager
def _worker(url: str, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """A process that works, from its first look to the end of the block."""
    command = [sys.executable, "-m", "tests.benchmarks.sleeper", url, str(seconds), str(LEASE), str(THREADS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("a worker ended before it worked")
        yield process
    finally:
        process.kill()
        process.communicate()


def _owners() -> Any:
    return select(tables.Step.owner).where(tables.Step.state == StepState.RUNNING)


def _taken_over() -> Any:
    return select(tables.Event.at).where(tables.Event.name == "step_taken_over").order_by(col(tables.Event.id))


def _until(database: Database, ask: Callable[[Session], Any]) -> Any:
    """What is found, once something is."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with database.read() as session:
            if answer := ask(session):
                return answer
        time.sleep(0.05)
    raise RuntimeError(f"nothing has come of it in {PATIENCE:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
