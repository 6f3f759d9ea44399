"""Runs due steps: claim, build, store, apply, record.

The resource and its key are stored before the effect, so that a crash repeats the same thing; every write afterwards
is fenced, so that a process which lost its lease changes nothing. Rules and measurements: bot/README.md.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.catalogue import Catalogue
from bot.engine import building
from bot.engine.following import Follower
from bot.engine.opening import Fetch, Secrets, no_fetch
from bot.engine.recording import Recording, Work
from bot.engine.retrying import LONGEST_OUTAGE, MOST_CRASHES, Parked, Unknown, surely
from bot.engine.watching import came_to, kind_of, made_by, watched
from bot.errors import Unavailable
from bot.handler import Answer, Context, Done, Handler, Pending, Resource
from bot.safe import NoSafe, Safe
from bot.store import claims, involved, progress, requests, standing, steps
from bot.store.claims import Claim, Lost
from bot.store.database import Database
from bot.store.leases import Leases
from bot.store.queues import Limits
from bot.store.sending import ClaimedDelivery

log = logging.getLogger(__name__)

#: Seconds between two looks in the database whether a step that runs here was cancelled.
_CANCEL_LOOK = 1.0


def _never() -> bool:
    return False


class Engine(Recording):
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

    def run(self, claim: Claim, goes_on: Callable[[], bool] = _never) -> None:
        """Run one step that was claimed; never raises.

        And the steps of its request that come due by its end, as long as `goes_on` says that others do not need this
        thread more.
        """
        work = Work(goes_on)
        at: Claim | None = claim
        while at is not None:
            with watched(at):
                self._run_watched(at, work)
            at, work.following = work.following, None

    def _run_watched(self, claim: Claim, work: Work) -> None:
        try:
            self._run(claim, work)
        except Lost:
            came_to("lost")
            log.info("%s: the lease is gone or the request ended; result dropped", claim.key)
        except Exception:  # a record that failed is logged, and the lease hands the step on
            log.exception("%s: the record of its outcome failed; it is taken up again after the lease", claim.key)
        finally:
            self.leases.drop(claim)

    def _run(self, claim: Claim, work: Work) -> None:
        try:
            found, answer = self._run_to_answer(claim, work)
            came_to("pending" if isinstance(answer, Pending) else "done")
            self._surely(claim, lambda: self._record(found, answer, work))
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; every outcome is recorded
            came_to(kind_of(error))
            outcome = self._outcome_of(claim, error)
            self._surely(claim, lambda: self.database.run(outcome))

    def _surely(self, claim: Claim, record: Callable[[], None]) -> None:
        """Record an outcome, if need be when the database is back: until then nobody else can take the step either."""
        give_up = time.monotonic() + LONGEST_OUTAGE

        def worth_it() -> bool:
            nonlocal give_up
            if not self.leases.sure(claim):  # no lease can be renewed: a disk may be full for hours
                give_up = time.monotonic() + LONGEST_OUTAGE
            return self.leases.held(claim) and time.monotonic() < give_up

        surely(record, worth_it)

    def _run_to_answer(self, claim: Claim, work: Work) -> tuple[Claim, Answer]:
        if claim.crashes >= MOST_CRASHES:
            raise Parked(f"The worker died {claim.crashes} times while it ran this step.")
        claim, handler, resource = self._resource(claim, work)
        made_by(handler.name)
        if claim.answer is not None:
            return claim, Done(claim.answer, claim.state)
        if claim.action == "apply" and claim.previous == claim.resource:
            return claim, Done(claim.left, claim.state)  # an update that changes nothing here
        context = self._context(claim, handler)
        answer = handler.delete(resource, context) if claim.action == "delete" else handler.apply(resource, context)
        return claim, answer

    # What a step asks for

    def _resource(self, claim: Claim, work: Work) -> tuple[Claim, Handler[Any], Resource[Any]]:
        if claim.handler and claim.resource is not None:
            handler = self.catalogue.handlers.get(claim.handler)
            if handler is None:
                raise Unknown(f"No handler called {claim.handler} is installed.")
            return claim, handler, handler.resource.model_validate(claim.resource)
        return self._build(claim, work)

    def _build(self, claim: Claim, work: Work) -> tuple[Claim, Handler[Any], Resource[Any]]:
        built = building.build(self.catalogue, claim.name, self._seen(claim, work))
        made = built.made()
        claim = self.database.run(lambda tx: steps.built(tx, claim, made))
        return claim, built.handler, built.resource

    def _context(self, claim: Claim, handler: Handler[Any]) -> Context:
        previous = handler.resource.model_validate(claim.previous) if claim.previous is not None else None
        return Context(
            key=claim.key,
            identity=claim.identity,
            state=claim.state,
            now=self.database.now(),
            save=lambda state: self.database.run(lambda tx: steps.save(tx, claim, state)),
            say=lambda text: self.database.run(lambda tx: steps.say(tx, claim, text)),
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
                self.database.run(lambda tx, key=request_id: requests.retry(tx, key, None))  # type: ignore[misc] # its default
        self.database.run(standing.fail_overdue)
        self.database.run(involved.catch_up)

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
