"""An object of a form under way: what holds for it so far, and how a branch of a condition adds to it. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.contract.questions import CASE
from bot.contract.schema import Schema, properties, required

_Path = tuple[str, ...]
#: What is worked off here, so that the applied form has none of it.
CONDITIONS = frozenset({"if", "then", "else", "dependencies", "dependentRequired", "dependentSchemas", "allOf"})


@dataclass
class Node:
    """An object under way: what holds for it so far."""

    schema: Schema
    value: Mapping[str, Any]
    path: _Path
    nullable: bool = False

    def take(self, part: Schema, *, after: str = "", known: frozenset[str] = frozenset(), case: bool = True) -> None:
        """Add a part's fields, behind the one that they depend on."""
        fields = dict(properties(self.schema))
        new: dict[str, Any] = {}
        for name, declared in properties(part).items():
            if declared is False:
                fields.pop(name, None)
            elif name in fields:
                fields[name] = fields[name] if name in known else _refined(fields[name], declared)
            else:
                new[name] = _marked(declared) if case else declared
        self.schema = {
            **{name: value for name, value in part.items() if name not in CONDITIONS | {"title", "description"}},
            **self.schema,
            "properties": _placed(fields, new, after),
            "required": sorted(required(self.schema) | required(part)),
        }

    def drop(self, name: str) -> None:
        """Without a field."""
        fields = {each: inner for each, inner in properties(self.schema).items() if each != name}
        self.schema = {**self.schema, "properties": fields, "required": sorted(required(self.schema) - {name})}


def _placed(fields: Mapping[str, Any], new: Mapping[str, Any], after: str) -> dict[str, Any]:
    if after not in fields:
        return {**fields, **new}
    at = list(fields).index(after) + 1
    pairs = list(fields.items())
    return dict([*pairs[:at], *new.items(), *pairs[at:]])


def _refined(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old
    both = {**old, **new}
    if isinstance(old.get("properties"), dict) and isinstance(new.get("properties"), dict):
        names = {**old["properties"], **new["properties"]}
        both["properties"] = {
            name: _refined(old["properties"].get(name, inner), new["properties"].get(name))
            for name, inner in names.items()
        }
        both["required"] = sorted(required(old) | required(new))
    return both


def _marked(declared: Any) -> Any:
    """A field of a branch. Equal ones in two branches are one field, and keep their answer."""
    if not isinstance(declared, dict):
        declared = {}
    text = json.dumps(declared, sort_keys=True, default=str)
    return {CASE: hashlib.sha256(text.encode()).hexdigest()[:6], **declared}
