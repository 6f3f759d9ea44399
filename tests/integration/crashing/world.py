"""A whole Frontdesk that is turned by hand and dies where it is told to, between stand-ins that outlive it.

No thread of ours runs: a `Life` claims, runs and sends as a worker does, and a test moves its clock. Every commit and every
effect outside is a numbered point; `Points` ends the process at one of them, as `kill -9` would.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse
from sqlalchemy import event
from sqlmodel import col, select

from bot import app, catalogue, settings, store
from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.site import JiraStandIn
from bot.demo.slack import population, web_api
from bot.demo.slack.workspace import Workspace
from bot.handlers.jira.site import Site
from bot.handlers.webhook.wire import Wire
from bot.safe import new_key
from bot.slack import door
from bot.store import connections, tables
from bot.store.database import Database, Tx
from bot.store.records import PersonRecord
from bot.store.statements import Statement
from tests.conftest import Clock
from tests.integration.receiver import Arrival, Reaction, Receiver, answer
from tests.integration.standing_server import StandingServer

OFFERINGS = Path(__file__).parent / "offerings"
JIRA_SECRET = "It's a secret to everybody"


class Crash(BaseException):
    """The process dies here; a BaseException, so that nothing of ours catches it."""


@dataclass
class Points:
    """Where a process can die: after each commit that changed something, and after each effect outside.

    Right before a commit is the same as right after the point before it, as long as no effect is made within a
    transaction; that is checked. `at` is the number of the point where it dies, -1: nowhere. Whatever it still tries
    after that dies too.
    """

    at: int = -1
    names: list[str] = field(default_factory=list)
    #: The store's functions that wrote something in a commit.
    writers: set[str] = field(default_factory=set)
    writing: list[str] = field(default_factory=list)
    #: In a transaction: whether it has changed something so far.
    changed: bool | None = None
    died: str = ""

    def reach(self, name: str) -> None:
        """Here is a point."""
        assert self.changed is None, f"{name} within a transaction of {_named(self.writing)}"
        if self.died:
            raise Crash(self.died)
        self.names.append(name)
        if len(self.names) - 1 == self.at:
            self.died = f"{self.at}: {name}"
            raise Crash(self.died)

    def execute(self, statement: str) -> None:
        """The store says this to its database."""
        if self.changed is False:
            self.changed = statement.startswith(("INSERT", "UPDATE", "DELETE"))

    def revive(self) -> None:
        """A new process: it dies nowhere."""
        self.died, self.at = "", -1


class Ledger(Receiver):
    """Honours `Idempotency-Key`; digging takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.effects: list[tuple[str, str]] = []
        #: Refuses all that does something, with this status; and says to each key first that it is busy.
        self.refuses: int | None = None
        self.busy: set[str] | None = None

    def react(self, arrival: Arrival) -> Reaction:
        if arrival.method == "GET":
            return answer(200, {"place": "behind the house"})
        key = arrival.headers["idempotency-key"]
        if self.busy is not None and key not in self.busy:
            self.busy.add(key)
            return answer(503, retry_after="1")
        if self.refuses:
            return answer(self.refuses)
        effect = arrival.path, key
        if effect not in self.effects:
            self.effects.append(effect)
        return answer(202, location=self.url("/job")) if arrival.path == "/dig" else answer(200)


class Outside:
    """What there is beside Frontdesk: it lives on when that dies."""

    def __init__(self, clock: Clock, ledger: Ledger, tracker: StandingServer) -> None:
        self.clock, self.ledger = clock, ledger
        self.workspace: Workspace = population.populated(clock=self._seconds)
        self.jira = JiraStandIn(clock=self._seconds)
        jira_population.populate(self.jira)
        tracker.serve(jira_server.build(self.jira))
        self.environment = {
            "OFFERINGS": str(OFFERINGS),
            "SLACK_API_URL": "http://127.0.0.1:9/api/",
            "SLACK_BOT_TOKEN": population.BOT_TOKEN,
            "SLACK_SIGNING_SECRET": population.SIGNING_SECRET,
            "JIRA_URL": tracker.url,
            "JIRA_USER": jira_population.BOT.email,
            "JIRA_TOKEN": jira_population.BOT.token,
            "JIRA_SEARCH_WINDOW": "60",
            "JIRA_WEBHOOK_SECRET": JIRA_SECRET,
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "FRONTDESK_PACE": "0",
            "PLATFORM_CHANNEL": "#general",
            "FRONTDESK_KEY": new_key(),
        }

    def _seconds(self) -> float:
        return self.clock.now.timestamp()


class Direct(WebClient):
    """Slack's Web API without a socket: the workspace is asked in this thread."""

    def __init__(self, workspace: Workspace, points: Points, token: str) -> None:
        super().__init__(token=token, timeout=10)
        self._workspace, self._points = workspace, points

    def api_call(self, api_method: str, *, http_verb: str = "POST", **sent: Any) -> SlackResponse:
        given = {**(sent.get("params") or {}), **(sent.get("json") or {}), **(sent.get("data") or {})}
        arguments = {key: value for key, value in given.items() if value is not None}
        got = web_api.call(self._workspace, api_method, str(self.token), arguments)
        if api_method.startswith("chat.") and api_method != "chat.getPermalink":
            self._points.reach(f"Slack: {api_method}")
        response = SlackResponse(
            client=self,
            http_verb=http_verb,
            api_url=api_method,
            req_args={},
            data=got.body or {},
            headers=dict(got.headers),
            status_code=got.status,
        )
        response.validate()  # type: ignore[no-untyped-call]
        return response


def database(url: str, clock: Clock, points: Points) -> Database:
    """A store whose commits are points."""

    class Numbered(Database):
        @contextmanager
        def _transaction(self, *, again: bool = False) -> Iterator[Tx]:
            points.writing.clear()
            points.changed = False
            try:
                with super()._transaction(again=again) as tx:
                    yield tx
                changed = points.changed
            finally:
                points.changed = None
            points.writers.update(points.writing)
            if changed:
                points.reach(f"commit of {_named(points.writing)}")

    numbered = Numbered(url, clock)
    event.listen(numbered.writer, "before_cursor_execute", lambda _connection, _cursor, text, *_: points.execute(text))
    return numbered


def _named(writing: list[str]) -> str:
    return ", ".join(dict.fromkeys(writing)) or "nothing"


@functools.cache
def writers() -> dict[str, Callable[..., Any]]:
    """Every function of the store that takes a transaction, by `module.name`: read from the code."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in _store()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and next((p.annotation for p in inspect.signature(function).parameters.values()), None) is Tx
    }


@functools.cache
def _store() -> list[ModuleType]:
    return [importlib.import_module(f"bot.store.{found.name}") for found in pkgutil.iter_modules(store.__path__)]


def watch(patch: pytest.MonkeyPatch, clock: Clock, outside: Outside, points: Callable[[], Points]) -> None:
    """Build what dies instead of what lives; `points` gives those of the present run."""
    # Nothing moves by itself here, so whoever stands still is not frozen: this machine has much else to do.
    patch.setattr(connections, "FROZEN", 600.0)
    patch.setattr(app, "Database", lambda url, **_: database(url, clock, points()))
    patch.setattr(catalogue, "BUILT_IN", (*catalogue.BUILT_IN, "tests.integration.crashing.speech:SpeechHandler"))
    patch.setattr("bot.app.api.build", lambda *_, **__: FastAPI())
    for client in ("client", "sender_client"):
        patch.setattr(door, client, lambda token, *_: Direct(outside.workspace, points(), token))
    for name, function in writers().items():
        noting = _noting(name, function, points)
        for module in _store():
            for alias, known in list(vars(module).items()):
                if known is function:
                    patch.setattr(module, alias, noting)
    patch.setattr(Statement, "execute", _executing(Statement.execute, points))
    patch.setattr(Site, "send", _reaching(Site.send, points, lambda method, path, *_: f"Jira: {method} {path}"))
    patch.setattr(Wire, "send", _reaching(Wire.send, points, lambda message: f"webhook: {message.method}"))


def _noting(name: str, function: Callable[..., Any], points: Callable[[], Points]) -> Callable[..., Any]:
    def noted(*given: Any, **named: Any) -> Any:
        points().writing.append(name)
        return function(*given, **named)

    return noted


def _executing(run: Callable[..., Any], points: Callable[[], Points]) -> Callable[..., Any]:
    def executed(self: Any, *given: Any, **named: Any) -> Any:
        points().execute(self.text)
        return run(self, *given, **named)

    return executed


def _reaching(send: Callable[..., Any], points: Callable[[], Points], name: Callable[..., str]) -> Callable[..., Any]:
    def reached(self: Any, *given: Any, **named: Any) -> Any:
        answered = send(self, *given, **named)
        said = name(*given)
        if " GET" not in said:  # what only looks leaves nothing that a crash could hide
            points().reach(said)
        return answered

    return reached


class Life:
    """One Frontdesk after the other over one database."""

    def __init__(self, url: str, clock: Clock, outside: Outside, points: Points) -> None:
        self.url, self.clock, self.outside, self.points = url, clock, outside, points
        self.process: app.Process
        self.deaths = 0
        #: A file, as an answer names it.
        self.uploaded: dict[str, Any] = {}
        self.boot()

    def boot(self) -> None:
        """A new process, of the code of now."""
        self.process = app.build(settings.read(self.outside.environment | {"DATABASE_URL": self.url}))

    def who(self, handle: str) -> PersonRecord:
        """Somebody, as they come through Slack."""
        return self.process.service.person(self.outside.workspace.find_person(handle).id)

    def close(self) -> None:
        self.process.database.close()

    def live(self, acts: list[Callable[["Life"], object]]) -> None:
        """Every act of a person, each followed by all the work that it makes; after a crash it is done again."""
        for act in acts:
            self._through(lambda act=act: act(self))  # type: ignore[misc]
            self._through(self.settle)

    def _through(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Crash:
            self.deaths += 1
            self.close()
            self.points.revive()
            self.boot()
            do()

    def settle(self) -> None:
        """All that is due, and what comes due by itself, until nothing waits for anything but people."""
        for _ in range(100):
            while self._run() or self.process.worker.send_one():
                while self.process.worker.send_one():
                    pass
            later = self._next()
            if later is None:
                return
            self.clock.now = max(self.clock.now, later)
        raise AssertionError(f"it never comes to rest: {self._waiting()}")

    def _run(self) -> bool:
        """As a worker with a thread to spare does: what is due, and what comes due by it."""
        claim = self.process.worker.engine.claim()
        if claim is not None:
            self.process.worker.engine.run(claim, lambda: True)
        return claim is not None

    def _waiting(self) -> list[Any]:
        with self.process.database.read() as session:
            steps = session.exec(select(tables.Step).where(col(tables.Step.run_at).is_not(None))).all()
            deliveries = session.exec(select(tables.Delivery).where(tables.Delivery.state == "waiting")).all()
            cards = session.exec(select(tables.Card).where(tables.Card.dirty, col(tables.Card.error).is_(None))).all()
        return [*steps, *deliveries, *cards]

    def _next(self) -> datetime | None:
        """When the next step, message or lease comes due; None: nothing does by itself."""
        step, delivery, card = tables.Step, tables.Delivery, tables.Card
        with self.process.database.read() as session:
            moments = [
                *session.exec(select(step.run_at).where(col(step.state).in_(("waiting", "pending")))).all(),
                *session.exec(select(step.lease_until).where(step.state == "running")).all(),
                *session.exec(select(delivery.run_at).where(delivery.state == "waiting")).all(),
                *session.exec(select(delivery.lease_until).where(delivery.state == "waiting")).all(),
                *session.exec(select(card.run_at).where(card.dirty, col(card.error).is_(None))).all(),
                *session.exec(select(card.lease_until).where(card.dirty, col(card.error).is_(None))).all(),
            ]
        # What is due and was not taken waits for the latest of these.
        ahead = [moment for moment in moments if moment and moment > self.clock.now]
        waits = [moment for moment in moments if moment]
        return min(ahead) if ahead else (self.clock.now + timedelta(seconds=1) if waits else None)
