"""What takes longer than an acknowledgement may: the window says that it is checked, and goes on when it is.

Slack waits three seconds for the answer to a submission, and some sources of options need longer. The draft is kept
before it begins: if the process ends meanwhile, what was entered is offered again.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from time import sleep
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds that an acknowledgement waits for an answer, of the three that Slack gives it.
ACKNOWLEDGED = 2.0
#: Seconds until an acknowledgement has reached the window, so that what comes later is not overwritten by it.
ARRIVED = 1.0


class TakesLonger(Exception):
    """There is no answer yet."""


def begun(do: Callable[[], T]) -> "Future[T]":
    """Begin it, in a thread of its own."""
    future: Future[T] = Future()
    Thread(target=copy_context().run, args=(_run, do, future), daemon=True).start()
    return future


def soon(future: "Future[T]") -> T:
    """Its answer, or what it raised. Raises TakesLonger."""
    try:
        return future.result(timeout=ACKNOWLEDGED)
    except TimeoutError:
        if future.done():  # it was its own
            raise
        raise TakesLonger from None


def later(future: "Future[T]", tell: Callable[["Future[T]"], None]) -> None:
    """Tell of it once it is done, and not before the acknowledgement has arrived."""

    def wait() -> None:
        sleep(ARRIVED)
        future.exception()  # waits; what it is, is told
        tell(future)

    Thread(target=copy_context().run, args=(logged, wait), daemon=True).start()


def logged(do: Callable[..., object], /, *given: Any) -> None:
    """Do what comes after an acknowledgement: nobody else would see what it raises."""
    try:
        do(*given)
    except Exception:  # it is logged
        log.exception("what comes after an acknowledgement failed")


def _run(do: Callable[[], Any], future: "Future[Any]") -> None:
    try:
        future.set_result(do())
    except Exception as error:  # noqa: BLE001 - whoever waits for it is told
        future.set_exception(error)
