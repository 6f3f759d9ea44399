"""What `frontdesk run` takes of a core while nobody asks for anything, on both stores: from the process's own CPU times."""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import figures, processes, stores

#: Seconds after the start until what has to be done once is done, and of the quiet stretch; and the most of a core (%).
SETTLED, QUIET, BAR = 8.0, 20.0, 0.5


def main(quiet: float = QUIET) -> None:
    """Print the figures. Both run beside each other, over the same stretch."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        fresh = stack.enter_context(stores.postgresql(folder))
        pids = {}
        for store, url in (("SQLite", stores.sqlite(folder)), ("PostgreSQL", fresh())):
            pids[store] = stack.enter_context(processes.bot(folder, DATABASE_URL=url)).pid
        time.sleep(SETTLED)
        before, begin = {store: _used(pid) for store, pid in pids.items()}, time.perf_counter()
        time.sleep(quiet)
        after, took = {store: _used(pid) for store, pid in pids.items()}, time.perf_counter() - begin
        figures.title(f"frontdesk run with nothing to do, for {quiet:.0f} s")
        for store in pids:
            share = (after[store] - before[store]) / took * 100
            figures.at_most(f"of a core, {store}", share, BAR, "%")


def _used(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and kernel mode, with threads that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
