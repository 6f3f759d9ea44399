"""Maps of objects, asked for entry by entry: each is its object with one more field, the name that it stands under. Pure.

`{"web": {"port": 80}}` is `[{NAME: "web", "port": 80}]`; what stands there and is no object is boxed under `VALUE`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.contract import validation
from bot.contract.schema import Schema, alone, definitions, kinds, properties, remembered, required, resolve
from bot.contract.unions import VALUE, is_object, variants
from bot.errors import Problem

JSON = dict[str, Any]
#: The name of an entry: asked, and no part of the object.
NAME = "x-frontdesk-name"


class Taken(ValueError):
    """Two entries have the same name."""


def entry(schema: Schema, root: Schema) -> Schema | None:
    """The form of an entry of a map; None: it is none, not of objects alone, or cannot stand alone."""
    values, names = _values(schema), resolve(schema.get("propertyNames", {}), root)
    if values is None or properties(schema) or schema.get("propertyNames") is False or names.nullable:
        return None
    found = resolve(values[1], root)
    here = found.schema
    if found.nullable or here.get("format") == "file" or not (is_object(here) or variants(here, root)):
        return None
    fields = {NAME: _named(names.schema, values[0], properties(here)), **properties(here)}
    return alone({**here, "properties": fields, "required": sorted({NAME, *required(here)})}, root)


def _values(schema: Schema) -> tuple[str, Any] | None:
    """What a map is made of, behind the pattern that all of its names have; None: of several things, or of anything.

    Pydantic says of a map with such names no more than their pattern.
    """
    named, rest = schema.get("patternProperties") or {}, schema.get("additionalProperties")
    if isinstance(rest, dict):
        return None if named else ("", rest)
    return next(iter(named.items())) if not rest and len(named) == 1 else None


def _named(rules: Schema, pattern: str, fields: JSON) -> Schema:
    """The field for the name; `rules` are the map's `propertyNames`."""
    alike = any(name.casefold() == "name" for name in fields)
    told = {"title": "Name of the entry" if alike else "Name", "description": "No two have the same."}
    both = {"allOf": [{"pattern": pattern}]} if pattern and "pattern" in rules else {}
    return {"type": "string", **told, **({"pattern": pattern} if pattern else {}), **rules, **both}


def is_map(schema: Schema) -> bool:
    """Whether the entries of this question are those of a map."""
    return kinds(schema) == ("object",)


def listed(value: Mapping[str, Any]) -> list[JSON]:
    """A map as its entries."""
    return [{NAME: name, **(each if isinstance(each, Mapping) else {VALUE: each})} for name, each in value.items()]


def collected(entries: Iterable[Mapping[str, Any]]) -> JSON:
    """The entries as a map. Raises Taken."""
    made: JSON = {}
    for each in entries:
        name, rest = str(each.get(NAME)), {key: value for key, value in each.items() if key != NAME}
        if name in made:
            raise Taken(name)
        made[name] = rest.get(VALUE, rest)
    return made


def problems(schema: Schema, value: Mapping[str, Any]) -> list[Problem]:
    """As `validation.problems`, also of an entry: the name for itself, for an object may refuse what it does not know."""
    if NAME not in properties(schema):
        return validation.problems(schema, value)
    rest = {key: each for key, each in value.items() if key != NAME}
    found = validation.problems(_of_name(schema), {NAME: value[NAME]} if NAME in value else {})
    return [*found, *validation.problems(_nameless(schema), rest)]


@remembered
def _of_name(schema: Schema) -> Schema:
    return {**definitions(schema), "properties": {NAME: properties(schema)[NAME]}, "required": [NAME]}


@remembered
def _nameless(schema: Schema) -> Schema:
    fields = {name: each for name, each in properties(schema).items() if name != NAME}
    return {**schema, "properties": fields, "required": sorted(required(schema) - {NAME})}
