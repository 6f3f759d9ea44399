"""What a person is told: what is wrong, and what is accepted."""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bot.contract.formats import FORMATS
from bot.contract.schema import Schema, pointer
from bot.contract.secrecy import asks_for_secrets, is_secret
from bot.errors import Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_LONGEST_QUOTE = 60
_MOST_CHOICES = 12
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a group of fields",
    "array": "a list",
    "null": "empty",
}


def told(error: "ValidationError", root: Schema) -> Iterator[Problem]:
    """One error of the library as problems; inside `anyOf` and `oneOf` those of the branch that was meant."""
    branch = _meant(error)
    if branch:
        for inner in branch:
            yield from told(inner, root)
        return
    path = tuple(error.absolute_path)
    secret = is_secret(root, path) or (_may_hold_some(error) and asks_for_secrets(root))
    yield Problem(pointer(path), _text(error, secret=secret))


def _may_hold_some(error: "ValidationError") -> bool:
    """Whether a secret may be part of what is wrong: of several values, or of a text in whose place some belong."""
    if isinstance(error.instance, dict | list) or error.validator in {"anyOf", "oneOf"}:
        return True
    return error.validator == "type" and bool({"object", "array"}.intersection(_listed_kinds(error.validator_value)))


def _meant(error: "ValidationError") -> list["ValidationError"]:
    """The errors of the branch that comes nearest; empty where the error is no matter of branches, or none is near."""
    if error.validator not in {"anyOf", "oneOf"} or not error.context:
        return []
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(next(iter(inner.relative_schema_path), None), []).append(inner)
    fitting = [errors for errors in branches.values() if not any(map(_of_another_kind, errors))]
    told_apart = [errors for errors in fitting if not any(map(_of_another_case, errors))]
    return min(told_apart or fitting, key=len, default=[])


def _of_another_kind(inner: "ValidationError") -> bool:
    """The branch is for another type of value, or for another value."""
    return not inner.relative_path and inner.validator in {None, "type", "const", "enum"}


def _of_another_case(inner: "ValidationError") -> bool:
    """A field that tells the branches apart has another value."""
    return len(inner.relative_path) == 1 and inner.validator in {"const", "enum"}


def _text(error: "ValidationError", *, secret: bool) -> str:
    got = "" if secret else f"; got {quoted(error.instance)}"
    if error.validator in {"enum", "const", "anyOf", "oneOf"}:
        return _accepted(error, got)
    if error.validator == "type":
        return f"Has to be {_either(type_names(error.validator_value))}{got}."
    if error.validator == "format":
        return f"Has to be {FORMATS[str(error.validator_value)][1]}{got}."
    words = _WORDS.get(str(error.validator))
    if words is None:
        return error.message if str(error.validator) in _OURS else "Is not allowed here."
    return words(error.validator_value)


def _accepted(error: "ValidationError", got: str) -> str:
    values = _values(error)
    if not values:
        kinds = [inner.validator_value for inner in error.context or () if inner.validator == "type"]
        names = [name for kind in kinds for name in type_names(kind) if name != _TYPES["null"]]
        return f"Has to be {_either(names)}{got}." if names else f"Fits none of what is accepted here{got}."
    if len(values) == 1:
        return f"Has to be {values[0]}{got}."
    more = f" or one of {len(values) - _MOST_CHOICES} more" if len(values) > _MOST_CHOICES else ""
    return f"Has to be one of {', '.join(values[:_MOST_CHOICES])}{more}{got}."


def _values(error: "ValidationError") -> list[str]:
    """The values that would have been accepted, as a person writes them."""
    if error.validator == "enum":
        return [_plain(value) for value in _listed(error.validator_value) if value is not None]
    if error.validator == "const":
        return [_plain(error.validator_value)]
    inner = [value for each in error.context or () if not each.relative_path for value in _values(each)]
    return list(dict.fromkeys(inner)) if error.validator in {"anyOf", "oneOf"} else []


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _plain(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def quoted(value: Any) -> str:
    """A value for a sentence: “medium”, cut where it is long."""
    text = _plain(value) if value != "" else ""
    return f"“{text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + '…'}”"


def type_names(kind: Any) -> list[str]:
    """JSON types in words: `a whole number`."""
    return [_TYPES.get(name, str(name)) for name in _listed_kinds(kind)]


def _listed_kinds(kind: Any) -> list[str]:
    return [kind] if isinstance(kind, str) else list(kind)


def _either(names: Iterable[str]) -> str:
    *most, last = dict.fromkeys(names)
    return f"{', '.join(most)} or {last}" if most else last


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean “size”?`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean “{close[0]}”?" if close else ""


def count(number: int, thing: str) -> str:
    """`1 character`, `3 characters`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


_WORDS: dict[str, Callable[[Any], str]] = {
    "minLength": lambda least: f"Too short: at least {count(least, 'character')}.",
    "maxLength": lambda most: f"Too long: at most {count(most, 'character')}.",
    "minimum": lambda least: f"Too small: at least {least}.",
    "maximum": lambda most: f"Too large: at most {most}.",
    "exclusiveMinimum": lambda bound: f"Too small: more than {bound}.",
    "exclusiveMaximum": lambda bound: f"Too large: less than {bound}.",
    "minItems": lambda least: f"Too few: at least {least}.",
    "maxItems": lambda most: f"Too many: at most {most}.",
    "uniqueItems": lambda _: "Names something twice.",
    "minProperties": lambda least: f"Too few entries: at least {least}.",
    "maxProperties": lambda most: f"Too many entries: at most {most}.",
    "contains": lambda _: "Lacks an entry that has to be among them.",
    "unevaluatedProperties": lambda _: "Has a field that is unknown here.",
    "unevaluatedItems": lambda _: "Has more entries than are accepted.",
    "items": lambda _: "Has more entries than are accepted.",
    "additionalItems": lambda _: "Has more entries than are accepted.",
    "dependencies": lambda _: "Lacks a field that another answer asks for.",
}
#: Keywords that are ours from the start: their message is made where the error is.
_OURS = frozenset(
    {
        "required",
        "additionalProperties",
        "dependentRequired",
        "pattern",
        "patternProperties",
        "multipleOf",
    }
)
