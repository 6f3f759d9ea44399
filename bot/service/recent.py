"""What was read in the last minute, for answers that somebody waits for."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.store.database import Clock

V = TypeVar("V")

#: How long it is relied on, and how much is kept at the most.
HOLDS, MOST = timedelta(minutes=1), 10_000


class Recent(Generic[V]):
    """Values by name. What another process changes is seen a minute later at the latest."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._kept: dict[str, tuple[datetime, V]] = {}

    def get(self, name: str, read: Callable[[], V]) -> V:
        """What is known, or what `read` says."""
        now = self._now()
        at, value = self._kept.get(name, (None, None))
        if at is not None and timedelta(0) <= now - at < HOLDS:
            return value  # type: ignore[return-value] # kept beside its time
        return self.put(name, read())

    def put(self, name: str, value: V) -> V:
        """From now on; the value."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[name] = self._now(), value
        return value
