"""Whether a request to Jira is one that Atlassian's OpenAPI document (Cloud, REST v3) knows.

v2 has the same paths and JSON but for rich text, which is a plain string there: it is left out of the comparison.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from bot.demo.jira.site import Received

DOCUMENT = Path(__file__).parents[3] / "shared" / "jira" / "openapi-v3.json"
_RICH_TEXT = ("description", "environment")
#: Searching on Data Center; Cloud has removed it.
_DATA_CENTER_ONLY = {("GET", "search")}


@cache
def document() -> dict[str, Any]:
    if not DOCUMENT.exists():
        pytest.skip("Jira's OpenAPI document is not beside the repository")
    loaded: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return loaded


def problems(request: Received) -> list[str]:
    """What the document says against the request."""
    if (request.method, request.path) in _DATA_CENTER_ONLY:
        return []
    found = _operation(request)
    if found is None:
        return [f"{request.method} {request.path} does not exist"]
    operation, names = found
    return [*_parameters(operation, request, names), *_body(operation, request)]


def _operation(request: Received) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The most literal path that fits: `issue/createmeta/...` before `issue/{id}/...`."""
    for template, operations in sorted(document()["paths"].items(), key=lambda item: item[0].count("{")):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        match = re.fullmatch(pattern, f"/rest/api/3/{request.path}")
        if match and request.method.lower() in operations:
            return operations[request.method.lower()], match.groupdict()
    return None


def _parameters(operation: dict[str, Any], request: Received, names: dict[str, str]) -> list[str]:
    known = {(one["in"], one["name"]): one for one in operation.get("parameters", [])}
    unknown = [f"unknown query parameter {name}" for name, _ in request.query if ("query", name) not in known]
    sent = {("path", name): [unquote(value)] for name, value in names.items()}
    for name, value in request.query:
        sent.setdefault(("query", name), []).append(value)
    missing = [f"{key} is required" for key, one in known.items() if one.get("required") and key not in sent]
    wrong = [
        f"{key}: {error}"
        for key, values in sent.items()
        if key in known
        for error in _errors(known[key]["schema"], _converted(known[key]["schema"], values))
    ]
    return unknown + missing + wrong


def _converted(schema: dict[str, Any], values: list[str]) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return values
    if kind == "integer":
        return int(values[-1]) if values[-1].lstrip("-").isdecimal() else values[-1]
    return {"true": True, "false": False}.get(values[-1], values[-1]) if kind == "boolean" else values[-1]


def _body(operation: dict[str, Any], request: Received) -> list[str]:
    wanted = operation.get("requestBody")
    if wanted is None:
        return ["it has a body"] if request.body is not None else []
    if request.body is None:
        return ["it has no body"] if wanted.get("required") else []
    return _errors(wanted["content"]["application/json"]["schema"], _without_rich_text(request))


def _without_rich_text(request: Received) -> Any:
    body = dict(request.body)
    if isinstance(body.get("fields"), dict):
        body["fields"] = {name: value for name, value in body["fields"].items() if name not in _RICH_TEXT}
    if request.path.endswith("/comment"):
        body.pop("body", None)
    return body


def _errors(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {"components": document()["components"], "allOf": [schema]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]
