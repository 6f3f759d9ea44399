"""From the last approval to the first step: the person presses Approve, and the handler is called.

`frontdesk run` with an offering of one webhook step, approved over HTTP. Times are those of the store's events: when the
approving transaction began, and when the one began that claimed the step; and when the webhook's receiver was called,
by the same clock. The approving transaction is within both, so nothing is left out.
"""

import http.client
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

from bot.settings import environment
from tests.benchmarks import commits, figures, processes
from tests.benchmarks.processes import ROOT

REQUESTS, BAR = 40, 50.0
_OFFERING = '''"""Nothing

Measured, not used.
"""

from bot import Approval, Form, Offering, Request
from bot.handlers import webhook


class Nothing(Form):
    pass


nothing = Offering("nothing", Nothing, owner="grace@example.com", notify="#data-platform", approval=Approval("grace@example.com"))


@nothing.step
def call(request: Request[Nothing]) -> webhook.Call:
    """The receiver is called."""
    return webhook.Call(url="{url}")
'''


class _Receiver(BaseHTTPRequestHandler):
    called: dict[str, float]

    def do_POST(self) -> None:
        self.called.setdefault(self.headers["Idempotency-Key"].partition("/")[0], time.time())
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main(requests: int = REQUESTS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name, _receiver() as (url, called):
        folder = Path(name)
        (folder / "offerings").mkdir()
        (folder / "offerings" / "nothing.py").write_text(_OFFERING.replace("{url}", url))
        with (
            processes.bot(folder, OFFERINGS=str(folder / "offerings")) as bot,
            commits.bare(folder / "bare.db") as commit,
        ):
            ada, grace = (_token(folder, bot.environment, who) for who in ("ada@example.com", "grace@example.com"))
            floor, numbers = [], []
            for _ in range(requests):
                floor.append(figures.milliseconds(lambda: commit("x" * 1000)))
                number = _post(bot.port, ada, "/v1/offerings/nothing/requests", {"form": {}})["id"]
                time.sleep(0.15)  # its card and messages are out: what is measured is an idle desk
                _post(bot.port, grace, f"/v1/requests/{number}/approve", {})
                numbers.append(str(number))
                _until_called(called, str(number))
            started = _events(folder / "frontdesk.db", numbers)
    _tell(floor, started, [(called[number] - started[number][0]) * 1000 for number in numbers])


def _tell(floor: list[float], started: dict[str, tuple[float, float]], called: list[float]) -> None:
    running = [(step - approved) * 1000 for approved, step in started.values()]
    figures.title(f"From the last approval to the first step: {len(running)} requests over HTTP, one after the other")
    figures.told("one bare commit (floor)", figures.spread(floor))
    figures.at_most("approved to the step running, p50", median(running), BAR, "ms", _p90(running))
    figures.at_most("approved to the handler's call received, p50", median(called), BAR, "ms", _p90(called))
    figures.told("step running / a bare commit", f"{median(running) / median(floor):.1f} times")


def _p90(times: list[float]) -> str:
    return f"p90 {quantiles(times, n=10)[-1]:.0f} ms; "


def _events(database: Path, numbers: list[str]) -> dict[str, tuple[float, float]]:
    """When each request was approved and its step began, in seconds."""
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT name, at FROM event WHERE request_id = ? AND name IN ('approved', 'step_started')"
        found = {
            number: dict(connection.execute(query, (int(number.partition("-")[2]),)).fetchall()) for number in numbers
        }
    return {number: (_seconds(at["approved"]), _seconds(at["step_started"])) for number, at in found.items()}


def _seconds(stored: str) -> float:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()


def _until_called(called: dict[str, float], number: str) -> None:
    until = time.monotonic() + 30
    while number not in called:
        if time.monotonic() > until:
            raise RuntimeError(f"the step of {number} was never run")
        time.sleep(0.002)


@contextmanager
def _receiver() -> Iterator[tuple[str, dict[str, float]]]:
    called: dict[str, float] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Receiver", (_Receiver,), {"called": called}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", called
    finally:
        server.shutdown()
        server.server_close()


def _token(folder: Path, given: dict[str, str], who: str) -> str:
    command = [sys.executable, "-m", "bot", "token", "create", who]
    told = subprocess.run(command, cwd=ROOT, env=environment() | given, check=True, capture_output=True, text=True)
    return told.stdout.split()[-1]


def _post(port: int, token: str, path: str, body: dict[str, object]) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
    if response.status >= 400:
        raise RuntimeError(f"{response.status}: {answer}")
    return answer


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
