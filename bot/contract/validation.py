"""Answers against a schema: strictly, with every problem at its field and in our own words."""

import copy
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.contract import patterns
from bot.contract.formats import FORMATS
from bot.contract.schema import Schema, definitions, parts, pointer, properties, remembered, resolve, target
from bot.contract.wording import nearest, told
from bot.errors import Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator


def problems(schema: Schema, value: Any) -> list[Problem]:
    """Everything that is wrong with `value`, by pointer; empty: it is valid.

    JSON Schema 2020-12, or draft 7 where `$schema` says so, with formats checked. Strict: `true` and `1.0` are no
    integers and `"5"` is no number. References are followed inside the schema only, never over the network.
    """
    with patterns.together():
        errors = list(validator(schema).iter_errors(value))
    if not errors:
        return []
    found = {problem for error in errors for problem in told(error, schema)}
    # What was not looked at is told only where nothing else is wrong: then a slow pattern stands where nobody sees it.
    return sorted({problem for problem in found if problem.detail != _NOT_TRIED} or found)


@remembered
def validator(schema: Schema) -> "Validator":
    """The validator of a schema."""
    from referencing import Registry  # noqa: PLC0415 - slow to import, and the command line starts often

    make = _strict(draft7="draft-07" in str(schema.get("$schema", "")))
    # A registry of our own keeps the library from fetching what a reference names.
    built: Validator = make(schema, format_checker=_formats(), registry=Registry())
    return built


@cache
def _strict(*, draft7: bool) -> Any:
    """The library's validator with our reading of types and our own pointers."""
    import jsonschema  # noqa: PLC0415 - slow to import, and the command line starts often
    from jsonschema.validators import extend  # noqa: PLC0415 - as above

    base = jsonschema.Draft7Validator if draft7 else jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    keywords = {
        "properties": _fields,
        "required": _required,
        "additionalProperties": _additional,
        "patternProperties": _pattern_properties,
        "dependentRequired": _dependent,
        "pattern": _pattern,
        "multipleOf": _multiple,
    }
    if draft7:
        del keywords["dependentRequired"]
    return extend(base, keywords, type_checker=types)  # type: ignore[no-untyped-call] # the stubs lack it


@cache
def _formats() -> Any:
    from jsonschema import FormatChecker  # noqa: PLC0415 - slow to import, and the command line starts often

    checker = FormatChecker(formats=())
    for name, (accepts, _) in FORMATS.items():
        checker.checks(name)(lambda value, accepts=accepts: not isinstance(value, str) or accepts(value))
    return checker


def _is_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: Any, value: Any) -> bool:
    """JSON has no infinity and no NaN, although Python's parser lets them in."""
    if isinstance(value, float):
        return value - value == 0
    return _is_integer(_, value)


def _error(message: str, *path: str) -> "ValidationError":
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - slow to import

    return ValidationError(message, path=path)


def _fields(run: Any, declared: Any, value: Any, _: Schema) -> "Iterator[ValidationError]":
    """As the library does it, which makes a validator for each field each time: half of what a small form takes."""
    newest = type(run) is _strict(draft7=False)
    for name, part in declared.items() if isinstance(value, dict) else ():
        if name in value and newest and isinstance(part, dict) and _stands_alone(part):
            for error in validator(part).iter_errors(value[name]):
                error.path.appendleft(name)
                error.schema_path.appendleft(name)
                yield error
        elif name in value:
            yield from run.descend(value[name], part, path=name, schema_path=name)


@remembered
def _stands_alone(schema: Schema) -> bool:
    """Whether nothing in it is known from around it."""
    return all(_SOMEWHERE.isdisjoint(part) for part in parts(schema))


#: What says where a schema is, or where another one is.
_SOMEWHERE = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$schema"})


def _required(_: Any, names: Any, value: Any, __: Schema) -> "Iterator[ValidationError]":
    if isinstance(value, dict) and isinstance(names, list):
        yield from (_error("Missing.", name) for name in names if name not in value)


def _dependent(_: Any, rules: dict[str, list[str]], value: Any, __: Schema) -> "Iterator[ValidationError]":
    for name, needed in rules.items() if isinstance(value, dict) else ():
        if name in value:
            yield from (_error(f"Needed because “{name}” is given.", other) for other in needed if other not in value)


def _additional(run: Any, rule: Any, value: Any, schema: Schema) -> "Iterator[ValidationError]":
    if not isinstance(value, dict):
        return
    known, named = properties(schema), schema.get("patternProperties", {})
    extras = [name for name in value if name not in known and not any(_is_named(each, name) for each in named)]
    for extra in extras:
        if rule is False:
            yield _error(f"Unknown field.{nearest(extra, known)}", extra)
        elif isinstance(rule, dict):
            yield from run.descend(value[extra], rule, path=extra)


def _pattern_properties(run: Any, rules: Schema, value: Any, _: Schema) -> "Iterator[ValidationError]":
    for pattern, rule in rules.items() if isinstance(value, dict) else ():
        for name in value:
            try:
                matches = patterns.found(pattern, name)
            except patterns.TooSlow as slow:
                yield _error(_too_slow(slow), name)
                continue
            if matches:
                yield from run.descend(value[name], rule, path=name, schema_path=pattern)


def _is_named(pattern: str, name: str) -> bool:
    """Whether a pattern speaks of that name; one that takes too long is told by its own rule."""
    try:
        return bool(patterns.found(pattern, name))
    except patterns.TooSlow:
        return True


#: Refused, since it cannot be known; whoever asks cannot mend the pattern.
_SLOW = (
    "Takes too long to be checked against the pattern {pattern}. Try another answer, a shorter one for example, and tell "
    "the offering's owner that this pattern is slow."
)

_NOT_TRIED = (
    "Could not be checked: the patterns of this form take too long. Try other answers, shorter ones for example, and tell "
    "the offering's owner that a pattern is slow."
)


def _too_slow(slow: patterns.TooSlow) -> str:
    return _NOT_TRIED if isinstance(slow, patterns.NotTried) else _SLOW.format(pattern=slow)


def _pattern(_: Any, pattern: str, value: Any, schema: Schema) -> "Iterator[ValidationError]":
    if not isinstance(value, str):
        return
    try:
        matches = patterns.found(pattern, value)
    except patterns.TooSlow as slow:
        yield _error(_too_slow(slow))
        return
    if matches is None:
        # Refusing is the safe side; `faults` names such a pattern at boot, so that nobody gets here.
        yield _error("Cannot be checked: this field's pattern is broken. Please tell the offering's owner.")
    elif not matches:
        meaning = str(schema.get("description", "")).rstrip(". ")
        yield _error(f"Does not match the pattern {pattern}" + (f" ({meaning})." if meaning else ""))


def _multiple(_: Any, step: float, value: Any, __: Schema) -> "Iterator[ValidationError]":
    """Exactly: to a float, 0.3 is no multiple of 0.1."""
    if _is_number(None, value) and (_fraction(value) / _fraction(step)).denominator != 1:
        yield _error(f"Has to be a multiple of {step}.")


def _fraction(value: float) -> Fraction:
    return Fraction(value if isinstance(value, int) else repr(value))


def with_defaults(schema: Schema, value: Any) -> Any:
    """A copy of `value` with declared defaults where nothing was said; an object that is not there is not made up.

    A default of null fills nothing in: absent and null say the same.
    """
    return _filled(schema, value, schema)


def _filled(schema: Any, value: Any, root: Schema) -> Any:
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, declared, default in _declared(schema, root):
        if name not in filled and default is not None:
            filled[name] = copy.deepcopy(default)
        if isinstance(filled.get(name), dict):
            filled[name] = _filled(declared, filled[name], root)
    return filled


def _declared(schema: Any, root: Schema) -> list[tuple[str, Any, Any]]:
    """The fields of an object with their schemas and defaults; made once, for an acknowledgement asks for it thrice."""
    known = _objects(root)
    if id(schema) not in known:
        found = properties(resolve(schema, root).schema).items()
        known[id(schema)] = [(name, part, resolve(part, root).schema.get("default")) for name, part in found]
    return known[id(schema)]


@remembered
def _objects(_root: Schema) -> dict[int, list[tuple[str, Any, Any]]]:
    """By the identity of a part of this schema, which lives as long as it."""
    return {}


def faults(schema: Schema) -> list[str]:
    """What is wrong with the schema itself: not JSON Schema, patterns that do not compile, refused defaults."""
    import jsonschema  # noqa: PLC0415 - slow to import, and the command line starts often

    strict: Any = type(validator(schema))
    try:
        strict.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
    except jsonschema.SchemaError as error:
        return [f"{pointer(error.absolute_path) or '/'}: {error.message}"]
    return list(_broken(schema, schema, (), ()))


def _broken(schema: Any, root: Schema, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[str]:
    found = resolve(schema, root)
    here, where = found.schema, pointer(path) or "/"
    if again := next((ref for ref in found.refs if ref in seen), None):
        yield f"{where}: {again} contains itself, and a form that never ends cannot be filled in"
    if again or not isinstance(schema, dict):
        return
    yield from (f"{where}: {ref} points at nothing in this schema" for ref in found.refs if target(ref, root) is None)
    for pattern in (*([here["pattern"]] if "pattern" in here else []), *here.get("patternProperties", {})):
        if patterns.compiled(pattern) is None:
            yield f"{where}: the pattern {pattern} does not compile"
    default = here.get("default")
    if default is not None:
        yield from (f"{where}: its default is refused: {problem.detail}" for problem in _of(here, root, default))
    for name, inner in _inner(here):
        yield from _broken(inner, root, (*path, *name), (*seen, *found.refs))


def _inner(here: Schema) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schemas in one, each with the way to what it is about; rules are about the same thing."""
    yield from (((name,), inner) for name, inner in properties(here).items())
    yield from ((("*",), here[keyword]) for keyword in ("items", "additionalProperties", "contains") if keyword in here)
    yield from (((), here[keyword]) for keyword in ("not", "if", "then", "else") if keyword in here)
    for keyword, at in (("allOf", ()), ("anyOf", ()), ("oneOf", ()), ("prefixItems", ("*",))):
        yield from ((at, inner) for inner in here.get(keyword) or ())
    for keyword, at in (("dependentSchemas", ()), ("dependencies", ()), ("patternProperties", ("*",))):
        yield from ((at, inner) for inner in (here.get(keyword) or {}).values())


def _of(schema: Schema, root: Schema, value: Any) -> list[Problem]:
    """The problems of a value under a part of a schema; the part keeps the whole's definitions."""
    return problems({**definitions(root), **schema}, value)


_NO_LETTER = re.compile("[\0\ud800-\udfff]")


def unstorable(value: Any, at: str = "") -> Iterator[Problem]:
    """Texts that PostgreSQL cannot keep, wherever they stand in a JSON value."""
    if isinstance(value, str) and _NO_LETTER.search(value):
        yield Problem(at, "Holds a character that is none (a NUL or half a character).")
    members = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from unstorable(member, at + pointer((name,)))
