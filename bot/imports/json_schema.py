"""A JSON Schema (2020-12, draft 7 and older), also that of a Helm chart's values."""

from typing import Any

from bot.contract.schema import kinds, resolve
from bot.imports.imported import Findings, Imported, refused
from bot.imports.normal import normal

#: An object with one of these is a schema.
SIGNS = frozenset({"$schema", "properties", "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf"})


def json_schema(document: dict[str, Any], where: str = "", *, name: str = "", source: str = "JSON Schema") -> Imported:
    """A schema of an object; `name` is what to call it where it has no title. Raises Misconfigured."""
    findings = Findings()
    schema = normal(document, findings, where=where)
    types = kinds(resolve(schema, schema).schema)
    if types and "object" not in types:
        raise refused(
            f"describes {' or '.join(types)}; the answers of a form are an object.", where, "Import an object's schema."
        )
    if not types and "$ref" not in schema:
        schema = {**schema, "type": "object"}
    return findings.imported(source, name or str(schema.get("title") or "form"), schema)


def helm(document: dict[str, Any], where: str = "", *, name: str = "values") -> Imported:
    """A chart's `values.schema.json`. Raises Misconfigured."""
    return json_schema(document, where, name=name, source="Helm values")
