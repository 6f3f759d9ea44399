"""How soon `frontdesk run` takes requests, what it holds in memory, and how soon `frontdesk --help` has answered."""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks import figures, processes
from tests.benchmarks.processes import ROOT, Process

RUNS, HELPS = 5, 7


def main(runs: int = RUNS) -> None:
    """Print the figures."""
    started = [_run() for _ in range(runs)]
    helped = figures.in_turn(
        HELPS, {"pass": lambda: _python("-c", "pass"), "help": lambda: _python("-m", "bot", "--help")}
    )
    figures.title(f"Starting: medians of {runs} runs, of {HELPS} for --help, in turn with the floor")
    ready, resident = (median(each) for each in zip(*((p.ready_after, mib) for p, mib in started), strict=True))
    figures.at_most("frontdesk run: start to /readyz 200, with a fresh SQLite file", ready, 3, "s")
    figures.at_most("frontdesk run: resident when ready", resident, 150, "MiB")
    figures.told("python -c pass (floor)", figures.spread(helped["pass"]))
    figures.at_most("frontdesk --help", median(helped["help"]) / 1000, 0.3, "s")
    figures.told("frontdesk --help / python -c pass", f"{figures.ratio(helped, 'help', 'pass'):.1f} times")


def _run() -> tuple[Process, float]:
    with tempfile.TemporaryDirectory() as folder, processes.bot(Path(folder)) as process:
        return process, process.resident


def _python(*arguments: str) -> float:
    command = [sys.executable, *arguments]
    return figures.milliseconds(lambda: subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
