"""The handler: sends a call, judges the answer, and asks again where something was only begun."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import JsonValue, TypeAdapter
from typing_extensions import override

from bot.errors import Misconfigured, PermanentError, TemporaryError
from bot.handler import JSON, Answer, Context, Done, Handler, Pending, Plans, Secret, promised, schema_of
from bot.handlers.webhook.call import Call, plain
from bot.handlers.webhook.wire import Message, Reach, Reply, Wire, address, shown

MAX_REDIRECTS = 5
#: Seconds: what a `Retry-After` is held to, and the longest pause between two looks at a location without one.
WAIT_MIN, WAIT_MAX, POLL_MAX = 1.0, 3600.0, 60.0

_TEMPORARY = {408, 425, 429}
_GONE = {404, 410}
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110, 5.5, without obs-text
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class GoneError(PermanentError):
    """What the call is about does not exist (404, 410): as good as done for a call that takes something back."""


class CallHandler(Handler[Call], Plans):
    """Sends calls.

    Options: `ALLOWED_PRIVATE_HOSTS`, hosts and networks that may be called although private, with commas between; and
    `WEBHOOK_TIMEOUT`, seconds from connecting to the last byte of the answer (default 30).
    """

    name = "webhook"
    resource = Call
    options = ("ALLOWED_PRIVATE_HOSTS", "WEBHOOK_TIMEOUT")

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        reach = Reach.parse(settings.get("ALLOWED_PRIVATE_HOSTS", ""))
        self._wire = Wire(reach, _seconds(settings.get("WEBHOOK_TIMEOUT") or "30"))

    @override
    def apply(self, resource: Call, context: Context) -> Answer:
        """State: `location` to ask, `key` of the operation that it belongs to, `looks` so far."""
        begun = context.state if context.state.get("key") == context.key else {}
        if not begun:
            return _answer(resource, self._send(_message(resource, context)), context, begun)
        try:
            return _answer(resource, self._send(_look(resource, begun["location"], context)), context, begun)
        except PermanentError:
            context.save({})  # nothing more will come from there: a Retry by a person sends the call again
            raise

    @override
    def delete(self, resource: Call, context: Context) -> Answer:
        """Sends `undo`, if there is one; its key is that of this operation."""
        if resource.undo is None:
            return Done()
        try:
            return self.apply(resource.undo, context)
        except GoneError:
            return Done()

    @override
    def plan(self, resource: Call, context: Context) -> str:
        members = f" with {', '.join(resource.body)}" if resource.body else ""
        where = f"the address {resource.url.name}" if isinstance(resource.url, Secret) else shown(address(resource.url))
        return f"Calls {resource.method} {where}{members}"

    def _send(self, message: Message) -> Reply:
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._wire.send(message)
            url = _redirect(reply)
            if url is None:
                return reply
            message = replace(message, url=url)
        raise PermanentError(f"{message.title}: redirected more than {MAX_REDIRECTS} times")


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", text) or float(text) == 0:
        raise Misconfigured(f"{text!r} is not a number of seconds", where="WEBHOOK_TIMEOUT", hint="Write 30, or 2.5.")
    return float(text)


def _message(call: Call, context: Context) -> Message:
    has_body = bool(call.body) or call.method not in {"GET", "DELETE"}
    content = json.dumps(_resolved(call.body, context)).encode() if has_body else None
    headers = {"content-type": "application/json"} if has_body else {}
    headers |= _headers(call, context) | {"idempotency-key": context.key}
    return Message(call.method, _address(call, context), headers, content, hidden=isinstance(call.url, Secret))


def _address(call: Call, context: Context) -> httpx.URL:
    if not isinstance(call.url, Secret):
        return address(call.url)
    try:
        return address(context.secret(call.url.name).strip())
    except ValueError as error:
        raise PermanentError(f"The secret {call.url.name} is no address to call: {error}") from None


def _look(call: Call, location: str, context: Context) -> Message:
    """Without `Idempotency-Key`: some receivers replay the first answer to a key, which would be 202 for ever."""
    return Message("GET", address(location), _headers(call, context), hidden=isinstance(call.url, Secret))


def _headers(call: Call, context: Context) -> dict[str, str]:
    headers = {"accept": "application/json"}
    for name, value in _resolved(call.headers, context).items():
        text = value.strip()  # a secret that was read from a file ends in a line break
        if not _FIELD_VALUE.fullmatch(text):
            raise PermanentError(f"The header {name} of {call.method} has characters that HTTP does not allow.")
        headers[name.lower()] = text
    return headers


def _resolved(value: Any, context: Context) -> Any:
    match value:
        case Secret(name):
            return context.secret(name)
        case dict():
            return {key: _resolved(member, context) for key, member in value.items()}
        case list():
            return [_resolved(member, context) for member in value]
        case _:
            return value


def _redirect(reply: Reply) -> httpx.URL | None:
    """Where the same message goes next. RFC 9110, 15.4: 301 to 303 may turn it into a GET, which does nothing."""
    if reply.status not in {301, 302, 303, 307, 308} or "location" not in reply.headers:
        return None
    url = _nearby(reply)
    if reply.status < 307 and reply.message.method != "GET":
        raise PermanentError(
            f"{reply.message.title}: answered {reply.status}, a redirect that only GET can follow, to "
            f"{shown(url, hidden=reply.message.hidden)}"
        )
    return url


def _nearby(reply: Reply) -> httpx.URL:
    """The answer's `Location`. Raises PermanentError if it leads to another host: our headers may hold secrets."""
    old = reply.message.url
    try:
        new = address(str(old.join(reply.headers["location"])))
    except (ValueError, httpx.InvalidURL):
        raise PermanentError(f"{reply.message.title}: answered {reply.status} with a useless Location") from None
    upgraded = (old.scheme, new.scheme) == ("http", "https")
    if old.host != new.host or not (upgraded or _origin(old) == _origin(new)):
        raise PermanentError(
            f"{reply.message.title}: answered {reply.status} and points to another host, {new.scheme}://"
            f"{new.netloc.decode('ascii')}, which is not followed"
        )
    return new


def _origin(url: httpx.URL) -> tuple[str, int]:
    return url.scheme, url.port or {"http": 80, "https": 443}[url.scheme]


def _answer(call: Call, reply: Reply, context: Context, begun: Mapping[str, Any]) -> Answer:
    if reply.status == 202 and (begun or "location" in reply.headers):
        return _begun(reply, context, begun)
    if 200 <= reply.status < 300:
        return Done(outputs=_outputs(call, reply))
    raise _error(reply, context.now)


def _begun(reply: Reply, context: Context, begun: Mapping[str, Any]) -> Pending:
    location = str(_nearby(reply)) if "location" in reply.headers else begun["location"]
    looks = begun.get("looks", 0) + 1
    delay = _retry_after(reply, context.now) or min(2.0 ** min(looks - 1, 10), POLL_MAX)
    state = {"key": context.key, "location": location, "looks": looks}
    return Pending(f"{reply.message.url.host} is at work", delay=delay, state=state)


def _outputs(call: Call, reply: Reply) -> JSON:
    """The answer's members; with a promise, only those that it names, which must fit."""
    body = _object(reply.content)
    try:
        return promised(body, schema_of(call.outputs))
    except ValueError as problem:
        text = f"{reply.message.title}: it was done, but the answer is not as promised: {problem}"
        raise PermanentError(text) from None


def _object(content: bytes) -> JSON:
    """The JSON object in a body; empty if there is none."""
    try:
        found: JSON = plain(_OBJECT.validate_json(content))
    except ValueError:
        return {}
    return found


def _error(reply: Reply, now: datetime) -> TemporaryError | PermanentError:
    text = f"{reply.message.title}: answered {reply.status} {_phrase(reply.status)}".rstrip()
    if reply.status in _TEMPORARY or reply.status >= 500:
        return TemporaryError(text, delay=_retry_after(reply, now))
    return GoneError(text) if reply.status in _GONE else PermanentError(text)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""


def _retry_after(reply: Reply, now: datetime) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3); None if there is none, or none that can be read."""
    text = reply.headers.get("retry-after", "")
    try:
        seconds = float(int(text)) if text.isdecimal() else (_date(text) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, WAIT_MIN), WAIT_MAX)


def _date(text: str) -> datetime:
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
