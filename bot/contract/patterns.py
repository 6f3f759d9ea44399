"""Patterns of contracts, as JSON Schema means them (ECMA-262), with a limit of time: some take years for forty letters."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

#: Seconds after which a search is given up. Python's own `re` cannot be stopped.
_PATIENCE = 0.2


class TooSlow(Exception):
    """Whether the pattern is there cannot be said in time."""


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
    try:
        return search.search(text, timeout=_PATIENCE, concurrent=True) is not None
    except TimeoutError:
        raise TooSlow(pattern) from None


@cache
def _limited(pattern: str) -> "regex.Pattern[str] | None":
    import regex  # noqa: PLC0415 - slow to import, and the command line starts often

    if compiled(pattern) is None:
        return None
    try:
        return regex.compile(_for_python(pattern), regex.ASCII | regex.VERSION0)
    except regex.error:
        return None


def _for_python(pattern: str) -> str:
    return re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda part: r"\Z" if part[0] == "$" else part[0], pattern)
