"""What an error means for a step: when it is tried again, and when not any more."""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from bot.errors import FrontdeskError, Unavailable
from bot.offering import NotYet

#: A temporary error is tried again for so long, a bug so often, and a step may kill so many workers.
LARGEST_AGE, MOST_BUGS, MOST_CRASHES = timedelta(hours=24), 5, 3
#: How long a handler may say "not yet" where the step has no limit of its own; people may take as long as they need.
LONGEST_PENDING = timedelta(days=14)
#: What this process does not know is offered to others so often, over a minute, before it is parked.
MOST_LOOKS = 6
#: Seconds between two attempts to record an outcome while the database is away, and how long that goes on where others
#: may use it.
PAUSE, LONGEST_OUTAGE = 0.5, 600.0
#: Seconds.
FIRST_DELAY, LARGEST_DELAY = 1.0, 300.0


class Parked(FrontdeskError):
    """A step that cannot be run: it needs a person of the platform."""


class Unknown(Parked):
    """A step that the code of this process does not know; another process may, while a deploy goes on."""


class Waits(FrontdeskError):
    """A step read what another one will leave: it waits for that one."""

    def __init__(self, error: NotYet) -> None:
        super().__init__(str(error))
        self.step = error.step


def backoff(attempts: int) -> float:
    """Seconds until the next attempt: exponential, with full jitter, never none."""
    ceiling = min(LARGEST_DELAY, FIRST_DELAY * 2 ** min(attempts, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret


def surely(record: Callable[[], None], worth_it: Callable[[], bool]) -> None:
    """Record an outcome, if need be when the database is back. Raises Unavailable once that is not `worth_it`.

    A `record` whose commit nobody knows the end of is repeated, so twice has to mean once: it is fenced.
    """
    while True:
        try:
            record()
        except Unavailable:
            if not worth_it():
                raise
            time.sleep(PAUSE)
        else:
            return


def length(span: timedelta) -> str:
    """`1 day, 1:00:00`."""
    return str(timedelta(seconds=round(span.total_seconds())))
