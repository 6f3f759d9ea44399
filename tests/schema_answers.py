"""Valid answers to a schema, for Hypothesis. (hypothesis-jsonschema 0.23 does not run with today's Hypothesis.)"""

import json
from typing import Any

from hypothesis import strategies as st

from bot.contract import Schema, problems, resolve
from bot.contract.patterns import compiled
from bot.contract.schema import kinds

_FORMATS = {
    "date": "2026-11-22", "time": "10:30:00", "date-time": "2026-11-22T10:30:00Z", "email": "ada@example.com",
    "uri": "https://example.com/a", "url": "https://example.com/a", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
    "uuid": "6f1c1b7a-9d7c-4f1e-8b57-0a4a3f6c2d11", "hostname": "db.example.com", "duration": "P1D",
    "person": "ada@example.com", "channel": "#general", "group": "@dba", "regex": "a+", "byte": "YQ==",
}  # fmt: skip
_FREE = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc", max_size=3)


def answers(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that the schema accepts; its conditions are met by trying."""
    return _value(schema, schema, 0).filter(lambda value: not problems(schema, value))


def _value(schema: Any, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    if schema is True or schema == {}:
        return _FREE
    found = resolve(schema, root)
    here = found.schema
    plain = _plain(here, root, depth)
    return st.none() | plain if found.nullable else plain


def _plain(here: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    if "const" in here:
        return st.just(here["const"])
    if isinstance(here.get("enum"), list):
        return st.sampled_from(here["enum"])
    branches = [each for keyword in ("oneOf", "anyOf") for each in here.get(keyword) or ()]
    types = kinds(here)
    if branches and "properties" not in here:
        around = {key: value for key, value in here.items() if key not in {"oneOf", "anyOf"}}
        return st.one_of([_value({**around, **each}, root, depth) for each in branches])
    return st.one_of([_of_kind(kind, here, root, depth) for kind in types]) if types else _FREE


def _of_kind(kind: str, here: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    if kind == "object":
        return _object(here, root, depth)
    if kind == "array":
        return _array(here, root, depth)
    if kind == "string":
        return _text(here)
    if kind in {"integer", "number"}:
        return _number(here)
    return st.booleans() if kind == "boolean" else st.none()


def _object(here: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    fields = here.get("properties", {})
    needed = set(here.get("required", ()))
    optional = {name: _value(each, root, depth + 1) for name, each in fields.items() if name not in needed}
    must = {name: _value(fields.get(name, True), root, depth + 1) for name in needed}
    if fields:
        return st.fixed_dictionaries(must, optional=optional if depth < 4 else {})
    extra = here.get("additionalProperties", True)
    if extra is False:
        return st.just({})
    least = here.get("minProperties", 0)
    return st.dictionaries(
        st.text("abcdef", min_size=1, max_size=5), _value(extra, root, depth + 1), min_size=least, max_size=least + 2
    )


def _array(here: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    if "prefixItems" in here:
        return st.tuples(*(_value(each, root, depth + 1) for each in here["prefixItems"])).map(list)
    least = here.get("minItems", 0)
    most = min(here.get("maxItems", least + 2), least + 2)
    unique = (lambda value: json.dumps(value, sort_keys=True)) if here.get("uniqueItems") else None
    return st.lists(_value(here.get("items", True), root, depth + 1), min_size=least, max_size=most, unique_by=unique)


def _text(here: Schema) -> st.SearchStrategy[Any]:
    if here.get("format") in _FORMATS:
        return st.just(_FORMATS[here["format"]])
    if pattern := here.get("pattern"):
        known = compiled(pattern)
        assert known is not None
        return st.from_regex(known, alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")))
    least = here.get("minLength", 0)
    return st.text("abc xyzä", min_size=least, max_size=min(here.get("maxLength", least + 9), least + 9))


def _number(here: Schema) -> st.SearchStrategy[Any]:
    low = here.get("minimum", here.get("exclusiveMinimum", -1) + 1)
    high = here.get("maximum", here.get("exclusiveMaximum", low + 1000) - 1)
    step = int(here.get("multipleOf", 1)) or 1
    return st.integers(-(-int(low) // step), int(high) // step).map(lambda value: value * step)
