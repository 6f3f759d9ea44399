"""Requests of three empty steps a second, from the first submission to the end of the last: Frontdesk, DBOS, procrastinate.

Every side is a process of its own with eight workers (tests/benchmarks/rivals), on the same store: a SQLite file in WAL
mode with synchronous=FULL, or a PostgreSQL server as it comes. Rounds in turn, each on an empty database, and no side is
timed before it is ready and has done a few. DBOS makes its SQLite file without WAL where it finds none; that is told too.

Submissions are what each side needs to begin, and no more: Frontdesk stores and says the number, as it acknowledges a
click, and does not read the request back. Nobody is told anything: the others have no messages.

The rivals are no part of Frontdesk: `pip install -c requirements.txt -e '.[benchmarks]'`.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.benchmarks import figures, stores
from tests.benchmarks.processes import ROOT

COUNT, ROUNDS = 300, 5
#: Seconds after which a side is given up.
PATIENCE = 300


def main(rounds: int = ROUNDS, count: int = COUNT) -> None:
    """Print the figures."""
    missing = [name for name in ("dbos", "procrastinate") if importlib.util.find_spec(name) is None]
    if missing:
        figures.title(f"Engines: NOT MEASURED, {' and '.join(missing)} is not installed.")
        figures.told("pip install -c requirements.txt -e '.[benchmarks]'", "")
        return
    with tempfile.TemporaryDirectory() as name:
        files = Path(name)
        sides = {
            "Frontdesk": lambda: _run("frontdesk", stores.sqlite(files), count),
            "DBOS": lambda: _run("dbos", stores.sqlite(files), count),
            "DBOS, its file as it makes it": lambda: _run("dbos", stores.sqlite(files, wal=False), count),
        }
        _told("SQLite", sides, {"DBOS": 3.0}, rounds, count)
        with stores.postgresql(files) as fresh:
            sides = {
                "Frontdesk": lambda: _run("frontdesk", fresh(), count),
                "DBOS": lambda: _run("dbos", fresh(), count),
                "procrastinate": lambda: _run("procrastinate", fresh().replace("+psycopg", ""), count),
            }
            _told("PostgreSQL", sides, {"DBOS": 2.0, "procrastinate": 2.0}, rounds, count)


def _told(store: str, sides: dict[str, Callable[[], float]], bars: dict[str, float], rounds: int, count: int) -> None:
    taken = figures.in_turn(rounds, sides)
    figures.title(f"Requests of three empty steps on {store}, 8 workers: {rounds} rounds of {count} in turn")
    for name, seconds in taken.items():
        figures.told(name, f"{count / median(seconds):.0f} a second")
    for name, bar in bars.items():
        figures.at_least(f"Frontdesk / {name}", figures.ratio(taken, name, "Frontdesk"), bar, "times")


def _run(side: str, url: str, count: int) -> float:
    """The seconds that one side says."""
    command = [sys.executable, "-m", f"tests.benchmarks.rivals.{side}", url, str(count)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise RuntimeError(f"{side} failed: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
