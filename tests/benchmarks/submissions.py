"""Submissions a second through the service, against bare commits to the same kind of store (SQLite, WAL, FULL).

The floor commits one row of the same size through the same driver, so what stands between is ours: checks, the rows of
request, instance, steps, card, event and delivery, and reading the request back.
"""

import itertools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bot import catalogue
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people
from bot.store.database import Database
from bot.store.migration import migrate
from tests.benchmarks import commits, figures
from tests.benchmarks.processes import ROOT

EACH, ROUNDS = 50, 15
_JIRA = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "frontdesk@example.com", "JIRA_TOKEN": "secret"}
_ANSWERS = {"name": "orders", "size": "small"}


def main(rounds: int = ROUNDS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, commits.bare(Path(folder) / "bare.db") as commit:
        submit = _submissions(Path(folder) / "frontdesk.db")
        row = json.dumps(_ANSWERS).ljust(1000)
        taken = figures.in_turn(
            rounds,
            {
                "bare commits": lambda: figures.milliseconds(lambda: [commit(row) for _ in range(EACH)]),
                "submissions": lambda: figures.milliseconds(lambda: [submit() for _ in range(EACH)]),
            },
        )
    figures.title(f"Submissions through the service on SQLite, one after the other: {rounds} rounds of {EACH} in turn")
    for name, milliseconds in taken.items():
        a_second = EACH / median(milliseconds) * 1000
        figures.told(name + (" (floor)" if name == "bare commits" else ""), f"{a_second:.0f} a second")
    share = figures.ratio(taken, "bare commits", "submissions")
    figures.told("submissions / bare commits", f"{share:.2f}", "the next issue's bar: at least 0.6", met=share >= 0.6)


def _submissions(path: Path) -> Callable[[], object]:
    url, numbers = f"sqlite:///{path}", itertools.count()
    migrate(url)
    database = Database(url)
    service = Service(database, catalogue.load(ROOT / "offerings", _JIRA), Groups(NoDirectory(), {}))
    with database.write() as tx:
        ada = people.remember_email(tx, "ada@example.com")
    return lambda: service.submit(ada, "postgres", _ANSWERS, key=f"benchmark {next(numbers)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
