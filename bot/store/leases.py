"""What this process holds, and how long it can be sure of it: by a clock that nobody sets, not by the database's.

A lease that could not be renewed (the database is away) is given up before it ends, so that nothing runs here beside
the process that takes over.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from bot.store import claims
from bot.store.claims import Claim, Lost
from bot.store.database import Database
from bot.store.queues import Limits, offering_of

log = logging.getLogger(__name__)

#: How much of a lease can be relied on: the rest is for a handler to stop in.
_SURE = 0.8
_NO_LIMITS = Limits()


class Leases:
    """The claims of one process. Called from several threads."""

    def __init__(
        self, database: Database, owner: str, lease: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`owner` names the process; `clock` tells seconds that only ever grow."""
        self._database, self._owner, self._lease, self._clock = database, owner, lease, clock
        self._lock, self._stopping = threading.Lock(), False
        self._held: dict[int, Claim] = {}
        self._sure_until: dict[int, float] = {}

    @property
    def busy(self) -> int:
        """How many steps run here."""
        return len(self._held)

    def take(self, limits: Limits = _NO_LIMITS) -> Claim | None:
        """Claim the next step that is due and may begin.

        What could not be renewed is renewed first: it still runs here, and would be claimed beside itself.
        """
        if self._overdue():
            self.renew()
        until = self.until()
        with self._lock:
            here = Counter(offering_of(claim.queue) for claim in self._held.values())
        claim = self._database.run(lambda tx: claims.claim(tx, self._owner, self._lease, limits, here))
        if claim:
            self.hold(claim, until)
        return claim

    def hold(self, claim: Claim, until: float) -> None:
        """It was claimed; `until`, from before that, is how long this process can be sure of it."""
        with self._lock:
            self._held[claim.id], self._sure_until[claim.id] = claim, until

    def renew(self) -> None:
        """Keep all that is held; what is another's by now, or over, is held no more."""
        with self._lock:
            held = list(self._held)
        if not held:
            return
        until = self.until()
        kept = self._database.run(lambda tx: claims.renew(tx, self._owner, held, self._lease))
        with self._lock:
            for key in held:
                if key in kept:
                    self._sure_until[key] = until
                else:
                    self._drop(key)

    def sure(self, claim: Claim) -> bool:
        """Whether its step may go on here: it is held, the lease can be relied on, and the process does not end."""
        with self._lock:
            return not self._stopping and self._clock() < self._sure_until.get(claim.id, 0.0)

    def held(self, claim: Claim) -> bool:
        """Whether nobody has said that it is another's."""
        with self._lock:
            return claim.id in self._held

    def drop(self, claim: Claim) -> None:
        """Its step has ended here."""
        with self._lock:
            self._drop(claim.id)

    def stop(self) -> None:
        """Be sure of nothing any more: this process ends."""
        with self._lock:
            self._stopping = True

    def release(self) -> None:
        """Give back what is held, for somebody else to take at once."""
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            try:
                self._database.run(lambda tx, claim=claim: claims.release(tx, claim))  # type: ignore[misc] # its default
            except Lost:
                log.info("%s had another holder or an end already", claim.key)
            else:
                log.info("%s is given back: this process ends", claim.key)
            self.drop(claim)

    def until(self) -> float:
        """How long a lease can be relied on that begins after this, by the database's clock."""
        return self._clock() + self._lease.total_seconds() * _SURE

    def _overdue(self) -> bool:
        with self._lock:
            return any(until < self._clock() for until in self._sure_until.values())

    def _drop(self, key: int) -> None:
        self._held.pop(key, None)
        self._sure_until.pop(key, None)
