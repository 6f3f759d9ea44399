"""`/openapi.json`: what FastAPI derives from the routes, and a typed operation for each offering. Pure.

The typed operations describe `POST /v1/offerings/{name}/requests` for one name each. They publish the contract; the
service validates, so that all doors say the same about a wrong answer.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.api import schemas
from bot.api.problems import MEDIA_TYPE
from bot.catalogue import Catalogue
from bot.offering import Offering

JSON = dict[str, Any]

GENERIC = "/v1/offerings/{name}/requests"
_COMPONENTS = "#/components/schemas/"


def problem_responses(*statuses: int) -> dict[int | str, JSON]:
    """Descriptions of refusals, for a route's `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_COMPONENTS}Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


_MEANINGS = {
    400: "The body is not JSON",
    401: "No token, or one that is wrong or revoked",
    403: "Somebody else has to do it",
    404: "It does not exist, or you may not know that it does",
    409: "The request has moved on since you looked",
    413: "The body is too large",
    422: "Something in it is wrong: a problem for each field",
    503: "A system that is needed for the answer does not answer; nothing was changed",
}


def with_offerings(document: JSON, catalogue: Catalogue) -> JSON:
    """The document with a typed operation for each offering, and all shapes among its components."""
    components: JSON = document.setdefault("components", {}).setdefault("schemas", {})
    components.update(_moved("Problem", schemas.Problem.model_json_schema()))
    generic = document["paths"][GENERIC]["post"]
    for name, versions in catalogue.offerings.items():
        newest = list(versions)[-1]
        bodies = []
        for version, offering in versions.items():
            form = f"{name}.{version}"
            components.update(_moved(form, offering.contract.form))
            bodies.append(_body(form, version, must_name_it=version != newest))
        path = GENERIC.replace("{name}", name)
        document["paths"][path] = {"post": _operation(generic, versions[newest], bodies)}
    return document


def _operation(generic: Mapping[str, Any], offering: Offering[Any], bodies: list[JSON]) -> JSON:
    schema = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
    operation = {
        **generic,
        "summary": f"Request {offering.title}",
        "operationId": f"request_{offering.name.replace('-', '_')}",
        "parameters": [each for each in generic["parameters"] if each["in"] != "path"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }
    return operation | ({"description": offering.description} if offering.description else {})


def _body(form: str, version: str, *, must_name_it: bool) -> JSON:
    body = schemas.Submission.model_json_schema()
    body["properties"]["form"] = {"$ref": _COMPONENTS + _plain(form)}
    body["properties"]["version"] = {"const": version} if must_name_it else {"enum": [version, None]}
    body["required"] = ["form", "version"] if must_name_it else ["form"]
    return body


def _moved(name: str, schema: Mapping[str, Any]) -> Iterable[tuple[str, JSON]]:
    """A schema as a component, and its definitions as components beside it."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    root = {key: value for key, value in schema.items() if key not in {"$defs", "$schema"}}
    yield _plain(name), _pointing(root, name)
    for inner, definition in definitions.items():
        yield _plain(f"{name}.{inner}"), _pointing(definition, name)


def _pointing(value: Any, name: str) -> Any:
    """References, also those of a discriminator's mapping, to where `_moved` puts what they name."""
    if isinstance(value, dict):
        return {key: _within(key, each, name) for key, each in value.items()}
    return [_pointing(each, name) for each in value] if isinstance(value, list) else value


def _within(key: str, value: Any, name: str) -> Any:
    if key == "$ref":
        return _target(value, name)
    if key == "mapping" and isinstance(value, dict):
        named = {each for each in value.values() if isinstance(each, str) and each.startswith("#/$defs/")}
        return {k: _target(each, name) if each in named else _pointing(each, name) for k, each in value.items()}
    return _pointing(value, name)


def _target(ref: Any, name: str) -> Any:
    if not isinstance(ref, str) or not ref.startswith("#"):
        return _pointing(ref, name)
    moved = re.fullmatch(r"#/\$defs/([^/]+)(.*)", ref)
    if moved is None:
        return _COMPONENTS + _plain(name) + ref[1:]
    inner = moved[1].replace("~1", "/").replace("~0", "~")
    return _COMPONENTS + _plain(f"{name}.{inner}") + moved[2]


def _plain(name: str) -> str:
    """A component's name: OpenAPI allows letters, digits, `.`, `-` and `_`."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
