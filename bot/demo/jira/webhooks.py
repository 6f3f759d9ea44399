"""The stand-in's webhooks: signed calls about whatever happens, sent again as Atlassian says, and as badly ordered.

Cloud: an identifier that stays over retries, up to five of them on 408, 409, 425, 429, 5xx or no connection. Data
Center: signed too, without an identifier and without retries.
https://developer.atlassian.com/cloud/jira/platform/webhooks
"""

import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import httpx

from bot.demo import calls
from bot.demo.jira.entities import JSON, Comment, Issue
from bot.demo.jira.site import Happened, JiraStandIn, Received, moment
from bot.demo.jira.views import change_json, issue_json, link_of, person_json

RETRIES, RETRY_AFTER = 5, 600.0
_AGAIN = {0, 408, 409, 425, 429}


@dataclass(frozen=True)
class Hook:
    """What an administrator sets up: where to call, and what to sign with."""

    url: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Call:
    """One call that is to be made at `due` (Unix seconds)."""

    hook: Hook
    identifier: str
    body: bytes
    due: float
    retry: int = 0


@dataclass(frozen=True)
class Made:
    """A call that was made, and the answer; status 0: no connection."""

    call: Call
    status: int


class Webhooks:
    """Those of one Jira. `waiting` may be reordered by a test; `twice` makes each call two."""

    def __init__(self, jira: JiraStandIn, base_url: str) -> None:
        """`base_url` is where this Jira is, for the links in what is sent."""
        self.jira, self.base_url = jira, base_url
        self.hooks: list[Hook] = []
        self.waiting: list[Call] = []
        self.made: list[Made] = []
        self.twice = False
        self._news = threading.Event()
        jira.listeners.append(self._happened)

    def deliver(self) -> int:
        """Make every call that is due; how many."""
        self._news.clear()
        with self.jira.lock:
            now = self.jira.clock()
            due = [call for call in self.waiting if call.due <= now]
            self.waiting = [call for call in self.waiting if call.due > now]
        for call in due:
            status = _send(call, headers(call, cloud=self.jira.cloud))
            with self.jira.lock:
                self.made.append(Made(call, status))
                if self.jira.cloud and (status in _AGAIN or status >= 500) and call.retry < RETRIES:
                    self.waiting.append(replace(call, due=self.jira.clock() + RETRY_AFTER, retry=call.retry + 1))
        return len(due)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Calls are made by themselves while the block runs."""
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                self._news.wait(1.0)
                self.deliver()

        thread = threading.Thread(target=run, name="jira-webhooks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            self._news.set()
            thread.join(5)

    def _happened(self, what: Happened) -> None:
        body = json.dumps(self._payload(what)).encode()
        for hook in self.hooks:
            call = Call(hook, str(uuid.uuid4()), body, self.jira.clock())
            self.waiting += [call, call] if self.twice else [call]
        self._news.set()

    def _payload(self, what: Happened) -> JSON:
        asked = Received("GET", "", "2", [], {}, None, self.base_url)
        shown: JSON = {"timestamp": int(what.at * 1000), "webhookEvent": what.event}
        if what.kind:
            shown["issue_event_type_name"] = what.kind
        bare = what.event.startswith("comment_") and not self.jira.cloud
        if not bare:
            shown["issue"] = issue_json(self.jira, asked, what.issue)
            shown["user"] = person_json(self.jira, asked, what.by)
        if what.change:
            change = change_json(self.jira, asked, what.change)
            shown["changelog"] = {"id": change["id"], "items": change["items"]}
        if what.comment:
            shown["comment"] = self._comment(asked, what.issue, what.comment)
        return shown

    def _comment(self, asked: Received, issue: Issue, comment: Comment) -> JSON:
        return {
            "self": f"{link_of(asked, issue)}/comment/{comment.id}",
            "id": comment.id,
            "body": comment.body,
            "author": person_json(self.jira, asked, comment.author),
            "created": moment(comment.at),
        }


def signature(secret: str, body: bytes) -> str:
    """`sha256=` and the HMAC of the raw body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def headers(call: Call, *, cloud: bool) -> dict[str, str]:
    """What a call says of itself."""
    told = {"Content-Type": "application/json", "User-Agent": "Atlassian HttpClient"}
    if call.hook.secret:
        told["X-Hub-Signature"] = signature(call.hook.secret, call.body)
    if cloud:
        told |= {"X-Atlassian-Webhook-Identifier": call.identifier, "X-Atlassian-Webhook-Flow": "Primary"}
        told |= {"X-Atlassian-Webhook-Retry": str(call.retry)} if call.retry else {}
    return told


def _send(call: Call, given: Mapping[str, str]) -> int:
    try:
        with calls.client(20) as client:
            return client.post(call.hook.url, content=call.body, headers=given).status_code
    except httpx.TransportError:
        return 0
