"""Options from data: what an author's function offers a person, asked with a limit of time.

    found(...)   what a person can choose, nearest to what they typed first
    wrong(...)   answers that are not, or no longer, among what is offered

A function runs in a thread of its own, which nobody waits for longer than the limit: while somebody types, Slack waits
three seconds in all; what was handed in is checked with more patience.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from inspect import signature
from threading import BoundedSemaphore, Thread
from typing import Any, TypeVar

from bot import contract
from bot.contract import Choice
from bot.errors import Problem, Unavailable
from bot.offering import Options, Person

log = logging.getLogger(__name__)

T = TypeVar("T")
Answers = Mapping[str, Any]
Place = tuple[str | int, ...]

#: Seconds that a function has while somebody types, and that all of a form have together once it is handed in.
LIMIT, PATIENCE = 2.0, 30.0
#: So many calls of one function run at once: one that hangs takes no others with it.
_AT_ONCE = 32
#: A function of the text too searches itself.
_SEARCHES = 3


class Sources:
    """Asks the functions that options come from."""

    def __init__(self, limit: float = LIMIT, patience: float = PATIENCE) -> None:
        self.limit, self.patience = limit, patience
        self._free: dict[Options, BoundedSemaphore] = {}

    def found(self, path: str, source: Options, person: Person, answers: Answers, text: str) -> list[Choice]:
        """What `person` can choose for the field at `path`, the nearest first. Raises Unavailable."""
        offered = self._all({path: lambda: _ask(source, person, answers, text)}, {path: source}, self.limit)[path]
        return offered if _searches(source) else contract.ranked(offered, text)

    def wrong(self, sources: Mapping[str, Options], person: Person, answers: Answers) -> list[Problem]:
        """The answers that nobody offered, each at its field. Raises Unavailable.

        `answers` have their defaults. A function that searches is asked with an empty text first, then with the answer.
        """
        given = {path: list(_given(answers, tuple(path.split(".")))) for path in sources}
        asked = {path: _check(sources[path], person, answers, places) for path, places in given.items() if places}
        return [problem for found in self._all(asked, sources, self.patience).values() for problem in found]

    def _all(self, asked: Mapping[str, Callable[[], T]], sources: Mapping[str, Options], limit: float) -> dict[str, T]:
        """All at once, within the limit."""
        under_way = {path: self._start(sources[path], ask) for path, ask in asked.items()}
        wait(under_way.values(), timeout=limit)
        return {path: _result(path, future, limit) for path, future in under_way.items()}

    def _start(self, source: Options, ask: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        free = self._free.setdefault(source, BoundedSemaphore(_AT_ONCE))
        if free.acquire(blocking=False):
            Thread(target=_run, args=(ask, future, free), daemon=True).start()
        else:
            future.set_exception(Unavailable("too many people wait for them"))
        return future


def _result(path: str, future: "Future[T]", limit: float) -> T:
    why = f"that takes longer than {limit:g} seconds"
    if future.done():
        error = future.exception()
        if error is None:
            return future.result()
        why = str(error) if isinstance(error, Unavailable) else "where they come from does not answer as it should"
        log.error("the options of %s", path, exc_info=error)
    raise Unavailable(f"The choices for {path} could not be looked up: {why}. Nothing is lost: try again soon.")


def _run(ask: Callable[[], T], future: "Future[T]", free: BoundedSemaphore) -> None:
    try:
        future.set_result(ask())
    except Exception as error:  # noqa: BLE001 - whatever an author's function raises, the one who waits is told
        future.set_exception(error)
    finally:
        free.release()


def arity(source: Options) -> int:
    """How many parameters it takes: person and answers, or these and the text."""
    return len(signature(source).parameters)


def _searches(source: Options) -> bool:
    return arity(source) == _SEARCHES


def _ask(source: Options, person: Person, answers: Answers, text: str) -> list[Choice]:
    found = source(person, answers, text) if _searches(source) else source(person, answers)  # type: ignore[call-arg]
    return [Choice(each, each) if isinstance(each, str) else Choice(*each) for each in found]


def _check(
    source: Options, person: Person, answers: Answers, given: list[tuple[Place, Any]]
) -> Callable[[], list[Problem]]:
    return lambda: [
        Problem(contract.pointer(place), text)
        for place, value in given
        if (text := _refusal(source, person, answers, value))
    ]


def _refusal(source: Options, person: Person, answers: Answers, value: Any) -> str:
    """Why an answer is none; empty: it is one."""
    offered = _ask(source, person, answers, "")
    found = offered
    if _searches(source) and not _has(offered, value):
        found = _ask(source, person, answers, str(value))
    if _has(found, value):
        return ""
    if not offered and not found:
        return "There is nothing to choose from for you here, with these answers."
    return f"{contract.quoted(value)} is not, or no longer, one of your choices. Choose again."


def _has(offered: list[Choice], value: Any) -> bool:
    return any(choice.value == value for choice in offered)


def _given(value: Any, path: tuple[str, ...], at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """What was answered at a path, also in each entry of a list."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _given(each, path, (*at, number))
    elif not path:
        yield from [] if value is None else [(at, value)]
    elif isinstance(value, Mapping):
        yield from _given(value.get(path[0]), path[1:], (*at, path[0]))
