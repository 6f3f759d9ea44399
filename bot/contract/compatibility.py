"""Whether a changed contract still keeps what the old one promised."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.contract.schema import Schema, kinds, properties, required, resolve

#: Words and hints for people and tools: they accept and refuse nothing.
_WORDS = frozenset({"title", "description", "examples", "$comment", "deprecated", "readOnly"})
#: Keywords under which names stand, not keywords.
_NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
#: Keywords whose value is data, not a schema.
_DATA = frozenset({"default", "enum", "const", "enumNames"})
#: Bounds of which a larger, or a smaller, one accepts less.
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
#: What can only be compared by being equal.
_OPAQUE = (
    "pattern", "format", "multipleOf", "allOf", "not", "if", "then", "else", "dependencies", "dependentRequired",
    "dependentSchemas", "patternProperties", "propertyNames", "contains", "prefixItems", "additionalItems",
    "unevaluatedProperties", "unevaluatedItems",
)  # fmt: skip


def comparable(schema: Any) -> Any:
    """A schema without titles, descriptions and examples, sorted: equal where two contracts accept the same."""
    if isinstance(schema, list):
        return [comparable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, value in sorted(schema.items()):
        if keyword in _NAMED and isinstance(value, dict):
            kept[keyword] = {name: comparable(inner) for name, inner in sorted(value.items())}
        elif keyword == "required" and isinstance(value, list):
            kept[keyword] = sorted(value)
        elif keyword not in _WORDS:
            kept[keyword] = value if keyword in _DATA else comparable(value)
    return kept


def breaking(old: Schema, new: Schema, *, outputs: bool = False) -> list[str]:
    """Why what was valid under `old` may not be under `new`; empty: compatible.

    With `outputs` the other way round: why somebody who reads values under `old` may stumble over those under `new`.
    Careful rather than clever: what it cannot compare counts as breaking once it changed.
    """
    return list(dict.fromkeys(_Comparison(old, new, outputs=outputs).reasons(old, new, (), ())))


@dataclass(frozen=True)
class _Comparison:
    """Two whole schemas, for their references; `outputs` turns the question round."""

    old: Schema
    new: Schema
    outputs: bool

    def reasons(self, old: Any, new: Any, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[str]:
        before, after = resolve(old, self.old), resolve(new, self.new)
        if any(ref in seen for ref in before.refs):
            return  # a recursive schema: compared one level above
        inside = (*seen, *before.refs)
        narrower, wider = (after, before) if self.outputs else (before, after)
        if narrower.nullable and not wider.nullable:
            yield _says(path, "may be null" if self.outputs else "may no longer be null")
        yield from self._kinds(before.schema, after.schema, path)
        yield from self._values(before.schema, after.schema, path)
        yield from self._bounds(before.schema, after.schema, path)
        yield from _opaque(before.schema, after.schema, path, outputs=self.outputs)
        yield from self._branches(before.schema, after.schema, path, inside)
        yield from self._object(before.schema, after.schema, path, inside)
        if isinstance(after.schema.get("items"), dict) and isinstance(before.schema.get("items"), dict):
            yield from self.reasons(before.schema["items"], after.schema["items"], (*path, "*"), inside)
        elif "items" in (before if self.outputs else after).schema and before.schema != after.schema:
            yield _says(path, "its entries changed")

    def _kinds(self, old: Schema, new: Schema, path: tuple[str, ...]) -> Iterator[str]:
        narrow, wide = (kinds(new), kinds(old)) if self.outputs else (kinds(old), kinds(new))
        accepted = {*wide, "integer"} if "number" in wide else set(wide)
        if wide and (not narrow or not set(narrow) <= accepted):
            yield _says(path, f"type was {_named(kinds(old))}, is {_named(kinds(new))}")

    def _values(self, old: Schema, new: Schema, path: tuple[str, ...]) -> Iterator[str]:
        narrow, wide = (_values(new), _values(old)) if self.outputs else (_values(old), _values(new))
        if wide is None:
            return
        if narrow is None:
            yield _says(path, "is any value now" if self.outputs else "is one of few values now")
            return
        gone = [value for value in narrow if value not in wide]
        if gone:
            yield _says(path, f"{'new' if self.outputs else 'removed'} value {', '.join(gone)}")

    def _bounds(self, old: Schema, new: Schema, path: tuple[str, ...]) -> Iterator[str]:
        narrow, wide = (new, old) if self.outputs else (old, new)
        for keyword in (*_LOWER, *_UPPER):
            limit, had = _bound(wide, keyword), _bound(narrow, keyword)
            if limit is None or (keyword in {"minLength", "minItems"} and limit == 0):
                continue
            if had is None or (had < limit if keyword in _LOWER else had > limit):
                yield _says(path, f"{keyword} was {old.get(keyword, 'open')}, is {new.get(keyword, 'open')}")
        if wide.get("uniqueItems") and not narrow.get("uniqueItems"):
            yield _says(path, "uniqueItems changed")

    def _branches(self, old: Schema, new: Schema, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[str]:
        """Each alternative on the one side needs one on the other side that takes all of it."""
        if not (_branches(old) or _branches(new)) or (_values(old) is not None and _values(new) is not None):
            return
        narrow, wide = (new, old) if self.outputs else (old, new)
        if _branches(wide) and not _branches(narrow) and "type" not in narrow and _values(narrow) is None:
            yield _says(path, "was open to all types, is one of some alternatives")
            return
        olds, news = _branches(old) or [old], _branches(new) or [new]
        for index, each in enumerate(news if self.outputs else olds):
            pairs = [(other, each) if self.outputs else (each, other) for other in (olds if self.outputs else news)]
            if not any(next(self.reasons(a, b, path, seen), None) is None for a, b in pairs):
                yield _says(path, f"alternative {index + 1} is {'new' if self.outputs else 'no longer accepted'}")

    def _object(self, old: Schema, new: Schema, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[str]:
        olds, news = properties(old), properties(new)
        for name in olds:
            if name in news:
                yield from self.reasons(olds[name], news[name], (*path, name), seen)
            else:
                yield _says((*path, name), "removed")
        if self.outputs:
            yield from (
                _says((*path, name), "is no longer certain")
                for name in sorted(required(old) & news.keys() - required(new))
            )
            return
        for name in sorted(required(new) - required(old)):
            if resolve(news.get(name), self.new).schema.get("default") is None:
                yield _says((*path, name), "required now" if name in olds else "new and required")
        yield from self._extras(old, new, path, seen)

    def _extras(self, old: Schema, new: Schema, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[str]:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if not after and before and "object" in kinds(old):
            yield _says(path, "further fields are no longer accepted")
        elif isinstance(after, dict) and isinstance(before, dict):
            yield from self.reasons(before, after, (*path, "*"), seen)
        elif isinstance(after, dict) and after and before is True and "object" in kinds(old):
            yield _says(path, "further fields are restricted now")


def _opaque(old: Schema, new: Schema, path: tuple[str, ...], *, outputs: bool) -> Iterator[str]:
    for keyword in _OPAQUE:
        before, after = comparable(old.get(keyword)), comparable(new.get(keyword))
        demanded = before if outputs else after
        if before != after and demanded is not None:
            yield _says(path, f"{keyword} was {_named(before)}, is {_named(after)}")


def _values(schema: Schema) -> list[str] | None:
    """The accepted values as JSON, where they are counted; None: not counted."""
    if isinstance(schema.get("enum"), list):
        return [json.dumps(value, sort_keys=True) for value in schema["enum"] if value is not None]
    if "const" in schema:
        return [json.dumps(schema["const"], sort_keys=True)]
    branches = [_values(branch) for branch in _branches(schema)]
    if branches and all(values is not None for values in branches):
        return [value for values in branches for value in values or ()]
    return None


def _branches(schema: Schema) -> list[Schema]:
    found = schema.get("anyOf") or schema.get("oneOf") or []
    return [branch for branch in found if isinstance(branch, dict)] if isinstance(found, list) else []


def _bound(schema: Schema, keyword: str) -> float | None:
    value = schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _named(value: Any) -> str:
    if value is None or value == ():
        return "open"
    return " or ".join(value) if isinstance(value, tuple) else str(value)


def _says(path: tuple[str, ...], what: str) -> str:
    return f"{'.'.join(path) or 'the whole form'}: {what}"
