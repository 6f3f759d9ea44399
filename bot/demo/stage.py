"""The demo's stage: workspace, Jira's stand-in and status page in this process, and an unchanged bot beside it."""

import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bot import safe
from bot.demo import calls, server
from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.site import JiraStandIn
from bot.demo.jira.webhooks import Hook, Webhooks
from bot.demo.page import routes as page
from bot.demo.server import LOOPBACK, Server
from bot.demo.slack import population
from bot.demo.slack.workspace import Workspace
from bot.demo.status_page import StatusPage

#: Where the page and the bot are, unless somebody else is there.
PAGE_PORT, BOT_PORT = 4280, 3000
TRY = (
    "/platform",
    "/platform request postgres name=orders size=small",
    "/platform request access system=billing role=admin",
    "/platform list",
    "/platform waiting",
    "/platform help",
)
#: The bot has this long to be ready.
PATIENCE = 30.0


class StageError(RuntimeError):
    """The demo cannot be set up; the text says why."""


@dataclass
class Stage:
    """What runs, and where it can be looked at."""

    workspace: Workspace
    jira: JiraStandIn
    status: StatusPage
    page_url: str
    jira_url: str
    status_url: str
    bot_url: str
    log: Path
    environment: Mapping[str, str]

    def command(self, *words: str, token: str = "") -> subprocess.CompletedProcess[str]:
        """Run `frontdesk WORDS` as somebody."""
        environment = {**self.environment, "FRONTDESK_URL": self.bot_url, "FRONTDESK_TOKEN": token, "NO_COLOR": "1"}
        line = [sys.executable, "-m", "bot", *words]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    @contextmanager
    def bot(self) -> Iterator[None]:
        """An unchanged bot, ready while the block runs. Raises StageError with the end of its log."""
        with _bot(self.environment, self.log):
            yield

    def token(self, person: str) -> str:
        """A bearer token for somebody. Raises StageError."""
        made = self.command("token", "create", person)
        if made.returncode:
            raise StageError(f"No token for {person}: {made.stderr.strip()}")
        return made.stdout.split()[-1]


def end_as_by_ctrl_c() -> None:
    """A SIGTERM ends this process as Ctrl-C does, so that the bot beside it ends too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def staged(environment: Mapping[str, str]) -> Iterator[Stage]:
    """Everything up and ready while the block runs, with a fresh database. Raises StageError."""
    with scene(environment, offerings()) as stage, stage.bot():
        yield stage


@contextmanager
def scene(environment: Mapping[str, str], chosen: Path) -> Iterator[Stage]:
    """All but the bot, which `Stage.bot` runs with the offerings of that folder or file."""
    with TemporaryDirectory(prefix="frontdesk-") as scratch, ExitStack() as stack:
        workspace, jira, status = population.populated(), JiraStandIn(), StatusPage()
        jira_population.populate(jira)
        slack = stack.enter_context(
            _served(server.build(workspace, page.routes(workspace, suggestions=TRY)), PAGE_PORT)
        )
        jira_site = stack.enter_context(Server(jira_server.build(jira)))
        status_site = stack.enter_context(Server(status.build()))
        workspace.base_url = slack.url
        port = _free(BOT_PORT)
        told = _environment(environment, Path(scratch), port) | {
            "OFFERINGS": str(chosen),
            "SLACK_API_URL": f"{slack.url}/api/",
            "JIRA_URL": jira_site.url,
            "STATUS_PAGE_URL": f"{status_site.url}/api/notices",
        }
        bot_url = f"http://{LOOPBACK}:{port}"
        webhooks = Webhooks(jira, jira_site.url)
        webhooks.hooks.append(Hook(f"{bot_url}/jira/events", told["JIRA_WEBHOOK_SECRET"]))
        stack.enter_context(webhooks.sending())
        log = Path(scratch) / "bot.log"
        yield Stage(workspace, jira, status, slack.url, jira_site.url, status_site.url, bot_url, log, told)


def offerings() -> Path:
    """The folder `offerings` here, or the examples: beside the package in a checkout, inside it in a wheel."""
    packaged, checkout = Path(__file__).parent / "offerings", Path(__file__).parents[2] / "offerings"
    return next((folder for folder in (Path("offerings"), packaged) if folder.is_dir()), checkout).resolve()


def _environment(given: Mapping[str, str], folder: Path, port: int) -> dict[str, str]:
    """Whoever has a real Slack or Jira in their environment does not meet it in the demo."""
    ours = ("SLACK_", "JIRA_", "FRONTDESK_", "DATABASE_URL", "OFFERINGS", "PUBLIC_URL", "HOST", "PORT")
    kept = {name: value for name, value in given.items() if not name.startswith(ours)}
    return kept | {
        "DATABASE_URL": f"sqlite:///{folder}/frontdesk.db",
        "HOST": LOOPBACK,
        "PORT": str(port),
        "PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "SLACK_BOT_TOKEN": population.BOT_TOKEN,
        "SLACK_APP_TOKEN": population.APP_TOKEN,
        "JIRA_USER": jira_population.BOT.email,
        "JIRA_TOKEN": jira_population.BOT.token,
        "JIRA_WEBHOOK_SECRET": secrets.token_urlsafe(24),
        "ALLOWED_PRIVATE_HOSTS": LOOPBACK,
        "FRONTDESK_KEY": safe.new_key(),
    }


def _served(application: object, port: int) -> Server:
    try:
        return Server(application, port=port)
    except OSError:  # somebody else is there
        return Server(application)


def _free(port: int) -> int:
    """The port, or another one if somebody is there."""
    with socket.socket() as taken:
        try:
            taken.bind((LOOPBACK, port))
        except OSError:
            taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


@contextmanager
def _bot(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as output:
        line = [sys.executable, "-m", "bot", "run"]
        bot = subprocess.Popen(line, env=environment, stdout=output, stderr=output)  # noqa: S603 - ours
        try:
            _wait_until_ready(bot, f"http://{LOOPBACK}:{environment['PORT']}/readyz", log)
            yield
        finally:
            bot.terminate()
            with suppress(subprocess.TimeoutExpired):
                bot.wait(15)
            bot.kill()
            bot.wait()


def _wait_until_ready(bot: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and bot.poll() is None:
        with suppress(httpx.TransportError), calls.client(5) as client:  # it may not listen yet
            if client.get(url).is_success:
                return
        time.sleep(0.1)
    raise StageError(f"The bot did not become ready. Its log ends with:\n{log.read_text()[-2000:]}")
