"""Slack's Web API: reads a call, checks token and scopes, runs the method, and answers as Slack does.

Sources: docs.slack.dev/apis/web-api, docs.slack.dev/apis/web-api/rate-limits and each method's page.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.demo.slack.entities import JSON, App, Call, Refusal, SlackError

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace


class RateLimited(Exception):
    """Too many of these; `seconds` goes into Retry-After."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Request:
    """One authorised call."""

    workspace: "Workspace"
    app: App
    arguments: JSON

    def text(self, name: str) -> str:
        """An argument as text; empty if it is missing."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def required(self, name: str) -> str:
        """The same, refused as `invalid_arguments` if it is missing."""
        if not self.text(name):
            raise missing(name)
        return self.text(name)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"1", "true"}

    def json(self, name: str, error: str = "invalid_arguments") -> Any:
        """An argument that is JSON, in itself or as text; None if it is missing."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise SlackError(error) from None

    def needs(self, *scopes: str) -> None:
        """Refuse with `missing_scope` unless the app has one of these."""
        if not self.app.scopes.intersection(scopes):
            provided = ",".join(sorted(self.app.scopes))
            raise SlackError("missing_scope", needed=",".join(scopes), provided=provided)

    def page(self, items: Iterable[Any], usual: int) -> tuple[list[Any], JSON]:
        """One page of a list and its `response_metadata`; `limit` and `cursor` as the caller gave them."""
        listed = list(items)
        try:
            start, limit = int(self.text("cursor") or 0), int(self.text("limit") or usual)
        except ValueError:
            raise SlackError("invalid_cursor") from None
        end = start + max(1, min(limit, 1000))
        return listed[start:end], {"next_cursor": str(end) if end < len(listed) else ""}


def missing(name: str) -> SlackError:
    """The refusal of a call without a required argument."""
    return SlackError(
        "invalid_arguments",
        response_metadata={"messages": [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"]},
    )


Method = Callable[[Request], JSON]
METHODS: dict[str, tuple[Method, tuple[str, ...]]] = {}


def method(name: str, *scopes: str) -> Callable[[Method], Method]:
    """Register a method; the app needs one of the scopes, if any are named."""

    def register(function: Method) -> Method:
        METHODS[name] = function, scopes
        return function

    return register


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP; `body` None is an answer that is no JSON, `cut` none at all."""

    status: int
    body: JSON | None
    headers: Mapping[str, str]
    cut: bool = False


def call(workspace: "Workspace", name: str, token: str, arguments: JSON) -> Answer:
    """One call of the Web API, logged."""
    refusal = workspace.next_refusal(name)
    done = None if refusal and not refusal.done else _answer(workspace, name, token, arguments)
    answer = _refused(refusal) if refusal else done or Answer(500, None, {})
    workspace.record(Call(name, arguments, answer.status, (done or answer).body or {}))
    return answer


def _refused(refusal: Refusal) -> Answer:
    if refusal.delay:
        time.sleep(refusal.delay)
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    body = None if refusal.status >= 500 else {"ok": False, "error": refusal.error}
    return Answer(refusal.status, body, headers, cut=refusal.cut)


def _answer(workspace: "Workspace", name: str, token: str, arguments: JSON) -> Answer:
    headers: dict[str, str] = {}
    try:
        function, scopes = _method(name)
        app = _app(workspace, name, token)
        headers["X-OAuth-Scopes"] = ",".join(sorted(app.scopes))
        request = Request(workspace, app, arguments)
        if scopes:
            request.needs(*scopes)
        return Answer(200, {"ok": True, **function(request)}, headers)
    except SlackError as error:
        return Answer(200, {"ok": False, "error": error.error, **error.more}, headers)
    except RateLimited as limited:
        return Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(limited.seconds)})


def _method(name: str) -> tuple[Method, tuple[str, ...]]:
    if name not in METHODS:
        raise SlackError("unknown_method", req_method=name)
    return METHODS[name]


#: Methods that take an app-level token instead of a bot token.
APP_LEVEL = frozenset({"apps.connections.open"})


def _app(workspace: "Workspace", name: str, token: str) -> App:
    if not token:
        raise SlackError("not_authed")
    for app in workspace.apps.values():
        if token in {app.bot_token, app.app_token}:
            if (token == app.app_token) != (name in APP_LEVEL):
                raise SlackError("not_allowed_token_type")
            return app
    raise SlackError("invalid_auth")
