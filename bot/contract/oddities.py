"""What is odd in a schema and still works: an author is told, nobody is stopped."""

import re
from collections.abc import Iterator
from typing import Any

from bot.contract.questions import fields, has_secret
from bot.contract.schema import Schema, kinds, pointer, properties, required, resolve
from bot.contract.secrecy import marks_secret

_SECRET = re.compile(
    r"(?i)(password|passwd|passphrase|token|credentials?|api_?key|private_?key|(^|client_?|shared_?)secret)$"
)

#: `([a-z]+)*`: one thing repeated, and that again. Python's engine tries all ways to divide a text that does not fit.
_REPEATED_TWICE = re.compile(
    r"\((?:\?:|\?P<\w+>)?(?:\\.|\[\^?\]?[^\]]*\]|[^()\[\]\\|])(?:[+*]|\{\d+,\})\)(?:[+*]|\{\d+,\})"
)
_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def oddities(schema: Schema) -> list[tuple[str, str]]:
    """Pointer and sentence for each; an entry of a list is `*`."""
    found = [("/", "asks for nothing: people only confirm")] if not fields(schema) else []
    return found + list(_odd(schema, schema, (), ()))


def _odd(schema: Any, root: Schema, path: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    found = resolve(schema, root)
    if not isinstance(schema, dict) or any(ref in seen for ref in found.refs):
        return
    here, where = found.schema, pointer(path) or "/"
    yield from ((where, text) for text in (*_told(here, path), *_refusing(here), *_written(here, root)))
    for name, inner in {**properties(here), "*": here.get("items")}.items():
        yield from _odd(inner, root, (*path, name), (*seen, *found.refs))


def _told(here: Schema, path: tuple[str, ...]) -> Iterator[str]:
    types, known, name = kinds(here), properties(here), path[-1] if path else ""
    if types == ("array",) and not {"items", "prefixItems"} & here.keys():
        yield "a list that does not say of what is written as YAML"
    if types == ("string",) and _SECRET.search(name) and not marks_secret(here) and "enum" not in here:
        yield "looks like a secret: if it is one, say so (SecretStr, or writeOnly: true in a JSON Schema)"
    if isinstance(pattern := here.get("pattern"), str) and _REPEATED_TWICE.search(pattern):
        yield "its pattern repeats a repetition: answers that take it too long are refused"
    missing = sorted(required(here) - known.keys())
    if missing and (known or not path) and not _declares_elsewhere(here):  # inside, free text can name any field
        yield f"requires {', '.join(missing)}, which it does not declare, so no form can ask for it"


def _written(here: Schema, root: Schema) -> Iterator[str]:
    """Entries that are not asked for one by one."""
    entries = [here.get(word) for word in ("items", "additionalProperties") if isinstance(here.get(word), dict)]
    if kinds(here) in {("array",), ("object",)} and any(
        properties(resolve(each, root).schema) and has_secret(each, root) for each in entries
    ):
        yield (
            "its entries hold secrets, so people write all of them in one text, as YAML, and write it anew where they go "
            "on later: no secret is kept while a form is filled in"
        )


def _refusing(here: Schema) -> Iterator[str]:
    """Rules that no answer can keep."""
    for least, most in _BOUNDS:
        low, high = here.get(least), here.get(most)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield f"accepts nothing: its {least} {low} is more than its {most} {high}"
    if here.get("enum") == []:
        yield "accepts nothing: its enum is empty"


def _declares_elsewhere(here: Schema) -> bool:
    """Whether fields may come from more than `properties`."""
    rules = {"allOf", "anyOf", "oneOf", "if", "dependencies", "dependentSchemas", "patternProperties"}
    return bool(rules & here.keys()) or bool(here.get("additionalProperties"))
