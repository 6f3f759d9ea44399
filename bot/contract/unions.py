"""Answers that may be one thing or another: objects that nothing tells apart, and values in place of objects. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.contract.schema import Resolved, Schema, kinds, properties, remembered, resolve

SCALARS = frozenset({"string", "integer", "number", "boolean"})
#: The field that chooses between objects which nothing else tells apart: asked, and no part of the answers.
VARIANT = "x-frontdesk-variant"
#: Where such a field may also be a text, a number, a yes or no, a list: that, within the group that it is asked as.
VALUE = "x-frontdesk-value"


def is_object(schema: Schema) -> bool:
    """An object with fields of its own; a map or a free-form one is a single question."""
    return kinds(schema) == ("object",) and bool(properties(schema))


def variants(schema: Schema, root: Schema) -> list[Any]:
    """The objects of which it is one, as they are declared; empty where it is something else, too."""
    for word in ("oneOf", "anyOf"):
        branches = schema.get(word)
        declared = [each for each in branches if not _is_null(each)] if isinstance(branches, list) else []
        if len(declared) > 1 and all(is_object(resolve(each, root).schema) for each in declared):
            return declared
    return []


def mixed(schema: Schema, root: Schema) -> list[Schema]:
    """As `variants`, of values and maybe objects, each value boxed under `VALUE`; empty where it is something else, too.

    A value is a scalar, a list, or a map where there is no object. Texts and numbers alone are one field, which takes both.
    """
    for word in ("anyOf", "oneOf"):
        branches = schema.get(word)
        declared = [each for each in branches if not _is_null(each)] if isinstance(branches, list) else []
        found = [resolve(each, root).schema for each in declared]
        objects = [is_object(each) for each in found]
        values = [_is_value(each, map_too=not any(objects)) for each in found]
        if len(found) > 1 and any(values) and all(map(max, zip(objects, values, strict=True))) and _apart(found):
            return [each if is_object else boxed(each) for each, is_object in zip(declared, objects, strict=True)]
    return []


def _is_value(schema: Schema, *, map_too: bool) -> bool:
    found = kinds(schema)
    is_map = map_too and found == ("object",) and not is_object(schema)
    return is_map or (len(found) == 1 and found[0] in {*SCALARS, "array"})


def takes_map(schema: Schema, root: Schema) -> bool:
    """Whether a map is one of the values that it may be."""
    found = (resolve(properties(each).get(VALUE), root).schema for each in mixed(schema, root))
    return any(kinds(each) == ("object",) for each in found)


def may_be_object(found: Resolved, root: Schema) -> bool:
    """Whether it is a value or an object: an entry chooses which."""
    return any(VALUE not in properties(resolve(each, root).schema) for each in mixed(found.schema, root))


def _apart(found: Sequence[Schema]) -> bool:
    """Whether one field cannot take all of these."""
    return bool({kind for each in found for kind in kinds(each)} - {"string", "integer", "number"})


#: What stands in a box, by its type, where it has no title of its own.
_BOXES = {"array": "Entries", "object": "Names and values"}


@remembered
def boxed(value: Schema) -> Schema:
    """A value as an object of one field."""
    declared = {**value, "title": value.get("title") or _BOXES.get(next(iter(kinds(value)), ""), "Value")}
    return {"type": "object", "title": value.get("title", ""), "properties": {VALUE: declared}, "required": [VALUE]}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"
