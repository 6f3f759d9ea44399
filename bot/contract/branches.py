"""The parts of a condition: what it looks at, and how branches are told apart and called. Pure."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.contract.questions import humanised
from bot.contract.schema import Schema, kinds, properties, required, resolve, target
from bot.contract.unions import VALUE
from bot.contract.wording import type_names

_Path = tuple[str, ...]
#: How many fields name a branch that has no title.
_MOST_NAMES = 3


def position(schema: Schema) -> Callable[[str], int]:
    """Where a field stands; one that does not is before all others."""
    order = {name: at for at, name in enumerate(properties(schema))}
    return lambda name: order.get(name, -1)


def dependent(part: Schema) -> Iterator[tuple[str, Any]]:
    for word in ("dependencies", "dependentRequired", "dependentSchemas"):
        rules = part.get(word)
        yield from rules.items() if isinstance(rules, dict) else ()


def named(condition: Any) -> Iterator[_Path]:
    """The fields that a condition looks at."""
    if not isinstance(condition, dict):
        return
    for name, inner in properties(condition).items():
        deeper = list(named(inner))
        yield from ((name, *each) for each in deeper)
        if not deeper:
            yield (name,)
    yield from ((name,) for name in required(condition) - properties(condition).keys())
    for word in ("allOf", "anyOf", "oneOf"):
        for each in listed(condition.get(word)):
            yield from named(each)
    yield from named(condition.get("not"))


def told_apart(branches: Sequence[Schema], declared: Any, root: Schema) -> tuple[str, list[list[Any]]] | None:
    """The field by whose value the branches are told apart, and each branch's values of it."""
    if len(branches) < 2 or not all(properties(branch) for branch in branches):
        return None
    named = declared.get("propertyName") if isinstance(declared, dict) else None
    for name in [named] if named else list(properties(branches[0])):
        values = [constants(resolve(properties(branch).get(name), root).schema) for branch in branches]
        flat = [json.dumps(value) for each in values for value in each]
        if all(values) and len(flat) == len(set(flat)):
            return name, values
    return None


def titles(declared: Sequence[Any], root: Schema) -> list[str]:
    """Of variants, for people: their titles, also those of classes, else the fields that only they have."""
    found = [resolve(each, root).schema for each in declared]
    classes = [target(str(each.get("$ref")), root) or {} for each in declared]
    titles = [
        str(each.get("title") or named.get("title") or "").strip() for each, named in zip(found, classes, strict=True)
    ]
    if all(titles) and len(set(titles)) == len(titles):
        return [humanised(title) if " " not in title else title for title in titles]
    if any(VALUE in properties(each) for each in found):
        return _kinds_of(found, titles)
    own = [[n for n in properties(each) if sum(n in properties(o) for o in found) < len(found)] for each in found]
    told = [", ".join(map(humanised, names[:_MOST_NAMES])) for names in own]
    return [f"{at}: {text or 'the same fields'}" for at, text in enumerate(told, 1)]


def _kinds_of(found: Sequence[Schema], titles: Sequence[str]) -> list[str]:
    """Of objects and values: their titles, else what a value is, and what stands in an object."""
    told = [
        (humanised(title) if " " not in title else title) if title else _in_words(each)
        for each, title in zip(found, titles, strict=True)
    ]
    told = [text[:1].upper() + text[1:] for text in told]
    return [text if told.count(text) == 1 else f"{at}: {text}" for at, text in enumerate(told, 1)]


def constants(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    return listed(schema.get("enum"))


def chooser(name: str, branches: Sequence[Schema], values: Sequence[Sequence[Any]]) -> Schema:
    """The field that chooses the branch. A branch's own title says more than its value."""
    first = properties(branches[0])[name]
    titles = [
        str(branch.get("title") or value) for branch, each in zip(branches, values, strict=True) for value in each
    ]
    flat = [value for each in values for value in each]
    labels = titles if len(set(titles)) == len(flat) else [str(value) for value in flat]
    words = {key: first[key] for key in ("title", "description") if key in first}
    return {**words, "enum": flat, "enumNames": labels}


def among(value: Any, values: Sequence[Any]) -> bool:
    return json.dumps(value) in {json.dumps(each) for each in values}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def alternatives(schema: Schema, root: Schema) -> list[str]:
    """What a field may be, in words: `text`, `fields like “name: value”: host, port`; empty: it is no choice."""
    branches = listed(schema.get("anyOf")) or listed(schema.get("oneOf"))
    found = [resolve(branch, root).schema for branch in branches]
    told = [_in_words(each) for each in found if kinds(each) != ("null",)]
    return list(dict.fromkeys(filter(None, told))) if len(told) > 1 else []


def _in_words(schema: Schema) -> str:
    if VALUE in properties(schema):
        return _in_words(properties(schema)[VALUE])
    if found := properties(schema):
        return f"fields like “name: value”, one on each line: {', '.join(found)}"
    if isinstance(schema.get("const"), str):
        return str(schema["const"])
    if kinds(schema) == ("object",):
        return "names with values"
    return " or ".join(type_names(kinds(schema)))
