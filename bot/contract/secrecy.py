"""Where a schema asks for secrets, and where they stand in an answer."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.contract.schema import Schema, parts, properties, remembered, resolve

Path = tuple[str | int, ...]
#: A presentation's word for it, where the schema itself does not say so.
SECRET = "x-frontdesk-secret"  # noqa: S105 - a keyword


def marks_secret(schema: Schema) -> bool:
    """Pydantic's SecretStr says both; imported schemas one of them; an offering's overlay has its own word."""
    return schema.get("writeOnly") is True or schema.get("format") == "password" or schema.get(SECRET) is True


@remembered
def asks_for_secrets(schema: Schema) -> bool:
    """Whether a secret is declared anywhere in it."""
    return any(marks_secret(part) for part in parts(schema))


def is_secret(root: Schema, path: Iterable[str | int]) -> bool:
    """Whether the value at this path, in any branch of the schema, must never be repeated."""
    return asks_for_secrets(root) and _marked(root, root, tuple(path), frozenset())


def secrets(root: Schema, value: Any) -> list[Path]:
    """The paths in `value` at which a secret stands; null is none."""
    return list(_standing(root, value, ())) if asks_for_secrets(root) else []


def at(value: Any, path: Path) -> Any:
    """What stands there. Raises LookupError."""
    for part in path:
        value = value[part]
    return value


def _standing(root: Schema, value: Any, path: Path) -> Iterator[Path]:
    if value is None:
        return
    if path and is_secret(root, path):
        yield path
        return
    members = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _standing(root, member, (*path, name))


def _marked(schema: Any, root: Schema, path: Path, seen: frozenset[int]) -> bool:
    """`seen`: schemas that were looked at for this very place, since a reference may lead back."""
    if not isinstance(schema, dict) or id(schema) in seen:
        return False
    here = resolve(schema, root).schema
    if marks_secret(here):
        return True
    seen |= {id(schema)}
    if any(_marked(branch, root, path, seen) for branch in _branches(here)):
        return True
    return bool(path) and any(_marked(inner, root, path[1:], frozenset()) for inner in _inside(here, path[0]))


def _branches(schema: Schema) -> Iterator[Any]:
    for word in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(word) or ()
    yield from (schema.get(word) for word in ("if", "then", "else"))
    for word in ("dependentSchemas", "dependencies"):
        yield from (schema.get(word) or {}).values()


def _inside(schema: Schema, name: str | int) -> Iterator[Any]:
    """What may describe a member; a pattern's fields are taken as meant, whatever their names."""
    if isinstance(name, int):
        items = schema.get("items")
        first = items if isinstance(items, list) else schema.get("prefixItems") or []  # the list is draft 7's
        yield first[name] if name < len(first) else schema.get("additionalItems") if first is items else items
        return
    if name in properties(schema):
        yield properties(schema)[name]
        return
    yield schema.get("additionalProperties")
    yield from (schema.get("patternProperties") or {}).values()
