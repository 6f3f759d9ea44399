"""What an author writes: the call, and how it is kept as JSON although it may refer to secrets."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import isfinite
from typing import Annotated, Any, Generic, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from bot.handler import JSON, O_co, Promised, Resource, Secret
from bot.handlers.webhook.wire import address

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
#: Headers that the handler and HTTP itself decide.
_OURS = {"connection", "content-length", "host", "idempotency-key", "transfer-encoding"}


def _readable(url: str | Secret) -> str | Secret:
    if isinstance(url, str):
        address(url)
    return url


def _free(headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
    if wrong := sorted(name for name in headers if not _TOKEN.fullmatch(name)):
        raise ValueError(f"{', '.join(wrong)}: no name of a header")
    if taken := sorted(name for name in headers if name.lower() in _OURS):
        raise ValueError(f"{', '.join(taken)}: set by Frontdesk")
    return headers


def plain(value: Any) -> Any:
    """JSON as it will be stored and sent (a date is text, a tuple is a list), with secrets left in their places.

    Raises ValueError for a number that JSON does not have.
    """
    match value:
        case Secret():
            return value
        case Mapping():
            return {str(key): plain(member) for key, member in value.items()}
        case list() | tuple():
            return [plain(member) for member in value]
        case float() if not isfinite(value):
            raise ValueError(f"{value} is not JSON")
        case _:
            return _ANYTHING.dump_python(value, mode="json")


class Call(Resource[O_co], Generic[O_co]):
    """An HTTP request with a JSON body.

    The `url`, a value in `headers`, and any value within `body`, may be a `Secret`. Stored, it reads `{"$secret": "NAME"}`, and
    `secrets` lists the paths at which this is meant: somebody's answer that looks like that stays an answer.

    Args:
        url: `http` or `https`, without credentials in it: these are a header that is a `Secret`.
        headers: names and values, beside `Idempotency-Key` and `Content-Type: application/json`.
        outputs: what the answer must have, a class of Outputs or a JSON Schema; without it, whatever object it is.
        undo: the call that takes it back, with its own `Idempotency-Key`. Only another call can take a call back, as
            one handler does both. Without it nothing is sent.
    """

    url: Annotated[str | InstanceOf[Secret], AfterValidator(_readable)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Annotated[dict[str, str | InstanceOf[Secret]], AfterValidator(_free)] = Field(default_factory=dict)
    body: Annotated[JSON, BeforeValidator(plain)] = Field(default_factory=dict)
    outputs: Promised[O_co] = None
    undo: "Call | None" = None

    @model_validator(mode="before")
    @classmethod
    def _restore(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "secrets" not in data:
            return data
        restored = deepcopy(data)
        for path in restored.pop("secrets"):
            _put_secret(restored, path)
        return restored

    @model_serializer(mode="wrap")
    def _store(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = serialise(self)
        paths: list[list[str | int]] = []
        for name in {"url", "headers", "body"} & set(data):
            data[name] = _marked(getattr(self, name), [name], paths)
        return data | ({"secrets": sorted(paths, key=str)} if paths else {})


def _marked(value: Any, path: list[str | int], paths: list[list[str | int]]) -> Any:
    """A copy with a marker for each secret, whose path is appended to `paths`."""
    match value:
        case Secret(name):
            paths.append(path)
            return {"$secret": name}
        case dict():
            return {key: _marked(member, [*path, key], paths) for key, member in value.items()}
        case list():
            return [_marked(member, [*path, index], paths) for index, member in enumerate(value)]
        case _:
            return value


def _put_secret(data: Any, path: Sequence[str | int]) -> None:
    """Turns the marker at `path` back into the secret. Raises ValueError if there is none."""
    *parents, last = path
    try:
        for key in parents:
            data = data[key]
        data[last] = Secret(data[last]["$secret"])
    except (LookupError, TypeError):
        raise ValueError(f"no secret at {list(path)}") from None
