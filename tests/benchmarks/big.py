"""A claim and the listings with few and with many finished requests: `python -m tests.benchmarks.big [FEW MANY]`.

SQLite; both databases hold the same but for the number of finished requests, which SQL makes at once, of as many people
and in as many groups. Not among the benchmarks that run without being named: making a million takes minutes.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from bot import catalogue
from bot.engine import Engine
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people
from bot.store.database import Database
from bot.store.migration import migrate
from tests.benchmarks import figures
from tests.benchmarks.processes import ROOT
from tests.benchmarks.submissions import _JIRA

ROUNDS, PEOPLE, WAITING = 25, 20, 200
_FINISHED = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
"""
_ROWS = (
    """INSERT INTO instance (id, offering, version, owner_id, state, form, created_at, updated_at)
    SELECT i, 'postgres', 'v1', 1 + i % :people, 'deleted', '{}', :at, :at FROM n""",
    """INSERT INTO request (id, kind, offering, version, instance_id, requester_id, form, rules, state, revision,
    created_at, updated_at, ended_at)
    SELECT i, 'create', 'postgres', 'v1', i, 1 + i % :people, '{"name":"orders","size":"small"}',
    '[{"who":["@dba"],"count":1,"requester_may":false}]', 'fulfilled', 1, :at, :at, :at FROM n""",
    """INSERT INTO step (request_id, name, position, early, action, follows, description, state, handler_state, attempts,
    crashes, epoch, queue) SELECT i, 'ticket', 0, 0, 'apply', 0, '', 'done', '{}', 1, 0, 1, 'postgres/jira' FROM n""",
    """INSERT INTO involved (request_id, step, who, is_group, waits) SELECT i, '', '@dba', 1, 0 FROM n""",
    """INSERT INTO event (request_id, instance_id, name, person_id, data, at)
    SELECT i, i, 'submitted', 1 + i % :people, '{}', :at FROM n""",
)


def main(few: int = 1_000, many: int = 1_000_000) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {count: _asked(Path(folder) / f"{count}.db", count) for count in (few, many)}
        figures.title(f"With {few:,} and with {many:,} finished requests: SQLite, medians of {ROUNDS} rounds in turn")
        for what in sides[few]:
            turns = {f"{count}": lambda call=sides[count][what]: figures.milliseconds(call) for count in (few, many)}
            taken = figures.in_turn(ROUNDS, turns)
            share = figures.ratio(taken, f"{many}", f"{few}")
            figures.told(what, f"{median(taken[str(few)]):.1f} / {median(taken[str(many)]):.1f} ms")
            figures.told(f"{what}: many / few", f"{share:.2f} times", "bar: at most 1.5 times;", met=share <= 1.5)
            if what == "claim":
                figures.at_most("claim with many", median(taken[str(many)]), 10, "ms")


def _asked(path: Path, count: int) -> dict[str, Callable[[], object]]:
    url = f"sqlite:///{path}"
    migrate(url)
    database = Database(url)
    with database.write() as tx:
        known = [people.remember_email(tx, f"person{number}@example.com") for number in range(PEOPLE)]
    with closing(sqlite3.connect(path)) as connection:
        for rows in _ROWS:
            values = {"count": count, "people": PEOPLE, "at": "2026-01-01 00:00:00.000000"}
            connection.execute(
                rows.replace("SELECT i", _FINISHED + "SELECT i", 1),
                {k: v for k, v in values.items() if f":{k}" in rows + _FINISHED},
            )
        connection.commit()
    offered = catalogue.load(ROOT / "offerings", _JIRA)
    service = Service(database, offered, Groups(NoDirectory(), {"dba": ["person1@example.com"], "data-platform": []}))
    engine = Engine(database, offered, owner="benchmark", secret=str)
    for number in range(WAITING):
        service.submit(known[2], "postgres", {"name": f"orders{number}"}, key=f"{number}")
    dba = known[1]
    return {
        "claim": engine.claim,
        "requests": lambda: service.requests(dba),
        "mine": lambda: service.mine(dba),
        "waiting": lambda: service.waiting(dba),
        "instances": lambda: service.instances(dba),
        "/platform list": lambda: (service.mine(dba, open_only=True), service.instances(dba)),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
