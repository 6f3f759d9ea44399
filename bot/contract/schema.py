"""Reading a JSON Schema: what stands behind a `$ref`, an `allOf` of one and an `Optional`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

Schema = dict[str, Any]
T = TypeVar("T")

#: A question's type is guessed from these where the schema has none (every page of a Backstage template).
_TELLING = {
    "properties": "object",
    "additionalProperties": "object",
    "items": "array",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "format": "string",
    "contentEncoding": "string",
    "contentMediaType": "string",
    "minimum": "number",
    "maximum": "number",
    "multipleOf": "number",
}
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", type(None): "null"}


#: How many schemas are remembered: a few per offering, and some that pass by.
MOST_REMEMBERED = 1000


def remembered(make: Callable[[Schema], T]) -> Callable[[Schema], T]:
    """Makes it once for each schema object, for schemas are never changed in place.

    By identity, since comparing or hashing a large one costs more than most of what is made of it. The schema is
    kept alive beside the result, so that its id is not used twice.
    """
    known: dict[int, tuple[Schema, T]] = {}

    @wraps(make)
    def remember(schema: Schema) -> T:
        found = known.get(id(schema))
        if found is None:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            found = known[id(schema)] = schema, make(schema)
        return found[1]

    return remember


@dataclass(frozen=True)
class Resolved:
    """A schema with nothing in between. `refs` are the references that were followed: a repeated one recurses."""

    schema: Schema
    nullable: bool
    refs: tuple[str, ...]


def parts(schema: Any) -> Iterator[Schema]:
    """Every object in it, itself first, wherever it stands."""
    if isinstance(schema, dict):
        yield schema
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(each)


def pointer(path: Iterable[str | int]) -> str:
    """RFC 6901: `("network", "a/b")` is `/network/a~1b`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def resolve(schema: Any, root: Schema) -> Resolved:
    """Follows references inside `root`; what stands beside a reference wins over what stands behind it."""
    here: Schema = dict(schema) if isinstance(schema, dict) else {}
    nullable, refs = False, list[str]()
    while (inner := _inner(here, root)) is not None:
        keyword, found = inner
        if keyword == "$ref":
            if here["$ref"] in refs:
                return Resolved({}, nullable, (*refs, here["$ref"]))
            refs.append(here["$ref"])
            # The title behind a reference is the class's; the property's own name says more.
            found = {name: value for name, value in found.items() if name != "title"}
        nullable = nullable or keyword in {"anyOf", "oneOf"}
        here = {**found, **{name: value for name, value in here.items() if name != keyword}}
    types = kinds(here)
    if "null" in types:
        nullable, types = True, tuple(name for name in types if name != "null")
        here["type"] = types[0] if len(types) == 1 else list(types)
    return Resolved(here, nullable, tuple(refs))


def _inner(schema: Schema, root: Schema) -> tuple[str, Schema] | None:
    """The one schema that this one only wraps, with the keyword that does it."""
    if isinstance(schema.get("$ref"), str):
        return "$ref", target(schema["$ref"], root) or {}
    match schema.get("allOf"):
        case [dict() as only]:
            return "allOf", only
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list):
            real = [branch for branch in branches if not _is_null(branch)]
            if len(real) == 1 and len(branches) > 1 and isinstance(real[0], dict):
                return keyword, real[0]
    return None


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") == "null" or ("const" in schema and schema["const"] is None)
    )


def target(ref: str, root: Schema) -> Schema | None:
    """What a reference points at inside this schema; None: nothing, or somewhere else."""
    if not ref.startswith("#"):
        return None
    here: Any = root
    for part in ref[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else None


def references(schema: Any) -> Iterator[str]:
    """All that a schema refers to, however deep."""
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for each in schema.values():
            yield from references(each)


def alone(part: Schema, root: Schema) -> Schema | None:
    """A part of a schema with the definitions that it needs; None: it refers to something else than definitions."""
    if any(not ref.startswith(("#/$defs/", "#/definitions/")) for ref in references(part)):
        return None
    return {**definitions(root), **part}


def definitions(root: Schema) -> Schema:
    """What a part of a schema needs to stand alone: which JSON Schema it is, and its definitions."""
    return {name: root[name] for name in ("$schema", "$defs", "definitions") if name in root}


def kinds(schema: Schema) -> tuple[str, ...]:
    """The JSON types that a resolved schema names, or shows by its other keywords; empty: any."""
    named = schema.get("type")
    if isinstance(named, list):
        return tuple(str(name) for name in named)
    if isinstance(named, str):
        return (named,)
    if isinstance(values := schema.get("enum", [schema["const"]] if "const" in schema else None), list):
        return tuple(dict.fromkeys(_JSON_TYPES.get(type(value), "object") for value in values))
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    if found := tuple(dict.fromkeys(_branch_kinds(schema.get("anyOf") or schema.get("oneOf")))):
        return found
    return next(((kind,) for keyword, kind in _TELLING.items() if keyword in schema), ())


def _branch_kinds(branches: Any) -> Iterator[str]:
    for branch in branches if isinstance(branches, list) else ():
        yield from kinds(branch) if isinstance(branch, dict) else ()


def properties(schema: Schema) -> dict[str, Any]:
    """The declared fields of an object; empty where there are none."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def required(schema: Schema) -> frozenset[str]:
    """The names that must be there."""
    found = schema.get("required")
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()
