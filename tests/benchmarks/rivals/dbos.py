"""Three empty steps with DBOS: a durable workflow of three steps, started in the background on eight threads."""

import sys
import time

from dbos import DBOS

from tests.benchmarks.rivals import WARM

WORKERS = 8


@DBOS.step()
def first() -> None:
    """Nothing."""


@DBOS.step()
def second() -> None:
    """Nothing."""


@DBOS.step()
def third() -> None:
    """Nothing."""


@DBOS.workflow()
def three(number: int) -> int:
    """One after the other."""
    first()
    second()
    third()
    return number


def main(url: str, count: int) -> None:
    """Print the seconds."""
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": url,
            "max_executor_threads": WORKERS,
            "console_log_level": "WARNING",
        }
    )
    DBOS.launch()
    for many in (WARM, count):
        begin = time.perf_counter()
        handles = [DBOS.start_workflow(three, number) for number in range(many)]
        done = [handle.get_result() for handle in handles]
    print(time.perf_counter() - begin)  # noqa: T201 - this is what it is for
    DBOS.destroy()
    if done != list(range(count)):
        raise RuntimeError("not every workflow returned")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
