"""A long storm, by command: `python -m tests.acceptance.chaos --kills 50 --restarts 3 --store postgresql`."""

import argparse
import secrets
import sys

from tests.acceptance.chaos.storm import Plan, storm


def main() -> int:
    """Exit code 0: nothing lost, nothing doubled, everything in order."""
    read = argparse.ArgumentParser(prog="python -m tests.acceptance.chaos", description=__doc__)
    read.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    read.add_argument("--kills", type=int, default=50)
    read.add_argument("--stops", type=int, default=5, help="workers that stand still for longer than their lease")
    read.add_argument("--restarts", type=int, default=3, help="of PostgreSQL")
    read.add_argument("--workers", type=int, default=4)
    read.add_argument("--webs", type=int, default=0, help="1 on SQLite and 2 on PostgreSQL unless said")
    read.add_argument("--people", type=int, default=3)
    read.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = read.parse_args()
    given.webs = given.webs or {"sqlite": 1, "postgresql": 2}[given.store]
    print(f"seed {given.seed}", flush=True)  # noqa: T201 - it speaks in the terminal
    report = storm(Plan(**vars(given)))
    print(report)  # noqa: T201 - it speaks in the terminal
    return bool(report.problems)


if __name__ == "__main__":
    sys.exit(main())
