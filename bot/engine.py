"""Runs due steps: claim, build, store, apply, record.

The resource and its key are stored before the effect, so that a crash repeats the same thing; every write afterwards
is fenced, so that a process which lost its lease changes nothing. Rules and measurements: bot/README.md.
"""

import json
import logging
import random
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from bot import contract, secrecy
from bot.catalogue import Catalogue
from bot.errors import FrontdeskError, PermanentError, TemporaryError
from bot.handler import Answer, Context, Done, Event, EventName, Follows, Handler, Pending, Resource
from bot.lifecycle import StepState
from bot.offering import Kind, NotGiven, NotYet, Offering, Request, Step
from bot.safe import NoSafe, Safe
from bot.store import reads, sealed, steps, tables
from bot.store.database import Database, Tx
from bot.store.outbox import ClaimedDelivery
from bot.store.records import RequestRecord, request_number
from bot.store.steps import Claim, Lost

log = logging.getLogger(__name__)

#: A temporary error is tried again for so long, a bug so often, and a step may kill so many workers.
LARGEST_AGE, MOST_BUGS, MOST_CRASHES = timedelta(hours=24), 5, 3
FIRST_DELAY, LARGEST_DELAY = 1.0, 300.0
#: `REQ-12/password`, the name of a secret that somebody gave in a form (bot.offering.secret_name).
_FROM_FORM = re.compile(r"REQ-[\d?]+/")


@dataclass(frozen=True)
class Finish:
    """What the last step of a request leads to."""

    outputs: Mapping[str, Any]
    expires_at: datetime | None


class Parked(FrontdeskError):
    """A step that this code cannot run: it needs a person of the platform."""


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
    ) -> None:
        """`owner` names this process, `secret` gives a secret by its name, `url` a page for a request's number.

        `safe` has the secrets that people gave in forms.
        """
        self.database, self.catalogue, self.owner, self.lease = database, catalogue, owner, lease
        self._secret, self._url, self._safe = secret, url, safe or NoSafe()
        self._held: dict[int, Claim] = {}
        self._lock = threading.Lock()

    def turn(self) -> bool:
        """Run one due step to its record; False when none is due."""
        claim = self.claim()
        if claim is None:
            return False
        self.run(claim)
        return True

    def claim(self) -> Claim | None:
        """Take the next due step."""
        with self.database.write() as tx:
            claim = steps.claim(tx, self.owner, self.lease)
        if claim:
            with self._lock:
                self._held[claim.id] = claim
        return claim

    def run(self, claim: Claim) -> None:
        """Run one step that was claimed; never raises."""
        try:
            self._run(claim)
        except Lost:
            log.info("%s: the lease is gone or the request ended; result dropped", claim.key)
        except Exception:  # a record that failed is logged, and the lease hands the step on
            log.exception("%s: the record of its outcome failed; it is taken up again after the lease", claim.key)
        finally:
            with self._lock:
                self._held.pop(claim.id, None)

    def renew(self) -> None:
        """Keep the leases of all steps that run here; what could not be kept stops by `context.cancelled`."""
        with self._lock:
            held = list(self._held)
        if not held:
            return
        with self.database.write() as tx:
            kept = steps.renew(tx, self.owner, held, self.lease)
        with self._lock:
            for key in set(held) - kept:
                self._held.pop(key, None)

    def _run(self, claim: Claim) -> None:
        try:
            self._record(claim, self._answer(claim))
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; every outcome is recorded
            self._write(self._outcome_of(claim, error))

    def _outcome_of(self, claim: Claim, error: Exception) -> Callable[[Tx], None]:
        """What to record of a step that raised."""
        match error:
            case Parked():
                return lambda tx: steps.park(tx, claim, str(error))
            case PermanentError():
                return lambda tx: steps.fail(tx, claim, str(error))
            case TemporaryError():
                return self._after_temporary(claim, error)
        log.error("%s: a bug in the step or its handler", claim.key, exc_info=error)
        return self._after_bug(claim, error)

    def _answer(self, claim: Claim) -> Answer:
        if claim.crashes >= MOST_CRASHES:
            raise Parked(f"The worker died {claim.crashes} times while it ran this step.")
        handler, resource = self._resource(claim)
        if claim.answer is not None:
            return Done(claim.answer, claim.state)
        context = self._context(claim, handler)
        return handler.delete(resource, context) if claim.action == "delete" else handler.apply(resource, context)

    # What a step asks for

    def _resource(self, claim: Claim) -> tuple[Handler[Any], Resource[Any]]:
        if claim.handler and claim.resource is not None:
            handler = self.catalogue.handlers.get(claim.handler)
            if handler is None:
                raise Parked(f"No handler called {claim.handler} is installed.")
            return handler, handler.resource.model_validate(claim.resource)
        return self._build(claim)

    def _build(self, claim: Claim) -> tuple[Handler[Any], Resource[Any]]:
        record, instance = self._load(claim)
        offering = self.catalogue.offering(record.offering, record.version)
        step = offering.steps.get(claim.name) if offering else None
        if offering is None or step is None:
            raise Parked(f"{record.offering} {record.version} has no step {claim.name} in the code that runs now.")
        try:
            resource = step(request_of(offering, record, instance))
        except (NotYet, NotGiven) as error:
            raise PermanentError(str(error)) from error
        handler = self.catalogue.handler_of(type(resource))
        if handler is None:
            raise Parked(f"No handler makes a {type(resource).__name__} real.")
        plain, follows = resource.model_dump(mode="json"), isinstance(handler, Follows)
        with self.database.write() as tx:
            steps.built(tx, claim, handler.name, plain, description=step.description, follows=follows)
        return handler, resource

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
            secret=lambda name: self._secret_of(claim.request_id, name),
            cancelled=lambda: self._is_lost(claim),
            previous=previous,
            url=self._url(claim.key.partition("/")[0]),
        )

    def _secret_of(self, request_id: int, name: str) -> str:
        """A secret of this very request's form, or one of the environment. Raises PermanentError."""
        if not _FROM_FORM.match(name):
            return self._secret(name)
        number, _, rest = name.partition("/")
        if number != request_number(request_id):
            raise PermanentError(f"{name} is a secret of another request.")
        with self.database.read() as session:
            kept = sealed.find(session, request_id, f"/{rest}")
        if kept is None:
            raise PermanentError(f"The secret {name} is gone: it is kept until its request ends.")
        return self._safe.get(kept)

    def _is_lost(self, claim: Claim) -> bool:
        with self._lock:
            return claim.id not in self._held

    # How it went

    def _record(self, claim: Claim, answer: Answer) -> None:
        for odd in contract.unstorable([dict(answer.state), dict(getattr(answer, "outputs", {}))]):
            raise PermanentError(f"What the handler answered cannot be kept. {odd.detail}")
        if isinstance(answer, Pending):
            self._pend(claim, answer)
            return
        record, made = self._load(claim)
        finish: Finish | None = None
        if all(step.state is StepState.DONE for step in record.steps if step.name != claim.name):
            problem, finish = self._finish(record, made, claim.name, answer.outputs)
            if problem:
                self._write(lambda tx: steps.fail(tx, claim, problem))
                return
        with self.database.write() as tx:
            steps.done(tx, claim, answer.outputs, answer.state, answer.posts)
            if finish:
                steps.fulfil(tx, claim, finish.outputs, finish.expires_at)

    def _pend(self, claim: Claim, answer: Pending) -> None:
        delay = answer.delay if answer.delay is not None or answer.ask else backoff(claim.attempts)
        wait = timedelta(seconds=delay) if delay is not None else None
        self._write(
            lambda tx: steps.pending(
                tx, claim, answer.reason, answer.state, delay=wait, ask=answer.ask, posts=answer.posts
            )
        )

    def _finish(
        self, record: RequestRecord, made: list[tables.InstanceResource], last: str, outputs: Mapping[str, Any]
    ) -> tuple[str | None, Finish | None]:
        """What is wrong with the promise, or what the request ends with."""
        if record.kind == "delete":
            return None, Finish({}, None)
        offering = self.catalogue.offering(record.offering, record.version)
        if offering is None:
            raise Parked(f"{record.offering} {record.version} is not in the code that runs now.")
        all_outputs = {row.step: row.outputs for row in made} | {last: dict(outputs)}
        promised = keep_promise(offering, all_outputs)
        problems = contract.problems(offering.contract.outputs, promised) if offering.contract.outputs else []
        if problems:
            named = "; ".join(f"{problem.pointer.lstrip('/')}: {problem.detail}" for problem in problems)
            return f"The steps are done, but what {record.offering} promises its owner is not there. {named}", None
        expires = offering.ends(request_of(offering, record, made), self.database.now())
        return None, Finish(promised, expires)

    def _after_temporary(self, claim: Claim, error: TemporaryError) -> Callable[[Tx], None]:
        if self.database.now() - claim.since > LARGEST_AGE:
            return lambda tx: steps.fail(tx, claim, f"{error} It was tried for {LARGEST_AGE}.")
        delay = timedelta(seconds=error.delay if error.delay is not None else backoff(claim.attempts))
        return lambda tx: steps.again(tx, claim, str(error), delay)

    def _after_bug(self, claim: Claim, error: Exception) -> Callable[[Tx], None]:
        # The text may hold anything, so people read the kind of error; the log has the rest.
        reason = f"{type(error).__name__} in the step {claim.name}; the log of the worker has the details."
        if claim.attempts >= MOST_BUGS:
            return lambda tx: steps.fail(tx, claim, reason)
        return lambda tx: steps.again(tx, claim, reason, timedelta(seconds=backoff(claim.attempts)))

    def _write(self, change: Callable[[Tx], Any]) -> None:
        with self.database.write() as tx:
            change(tx)

    # Following

    def follow(self, delivery: ClaimedDelivery) -> None:
        """Tell a resource how its request went on. Raises TemporaryError while there is nothing to tell yet."""
        payload = delivery.payload
        with self.database.read() as session:
            event = reads.event(session, payload["event"])
            record = reads.request(session, delivery.request_id or 0)
            rows = {row.step: row for row in reads.resources(session, payload["instance"])}
        row = rows.get(payload["step"])
        if event is None or record is None:
            return
        if row is None or not _is_made(record, row):
            if _will_be_made(record, payload["step"]):
                raise TemporaryError("What follows the request does not exist yet.", delay=1.0)
            return
        handler = self.catalogue.handlers.get(row.handler)
        if not isinstance(handler, Follows):
            return
        context = self._follow_context(record, row, event.id)
        told = Event(
            name=cast("EventName", event.name),
            request=record.number,
            kind=record.kind,
            at=event.at,
            by=event.person.label if event.person else None,
            reason=_reason(record, event.name, event.data),
            outputs=dict(record.outputs or {}) if event.name == "fulfilled" else {},
        )
        handler.follow(handler.resource.model_validate(row.resource), context, told)

    def _follow_context(self, record: RequestRecord, row: tables.InstanceResource, event_id: int) -> Context:
        def save(state: Mapping[str, Any]) -> None:
            self._write(lambda tx: steps.keep(tx, record.instance_id, row.step, state))

        return Context(
            key=f"{record.number}/{row.step}/{event_id}",
            identity=f"{record.instance}/{row.step}",
            state=row.state,
            now=self.database.now(),
            save=save,
            say=lambda _text: None,
            secret=lambda name: self._secret_of(record.id, name),
            cancelled=lambda: False,
            url=self._url(record.number),
        )


def request_of(offering: Offering[Any], record: RequestRecord, made: list[tables.InstanceResource]) -> Request[Any]:
    """What a step sees of a stored request."""
    done = {step.name: step.outputs for step in record.steps if step.state is StepState.DONE}
    outputs = {row.step: row.outputs for row in made} | {name: given or {} for name, given in done.items()}
    return Request(
        number=record.number,
        kind=cast("Kind", record.kind),
        form=secrecy.form_of(offering.form, offering.contract.form, record.form, record.number),
        requester=record.requester.as_person(),
        owner=record.owner.as_person(),
        instance=record.instance,
        reason=record.reason,
        outputs={name: _outputs(step, outputs[name]) for name, step in offering.steps.items() if name in outputs},
    )


def keep_promise(offering: Offering[Any], outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the offering promises, taken from its steps' outputs (a later step wins), with the declared defaults."""
    schema = offering.contract.outputs
    if schema is None:
        return {}
    merged = {key: value for name in offering.steps for key, value in outputs.get(name, {}).items()}
    wanted = {key: merged[key] for key in schema.get("properties", {}) if key in merged}
    kept: dict[str, Any] = contract.with_defaults(schema, wanted)
    return kept


def backoff(attempts: int) -> float:
    """Seconds until the next attempt: exponential, with full jitter, never none."""
    ceiling = min(LARGEST_DELAY, FIRST_DELAY * 2 ** min(attempts, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret


def _outputs(step: Step[Any, Any], given: Mapping[str, Any]) -> Any:
    # What an older handler of this step left may not fit the model of today's.
    with suppress(ValueError):
        return step.outputs.model_validate_json(json.dumps(dict(given)))
    return step.outputs.model_construct(**given)


def _is_made(record: RequestRecord, row: tables.InstanceResource) -> bool:
    step = next((step for step in record.steps if step.name == row.step and step.action == "apply"), None)
    if step is None or step.state in (StepState.DONE, StepState.PENDING):
        return True
    return step.state is StepState.SKIPPED and bool(row.state)


def _will_be_made(record: RequestRecord, name: str) -> bool:
    step = next((step for step in record.steps if step.name == name and step.action == "apply"), None)
    return step is not None and step.state in (StepState.WAITING, StepState.RUNNING)


def _reason(record: RequestRecord, event: str, data: Mapping[str, Any]) -> str | None:
    if event == "failed":
        return next((step.reason for step in record.steps if step.state is StepState.FAILED), None)
    if event == "approved":
        return next((d.reason for d in reversed(record.decisions) if d.verdict == "approve" and d.reason), None)
    reason: str | None = data.get("reason")
    return reason
