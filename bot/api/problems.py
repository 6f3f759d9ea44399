"""What goes wrong, as `application/problem+json` (RFC 9457). Each kind of error is mapped here and nowhere else."""

import logging
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.contract import pointer
from bot.errors import Conflict, Forbidden, Invalid, KeyTaken, NotFound, Problem, Refused, Unavailable, Unproven

MEDIA_TYPE = "application/problem+json"

#: A subclass stands before its base. A reused Idempotency-Key is 422, as the draft of that header says.
_STATUS: dict[type[Refused], int] = {
    Invalid: 422,
    NotFound: 404,
    Forbidden: 403,
    KeyTaken: 422,
    Conflict: 409,
    Unproven: 401,
    Unavailable: 503,
}
_RETRY_AFTER = {503: {"Retry-After": "5"}}

log = logging.getLogger(__name__)


class SignedOut(Exception):
    """No token, or one that is wrong or revoked."""


def problem(
    status: int, detail: str, errors: Iterable[Problem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """One answer. `type` is about:blank: the status says what kind of problem it is, `detail` the rest."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"pointer": each.pointer, "detail": each.detail} for each in errors],
    }
    return JSONResponse(body, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every refusal of the service and of the framework in the same shape."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(SignedOut, _signed_out)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _misshapen)


def too_large(limit: int) -> Response:
    """For the limit on bodies."""
    return problem(413, f"The body is larger than {limit} bytes. Nothing of it was read.")


class Unexpected:
    """Answers a bug with an error id that the log has too. Inside Starlette's own net, which would log it twice."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:  # the last net: a bug is answered with an id that the log has
            if started or scope["type"] != "http":
                raise
            error_id = secrets.token_hex(6)
            log.exception("error %s: %s %s", error_id, scope["method"], scope["path"])
            text = f"Something went wrong on our side. Tell the platform's team: error {error_id}."
            await problem(500, text)(scope, receive, send)


def _refused(_: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 409)
    found = error.problems if isinstance(error, Invalid) else ()
    return problem(status, str(error), found, _RETRY_AFTER.get(status))


def _signed_out(_: Request, error: Exception) -> Response:
    return problem(401, str(error), headers={"WWW-Authenticate": 'Bearer realm="frontdesk"'})


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    text = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.method} is not possible at {request.url.path}.",
    }
    own = error.detail != HTTPStatus(error.status_code).phrase
    detail = error.detail if own else text.get(error.status_code, error.detail)
    return problem(error.status_code, detail, headers=error.headers)


def _misshapen(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return problem(422, "The request is not as the API describes it.", [_told(each) for each in error.errors()])


def _told(error: Mapping[str, Any]) -> Problem:
    where, *path = error["loc"]
    text = _WORDS.get(error["type"], f"{str(error['msg']).rstrip('.')}.")
    if where == "body":
        return Problem(pointer(path), text if path else _NO_OBJECT)
    return Problem("", f"{'.'.join(map(str, path))} ({where}): {text}")


_NO_OBJECT = "Send a JSON object, with Content-Type: application/json."
#: Pydantic's kinds of error in the words that the service uses for answers.
_WORDS = {
    "missing": "Required.",
    "extra_forbidden": "Unknown field.",
    "dict_type": "Has to be a group of fields (an object).",
    "string_type": "Has to be text.",
    "int_type": "Has to be a whole number.",
}
