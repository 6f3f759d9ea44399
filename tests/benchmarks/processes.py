"""Real processes on loopback: the bot, the floors and what stands outside; and signed requests to them."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from bot import settings
from bot.demo.jira import population as jira_population
from bot.demo.slack import population
from bot.demo.slack.delivery import FORM, sign

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Process:
    """One that serves."""

    port: int
    pid: int
    #: Seconds from its start to its first good answer.
    ready_after: float
    #: What it was given beside this process's environment.
    environment: dict[str, str]

    @property
    def resident(self) -> float:
        """MiB that it holds in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    module: str, *arguments: str, port: int, path: str = "/readyz", environment: dict[str, str] | None = None
) -> Iterator[Process]:
    """`python -m MODULE` from its first good answer at `path` to the end of the block."""
    begin = time.perf_counter()
    given = environment or {}
    command = [sys.executable, "-m", module, *arguments]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, after the process
    process = subprocess.Popen(command, cwd=ROOT, env=settings.environment() | given, stderr=log)
    try:
        if not _is_ready(process, port, path):
            log.seek(0)
            raise RuntimeError(f"{module} ended before it served: {log.read().decode()[-2000:]}")
        yield Process(port, process.pid, time.perf_counter() - begin, given)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _is_ready(process: "subprocess.Popen[bytes]", port: int, path: str) -> bool:
    """Whether it came to serve; False when it ended before."""
    while process.poll() is None:
        try:
            if get(port, path) < 400:
                return True
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.01)
    return False


def get(port: int, path: str) -> int:
    """The status of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def bare(kind: str) -> Iterator[Process]:
    """The floor, `before` or `default`."""
    port = free_port()
    with serving("tests.benchmarks.bare", str(port), kind, port=port) as process:
        yield process


@contextmanager
def bot(folder: Path, **environment: str) -> Iterator[Process]:
    """`frontdesk run` with a fresh SQLite file, and what it talks to."""
    slack, jira, port = free_port(), free_port(), free_port()
    given = {
        "DATABASE_URL": f"sqlite:///{folder}/frontdesk.db",
        "PORT": str(port),
        "SLACK_API_URL": f"http://127.0.0.1:{slack}/api/",
        "SLACK_BOT_TOKEN": population.BOT_TOKEN,
        "SLACK_SIGNING_SECRET": population.SIGNING_SECRET,
        "JIRA_URL": f"http://127.0.0.1:{jira}",
        "JIRA_USER": jira_population.BOT.email,
        "JIRA_TOKEN": jira_population.BOT.token,
        "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "FRONTDESK_PACE": "0",
    }
    with ExitStack() as stack:
        outside = serving("tests.benchmarks.slack_api", str(slack), str(jira), port=slack, path="/api/api.test")
        stack.enter_context(outside)
        yield stack.enter_context(serving("bot", "run", port=port, environment=given | environment))


def command(person: str) -> bytes:
    """`/platform`, as Slack sends it."""
    given = _FROM_SLACK | {"command": "/platform", "text": "", "user_id": person, "user_name": person.lower()}
    where = {"team_id": "T1", "team_domain": "example", "channel_id": "C1", "channel_name": "general"}
    return urlencode(given | where).encode()


def submission(person: str, view: dict[str, Any]) -> bytes:
    """A modal that somebody submits, as Slack sends it."""
    return _interaction(person, {"type": "view_submission", "view": view, "response_urls": []})


def click(person: str, action: dict[str, Any]) -> bytes:
    """A button of a card that somebody presses, as Slack sends it."""
    container = {"type": "message", "message_ts": "1", "channel_id": "C1", "is_ephemeral": False}
    where = {"container": container, "channel": {"id": "C1", "name": "data-platform"}}
    return _interaction(person, {"type": "block_actions", "actions": [action], **where})


def _interaction(person: str, more: dict[str, Any]) -> bytes:
    user = {"id": person, "username": person.lower(), "name": person.lower(), "team_id": "T1"}
    payload = _FROM_SLACK | {"user": user, "team": {"id": "T1", "domain": "example"}} | more
    return urlencode({"payload": json.dumps(payload)}).encode()


_FROM_SLACK: dict[str, Any] = {"api_app_id": "A1", "trigger_id": "1.2.3", "is_enterprise_install": False}


class Door:
    """Open connections to one server, so that what is measured begins with the first byte of a request."""

    def __init__(self, port: int, connections: int = 1) -> None:
        self._connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(connections)]
        for connection in self._connections:
            connection.connect()

    def send(self, bodies: Sequence[bytes]) -> list[bytes]:
        """All at once; the answers. It ends with the slowest. Raises RuntimeError for an answer that is not 200."""
        for connection, body in zip(self._connections, bodies, strict=True):
            moment = str(int(time.time()))
            signature = sign(population.SIGNING_SECRET, moment, body)
            headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": moment, "X-Slack-Signature": signature}
            connection.request("POST", "/slack/events", body, headers)
        return [_read(connection) for connection in self._connections]

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(connection: http.client.HTTPConnection) -> bytes:
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {body[:300]!r}")
    return body
