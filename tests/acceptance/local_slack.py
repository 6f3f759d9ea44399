"""People in local-slack, a stand-in for Slack that this project did not write: what they see, and what they do.

Its control API (`/_control/...`) types commands, clicks and reads messages; its page's WebSocket (`/ui`) tells of the
modal and submits it. It has one stack of modals for everybody. As its page does, `submit` sends what was typed and
`initial_value`s, and never an `initial_option`.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import websocket

JSON = dict[str, Any]
T = TypeVar("T")
#: What is typed or chosen; several for what takes several. A moment is in seconds.
Answer = str | int | list[str]

ADDRESS = "127.0.0.1:4300"
#: Where the bot listens; in a network namespace of its own every port is free.
BOT_PORT = 4200
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-test-token", "xapp-test-token", "rigsecret"  # open nothing but the rig
PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "linus": "Linus", "margaret": "Margaret Hamilton"}
CHANNELS = ("general", "data-platform", "access", "announcements")
#: local-slack knows no user groups, so groups.toml names their people: by address and by Slack id.
GROUPS = """dba = ["grace@example.com", "linus@example.com"]
data-platform = ["U01GRACE", "margaret@example.com"]
security = ["margaret@example.com"]
"""
_HOLDS = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}


def configuration(*, socket_mode: bool) -> JSON:
    """local-slack's file; JSON is YAML too."""
    people = {f"U01{name.upper()}": (name, real) for name, real in PEOPLE.items()}
    mode = {"mode": "socket"} if socket_mode else {"mode": "events"}
    return {
        "workspace": {"name": "Rig Workspace", "domain": "rig", "teamId": "T01TEST"},
        "app": {
            "appId": "A01APP",
            "botUserId": "U0BOT",
            "botName": "frontdesk",
            "botToken": BOT_TOKEN,
            "appToken": APP_TOKEN,
            "signingSecret": SIGNING_SECRET,
            "requestUrl": f"http://127.0.0.1:{BOT_PORT}/slack/events",
            **mode,
        },
        "users": [
            {"id": id_, "name": name, "real_name": real, "email": f"{name}@example.com"}
            for id_, (name, real) in people.items()
        ],
        "channels": [
            {"id": f"C0{at}", "name": name, "members": [*people, "U0BOT"]} for at, name in enumerate(CHANNELS, 1)
        ],
    }


def until(seen: Callable[[], T | None], what: str, timeout: float = 20.0) -> T:
    """Wait until `seen()` gives something true, and give that. Raises AssertionError naming `what`."""
    deadline = time.monotonic() + timeout
    while not (found := seen()):
        assert time.monotonic() < deadline, f"not seen within {timeout:g} seconds: {what}"
        time.sleep(0.05)
    return found


def modal() -> JSON | None:
    """The modal on top, whoever opened it."""
    with closing(_ui()) as page:
        stack = json.loads(page.recv())["state"]["modalStack"]
    return stack[-1] if stack else None


def state() -> JSON:
    """Who and what there is."""
    with closing(_ui()) as page:
        return dict(json.loads(page.recv())["state"])


def reached() -> list[str]:
    """What local-slack heard of the bot when it sent something, for example `HTTP 200`."""
    log = httpx.get(f"http://{ADDRESS}/_control/log").json()["log"]
    return [entry.get("summary") or json.dumps(entry) for entry in log]


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace."""

    handle: str

    @property
    def id(self) -> str:
        return f"U01{self.handle.upper()}"

    def types(self, line: str) -> None:
        """Type a slash command in #general."""
        command, _, text = line.partition(" ")
        _post("command", {"channel": _channel("general"), "user": self.id, "command": command, "text": text})

    def opens(self, line: str) -> JSON:
        """Type a slash command; the modal that it opens."""
        before = modal()
        self.types(line)
        return until(lambda: (view := modal()) and view["id"] != (before or {}).get("id") and view, f"modal of {line}")

    def fills(self, **answers: Answer) -> JSON:
        """Fill the modal's fields, by block id without its slash, and press its button; the errors beside fields."""
        view = modal()
        assert view is not None
        values = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                element, name = block["element"], block["block_id"].lstrip("/").partition("~")[0]
                typed = answers.pop(name, element.get("initial_value"))
                if typed is not None:
                    values[block["block_id"]] = {element["action_id"]: _held(element, typed)}
        assert not answers, f"{view['title']['text']} has no {', '.join(answers)}"
        return self._submits(values)

    def _submits(self, values: Mapping[str, Any]) -> JSON:
        with closing(_ui()) as page:
            page.recv()
            page.send(json.dumps({"t": "view_submit", "user": self.id, "values": values}))
            while True:
                event = json.loads(page.recv())
                if event["t"] == "view_errors":
                    return dict(event["errors"])
                if event["t"] == "view":
                    return {}

    def clicks(self, message: JSON, action: str) -> None:
        """Press a button of a message."""
        block, element = next(
            (block, element)
            for block in message["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
            if element["action_id"] == action
        )
        pressed = {key: element[key] for key in ("type", "action_id", "value", "text") if key in element}
        pressed["block_id"] = block["block_id"]
        body = {"channel": message["channel"], "messageTs": message["ts"], "user": self.id, "action": pressed}
        _post("interact", body)

    def reads(self, channel: str) -> list[JSON]:
        """A channel's messages, without what only others see."""
        return [m for m in _messages(_channel(channel)) if m.get("ephemeral_to") in (None, self.id)]

    def told(self, words: str) -> JSON:
        """A direct message, or an answer that only they see, with these words; its `private` says that it is one."""
        return until(lambda: self._heard(words), f"{self.handle} reads {words!r}")

    def _heard(self, words: str) -> JSON | None:
        direct = [c["id"] for c in state()["channels"] if c.get("is_im") and self.id in c["members"]]
        heard = [m for channel in direct for m in _messages(channel)]
        heard += [m for name in CHANNELS for m in self.reads(name) if m.get("ephemeral_to") == self.id]
        return next((m for m in heard if words in text_of(m)), None)


def card(number: str, channel: str = "data-platform", *, having: str = "") -> JSON:
    """A request's card, once it is posted and reads (or offers the button) `having`."""

    def seen() -> JSON | None:
        found = (m for m in _messages(_channel(channel)) if _is_card(m, number))
        return next((m for m in found if having in text_of(m) or having in buttons(m)), None)

    return until(seen, f"card of {number} with {having!r}")


def buttons(message: JSON) -> list[str]:
    """The actions that a message offers."""
    return [
        e["action_id"] for block in message.get("blocks", ()) if block["type"] == "actions" for e in block["elements"]
    ]


def text_of(message: JSON) -> str:
    """All that a person reads in a message or a modal."""
    return "\n".join([str(message.get("text", "")), *_texts(message.get("blocks", []))])


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + [text for each in value.values() for text in _texts(each)]


def _is_card(message: JSON, number: str) -> bool:
    blocks = message.get("blocks") or [{}]
    return bool(blocks[0].get("type") == "header" and blocks[0]["text"]["text"].startswith(f"{number} ·"))


def _held(element: JSON, typed: Answer) -> JSON:
    if element["type"] in ("static_select", "radio_buttons"):
        return {"type": element["type"], "selected_option": _option(element, typed)}
    if element["type"] in ("checkboxes", "multi_static_select") and isinstance(typed, list):
        return {"type": element["type"], "selected_options": [_option(element, each) for each in typed]}
    return {"type": element["type"], _HOLDS[element["type"]]: typed}


def _option(element: JSON, typed: Answer) -> JSON:
    return next(dict(o) for o in element["options"] if typed in (o["value"], o["text"]["text"]))


def _ui() -> websocket.WebSocket:
    return websocket.create_connection(f"ws://{ADDRESS}/ui", timeout=20)


def _post(what: str, body: JSON) -> None:
    answer = httpx.post(f"http://{ADDRESS}/_control/{what}", json=body, timeout=20)
    assert answer.json() == {"ok": True}, answer.text


def _channel(name: str) -> str:
    return f"C0{CHANNELS.index(name) + 1}"


def _messages(channel: str) -> list[JSON]:
    return list(httpx.get(f"http://{ADDRESS}/_control/messages/{channel}").json()["messages"])
