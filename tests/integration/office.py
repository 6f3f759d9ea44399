"""The whole office in one process, over real HTTP and sockets: workspace, Jira's stand-in and an unchanged bot."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot import app, settings
from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.site import JiraStandIn
from bot.demo.server import Server
from bot.demo.server import build as build_workspace
from bot.demo.slack import population
from bot.demo.slack.client import Client
from bot.demo.slack.entities import Message
from bot.demo.slack.workspace import Workspace
from bot.safe import new_key
from tests.conftest import file_at
from tests.slack_rules import sendable_blocks, sendable_view

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
#: Seconds in place of Slack's three: other tests run beside this one. What comes too late has tests of its own.
BUSY = 8.0


@dataclass
class Office:
    """Everybody and everything of the story."""

    workspace: Workspace
    jira: JiraStandIn
    process: app.Process
    url: str

    @property
    def ada(self) -> Client:
        return self.workspace.person("ada")

    @property
    def grace(self) -> Client:
        return self.workspace.person("grace")

    @property
    def linus(self) -> Client:
        return self.workspace.person("linus")

    @property
    def margaret(self) -> Client:
        return self.workspace.person("margaret")

    def until(self, seen: Callable[[], T | None], timeout: float = 30.0) -> T:
        """Wait for what somebody should come to see."""
        found = self.workspace.until(seen, timeout)
        assert found is not None
        return found

    def ask(self, who: Client, line: str = "/platform request postgres name=orders size=small") -> str:
        """Ask through the modal; the request's number."""
        who.type_command("#general", line)
        self.until(who.view)
        who.submit()
        view = who.view()
        assert view is not None, who.notice()
        assert not view.errors, view.errors
        assert view.title.startswith("REQ-"), view.body
        who.close_all()
        return view.title

    def card(self, number: str, channel: str = "#data-platform") -> Message:
        """The card of a request, once it is posted."""
        return self.until(lambda: next((m for m in self.grace.sees(channel) if is_card(m, number)), None))

    def press(self, who: Client, action: str, number: str, channel: str = "#data-platform") -> None:
        """Press a button of the card, once it is there."""
        self.until(lambda: action in buttons(self.card(number, channel)))
        who.click(channel, self.card(number, channel).ts, action)

    def told(self, who: Client, words: str) -> Message:
        """A direct message from the bot, or an answer that only they see, with these words."""
        return self.until(lambda: next((m for m in everything(who) if words in text_of(m)), None))


def is_card(message: Message, number: str) -> bool:
    """Whether this is the card of that request."""
    return bool(message.blocks) and message.blocks[0].get("text", {}).get("text", "").startswith(f"{number} ·")


def buttons(message: Message) -> list[str]:
    """The actions that a message offers."""
    return [e["action_id"] for block in message.blocks if block["type"] == "actions" for e in block["elements"]]


def text_of(message: Message) -> str:
    """All that a person reads in a message."""
    return "\n".join([message.text, *_texts(message.blocks)])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def everything(who: Client) -> list[Message]:
    """What a person sees in direct messages, and what only they see elsewhere."""
    return [
        message
        for channel in who.channels()
        for message in who.sees(channel.id)
        if (channel.direct and who.me.id in channel.members) or message.only_for == who.me.id
    ]


@contextmanager
def opened(
    tmp_path: Path,
    *,
    socket_mode: bool = False,
    offerings: Path = ROOT / "offerings",
    url: str = "",
    **environment: str,
) -> Iterator[Office]:
    """An office with a fresh database; `environment` adds settings."""
    workspace = population.populated(patience=BUSY)
    jira = JiraStandIn()
    jira_population.populate(jira)
    bot = Server()
    with Server(build_workspace(workspace)) as slack, Server(jira_server.build(jira)) as jira_site:
        workspace.base_url = slack.url
        database = url or file_at(tmp_path / "frontdesk.db")
        given = {
            "DATABASE_URL": database,
            "OFFERINGS": str(offerings),
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": population.BOT_TOKEN,
            "SLACK_SIGNING_SECRET": population.SIGNING_SECRET,
            "JIRA_URL": jira_site.url,
            "JIRA_USER": jira_population.BOT.email,
            "JIRA_TOKEN": jira_population.BOT.token,
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "FRONTDESK_PACE": "0",
            "FRONTDESK_KEY": new_key(),
        }
        given |= {"SLACK_APP_TOKEN": population.APP_TOKEN} if socket_mode else {}
        process = app.build(settings.read(given | environment))
        bot.application = process.web
        if not socket_mode:
            next(iter(workspace.apps.values())).request_url = f"{bot.url}/slack/events"
        with bot, app.working(process, worker=True):
            office = Office(workspace, jira, process, bot.url)
            office.until(lambda: process.ready() is None)
            yield office
    _assert_sendable(workspace)


def _assert_sendable(workspace: Workspace) -> None:
    """Whatever was sent, and whatever an acknowledgement carried, passes Slack's limits and published rules."""
    assert workspace.complaints() == []
    for call in workspace.calls():
        view, blocks = _json(call.arguments.get("view")), _json(call.arguments.get("blocks"))
        if isinstance(view, dict):
            sendable_view(view)
        if isinstance(blocks, list) and blocks:  # an empty list takes a message's blocks away
            sendable_blocks(blocks, call.arguments.get("text"))
    for delivery in workspace.deliveries():
        if isinstance(delivery.answer, dict) and isinstance(delivery.answer.get("view"), dict):
            sendable_view(delivery.answer["view"])


def _json(value: Any) -> Any:
    """slack_sdk sends nested arguments as text."""
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
