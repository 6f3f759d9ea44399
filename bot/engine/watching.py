"""What the engine tells of itself: one attempt of a step in logs, numbers and traces."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot import measures, telemetry
from bot.engine.retrying import Parked, Waits
from bot.errors import PermanentError, TemporaryError, Unavailable
from bot.store.claims import Claim


@dataclass
class _Attempt:
    handler: str
    outcome: str = "lost"


_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


@contextmanager
def watched(claim: Claim) -> Iterator[None]:
    """One attempt: `came_to` and `made_by` in the block say how it went."""
    attempt, began = _Attempt(claim.handler or "(none)"), time.monotonic()
    if claim.taken_from:
        measures.TAKE_OVERS.inc()
    number = claim.key.partition("/")[0]
    token = _attempt.set(attempt)
    try:
        with (
            telemetry.doing(request=number, step=claim.name),
            telemetry.span("step", claim.traceparent, request=number, step=claim.name, attempt=claim.attempts),
        ):
            yield
            telemetry.result(attempt.outcome)
    finally:
        _attempt.reset(token)
        measures.ATTEMPTS.labels(attempt.handler, attempt.outcome).inc()
        measures.STEP_SECONDS.labels(attempt.handler).observe(time.monotonic() - began)


def made_by(handler: str) -> None:
    """The handler of the attempt that runs."""
    attempt = _attempt.get()
    if attempt:
        attempt.handler = handler


def came_to(outcome: str) -> None:
    """What became of the attempt that runs."""
    attempt = _attempt.get()
    if attempt:
        attempt.outcome = outcome


def kind_of(error: Exception) -> str:
    """The outcome that an error leads to, in a word."""
    match error:
        case Parked():
            return "parked"
        case PermanentError():
            return "failed"
        case TemporaryError() | Unavailable() | Waits():
            return "again"
    return "bug"
