"""A small vocabulary to write down the shape of JSON: each function gives a check, a check gives sentences.

A check takes a JSON pointer and a value and yields `"/blocks/0/text: must be less than 3001 characters"`. The wording is
Slack's own as people quote it from `response_metadata.messages`, so that a refusal reads like the real one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[str, Any], Iterator[str]]


def text(low: int = 1, high: int | None = None, pattern: str | None = None) -> Check:
    """A string of `low` to `high` characters (code points)."""

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{at}: must provide a string"
        elif len(value) < low:
            yield f"{at}: must be more than {low - 1} characters"
        elif high is not None and len(value) > high:
            yield f"{at}: must be less than {high + 1} characters"
        elif pattern is not None and not re.fullmatch(pattern, value):
            yield f"{at}: failed to match pattern {pattern}"

    return check


def integer(low: int | None = None, high: int | None = None) -> Check:
    """A whole number in a range; true and false are none."""

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{at}: must provide a number"
        elif low is not None and value < low:
            yield f"{at}: must be at least {low}"
        elif high is not None and value > high:
            yield f"{at}: must be at most {high}"

    return check


def any_number(at: str, value: Any) -> Iterator[str]:
    """Any number; true and false are none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        yield f"{at}: must provide a number"


def flag(at: str, value: Any) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield f"{at}: must provide a boolean"


def anything(_at: str, _value: Any) -> Iterator[str]:
    """Not looked into."""
    return iter(())


def one_of(*values: str) -> Check:
    """One of a few strings."""

    def check(at: str, value: Any) -> Iterator[str]:
        if value not in values:
            yield f"{at}: must be one of {', '.join(values)}"

    return check


def items(each: Check, low: int = 1, high: int | None = None) -> Check:
    """An array of `low` to `high` items."""

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{at}: must provide an array"
            return
        if len(value) < low:
            yield f"{at}: must provide at least {low} items"
        if high is not None and len(value) > high:
            yield f"{at}: no more than {high} items allowed"
        for index, item in enumerate(value):
            yield from each(f"{at}/{index}", item)

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these keys and no others. None counts as absent, as it does for Slack's SDKs."""
    known = {**required, **(optional or {})}

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: must provide an object"
            return
        given = {key: item for key, item in value.items() if item is not None}
        for key in required:
            if key not in given:
                yield f"{at}: missing required field: {key}"
        for key, item in given.items():
            if key in known:
                yield from known[key](f"{at}/{key}", item)
            else:
                yield f"{at}: invalid additional property: {key}"

    return check


def tagged(shapes: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of the shapes it has; the shapes themselves do not mention `type`."""

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: must provide an object"
            return
        tag = value.get("type")
        if not isinstance(tag, str):
            yield f"{at}: missing required field: type"
        elif tag not in shapes:
            yield f"{at}/type: unsupported type: {tag}"
        else:
            yield from shapes[tag](at, {key: item for key, item in value.items() if key != "type"})

    return check


def both(shape: Check, *rules: Check) -> Check:
    """A shape, and rules that may rely on it: they are asked only where the shape is right."""

    def check(at: str, value: Any) -> Iterator[str]:
        found = list(shape(at, value))
        yield from found
        for rule in () if found else rules:
            yield from rule(at, value)

    return check
