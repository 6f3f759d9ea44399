"""Runs due steps: claim, build, store, apply, record.

The resource and its key are stored before the effect, so that a crash repeats the same thing; every write afterwards
is fenced, so that a process which lost its lease changes nothing. Rules and measurements: bot/README.md.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot import contract
from bot.catalogue import Catalogue
from bot.engine.following import Follower
from bot.engine.opening import Fetch, Secrets, no_fetch
from bot.engine.retrying import (
    LARGEST_AGE,
    LONGEST_PENDING,
    MOST_BUGS,
    MOST_CRASHES,
    MOST_LOOKS,
    Parked,
    Unknown,
    Waits,
    backoff,
    length,
)
from bot.engine.seen import keep_promise, request_of
from bot.engine.watching import came_to, kind_of, made_by, watched
from bot.errors import Blocked, PermanentError, TemporaryError, Unavailable
from bot.handler import Answer, Context, Done, Follows, Handler, Pending, Resource
from bot.lifecycle import StepState
from bot.offering import NotGiven, NotYet, Offering
from bot.safe import NoSafe, Safe
from bot.store import claims, involved, news, outbox, progress, reads, requests, standing, steps, tables
from bot.store.claims import Claim, Lost
from bot.store.database import Database, Tx
from bot.store.leases import Leases
from bot.store.queues import Limits
from bot.store.records import RequestRecord
from bot.store.sending import ClaimedDelivery

log = logging.getLogger(__name__)

#: Seconds between two looks in the database whether a step that runs here was cancelled.
_CANCEL_LOOK = 1.0
#: Seconds between two attempts to record an outcome while the database is away, and how long that goes on.
PAUSE, LONGEST_OUTAGE = 0.5, 600.0


@dataclass(frozen=True)
class Finish:
    """What the last step of a request leads to."""

    outputs: Mapping[str, Any]
    expires_at: datetime | None


class _Outrun(Exception):
    """Another step of the request ended since this one looked: look again."""


class Engine:
    """Runs the steps of one process. `turn` is all that a test needs; a worker turns it from several threads."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        owner: str,
        secret: Callable[[str], str],
        url: Callable[[str], str | None] = lambda _number: None,
        lease: timedelta = timedelta(seconds=30),
        safe: Safe | None = None,
        fetch: Fetch = no_fetch,
    ) -> None:
        """`owner` names this process, `secret` gives a secret by its name, `url` a page for a request's number.

        `safe` has the secrets that people gave in forms, `fetch` reads files that are in Slack.
        """
        self.database, self.catalogue, self.owner, self.lease = database, catalogue, owner, lease
        self._secrets, self._url = Secrets(database, secret, safe or NoSafe(), fetch), url
        self._follower = Follower(database, catalogue, self._secrets, url)
        self.leases = Leases(database, owner, lease)
        self._limits = _limits(catalogue)

    def turn(self) -> bool:
        """Run one due step to its record; False when none is due."""
        claim = self.claim()
        if claim is None:
            return False
        self.run(claim)
        return True

    def claim(self, share: int | None = None) -> Claim | None:
        """Take the next due step; `share` is how many of one offering may run here at once."""
        return self.leases.take(replace(self._limits, share=share))

    def renew(self) -> None:
        """Keep the leases of all steps that run here; what cannot be kept stops by `context.cancelled`."""
        self.leases.renew()

    def run(self, claim: Claim) -> None:
        """Run one step that was claimed; never raises."""
        with watched(claim):
            self._run_watched(claim)

    def _run_watched(self, claim: Claim) -> None:
        try:
            self._run(claim)
        except Lost:
            came_to("lost")
            log.info("%s: the lease is gone or the request ended; result dropped", claim.key)
        except Exception:  # a record that failed is logged, and the lease hands the step on
            log.exception("%s: the record of its outcome failed; it is taken up again after the lease", claim.key)
        finally:
            self.leases.drop(claim)

    def _run(self, claim: Claim) -> None:
        try:
            found, answer = self._run_to_answer(claim)
            self._surely(claim, lambda: self._record(found, answer))
            came_to("pending" if isinstance(answer, Pending) else "done")
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; every outcome is recorded
            came_to(kind_of(error))
            outcome = self._outcome_of(claim, error)
            self._surely(claim, lambda: self._write(outcome))

    def _surely(self, claim: Claim, record: Callable[[], None]) -> None:
        """Record an outcome, if need be when the database is back: until then nobody else can take the step either."""
        give_up = time.monotonic() + LONGEST_OUTAGE
        while True:
            try:
                record()
            except Unavailable:
                if not self.leases.held(claim) or time.monotonic() > give_up:
                    raise
                time.sleep(PAUSE)
            else:
                return

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

    def _run_to_answer(self, claim: Claim) -> tuple[Claim, Answer]:
        if claim.crashes >= MOST_CRASHES:
            raise Parked(f"The worker died {claim.crashes} times while it ran this step.")
        claim, handler, resource = self._resource(claim)
        made_by(handler.name)
        if claim.answer is not None:
            return claim, Done(claim.answer, claim.state)
        if claim.action == "apply" and claim.previous == claim.resource:
            return claim, Done(claim.left, claim.state)  # an update that changes nothing here
        context = self._context(claim, handler)
        answer = handler.delete(resource, context) if claim.action == "delete" else handler.apply(resource, context)
        return claim, answer

    # What a step asks for

    def _resource(self, claim: Claim) -> tuple[Claim, Handler[Any], Resource[Any]]:
        if claim.handler and claim.resource is not None:
            handler = self.catalogue.handlers.get(claim.handler)
            if handler is None:
                raise Unknown(f"No handler called {claim.handler} is installed.")
            return claim, handler, handler.resource.model_validate(claim.resource)
        return self._build(claim)

    def _build(self, claim: Claim) -> tuple[Claim, Handler[Any], Resource[Any]]:
        record, instance = self._load(claim)
        offering = self.catalogue.offering(record.offering, record.version)
        step = offering.steps.get(claim.name) if offering else None
        if offering is None or step is None:
            raise Unknown(f"{record.offering} {record.version} has no step {claim.name} in the code that runs now.")
        try:
            resource = step(request_of(offering, record, instance))
        except NotYet as error:
            raise Waits(error) from error
        except NotGiven as error:
            raise PermanentError(str(error)) from error
        handler = self.catalogue.handler_of(type(resource))
        if handler is None:
            raise Unknown(f"No handler makes a {type(resource).__name__} real.")
        plain, follows = resource.model_dump(mode="json"), isinstance(handler, Follows)
        with self.database.write() as tx:
            claim = steps.built(
                tx, claim, handler.name, plain, description=step.description, follows=follows, limit=step.limit
            )
        return claim, handler, resource

    def _load(self, claim: Claim) -> tuple[RequestRecord, list[tables.InstanceResource]]:
        with self.database.read() as session:
            record = reads.request(session, claim.request_id)
            made = reads.resources(session, claim.instance_id)
        if record is None:
            raise Lost(claim.key)
        return record, made

    def _context(self, claim: Claim, handler: Handler[Any]) -> Context:
        previous = handler.resource.model_validate(claim.previous) if claim.previous is not None else None
        return Context(
            key=claim.key,
            identity=claim.identity,
            state=claim.state,
            now=self.database.now(),
            save=lambda state: self._write(lambda tx: steps.save(tx, claim, state)),
            say=lambda text: self._write(lambda tx: steps.say(tx, claim, text)),
            secret=lambda name: self._secrets.of(claim.request_id, name),
            cancelled=self._cancelled(claim),
            previous=previous,
            url=self._url(claim.key.partition("/")[0]),
        )

    def _cancelled(self, claim: Claim) -> Callable[[], bool]:
        """Whether the step should stop: the request was cancelled, by whichever process, or the lease is gone."""
        looked = time.monotonic()

        def cancelled() -> bool:
            nonlocal looked
            if not self.leases.sure(claim):
                return True
            if time.monotonic() - looked < _CANCEL_LOOK:
                return False
            looked = time.monotonic()
            with suppress(Unavailable), self.database.read() as session:
                return not claims.is_held(session, claim)
            return False  # nobody can say, and the lease still holds

        return cancelled

    # How it went

    def _record(self, claim: Claim, answer: Answer) -> None:
        for odd in contract.unstorable([dict(answer.state), dict(getattr(answer, "outputs", {}))]):
            raise PermanentError(f"What the handler answered cannot be kept. {odd.detail}")
        if isinstance(answer, Pending):
            self._pend(claim, answer)
            return
        while True:
            try:
                self._record_done(claim, answer)
            except _Outrun:
                continue
            return

    def _record_done(self, claim: Claim, answer: Done) -> None:
        record, made = self._load(claim)
        finish: Finish | None = None
        if all(step.state is StepState.DONE for step in record.steps if step.name != claim.name):
            problem, finish = self._finish(record, made, claim.name, answer.outputs)
            if problem:
                self._write(lambda tx: steps.fail(tx, claim, problem))
                return
        with self.database.write() as tx:
            request = steps.done(tx, claim, answer.outputs, answer.state, answer.posts)
            news.watch(tx, claim.instance_id, claim.name, answer.reference)
            if progress.is_complete(tx, request):
                if finish is None:
                    raise _Outrun
                steps.fulfil(tx, claim, finish.outputs, finish.expires_at)

    def _pend(self, claim: Claim, answer: Pending) -> None:
        # What people do in their own time, here or where the resource stands, has no largest age but the step's own.
        if not (answer.ask or answer.reference) and self._is_late(claim, LONGEST_PENDING):
            raise PermanentError(f"It has not become ready in time. It waited for: {answer.reason}")
        delay = answer.delay if answer.delay is not None or answer.ask else backoff(claim.polls)
        wait = timedelta(seconds=delay) if delay is not None else None
        with self.database.write() as tx:
            steps.pending(tx, claim, answer.reason, answer.state, delay=wait, ask=answer.ask, posts=answer.posts)
            news.watch(tx, claim.instance_id, claim.name, answer.reference)

    def _finish(
        self, record: RequestRecord, made: list[tables.InstanceResource], last: str, outputs: Mapping[str, Any]
    ) -> tuple[str | None, Finish | None]:
        """What is wrong with the promise, or what the request ends with."""
        if record.kind == "delete":
            return None, Finish({}, None)
        offering = self.catalogue.offering(record.offering, record.version)
        if offering is None:
            raise Parked(f"{record.offering} {record.version} is not in the code that runs now.")
        applied = {step.name for step in record.steps if step.action == "apply"}
        all_outputs = {row.step: row.outputs for row in made if row.step in applied} | {last: dict(outputs)}
        promised = keep_promise(offering, all_outputs)
        problems = contract.problems(offering.contract.outputs, promised) if offering.contract.outputs else []
        if problems:
            named = "; ".join(f"{problem.pointer.lstrip('/')}: {problem.detail}" for problem in problems)
            return f"The steps are done, but what {record.offering} promises its owner is not there. {named}", None
        return None, Finish(promised, self._end_of(offering, record, made))

    def _end_of(
        self, offering: Offering[Any], record: RequestRecord, made: list[tables.InstanceResource]
    ) -> datetime | None:
        """When the instance expires. An update moves an end that was asked for, never one that was counted."""
        if record.kind == "update" and not offering.ends_on_a_date(request_of(offering, record, made)):
            with self.database.read() as session:
                instance = reads.instance(session, record.instance_id)
            return instance.expires_at if instance else None
        return offering.ends(request_of(offering, record, made), self.database.now())

    def _is_late(self, claim: Claim, most: timedelta) -> bool:
        until = claim.deadline or claim.since + most
        return self.database.now() > until

    def _after_temporary(self, claim: Claim, error: TemporaryError | Unavailable) -> Callable[[Tx], None]:
        if self._is_late(claim, LONGEST_PENDING if isinstance(error, Blocked) else LARGEST_AGE):
            tried = self.database.now() - claim.since
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

    def _write(self, change: Callable[[Tx], Any]) -> None:
        with self.database.write() as tx:
            change(tx)

    # What no step does by itself

    def sweep(self) -> None:
        """Fail what has taken too long, go on with what was parked for want of code that is here now.

        And take in, for the listings, what older processes have stored.
        """
        with self.database.read() as session:
            parked = standing.parked(session)
        known = {each.request_id for each in parked} - {e.request_id for e in parked if not self._can_go_on(e)}
        for request_id in sorted(known):
            with suppress(progress.Moved):  # somebody else was first
                self._write(lambda tx, key=request_id: requests.retry(tx, key, None))  # type: ignore[misc] # its default
        self._write(standing.fail_overdue)
        self._write(involved.catch_up)

    def _can_go_on(self, step: standing.ParkedStep) -> bool:
        if step.crashes >= MOST_CRASHES:
            return False
        if step.handler is not None:
            return step.handler in self.catalogue.handlers
        offering = self.catalogue.offering(step.offering, step.version)
        return offering is not None and step.name in offering.steps

    def follow(self, delivery: ClaimedDelivery) -> None:
        """Tell a resource how its request went on. Raises TemporaryError while there is nothing to tell yet."""
        self._follower.follow(delivery)


def _limits(catalogue: Catalogue) -> Limits:
    """As the newest version of each offering and the handlers say."""
    offerings = {each.name: each.at_once for each in catalogue.newest() if each.at_once is not None}
    handlers = {name: each.at_once for name, each in catalogue.handlers.items() if each.at_once is not None}
    return Limits(None, offerings, handlers)
