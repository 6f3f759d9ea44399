"""Brings payloads to an app: signed HTTP if it has a request URL, Socket Mode if it has none.

Sources: docs.slack.dev/authentication/verifying-requests-from-slack, .../interactivity/handling-user-interaction.
"""

import hashlib
import hmac
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import httpx

from bot.demo import calls
from bot.demo.slack.entities import JSON, App, Delivery

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

FORM = "application/x-www-form-urlencoded"


def deliver(workspace: "Workspace", app: App, payload: JSON, *, retry: int = 0, reason: str = "") -> Delivery:
    """Send a payload, wait for the acknowledgement at most `workspace.patience` seconds, and log both.

    `retry` and `reason` mark the repetition of an event. Never called with the lock held: the app calls back.
    """
    if app.request_url is None:
        more = {"retry_attempt": retry, "retry_reason": reason} if _kind(payload) == "event_callback" else {}
        status, answer = workspace.sockets.deliver(app.id, _envelope(payload), payload, workspace.patience, **more)
    else:
        status, answer = _post(workspace, app, payload, retry, reason)
    delivery = Delivery(_kind(payload), payload, status, answer)
    workspace.record(delivery)
    return delivery


def _kind(payload: JSON) -> str:
    return "slash_commands" if "command" in payload else str(payload["type"])


def _envelope(payload: JSON) -> str:
    kind = _kind(payload)
    return {"slash_commands": kind, "event_callback": "events_api"}.get(kind, "interactive")


def _post(workspace: "Workspace", app: App, payload: JSON, retry: int, reason: str) -> tuple[int | None, Any]:
    body, kind = _body(payload)
    moment = str(int(workspace.clock()))
    headers = {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": sign(app.signing_secret, moment, body),
    }
    if retry:
        headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
    try:
        with calls.client(workspace.patience) as client:
            response = client.post(str(app.request_url), content=body, headers=headers)
    except httpx.TimeoutException:
        return None, None
    except httpx.HTTPError:
        return 503, None
    return response.status_code, _answer(response)


def _body(payload: JSON) -> tuple[bytes, str]:
    kind = _kind(payload)
    if kind == "event_callback":
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urllib.parse.urlencode(form).encode(), FORM


def _answer(response: httpx.Response) -> Any:
    """JSON if it is said to be, else the text; None if there is none."""
    if not response.text.strip():
        return None
    if response.headers.get("content-type", "").startswith("application/json"):
        try:
            return response.json()
        except ValueError:
            return response.text
    return response.text


def sign(secret: str, moment: str, body: bytes) -> str:
    """Slack's signature v0 over a request's timestamp and raw body."""
    base = b"v0:" + moment.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
