"""A Jira stand-in on a real socket, and the surroundings that the engine would give."""

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.demo.jira.population import BOT, populate
from bot.demo.jira.server import build
from bot.demo.jira.site import JiraStandIn
from bot.handler import Answer, Context, Resource
from bot.handlers.jira import IssueHandler

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Step:
    """One step of a request, with its state kept as the engine keeps it."""

    clock: Clock
    state: Mapping[str, Any] = field(default_factory=dict)
    saves: list[Mapping[str, Any]] = field(default_factory=list)
    previous: Resource[Any] | None = None
    cancelled: bool = False
    url: str | None = None
    identity: str = "INS-7/ticket"

    def context(self, key: str = "REQ-13/ticket") -> Context:
        return Context(
            key=key,
            identity=self.identity,
            state=self.state,
            now=self.clock.now,
            save=self._save,
            say=lambda _: None,
            secret=lambda name: name,
            cancelled=lambda: self.cancelled,
            previous=self.previous,
            url=self.url,
        )

    def keep(self, answer: Answer) -> Answer:
        self.state = answer.state
        return answer

    def _save(self, state: Mapping[str, Any]) -> None:
        self.saves.append(state)
        self.state = state


@dataclass
class Site:
    jira: JiraStandIn
    clock: Clock
    url: str

    def handler(self, **settings: str) -> IssueHandler:
        known = {"JIRA_URL": self.url, "JIRA_USER": BOT.email, "JIRA_TOKEN": BOT.token}
        return IssueHandler({name: value for name, value in (known | settings).items() if value}, self.clock)

    def step(self) -> Step:
        return Step(self.clock)


class Server:
    """Real HTTP on a free port of 127.0.0.1; each test gets its own Jira behind it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        # With the protocol named asyncio turns Nagle's algorithm off; else each answer waits 40 ms for an ACK.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._server = uvicorn.Server(
            uvicorn.Config(self._answer, log_level="critical", interface="asgi3", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        await self._app(scope, receive, send)

    def site(self, *, cloud: bool = True) -> Site:
        """An empty Jira with the demo's projects."""
        clock = Clock()
        jira = populate(JiraStandIn(cloud=cloud, clock=clock))
        self._app = build(jira)
        return Site(jira, clock, f"http://127.0.0.1:{self._listener.getsockname()[1]}")

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
