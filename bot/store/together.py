"""Writes of one kind that come to a SQLite file at the same time are one transaction, and each of its statements is one.

With a session and a savepoint for each, fifty submissions at once took three times as long to write
(`python -m tests.benchmarks acknowledgements`). Where one is refused, or fails, each is tried again alone: whatever it
raises is theirs, and nobody else notices. PostgreSQL writes side by side.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bot.errors import Unavailable
from bot.store.database import Database, Tx

Given = TypeVar("Given")
Made = TypeVar("Made")

#: How many share one transaction at the most, so that the first of them does not wait for long.
_LARGEST = 64
#: Seconds in which it shows whether more are on their way, and for which those are waited for: each transaction takes as
#: long as ten writes.
_LOOK, _GATHERING = 0.0003, 0.004


class _Place(Generic[Given, Made]):
    """One who waits: for the end of their write, or for their turn to do all that wait."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.made: Made | None = None
        #: Until something else came of it.
        self.error: Exception | None = Unavailable(
            "What was to be written is not stored: this process ends. Try again."
        )
        self.over = False
        #: Held until they are called: an event is two locks and a queue, and fifty of them wake at once.
        self.calling = threading.Lock()
        self.calling.acquire()


class Together(Generic[Given, Made]):
    """`do` writes all that it is given, as if one came after the other, and says what it made of each.

    It may run twice for the same, in transactions of which one is taken back.
    """

    def __init__(self, database: Database, do: Callable[[Tx, Sequence[Given]], Sequence[Made]]) -> None:
        self._database, self._do = database, do
        self._lock, self._led = threading.Lock(), False
        self._waiting: deque[_Place[Given, Made]] = deque()

    def write(self, given: Given) -> Made:
        """What `do` made of it, committed. Raises what `do` or the commit raises."""
        if not self._database.sqlite:
            return self._alone(given)
        mine = _Place[Given, Made](given)
        with self._lock:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            mine.calling.acquire()
        if not mine.over:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        return mine.made  # type: ignore[return-value] # it was made, or there is an error

    def _lead(self, mine: _Place[Given, Made]) -> None:
        """Write for all that wait, and hand the turn on."""
        taken = self._take(_LARGEST)
        try:
            self._gather(len(taken))
            taken += self._take(_LARGEST - len(taken))
            self._all(taken)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
            if following:
                following.calling.release()
            for place in taken:
                place.over = True
                if place is not mine:
                    place.calling.release()

    def _take(self, most: int) -> list[_Place[Given, Made]]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _gather(self, taken: int) -> None:
        """Let those come who are on their way, where there are any."""
        time.sleep(_LOOK)
        if taken + len(self._waiting) > 1:
            time.sleep(_GATHERING)

    def _all(self, places: Sequence[_Place[Given, Made]]) -> None:
        try:
            made = self._database.run(lambda tx: self._do(tx, [place.given for place in places]))
        except Exception as error:  # noqa: BLE001 - raised again by those whom it concerns
            if len(places) == 1 or isinstance(error, Unavailable):  # nobody can write
                for place in places:
                    place.error = error
                return
            for place in places:
                self._all([place])
        else:
            for place, each in zip(places, made, strict=True):
                place.made, place.error = each, None

    def _alone(self, given: Given) -> Made:
        return self._database.run(lambda tx: self._do(tx, [given]))[0]
