"""A schema that somebody else wrote, as our contract reads it: nothing that people wrote is lost unsaid.

What Kubernetes, OpenAPI and JSON Schema's drafts say each in their way is said in one; what cannot hold (a default
that its own schema refuses, a required field that is nowhere) is left out with a warning; what no contract can say
(rules in CEL) is left out with a note. Normalising what is normal changes nothing.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot import contract
from bot.contract import Schema, pointer
from bot.imports.imported import Findings, mapping, refused
from bot.imports.patterns import Untranslatable, choices, translated
from bot.imports.references import settled

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
NEWEST = "https://json-schema.org/draft/2020-12/schema"
Path = tuple[str | int, ...]

#: Under these stand schemas by name, lists of schemas, and single schemas: of a field, or of a rule about fields.
_NAMED_FIELDS = ("properties", "patternProperties")
_DEFINITIONS = ("$defs", "definitions")
_SINGLE_FIELDS = ("items", "additionalProperties", "additionalItems", "contains", "unevaluatedItems")
_NAMED_RULES = ("dependencies", "dependentSchemas")
_LISTED_RULES = ("allOf", "anyOf", "oneOf")
_SINGLE_RULES = ("not", "if", "then", "else", "propertyNames", "unevaluatedProperties")
#: What makes an object's fields depend on more than `properties`.
_APPLIED = frozenset({*_NAMED_RULES, *_LISTED_RULES, "if", "not", "patternProperties", "unevaluatedProperties", "$ref"})
#: Keywords that draft 7 does not know.
_NEW = frozenset({
    "prefixItems", "dependentRequired", "dependentSchemas", "minContains", "maxContains", "unevaluatedItems",
    "unevaluatedProperties",
})  # fmt: skip
_KUBERNETES = "x-kubernetes-"
_MOST_MISTAKES, _LONGEST_QUOTE = 100, 60


@dataclass(frozen=True)
class Dialect:
    """What the world that a schema comes from takes for granted."""

    #: Defaults are filled in before anything is required (Kubernetes' API server does so).
    defaults_first: bool = False
    #: A field that is not declared is no field.
    closed: bool = False


def normal(schema: Schema, findings: Findings, *, where: str, dialect: Dialect | None = None) -> Schema:
    """The schema as a contract has it; what was left out or mended is told to `findings`. Raises Misconfigured."""
    draft = _draft(schema)
    found = _Normalising(dialect or Dialect(), findings, draft)
    made = found.schema(settled(schema, findings, where), (), field=True)
    made = {"$schema": draft, **{name: value for name, value in made.items() if name != "$schema"}}
    made = _sound(made, findings, where)
    _mend_defaults(made, findings)
    for place, text in contract.oddities(made):
        findings.warn(place, text)
    return made


def _draft(schema: Schema) -> str:
    """The dialect that the schema names, or shows; older ones than 7 read like it."""
    named = str(schema.get("$schema", ""))
    if named:
        return DRAFT_7 if re.search(r"draft-0[3467]", named) else NEWEST
    text = json.dumps(schema, default=str)
    old = '"dependencies": {' in text or '"items": [' in text or '"definitions": {' in text
    return DRAFT_7 if old and '"$defs": {' not in text else NEWEST


@dataclass
class _Normalising:
    dialect: Dialect
    findings: Findings
    draft: str

    def schema(self, given: Any, path: Path, *, field: bool) -> Any:
        """One schema: of a `field`, or of a rule about fields that are declared elsewhere."""
        if isinstance(given, bool):
            return given
        if not isinstance(given, dict):
            self.findings.warn(pointer(path), "is no schema; anything is accepted there")
            return {}
        here = self._kubernetes(dict(given), path)
        here = _renewed(here) if self.draft == NEWEST else here
        here = _typed(here) if field else here
        here = _bounded(here)
        here = self._pattern(here, path)
        self._inside(here, path)
        here = self._enum(here, path)
        if field:
            self._object(here, path)
        return _nullable(here)

    def _inside(self, here: Schema, path: Path) -> None:
        for keyword, key, child, field in list(_children(here)):
            if key is None:
                here[keyword] = self.schema(child, (*path, keyword), field=field)
            else:
                here[keyword][key] = self.schema(child, (*path, keyword, key), field=field)

    def _kubernetes(self, here: Schema, path: Path) -> Schema:
        """Kubernetes' own keywords, as its reference of CustomResourceDefinitions has them."""
        if here.pop("x-kubernetes-int-or-string", None) is True:
            here.pop("anyOf", None)
            here["type"] = ["integer", "string"]
        if here.pop("x-kubernetes-preserve-unknown-fields", None) is True:
            here.setdefault("additionalProperties", True)
            here.setdefault("type", "object")
        for rule in here.pop("x-kubernetes-validations", None) or ():
            told = mapping(rule)
            text = f"a rule in CEL, which is not checked here: {told.get('rule')}"
            message = f" ({told['message']})" if told.get("message") else ""
            self.findings.note(pointer(path), text + message)
        if here.pop("x-kubernetes-list-type", None) == "set":
            here.setdefault("uniqueItems", True)
        if here.pop("x-kubernetes-embedded-resource", None) is True:
            here.setdefault("additionalProperties", True)
        return {name: value for name, value in here.items() if not str(name).startswith(_KUBERNETES)}

    def _pattern(self, here: Schema, path: Path) -> Schema:
        pattern = here.get("pattern")
        if not isinstance(pattern, str):
            return here
        try:
            here["pattern"] = translated(pattern)
        except Untranslatable as error:
            del here["pattern"]
            self.findings.note(pointer(path), f"the pattern {pattern}: {error}")
            return here
        listed = choices(here["pattern"]) if here.get("type", "string") == "string" else None
        if listed and "enum" not in here:
            del here["pattern"]
            here = {"type": "string", **here, "enum": listed}
        return here

    def _enum(self, here: Schema, path: Path) -> Schema:
        """Values that the type beside them refuses can never be chosen."""
        values, types = here.get("enum"), {"type": here.get("type")} if "type" in here else {}
        labels = here.get("enumNames")
        if labels is not None and _length(labels) != _length(values):
            self.findings.warn(pointer(path), "enumNames does not name each value once; values are shown as they are")
            del here["enumNames"]
        if not isinstance(values, list) or not _is_known(types.get("type")):
            return here
        nullable = here.get("nullable") is True
        kept = [
            i for i, value in enumerate(values) if (value is None and nullable) or not contract.problems(types, value)
        ]
        if len(kept) == len(values):
            return here
        gone = ", ".join(json.dumps(each) for i, each in enumerate(values) if i not in kept)
        self.findings.warn(pointer(path), f"its type refuses the value {gone}, which is left out")
        for keyword in ("enum", "enumNames"):
            if keyword in here:
                here[keyword] = [here[keyword][i] for i in kept]
        return here if kept else {name: value for name, value in here.items() if name not in {"enum", "enumNames"}}

    def _object(self, here: Schema, path: Path) -> None:
        fields = mapping(here.get("properties"))
        if fields and self.dialect.closed and not _APPLIED & here.keys():
            here.setdefault("additionalProperties", False)
        if not isinstance(here.get("required"), list):
            return
        names = list(dict.fromkeys(str(name) for name in here["required"]))
        named = fields.keys() | _named_in_rules(here)
        missing = [name for name in names if name not in named]
        if missing and (fields or not path) and not _is_open(here):
            self.findings.warn(
                pointer(path), f"requires {', '.join(missing)}, which it does not declare; not required here"
            )
            names = [name for name in names if name in named]
        if self.dialect.defaults_first:
            names = [name for name in names if mapping(fields.get(name)).get("default") is None]
        here["required"] = names
        if not names:
            del here["required"]


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _is_known(types: Any) -> bool:
    known = {"string", "integer", "number", "boolean", "object", "array", "null"}
    return types is None or all(each in known for each in (types if isinstance(types, list) else [types]))


def _is_open(here: Schema) -> bool:
    return bool(here.get("additionalProperties")) or bool(here.get("patternProperties")) or "$ref" in here


def _named_in_rules(here: Schema) -> set[str]:
    """Fields that rules beside `properties` declare."""
    rules = [each for keyword in _LISTED_RULES for each in here.get(keyword) or () if isinstance(each, dict)]
    rules += [here[keyword] for keyword in ("then", "else") if isinstance(here.get(keyword), dict)]
    for keyword in _NAMED_RULES:
        rules += [each for each in mapping(here.get(keyword)).values() if isinstance(each, dict)]
    return {name for rule in rules for name in {*mapping(rule.get("properties")), *_named_in_rules(rule)}}


def _renewed(here: Schema) -> Schema:
    """Keywords of older drafts that the newest one knows under other names."""
    if isinstance(here.get("items"), list):
        here["prefixItems"] = here.pop("items")
        if "additionalItems" in here:
            here["items"] = here.pop("additionalItems")
    for name, needed in mapping(here.pop("dependencies", None)).items():
        keyword = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
        here[keyword] = {**mapping(here.get(keyword)), name: needed}
    return here


def _typed(here: Schema) -> Schema:
    """Fields make an object, entries a list, although nobody said so."""
    if any(keyword in here for keyword in ("type", "$ref", "enum", "const", *_LISTED_RULES)):
        return here
    if isinstance(here.get("properties"), dict) or isinstance(here.get("additionalProperties"), dict):
        return {"type": "object", **here}
    return {"type": "array", **here} if isinstance(here.get("items"), dict | list) else here


def _bounded(here: Schema) -> Schema:
    """OpenAPI 3.0 and draft 4 say with a boolean that a bound is itself no value."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(here.get(exclusive), bool) and here.pop(exclusive) and bound in here:
            here[exclusive] = here.pop(bound)
    return here


def _nullable(here: Schema) -> Schema:
    """OpenAPI's `nullable` as a type beside the others."""
    if here.pop("nullable", None) is not True or "type" not in here:
        return here
    types = here["type"] if isinstance(here["type"], list) else [here["type"]]
    here["type"] = [*types, *([] if "null" in types else ["null"])]
    if isinstance(values := here.get("enum"), list) and None not in values:
        here["enum"] = [*values, None]
        if "enumNames" in here:
            here["enumNames"] = [*here["enumNames"], ""]
    return here


def _sound(schema: Schema, findings: Findings, where: str) -> Schema:
    """Without what is no JSON Schema (`required: true`, `type: text`): each is told."""
    from jsonschema import Draft7Validator, Draft202012Validator  # noqa: PLC0415 - slow to import

    # What both say alike, draft 7's own schema judges in a quarter of the time.
    renewed = schema["$schema"] == NEWEST and any(_NEW & here.keys() for _, _, here in _declared(schema))
    kind: Any = Draft202012Validator if renewed else Draft7Validator
    judge = kind(kind.META_SCHEMA)
    for _ in range(_MOST_MISTAKES):
        error = next(judge.iter_errors(schema), None)
        if error is None:
            return schema
        path = _leaf(error)
        holder: Any = schema
        for part in path[:-1]:
            holder = holder[part]
        told = json.dumps(holder.pop(path[-1]), default=str)
        short = told if len(told) < _LONGEST_QUOTE else told[:_LONGEST_QUOTE] + "…"
        findings.warn(pointer(path), f"{short} is no JSON Schema here, and is left out")
    raise refused(f"has over {_MOST_MISTAKES} places that are no JSON Schema.", where, "Is this the right file?")


def _leaf(error: Any) -> Path:
    """The innermost place that is wrong; behind `anyOf` that of the branch which gets furthest."""
    while error.context:
        error = max(error.context, key=lambda each: len(each.absolute_path))
    path = tuple(error.absolute_path)
    return path or (next(iter(error.instance)),)


def _mend_defaults(root: Schema, findings: Findings) -> None:
    """Leaves out each default that its own schema refuses, the innermost first."""
    around = {name: root[name] for name in ("$schema", *_DEFINITIONS) if name in root}
    for path, _, here in sorted(_declared(root), key=lambda found: -len(found[0])):
        default = here.get("default")
        if default is None:
            continue
        own: Schema = {**around, **here}
        if not (wrong := contract.problems(own, default)):
            continue
        filled = contract.with_defaults(own, default)
        if not contract.problems(own, filled):
            here["default"] = filled
            continue
        del here["default"]
        findings.warn(
            pointer(path),
            f"its default {contract.quoted(default)} is refused by its own schema, and is left out: {wrong[0].detail}",
        )


def _children(here: Schema) -> Iterator[tuple[str, Any, Any, bool]]:
    """The schemas right inside of one: keyword, place under it (None: it is the keyword's value), whether a field's."""
    for keyword in (*_NAMED_FIELDS, *_DEFINITIONS, *_NAMED_RULES):
        for name, child in mapping(here.get(keyword)).items():
            if not isinstance(child, list):  # a dependency may be a list of names
                yield keyword, name, child, keyword not in _NAMED_RULES
    for keyword in (*_SINGLE_FIELDS, *_SINGLE_RULES):
        if isinstance(here.get(keyword), dict):
            yield keyword, None, here[keyword], keyword in _SINGLE_FIELDS
    for keyword in ("items", "prefixItems", *_LISTED_RULES):
        for index, child in enumerate(here[keyword] if isinstance(here.get(keyword), list) else ()):
            yield keyword, index, child, keyword not in _LISTED_RULES


def _declared(here: Any, path: Path = (), name: str = "") -> Iterator[tuple[Path, str, Schema]]:
    """Every schema in this one, with its place and the name of the field that it is about."""
    if isinstance(here, dict):
        yield path, name, here
        for keyword, key, child, _ in _children(here):
            inner = (*path, keyword) if key is None else (*path, keyword, key)
            yield from _declared(child, inner, str(key) if keyword in _NAMED_FIELDS else name)
