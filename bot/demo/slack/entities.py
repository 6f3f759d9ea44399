"""What a workspace consists of: plain records, changed only by the workspace under its lock.

Ids look like Slack's: `U…` people and bots, `C…` channels, `D…` direct messages, `S…` user groups, `V…` views, `A…` apps.
A `ts` is Slack's message id: seconds with six decimals, unique in its channel.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass
class Person:
    """Somebody with an account, or an app's bot user (`bot_id` set)."""

    id: str
    handle: str
    name: str
    email: str = ""
    deleted: bool = False
    bot_id: str = ""
    app_id: str = ""
    tz: str = "Etc/UTC"


@dataclass
class Group:
    """A user group; `handle` without the @."""

    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)


@dataclass
class Channel:
    """A channel (`name` without the #), or a direct message (`direct`: then two `members` and no name)."""

    id: str
    name: str = ""
    private: bool = False
    archived: bool = False
    direct: bool = False
    members: list[str] = field(default_factory=list)
    topic: str = ""
    created: int = 0


@dataclass
class Message:
    """One message. `only_for` is the one person who sees an ephemeral one."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[JSON] = field(default_factory=list)
    thread_ts: str = ""
    app_id: str = ""
    bot_id: str = ""
    metadata: JSON | None = None
    edited: str = ""
    only_for: str = ""

    @property
    def ephemeral(self) -> bool:
        return bool(self.only_for)

    def as_json(self, *, metadata: bool = False) -> JSON:
        """As Slack gives it in histories and in payloads; of its metadata only the kind, if they are not asked for."""
        body: JSON = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        extra: JSON = {
            "blocks": copy.deepcopy(self.blocks),
            "thread_ts": self.thread_ts,
            "app_id": self.app_id,
            "bot_id": self.bot_id,
            "metadata": self.metadata if metadata or not self.metadata else _kind_of(self.metadata),
            "edited": {"user": self.user, "ts": self.edited} if self.edited else None,
        }
        return body | {key: value for key, value in extra.items() if value}


def _kind_of(metadata: JSON) -> JSON:
    return {"event_type": metadata["event_type"]}


@dataclass
class View:
    """A modal on somebody's stack, or a Home tab.

    `body` is what the app sent; `values` is `{block_id: {action_id: state}}` in Slack's shapes for every input element
    of the view (also the untouched ones); `errors` is `{block_id: text}` as shown above the fields.
    """

    id: str
    app_id: str
    team_id: str
    person: str
    hash: str
    body: JSON
    root_id: str
    previous_id: str | None = None
    values: dict[str, dict[str, JSON]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        title = self.body.get("title") or {}
        return str(title.get("text", ""))

    @property
    def blocks(self) -> list[JSON]:
        blocks: list[JSON] = self.body["blocks"]
        return blocks

    def as_json(self, bot_id: str = "") -> JSON:
        """As `views.*` answers it and as payloads carry it."""
        body = copy.deepcopy(self.body)
        return {
            "id": self.id,
            "team_id": self.team_id,
            "type": body["type"],
            "blocks": body["blocks"],
            "private_metadata": body.get("private_metadata", ""),
            "callback_id": body.get("callback_id", ""),
            "state": {"values": copy.deepcopy(self.values)},
            "hash": self.hash,
            "title": body.get("title"),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "clear_on_close": body.get("clear_on_close", False),
            "notify_on_close": body.get("notify_on_close", False),
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "app_id": self.app_id,
            "external_id": body.get("external_id", ""),
            "app_installed_team_id": self.team_id,
            "bot_id": bot_id,
        }


@dataclass(frozen=True)
class Command:
    """A slash command: `name` with its slash, and what the client shows beside it."""

    name: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass
class App:
    """An installed app. With a `request_url` it is called over signed HTTP, without one over Socket Mode."""

    id: str
    name: str
    user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    scopes: frozenset[str]
    commands: tuple[Command, ...] = ()
    request_url: str | None = None


@dataclass(frozen=True)
class Call:
    """One call of the Web API: who, what, and what was answered."""

    method: str
    arguments: JSON
    status: int
    answer: JSON


@dataclass(frozen=True)
class Delivery:
    """One payload that went to the app, and its answer: `status` 200 with `answer`, or None for no answer in time."""

    kind: str
    payload: JSON
    status: int | None
    answer: Any


@dataclass
class ResponseUrl:
    """Where an app may answer an interaction: 5 times in 30 minutes. `ts` is the message it came from, if any."""

    app_id: str
    person: str
    channel: str
    ts: str
    made: float
    uses: int = 0


@dataclass
class Trigger:
    """Permission to open a modal for `person`: for 3 seconds, once. `view_id` is the modal it came from, if any."""

    app_id: str
    person: str
    made: float
    view_id: str = ""
    used: bool = False


@dataclass(frozen=True)
class Refusal:
    """A Web API method answers this instead of doing anything.

    `done`: it does it all the same, and only the answer is another one. `cut`: the line is cut instead of an answer.
    `delay`: the answer comes after so many seconds.
    """

    error: str = "internal_error"
    status: int = 200
    retry_after: int | None = None
    done: bool = False
    cut: bool = False
    delay: float = 0.0


class SlackError(Exception):
    """The Web API refuses: `error` is Slack's code, `more` stands beside it in the answer."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error, self.more = error, more


def problems_error(error: str, problems: list[str], prefix: str = "") -> SlackError:
    """The refusal of a view or of blocks, with the reasons in Slack's form: `[ERROR] why [json-pointer:/view/title]`."""
    split = [problem.partition(": ") for problem in problems]
    reasons = [f"{detail} [json-pointer:{prefix}{pointer}]" for pointer, _, detail in split]
    messages = [f"[ERROR] {reason}" for reason in reasons]
    return SlackError(error, errors=reasons, response_metadata={"messages": messages})
