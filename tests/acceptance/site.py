"""A site for real processes: the workspace and Jira's stand-in in this process, `python -m bot ...` beside them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

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
from bot.store.migration import migrate
from tests.benchmarks.processes import free_port
from tests.integration import terminal
from tests.integration.office import BUSY, buttons, everything, is_card, text_of
from tests.integration.terminal import Result

ROOT = Path(__file__).parent.parent.parent
#: Seconds until something has to be seen; nothing is measured with it.
PATIENCE = 60.0


@dataclass
class Running:
    """One process of ours."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str

    def ready(self) -> httpx.Response:
        """What /readyz says once somebody listens."""
        answer: httpx.Response = until(self._asked, f"{self.url} answers; its log: {self.log}")
        return answer

    def _asked(self) -> httpx.Response | None:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False)
        except httpx.TransportError:  # it does not listen yet
            return None

    def wait_until_ready(self) -> None:
        until(lambda: self.ready().is_success, "the process is ready")

    def started(self) -> None:
        """For a process that listens nowhere: its first line is in the log."""
        until(lambda: "Frontdesk" in self.log.read_text(), "the process has started")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to it, and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def until(seen: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until `seen()` gives something true."""
    deadline = time.monotonic() + patience
    while not (found := seen()):
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.05)
    return found


@dataclass
class Site:
    """The people, what they see, and the processes."""

    folder: Path
    workspace: Workspace
    jira: JiraStandIn
    environment: dict[str, str]
    stack: ExitStack
    tokens: dict[str, str] = field(default_factory=dict)
    url: str = ""
    started: int = 0
    #: One for all calls: to make it takes longer than a call. No line is kept, for the process behind it may be killed.
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
    )

    def start(self, *words: str, **environment: str) -> Running:
        """`python -m bot WORDS` in the background; it is ended with the site."""
        self.started += 1
        log = self.folder / f"{self.started}-{'-'.join(words)}.log"
        port = free_port()
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", *words],
                cwd=ROOT,
                env=self.environment | {"PORT": str(port)} | environment,
                stdout=output,
                stderr=output,
            )
        self.stack.callback(_end, process)
        return Running(process, log, f"http://127.0.0.1:{port}")

    def run(self, *words: str, who: str = "", expect: int = 0, **environment: str) -> Result:
        """`python -m bot WORDS` to its end, as somebody."""
        signed_in = {"FRONTDESK_URL": self.url, "FRONTDESK_TOKEN": self.token(who)} if who else {}
        return self._ended(terminal.process, words, expect, signed_in | environment)

    def here(self, *words: str, expect: int = 0, **environment: str) -> Result:
        """The same command, in this process."""
        return self._ended(terminal.call, words, expect, environment)

    def _ended(self, run: terminal.Run, words: tuple[str, ...], expect: int, environment: dict[str, str]) -> Result:
        result = run(*words, environment=self.environment | environment)
        assert result.code == expect, f"{words}: {result}"
        assert "Traceback" not in result.err
        return result

    def migrate(self) -> None:
        """The schema of now."""
        migrate(self.environment["DATABASE_URL"])

    def token(self, who: str) -> str:
        """Somebody's token."""
        if who not in self.tokens:
            self.tokens[who] = app.create_token(settings.read(self.environment), f"{who}@example.com")
        return self.tokens[who]

    def call(self, who: str, method: str, path: str, **sent: Any) -> Any:
        """One call over HTTP, as somebody."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} | sent.pop("headers", {})
        answer = self.client.request(method, f"{self.url}/v1/{path}", headers=headers, **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def person(self, handle: str) -> Client:
        return self.workspace.person(handle)

    def cards(self, number: str, channel: str = "#data-platform") -> list[Message]:
        """The messages that are the card of a request: there should be one."""
        return [message for message in self.person("grace").sees(channel) if is_card(message, number)]

    def times_shown(self, number: str) -> int:
        """How many cards a request has, once there is one."""
        self.card(number)
        return len(self.cards(number))

    def card(self, number: str, *, offers: str = "") -> Message:
        """The card, once it is there and offers this action."""

        def look() -> Message | None:
            return next((m for m in self.cards(number) if not offers or offers in buttons(m)), None)

        found: Message = until(look, f"a card of {number} that offers {offers or 'anything'}")
        return found

    def settle(self) -> None:
        """Wait until the workspace has been quiet for a second: nothing is just being said."""
        seen = -1
        while seen != self.workspace.version:
            seen = self.workspace.version
            self.workspace.wait(seen, 1.0)

    def press(self, who: str, action: str, number: str) -> None:
        """Press a button of the card."""
        self.person(who).click("#data-platform", self.card(number, offers=action).ts, action)

    def told(self, who: str, words: str) -> str:
        """A message only for them that has these words."""

        def look() -> str | None:
            texts = (text_of(message) for message in everything(self.person(who)))
            return next((text for text in texts if words in text), None)

        found: str = until(look, f"{who} is told {words!r}")
        return found

    def times_told(self, who: str, words: str) -> int:
        """How many messages only for them have these words, once there is one: a state is there before what tells it."""
        self.told(who, words)
        return sum(words in message.text for message in everything(self.person(who)))


@contextmanager
def site(
    folder: Path, *, socket_mode: bool, database: str = "", covered: bool = True, **environment: str
) -> Iterator[Site]:
    """A site with an empty database; whatever was started is ended with it.

    `covered`: its processes take part in a measurement of coverage, which makes them half as fast.
    """
    workspace, jira = population.populated(patience=BUSY), JiraStandIn()
    jira_population.populate(jira)
    with ExitStack() as stack:
        slack = stack.enter_context(Server(build_workspace(workspace)))
        tracker = stack.enter_context(Server(jira_server.build(jira)))
        workspace.base_url = slack.url
        kept = {name: value for name, value in os.environ.items() if covered and name.startswith(("COV_", "COVERAGE_"))}
        given = kept | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database or f"sqlite:///{folder}/frontdesk.db",
            "OFFERINGS": str(ROOT / "offerings"),
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": population.BOT_TOKEN,
            "JIRA_URL": tracker.url,
            "JIRA_USER": jira_population.BOT.email,
            "JIRA_TOKEN": jira_population.BOT.token,
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "FRONTDESK_PACE": "0",
            "FRONTDESK_LEASE": "3",
        }
        mode = {"SLACK_APP_TOKEN": population.APP_TOKEN} if socket_mode else {}
        mode = mode or {"SLACK_SIGNING_SECRET": population.SIGNING_SECRET}
        there = Site(folder, workspace, jira, given | mode | environment, stack)
        stack.callback(there.client.close)
        yield there
        assert workspace.complaints() == []


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
