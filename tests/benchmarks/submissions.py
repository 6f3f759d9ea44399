"""Submissions a second through the service, against bare commits to the same store.

The floor: one writer commits one row of the same size after the other, durably, through the store's own driver, with
nothing else to do. Submissions come from eight threads, as they come through the doors: on SQLite those that meet share
a commit, on PostgreSQL they commit side by side. What stands between is ours: checks, the rows of request, instance,
steps, card, event and delivery, and reading the request back. One after the other, which is the time that one person
waits, is told too.
"""

import itertools
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bot import catalogue
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people
from bot.store.database import Database
from bot.store.migration import migrate
from tests.benchmarks import commits, figures, stores
from tests.benchmarks.processes import ROOT

EACH, ROUNDS, THREADS, BAR = 80, 15, 8, 0.6
_JIRA = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "frontdesk@example.com", "JIRA_TOKEN": "secret"}
_ANSWERS = {"name": "orders", "size": "small"}


def main(rounds: int = ROUNDS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        commit = stack.enter_context(commits.bare(folder / "bare.db"))
        _measure("SQLite", commit, stores.sqlite(folder), rounds)
        fresh = stack.enter_context(stores.postgresql(folder))
        commit = stack.enter_context(commits.bare_postgresql(fresh()))
        _measure("PostgreSQL", commit, fresh(), rounds)


def _measure(store: str, commit: Callable[[str], None], url: str, rounds: int) -> None:
    database, row = _migrated(url), json.dumps(_ANSWERS).ljust(1000)
    submit = _submissions(database)
    with ThreadPoolExecutor(THREADS) as pool:
        at_once = f"submissions, {THREADS} at once"
        taken = figures.in_turn(
            rounds,
            {
                "bare commits": lambda: figures.milliseconds(lambda: _times(EACH, lambda: commit(row))),
                "submissions, one at a time": lambda: figures.milliseconds(lambda: _times(EACH, submit)),
                at_once: lambda: figures.milliseconds(lambda: list(pool.map(lambda _: submit(), range(EACH)))),
            },
        )
    database.close()
    figures.title(f"Submissions through the service on {store}: {rounds} rounds of {EACH} in turn")
    for name, milliseconds in taken.items():
        a_second = EACH / median(milliseconds) * 1000
        figures.told(name + (", one at a time (floor)" if name == "bare commits" else ""), f"{a_second:.0f} a second")
    figures.at_least(f"{at_once} / bare commits", figures.ratio(taken, "bare commits", at_once), BAR, "times")
    alone = figures.ratio(taken, "bare commits", "submissions, one at a time")
    figures.told("submissions, one at a time / bare commits", f"{alone:.2f} times")


def _times(count: int, call: Callable[[], object]) -> None:
    for _ in range(count):
        call()


def _migrated(url: str) -> Database:
    migrate(url)
    return Database(url)


def _submissions(database: Database) -> Callable[[], object]:
    numbers = itertools.count()
    service = Service(database, catalogue.load(ROOT / "offerings", _JIRA), Groups(NoDirectory(), {}))
    with database.write() as tx:
        ada = people.remember_email(tx, "ada@example.com")
    return lambda: service.submit(ada, "postgres", _ANSWERS, key=f"benchmark {next(numbers)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
