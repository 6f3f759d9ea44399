"""Patterns of contracts, as JSON Schema means them (ECMA-262), with a limit of time: some take years for forty letters."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from time import thread_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

#: Seconds of computing that all searches of one answer have together. Python's own `re` cannot be stopped.
_PATIENCE = 0.2
#: Letters that a pattern which repeats one thing at most is through with in a moment.
_FEW = 1000


@dataclass
class _Limit:
    """The seconds that are left, and what has used them up."""

    left: float = _PATIENCE
    slow: tuple[str, str] | None = None


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


class TooSlow(Exception):
    """Whether the pattern is there cannot be said in time."""


class NotTried(TooSlow):
    """Another one of the same answer has used up the time."""


@contextmanager
def together() -> Iterator[None]:
    """All searches within have one limit of time together, also those of a check within a check."""
    if _limit.get() is not None:
        yield
        return
    token = _limit.set(_Limit())
    try:
        yield
    finally:
        _limit.reset(token)


def compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python: ASCII classes, and `$` is the end, not the end of a last line. None: it is none."""
    try:
        return re.compile(_for_python(pattern), re.ASCII)
    except re.error:
        return None


def found(pattern: str, text: str) -> bool | None:
    """Whether the pattern is in the text; None: it is no pattern. Raises TooSlow."""
    search = _limited(pattern)
    if search is None:
        return None
    limit = _limit.get() or _Limit()
    if limit.left <= 0:
        raise (TooSlow if limit.slow == (pattern, text) else NotTried)(pattern)
    if len(text) <= _FEW and _is_quick(pattern):
        return search.search(text, concurrent=False) is not None  # others would have their turn, and this one wait
    begun = thread_time()
    try:
        return search.search(text, timeout=limit.left, concurrent=True) is not None
    except TimeoutError:
        limit.left, limit.slow = 0, (pattern, text)
        raise TooSlow(pattern) from None
    finally:
        limit.left -= thread_time() - begun


@cache
def _limited(pattern: str) -> "regex.Pattern[str] | None":
    import regex  # noqa: PLC0415 - slow to import, and the command line starts often

    if compiled(pattern) is None:
        return None
    try:
        return regex.compile(_for_python(pattern), regex.ASCII | regex.VERSION0)
    except regex.error:
        return None


@cache
def _is_quick(pattern: str) -> bool:
    """Whether a search takes the square of the text's letters at the most.

    To look at the clock takes longer than to look for such a pattern.
    """
    return "(" not in pattern and sum(map(pattern.count, "*+?{")) <= 1


def _for_python(pattern: str) -> str:
    return re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda part: r"\Z" if part[0] == "$" else part[0], pattern)
