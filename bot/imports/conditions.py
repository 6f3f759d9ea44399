"""The conditions of Terraform's validations as keywords of a schema, where a schema can say them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.contract import Schema
from bot.contract.schema import kinds
from bot.imports.hcl import Call, Each, Items, Literal, Name, Node, Operation
from bot.imports.patterns import Untranslatable, translated

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
#: Which keyword counts what a type is made of: the least, and the most.
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_BOUNDS = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
#: What a condition says about nothing at all: null passes a keyword about text, numbers or lists anyway.
_NULL: Schema = {"const": None}


class Unsaid(ValueError):
    """No keyword says that."""


@dataclass(frozen=True)
class Subject:
    """What a condition is about: `var.size` and what is in it."""

    path: tuple[str, ...]
    schema: Schema

    def within(self, node: Node) -> tuple[tuple[str, ...], Schema]:
        """The fields below that a name leads to, and their schema. Raises Unsaid for another name."""
        if not isinstance(node, Name) or node.path[: len(self.path)] != self.path:
            raise Unsaid
        inner, here = node.path[len(self.path) :], self.schema
        for part in inner:
            here = here.get("properties", {}).get(part)
            if not isinstance(here, dict):
                raise Unsaid
        return inner, here


#: A keyword at a place below the subject.
Said = tuple[tuple[str, ...], Schema]


def carry(condition: Node, subject: Subject) -> bool:
    """Put into the subject's schema what the condition demands; False when part of it cannot be said."""
    if isinstance(condition, Operation) and condition.mark == "&&" and condition.right:
        left = carry(condition.left, subject)
        return carry(condition.right, subject) and left
    try:
        inner, said = _said(condition, subject)
    except (Unsaid, Untranslatable):
        return False
    here = subject.schema
    for part in inner:
        here = here["properties"][part]
    _add(here, said)
    return True


def _add(here: Schema, said: Schema) -> None:
    """One more demand: beside what is there already, or as one of all."""
    for keyword, value in said.items():
        if keyword in {"items", "additionalProperties"} and isinstance(here.get(keyword), dict):
            _add(here[keyword], value)
        elif keyword == "type" or keyword not in here:
            here[keyword] = value
        else:
            here.setdefault("allOf", []).append({keyword: value})


def _said(node: Node, subject: Subject) -> Said:
    match node:
        case Call():
            return _called(node, subject)
        case Operation("||", left, right) if right:
            return _either(_said(left, subject), _said(right, subject))
        case Operation("?", Operation("==", asked, Literal(None)), Items((Literal(True), otherwise))) | Operation(
            "?", Operation("!=", asked, Literal(None)), Items((otherwise, Literal(True)))
        ):
            return _either((subject.within(asked)[0], _NULL), _said(otherwise, subject))
        case Operation("!", inner):
            path, said = _said(inner, subject)
            return path, {"not": said}
        case Operation(mark, Literal() as value, right) if mark in _FLIPPED and right:
            return _compared(_FLIPPED[mark], right, value, subject)
        case Operation(mark, left, right) if mark in _FLIPPED and right:
            return _compared(mark, left, right, subject)
    raise Unsaid


def _called(call: Call, subject: Subject) -> Said:
    match call:
        case Call("contains", (Items(items), asked)):
            return subject.within(asked)[0], {"enum": [_value(item) for item in items]}
        case Call("can", (Call("regex", (Literal(str(pattern)), asked)),)):
            return _text(asked, subject, translated(pattern))
        case Call("startswith", (asked, Literal(str(text)))):
            return _text(asked, subject, "^" + re.escape(text))
        case Call("endswith", (asked, Literal(str(text)))):
            return _text(asked, subject, re.escape(text) + "$")
        case Call("alltrue", (Each(name, source, body),)):
            return _each(name, source, body, subject)
    raise Unsaid


def _text(asked: Node, subject: Subject, pattern: str) -> Said:
    inner, here = subject.within(asked)
    if _kind(here) != "string":
        raise Unsaid
    return inner, {"pattern": pattern}


def _each(name: str, source: Node, body: Node, subject: Subject) -> Said:
    """What holds for every entry of a list or a map."""
    inner, here = subject.within(source)
    keyword = "items" if _kind(here) == "array" else "additionalProperties"
    entry = here.get(keyword)
    if not isinstance(entry, dict):
        raise Unsaid
    path, said = _said(body, Subject((name,), entry))
    for part in reversed(path):
        said = {"properties": {part: said}}
    return inner, {keyword: said} if not path else {"allOf": [{keyword: said}]}


def _compared(mark: str, left: Node, right: Node, subject: Subject) -> Said:
    match left, right:
        case Call("floor" | "ceil", (asked,)), Name() if mark == "==" and asked == right:
            return subject.within(asked)[0], {"type": "integer"}
        case Call("length", (Call("regexall", (Literal(str(pattern)), asked)),)), Literal(0) if mark in {">", "!="}:
            return _text(asked, subject, translated(pattern))
        case Call("length", (asked,)), Literal(int(count)):
            inner, here = subject.within(asked)
            return inner, _length(mark, count, _kind(here))
    value, (inner, here) = _value(right), subject.within(left)
    if mark == "==":
        return inner, {"const": value}
    if mark == "!=":
        return inner, {"minLength": 1} if value == "" else {"not": {"const": value}}
    if _kind(here) not in {"number", "integer"} or isinstance(value, str | bool) or value is None:
        raise Unsaid
    return inner, {_BOUNDS[mark]: value}


def _length(mark: str, count: int, kind: str) -> Schema:
    if kind not in _LENGTHS:
        raise Unsaid
    least, most = _LENGTHS[kind]
    said: Mapping[str, Schema] = {
        ">=": {least: count},
        ">": {least: count + 1},
        "<=": {most: count},
        "<": {most: count - 1},
        "==": {least: count, most: count},
    }
    if mark == "!=" and count == 0:
        return {least: 1}
    if mark not in said or min(said[mark].values()) < 0:
        raise Unsaid
    return said[mark]


def _either(left: Said, right: Said) -> Said:
    """One of two demands on the same field."""
    (path, one), (other_path, other) = left, right
    if path != other_path:
        raise Unsaid
    values = [_values(said) for said in (one, other)]
    if values[0] is not None and values[1] is not None:
        return path, {"enum": list(dict.fromkeys([*values[0], *values[1]]))}
    for null, said in ((one, other), (other, one)):
        if null == _NULL and not {"enum", "const", "not"} & said.keys():
            return path, said
    return path, {"anyOf": [one, other]}


def _values(said: Schema) -> list[Any] | None:
    if said.keys() == {"const"}:
        return [said["const"]]
    return said["enum"] if said.keys() == {"enum"} else None


def _value(node: Node) -> Any:
    if isinstance(node, Literal):
        return node.value
    raise Unsaid


def _kind(schema: Schema) -> str:
    return next((kind for kind in kinds(schema) if kind != "null"), "")
