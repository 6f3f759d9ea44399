"""The local stand-in for Slack: people, channels, messages and views, and the apps that are installed.

`Workspace` holds the state under one lock. `bot.demo.server` puts Slack's Web API, Socket Mode and response URLs in
front of it; `workspace.person("ada")` is one person's Slack client, for the page and for tests.
"""

import itertools
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from bot.demo.slack.client import Client
from bot.demo.slack.entities import (
    JSON,
    App,
    Call,
    Channel,
    Command,
    Delivery,
    Group,
    Message,
    Person,
    Refusal,
    ResponseUrl,
    Trigger,
    View,
)
from bot.demo.slack.sockets import Sockets

T = TypeVar("T")


def _tail(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper()) or "X"


class Workspace:
    """One Slack team. All public methods may be called from any thread.

    `clock` gives Unix seconds. `base_url` is where the server answers; who starts the server sets it. `patience` is how
    many seconds an app may take to acknowledge, and a trigger lives (Slack: 3); `message_interval` the seconds between two messages of an
    app in one channel (Slack: 1; 0 lets all through).
    """

    def __init__(
        self,
        *,
        team_id: str = "T01FRONT",
        name: str = "Frontdesk",
        clock: Callable[[], float] = time.time,
        patience: float = 3.0,
        message_interval: float = 0.0,
    ) -> None:
        self.team_id, self.name, self.clock = team_id, name, clock
        self.patience, self.message_interval = patience, message_interval
        self.base_url = ""
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.channels: dict[str, Channel] = {}
        self.apps: dict[str, App] = {}
        #: Open modals by person, root first; Home tabs by person.
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.notices: dict[str, str] = {}
        #: What people have chosen in file inputs: each as Slack describes it, and what is in it.
        self.files: dict[str, tuple[JSON, bytes]] = {}
        self.sockets = Sockets()
        #: What calls of the Web API run into, asked for each: for tests of bad weather.
        self.storm: Callable[[str], Refusal | None] | None = None
        #: Seconds until an event that the app did not acknowledge is sent again.
        self.event_pauses: Sequence[float] = (0.0, 60.0, 300.0)
        #: Increases with everything that a person could see.
        self.version = 0
        self._changed = threading.Condition(threading.RLock())
        self._messages: dict[str, list[Message]] = {}
        self._last_ts = 0
        self._refusals: dict[str, list[Refusal]] = {}
        self._calls: list[Call] = []
        self._deliveries: list[Delivery] = []
        self._complaints: list[str] = []

    # -- who and what there is

    def add_person(self, handle: str, name: str, email: str = "", *, id: str = "") -> Person:  # noqa: A002 - Slack's word
        """Somebody with an account; joins no channel."""
        with self.changing():
            person = Person(id or self._new_id("U01", handle, self.people), handle, name, email)
            self.people[person.id] = person
            return person

    def add_group(self, handle: str, name: str, members: Sequence[str]) -> Group:
        """A user group; members are handles or ids."""
        with self.changing():
            ids = [self.find_person(member).id for member in members]
            group = Group(self._new_id("S01", handle, self.groups), handle, name, ids)
            self.groups[group.id] = group
            return group

    def add_channel(
        self, name: str, members: Sequence[str] = (), *, private: bool = False, archived: bool = False
    ) -> Channel:
        """A channel; members are handles or ids."""
        with self.changing():
            ids = [self.find_person(member).id for member in members]
            made = int(self.clock())
            channel = Channel(self._new_id("C01", name, self.channels), name, private, archived, False, ids, "", made)
            self.channels[channel.id] = channel
            return channel

    def install(self, name: str, *, scopes: Sequence[str], commands: Sequence[Command] = (), **tokens: str) -> App:
        """Install an app with its bot user. `tokens`: bot_token, app_token, signing_secret where they should be known."""
        with self.changing():
            tail = _tail(name)
            user = Person(
                self._new_id("U01", name, self.people), name, name.title(), bot_id=f"B01{tail}", app_id=f"A01{tail}"
            )
            app = App(
                id=user.app_id,
                name=name,
                user_id=user.id,
                bot_id=user.bot_id,
                bot_token=tokens.get("bot_token", f"xoxb-{secrets.token_hex(8)}"),
                app_token=tokens.get("app_token", f"xapp-{secrets.token_hex(8)}"),
                signing_secret=tokens.get("signing_secret", secrets.token_hex(16)),
                scopes=frozenset(scopes),
                commands=tuple(commands),
            )
            self.people[user.id], self.apps[app.id] = user, app
            return app

    def person(self, who: str) -> Client:
        """The Slack client of one person, by handle (`ada`), e-mail address or id. Raises KeyError."""
        return Client(self, self.find_person(who))

    def find_person(self, who: str) -> Person:
        """By handle with or without @, e-mail address or id. Raises KeyError."""
        with self._changed:
            if who in self.people:
                return self.people[who]
            plain = who.removeprefix("@").lower()
            for person in self.people.values():
                if plain and plain in {person.handle.lower(), person.email.lower()}:
                    return person
            raise KeyError(who)

    def channel(self, name: str) -> Channel:
        """A channel by id, `#name` or `name`. Raises KeyError."""
        with self._changed:
            if name in self.channels:
                return self.channels[name]
            for channel in self.channels.values():
                if channel.name and channel.name == name.removeprefix("#"):
                    return channel
            raise KeyError(name)

    def move_channel(self, channel: Channel, new: str) -> None:
        """The same channel with its messages, under another id."""
        with self.changing():
            del self.channels[channel.id]
            said = self._messages.pop(channel.id, [])
            for message in said:
                message.channel = new
            channel.id, self.channels[new], self._messages[new] = new, channel, said

    def direct(self, one: str, other: str) -> Channel:
        """The direct messages of two people (or a person and a bot), by id; opened if there are none yet."""
        with self.changing():
            for channel in self.channels.values():
                if channel.direct and set(channel.members) == {one, other}:
                    return channel
            handle = self.people[one].handle
            channel = Channel(self._new_id("D01", handle, self.channels), direct=True, members=[one, other])
            self.channels[channel.id] = channel
            return channel

    def app_of(self, user_id: str) -> App | None:
        """The app whose bot user this is."""
        return next((app for app in self.apps.values() if app.user_id == user_id), None)

    def _new_id(self, prefix: str, name: str, taken: dict[str, T]) -> str:
        plain = prefix + _tail(name)
        more = (f"{plain}{n}" for n in itertools.count(2))
        return next(name for name in itertools.chain([plain], more) if name not in taken)

    # -- messages

    def messages(self, channel: str) -> list[Message]:
        """All messages in a channel, oldest first, ephemeral ones too."""
        with self._changed:
            return list(self._messages.get(self.channel(channel).id, ()))

    def message(self, channel: str, ts: str) -> Message | None:
        """One message by channel id and ts."""
        with self._changed:
            return next((message for message in self._messages.get(channel, ()) if message.ts == ts), None)

    def add_message(self, message: Message) -> Message:
        """Put it at the end of its channel; an empty `ts` is filled in."""
        with self.changing():
            message.ts = message.ts or self.new_ts()
            self._messages.setdefault(message.channel, []).append(message)
            return message

    def remove_message(self, message: Message) -> None:
        """It is gone for everybody."""
        with self.changing():
            self._messages[message.channel].remove(message)

    def new_ts(self) -> str:
        """A message id: now in microseconds, later than all before."""
        with self._changed:
            self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # -- changes

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; at the end the version goes up and those who wait are woken."""
        with self._changed:
            yield
            self.version += 1
            self._changed.notify_all()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock to read."""
        with self._changed:
            yield

    def wait(self, since: int, timeout: float) -> int:
        """Wait until the version is past `since`, at most `timeout` seconds; gives the version now."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > since, timeout)
            return self.version

    def until(self, seen: Callable[[], T], timeout: float = 5.0) -> T:
        """Wait until `seen()` gives something true, and give that. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            version = self.version
            if found := seen():
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not seen within {timeout:g} seconds")
            # What is waited for may also be outside the workspace (a row in the bot's store): look again now and then.
            self.wait(version, min(left, 0.2))

    # -- for tests

    def refuse(
        self,
        method: str,
        *,
        error: str = "internal_error",
        status: int = 200,
        retry_after: int | None = None,
        times: int = 1,
        **how: Any,
    ) -> None:
        """Answer the next `times` calls of a Web API method with an error instead of doing it.

        `retry_after` makes it a 429 `ratelimited`; a `status` of 500 and above answers no JSON at all. `how`: `done`,
        `cut` and `delay`, as in Refusal.
        """
        refusal = Refusal(error, status, None, **how)
        if retry_after is not None:
            refusal = Refusal("ratelimited", 429, retry_after)
        with self._changed:
            self._refusals.setdefault(method, []).extend([refusal] * times)

    def next_refusal(self, method: str) -> Refusal | None:
        """The refusal that the next call of a method gets, taken off the list; else what the storm has for it."""
        with self._changed:
            waiting = self._refusals.get(method)
            if waiting:
                return waiting.pop(0)
            return self.storm(method) if self.storm else None

    def calls(self, method: str = "") -> list[Call]:
        """The Web API calls so far, oldest first; of one method, or all."""
        with self._changed:
            return [call for call in self._calls if method in {"", call.method}]

    def deliveries(self, kind: str = "") -> list[Delivery]:
        """What went to apps so far: `slash_commands`, `block_actions`, `view_submission`, `event_callback`, ..."""
        with self._changed:
            return [delivery for delivery in self._deliveries if kind in {"", delivery.kind}]

    def complaints(self) -> list[str]:
        """Why acknowledgements were refused: Slack keeps this to itself, a test does not have to."""
        with self._changed:
            return list(self._complaints)

    def record(self, entry: Call | Delivery | str) -> None:
        """Append to the log of calls, of deliveries or of complaints."""
        with self.changing():
            if isinstance(entry, Call):
                self._calls.append(entry)
            elif isinstance(entry, Delivery):
                self._deliveries.append(entry)
            else:
                self._complaints.append(entry)
