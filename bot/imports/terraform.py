"""A Terraform module: its `variable` blocks as a contract.

https://developer.hashicorp.com/terraform/language/block/variable
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.contract import Schema
from bot.imports.conditions import Subject, carry
from bot.imports.hcl import Call, Fields, Items, Literal, Name, Node, Unreadable, expression, unquoted
from bot.imports.imported import Findings, Imported, mapping, refused
from bot.imports.normal import Dialect, normal

_SCALARS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "any": {},
    # As Terraform 0.11 wrote them, and as it still reads them.
    "list": {"type": "array", "items": {}},
    "map": {"type": "object", "additionalProperties": True},
}


def terraform(files: Mapping[str, str], *, name: str, where: str = "") -> Imported:
    """A module from its `.tf` files, text by name. Raises Misconfigured."""
    findings = Findings()
    fields: dict[str, Schema] = {}
    required: list[str] = []
    for variable, block in _variables(files, where):
        if variable in fields:
            findings.warn(f"variable {variable}", "is declared twice; the later one is asked")
        fields[variable] = _field(variable, block, findings)
        if "default" not in block:
            required.append(variable)
    if not fields:
        raise refused("declares no variable, so it asks for nothing.", where, "Give the folder of the module.")
    schema: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    schema |= {"required": required} if required else {}
    made = normal(schema, findings, where=where, dialect=Dialect(closed=True))
    return findings.imported("Terraform module", name, made)


def _variables(files: Mapping[str, str], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file, text in files.items():
        if not re.search(r"^\s*variable\b", text, re.MULTILINE):
            continue  # the rest of a module is no matter of the contract
        for found in _parsed(text, f"{where}/{file}" if len(files) > 1 else where).get("variable", ()):
            for name, block in found.items():
                if isinstance(block, dict):
                    yield name.strip('"'), block


def _parsed(text: str, where: str) -> dict[str, Any]:
    import hcl2  # noqa: PLC0415 - builds its grammar, and only those who import need it
    from lark.exceptions import LarkError  # noqa: PLC0415 - as above

    options = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, preserve_heredocs=False)
    try:
        parsed: dict[str, Any] = hcl2.loads(text + "\n", serialization_options=options)
    except (LarkError, RecursionError, RuntimeError) as error:
        line = getattr(error, "line", None)
        told = (str(error) or "too deep").splitlines()[0].rstrip(".")
        raise refused(f"is no Terraform: {told}.", f"{where}:{line}" if line else where, "Mend it there.") from None
    return parsed


def _field(name: str, block: Mapping[str, Any], findings: Findings) -> Schema:
    where = f"variable {name}"
    schema = _type(block.get("type"), where, findings)
    if description := _text(block.get("description")):
        schema["description"] = description
    if block.get("sensitive") is True or block.get("ephemeral") is True:
        schema["writeOnly"] = True
    for rule in block.get("validation") or ():
        _validated(schema, name, mapping(rule), findings)
    if "default" in block:
        _default(schema, block["default"], where, findings)
    if block.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema


def _default(schema: Schema, given: Any, where: str, findings: Findings) -> None:
    try:
        value = _data(given)
    except Unreadable:
        findings.note(where, "its default is computed; Terraform fills it in")
        return
    if value is not None:
        schema["default"] = value
    elif isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], *([] if None in schema["enum"] else [None])]


def _validated(schema: Schema, name: str, rule: Mapping[str, Any], findings: Findings) -> None:
    condition, message = _source(rule.get("condition")), _text(rule.get("error_message"))
    try:
        done = carry(expression(condition), Subject(("var", name), schema))
    except Unreadable:
        done = False
    if done and message and "pattern" in schema:  # which says less to people
        said = str(schema.get("description") or "").rstrip()
        schema["description"] = (
            f"{said}{'' if said.endswith(('.', '!', '?', ':')) else '.'} {message}" if said else message
        )
    if not done:
        told = " ".join(condition.split())
        findings.note(
            f"variable {name}",
            f"a validation that no schema can say in full: {told}" + (f" ({message})" if message else ""),
        )


def _type(given: Any, where: str, findings: Findings) -> Schema:
    if given is None:
        return {}
    try:
        return _schema(expression(_text(given) or _source(given)))
    except Unreadable as error:
        findings.warn(where, f"its type cannot be read ({error}); anything is accepted")
        return {}


def _schema(node: Node) -> Schema:
    """A type constraint as a schema."""
    match node:
        case Name((word,)) if word in _SCALARS:
            return {**_SCALARS[word]}
        case Call("list", (inner,)):
            return {"type": "array", "items": _schema(inner)}
        case Call("set", (inner,)):
            return {"type": "array", "items": _schema(inner), "uniqueItems": True}
        case Call("map", (inner,)):
            return {"type": "object", "additionalProperties": _schema(inner)}
        case Call("tuple", (Items(items),)):
            listed = {"prefixItems": [_schema(item) for item in items], "items": False}
            return {"type": "array", **listed, "minItems": len(items), "maxItems": len(items)}
        case Call("object", (Fields(fields),)):
            return _object(dict(fields))
    raise Unreadable("an unknown type")


def _object(fields: Mapping[str, Node]) -> Schema:
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for name, node in fields.items():
        match node:
            case Call("optional", (inner,)):
                properties[name] = _schema(inner)
            case Call("optional", (inner, default)):
                value = _plain(default)
                properties[name] = _schema(inner) | ({} if value is None else {"default": value})
            case _:
                properties[name] = _schema(node)
                required.append(name)
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": required} if required else {})


def _plain(node: Node) -> Any:
    """The value of an expression that computes nothing. Raises Unreadable."""
    match node:
        case Literal(value):
            return value
        case Items(items):
            return [_plain(item) for item in items]
        case Fields(fields):
            return {name: _plain(each) for name, each in fields}
    raise Unreadable("a computed value")


def _data(given: Any) -> Any:
    """A value as the parser gives it: text in quotes, names bare, expressions in `${}`. Raises Unreadable."""
    if isinstance(given, str):
        return _plain(expression(_source(given)))
    if isinstance(given, list):
        return [_data(each) for each in given]
    if isinstance(given, dict):
        return {unquoted(key) if key.startswith('"') else key: _data(value) for key, value in given.items()}
    return given


def _source(given: Any) -> str:
    """The expression itself."""
    text = str(given)
    return text[2:-1] if text.startswith("${") and text.endswith("}") else text


def _text(given: Any) -> str:
    """A quoted text, or empty; one with a template as it was written."""
    if not isinstance(given, str) or not given.startswith('"'):
        return ""
    try:
        return unquoted(given).strip()
    except Unreadable:
        return given[1:-1].strip()
