"""How a step went, as it is stored: in one transaction with all that follows from it.

Where a step is done and the process has a thread to spare, the same transaction takes the next step of the request.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot import contract, lifecycle
from bot.catalogue import Catalogue
from bot.engine import building
from bot.engine.building import Broken, Built
from bot.engine.retrying import (
    LARGEST_AGE,
    LONGEST_PENDING,
    MOST_BUGS,
    MOST_LOOKS,
    Parked,
    Unknown,
    Waits,
    backoff,
    length,
)
from bot.engine.seen import Seen
from bot.engine.watching import came_to
from bot.errors import Blocked, PermanentError, TemporaryError, Unavailable
from bot.handler import Answer, Done, Pending
from bot.store import claims, onward, outbox, progress, reads, steps
from bot.store.claims import Claim, Lost
from bot.store.database import Database, Tx
from bot.store.leases import Leases
from bot.store.queues import Limits

log = logging.getLogger(__name__)


@dataclass
class Work:
    """What a thread has in hand: steps of one request, one after the other."""

    goes_on: Callable[[], bool]
    #: The request as it is known here.
    seen: Seen | None = None
    #: The step that it has taken to go on with.
    following: Claim | None = None


class _Outrun(Exception):
    """Another step of the request ended, or changed, since this one looked: look again."""


class Recording:
    """Part of the engine."""

    database: Database
    catalogue: Catalogue
    lease: timedelta
    leases: Leases
    _limits: Limits

    def _record(self, claim: Claim, answer: Answer, work: Work) -> None:
        for odd in contract.unstorable([dict(answer.state), dict(getattr(answer, "outputs", {}))]):
            raise PermanentError(f"What the handler answered cannot be kept. {odd.detail}")
        if isinstance(answer, Pending):
            self._pend(claim, answer)
            return
        again = False
        while True:
            try:
                self._record_done(claim, answer, work, again=again)
            except _Outrun:
                work.seen, again = None, True
            else:
                return

    def _record_done(self, claim: Claim, answer: Done, work: Work, *, again: bool) -> None:
        seen = self._seen(claim, work).after(claim.name, answer.outputs)
        try:
            finish = building.finish(self.catalogue, self.database, seen) if seen.complete else None
        except Broken as broken:
            if not again:  # what the others left may be something else by now
                raise _Outrun from broken
            problem = str(broken)
            came_to("failed")
            self.database.run(lambda tx: steps.fail(tx, claim, problem))
            return
        built, until = self._following(claim, seen, work), self.leases.until()
        counted = self._limits.count(seen.record.offering, claim.handler)

        def write(tx: Tx) -> Claim | None:
            standing = steps.done(tx, claim, answer.outputs, answer.state, answer.posts, answer.reference)
            is_so = seen.still_so(standing, claim.name)
            if standing.complete:
                if finish is None or not is_so:
                    raise _Outrun
                progress.fulfil(tx, standing.request, finish.outputs, finish.expires_at)
            made = built.made() if built and is_so else None
            return onward.go_on(tx, claim, standing, made, self.lease, counted=counted)

        taken = self.database.run(write)
        if taken is not None:
            self.leases.hold(taken, until)
            work.seen, work.following = seen, taken

    def _following(self, claim: Claim, seen: Seen, work: Work) -> Built | None:
        """The step to go on with, built from what will be known; None: whatever comes then waits in its queue."""
        if claim.kind != "create" or not work.goes_on():
            return None
        names = lifecycle.runnable(seen.record.steps, seen.record.state)
        name = next((step.name for step in seen.record.steps if step.name in names and step.run_at is None), None)
        if name is None:
            return None
        try:
            built = building.build(self.catalogue, name, seen)
        except Exception:  # noqa: BLE001 - when its turn comes it is built again, and what it raises is recorded
            return None
        counted = self._limits.count(seen.record.offering, built.handler.name)
        return None if counted else built  # who has a limit waits with all that it counts

    def _pend(self, claim: Claim, answer: Pending) -> None:
        # What people do in their own time, here or where the resource stands, has no largest age but the step's own.
        if not (answer.ask or answer.reference) and self._is_late(claim, LONGEST_PENDING):
            raise PermanentError(f"It has not become ready in time. Until then: {answer.reason}")
        delay = answer.delay if answer.delay is not None or answer.ask else backoff(claim.polls)
        wait = timedelta(seconds=delay) if delay is not None else None
        self.database.run(
            lambda tx: steps.pending(
                tx,
                claim,
                answer.reason,
                answer.state,
                delay=wait,
                ask=answer.ask,
                posts=answer.posts,
                reference=answer.reference,
            )
        )

    def _is_late(self, claim: Claim, most: timedelta) -> bool:
        until = claim.deadline or claim.since + most
        return self.database.now() > until

    def _after_temporary(self, claim: Claim, error: TemporaryError | Unavailable) -> Callable[[Tx], None]:
        if self._is_late(claim, LONGEST_PENDING if isinstance(error, Blocked) else LARGEST_AGE):
            tried = self.database.now() - claim.since
            came_to("failed")
            return lambda tx: steps.fail(tx, claim, f"{error} It was tried for {length(tried)}.")
        given = error.delay if isinstance(error, TemporaryError) else None
        delay = timedelta(seconds=given if given is not None else backoff(claim.attempts))

        def again(tx: Tx) -> None:
            steps.again(tx, claim, str(error), delay)
            if isinstance(error, Blocked):
                outbox.blocked(tx, error.system, str(error))

        return again

    def _after_bug(self, claim: Claim, error: Exception) -> Callable[[Tx], None]:
        # The text may hold anything, so people read the kind of error; the log has the rest.
        reason = f"{type(error).__name__} in the step {claim.name}; the log of the worker has the details."
        if claim.attempts >= MOST_BUGS:
            return lambda tx: steps.fail(tx, claim, reason)
        return lambda tx: steps.again(tx, claim, reason, timedelta(seconds=backoff(claim.attempts)))

    def _outcome_of(self, claim: Claim, error: Exception) -> Callable[[Tx], Any]:
        """What to record of a step that raised."""
        match error:
            case Unknown() if claim.polls < MOST_LOOKS:
                return lambda tx: claims.leave(tx, claim, str(error), timedelta(seconds=2**claim.polls))
            case Parked():
                return lambda tx: steps.park(tx, claim, str(error))
            case Waits():
                return lambda tx: steps.wait_for(tx, claim, error.step, str(error))
            case PermanentError():
                return lambda tx: steps.fail(tx, claim, str(error))
            case TemporaryError() | Unavailable():
                return self._after_temporary(claim, error)
        log.error("%s: a bug in the step or its handler", claim.key, exc_info=error)
        return self._after_bug(claim, error)

    def _seen(self, claim: Claim, work: Work) -> Seen:
        """The request as it is known here, or as it is stored."""
        if work.seen is None:
            with self.database.read() as session:
                record = reads.request_at_work(session, claim.request_id)
                made = reads.resources(session, claim.instance_id)
            if record is None:
                raise Lost(claim.key)
            work.seen = Seen(record, made)
        return work.seen
