"""The local stand-in for Slack: people, channels, messages and views, and the apps that are installed.

`Workspace` holds the state under one lock. `bot.demo.server` puts Slack's Web API, Socket Mode and response URLs in
front of it; `workspace.person("ada")` is one person's Slack client, for the page and for tests.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from bot.demo.client import Client
from bot.demo.entities import App, Call, Channel, Command, Delivery, Group, Message, Person

T = TypeVar("T")


class Workspace:
    """One Slack team. All public methods may be called from any thread.

    `clock` gives Unix seconds. `base_url` is where the server answers (`Server` sets it before the first request).
    """

    def __init__(
        self, *, team_id: str = "T01FRONT", name: str = "Frontdesk", clock: Callable[[], float] = time.time
    ) -> None:
        self.team_id, self.name, self.clock = team_id, name, clock
        self.base_url = ""
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.channels: dict[str, Channel] = {}
        self.apps: dict[str, App] = {}
        #: Increases with everything that a person could see.
        self.version = 0
        self._changed = threading.Condition(threading.RLock())

    # -- who and what there is

    def add_person(self, handle: str, name: str, email: str = "", *, id: str = "") -> Person:  # noqa: A002 - Slack's word
        """Somebody with an account; joins no channel."""
        raise NotImplementedError

    def add_group(self, handle: str, name: str, members: Sequence[str]) -> Group:
        """A user group; members are handles or ids."""
        raise NotImplementedError

    def add_channel(
        self, name: str, members: Sequence[str] = (), *, private: bool = False, archived: bool = False
    ) -> Channel:
        """A channel; members are handles or ids."""
        raise NotImplementedError

    def install(self, name: str, *, scopes: Sequence[str], commands: Sequence[Command] = (), **tokens: str) -> App:
        """Install an app with its bot user. `tokens`: bot_token, app_token, signing_secret where they should be known."""
        raise NotImplementedError

    def person(self, who: str) -> Client:
        """The Slack client of one person, by handle (`ada`), e-mail address or id. Raises KeyError."""
        raise NotImplementedError

    def channel(self, name: str) -> Channel:
        """A channel by id, `#name` or `name`. Raises KeyError."""
        raise NotImplementedError

    def messages(self, channel: str) -> list[Message]:
        """All messages in a channel, oldest first, ephemeral ones too."""
        raise NotImplementedError

    # -- changes

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; at the end the version goes up and those who wait are woken."""
        with self._changed:
            yield
            self.version += 1
            self._changed.notify_all()

    def wait(self, since: int, timeout: float) -> int:
        """Wait until the version is past `since`, at most `timeout` seconds; gives the version now."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > since, timeout)
            return self.version

    def until(self, seen: Callable[[], T], timeout: float = 5.0) -> T:
        """Wait until `seen()` gives something true, and give that. Raises TimeoutError."""
        raise NotImplementedError

    # -- for tests

    def refuse(
        self, method: str, *, error: str = "", status: int = 200, retry_after: int | None = None, times: int = 1
    ) -> None:
        """Answer the next `times` calls of a Web API method with an error instead of doing it.

        `retry_after` makes it a 429 `ratelimited`; a `status` of 500 and above answers no JSON at all.
        """
        raise NotImplementedError

    def calls(self, method: str = "") -> list[Call]:
        """The Web API calls so far, oldest first; of one method, or all."""
        raise NotImplementedError

    def deliveries(self, kind: str = "") -> list[Delivery]:
        """What went to apps so far: `slash_commands`, `block_actions`, `view_submission`, `event_callback`, ..."""
        raise NotImplementedError


def populate(workspace: Any = None) -> Workspace:
    """The demo's people, groups, channels and app (see bot.demo.population)."""
    raise NotImplementedError
