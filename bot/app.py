"""The composition root: builds everything, once, from settings. The only place where the parts meet."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot import api, catalogue, golden, telemetry
from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.engine.opening import no_fetch
from bot.errors import Misconfigured, Unavailable
from bot.news import Newsroom
from bot.people import Directory, Groups, NoDirectory, read_groups
from bot.presence import Presence
from bot.safe import HOW, KEY, NoSafe, Safe, Sealed
from bot.service import Service
from bot.settings import Settings
from bot.slack import door, socket_mode
from bot.slack.deliveries import SlackSender
from bot.slack.directory import SlackDirectory
from bot.slack.files import SlackFiles
from bot.store.database import Database
from bot.store.migration import is_current
from bot.store.migration import migrate as migrate_to_newest
from bot.worker import CONNECTIONS as WORKER_CONNECTIONS
from bot.worker import Worker

log = logging.getLogger("frontdesk")

#: Seconds between two looks of the web server whether it is to end.
_TICK = 0.5
#: Connections to PostgreSQL for those who answer people: each has one for milliseconds at a time.
_WEB_CONNECTIONS = 20


@dataclass
class Process:
    """The parts of one running process."""

    settings: Settings
    database: Database
    catalogue: Catalogue
    service: Service
    web: FastAPI
    worker: Worker
    presence: Presence
    socket: socket_mode.Socket | None

    def ready(self) -> str | None:
        """None when requests can be taken, else why not."""
        try:
            current = is_current(self.database)
        except Unavailable as unavailable:
            return str(unavailable)
        if not current:
            return "The database is not at the schema of this code: run frontdesk migrate."
        if self.database.no_room:
            return self.database.no_room
        if self.socket and not self.socket.connected:
            return "Socket Mode is not connected yet."
        return None


def build(settings: Settings, *, web: bool = True, worker: bool = True) -> Process:
    """Everything, wired; nothing runs yet. `web`, `worker`: what this process will be. Raises Misconfigured."""
    offered = catalogue.load(settings.offerings, settings.environment)
    safe = _safe(settings, offered)
    pool = (_WEB_CONNECTIONS if web else 0) + (WORKER_CONNECTIONS if worker else 0)
    database = Database(settings.database_url, pool=pool)
    database.on_forgotten(safe.forget)
    web_client = door.client(settings.slack_bot_token, settings.slack_api_url)
    slack_directory = SlackDirectory(web_client)
    directory: Directory = slack_directory if settings.slack else NoDirectory()
    groups = Groups(directory, read_groups(settings.folder))
    service = Service(database, offered, groups, safe)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    engine = Engine(
        database,
        offered,
        owner=owner,
        secret=settings.secret,
        url=settings.link,
        lease=settings.lease,
        safe=safe,
        fetch=SlackFiles(web_client).read if settings.slack else no_fetch,
    )
    sender = (
        SlackSender(
            door.sender_client(settings.slack_bot_token, settings.slack_api_url, settings.lease),
            database,
            offered,
            groups,
            slack_directory,
            settings.platform_channel,
            settings.lease,
        )
        if settings.slack
        else None
    )
    listening = door.Listeners()
    newsroom = Newsroom(database, offered)
    chores = [
        (service.sweep, 5.0),
        (service.look_around, 60.0),
        (engine.sweep, 20.0),
        (service.adopt, 3600.0),
        (service.sweep_files, 3600.0),
    ]
    turning = Worker(database, engine, sender, chores, newsroom.turn, pace=settings.pace, give_way=listening.give_way)
    parts = " and ".join(name for name, on in (("web", web), ("worker", worker)) if on)
    presence = Presence(database, owner, parts, version("frontdesk"))
    process = Process(settings, database, offered, service, FastAPI(), turning, presence, None)
    process.web = api.build(service, newsroom, ready=process.ready)
    if settings.slack:
        bolt = door.build(web_client, service, slack_directory, listening)
        if settings.slack_signing_secret:  # without one nobody could say whether it is Slack that calls
            endpoint = door.Endpoint(bolt, listening, settings.slack_signing_secret, database.now)
            events = Route("/slack/events", endpoint, methods=["POST"])
            process.web.router.routes.append(events)
            process.web.user_middleware.append(Middleware(_First, route=events))  # the last one is the innermost
        if settings.slack_app_token:
            alone = door.client(None, web_client.base_url)
            process.socket = socket_mode.Socket(bolt, settings.slack_app_token, alone, door.THREADS)
    return process


class _First:
    """Hands on what comes for one route before the framework looks through all of them, a tenth of an acknowledgement."""

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self.app, self.route = app, route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self.route.path:
            scope["route"] = self.route
            await self.route.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _safe(settings: Settings, offered: Catalogue) -> Safe:
    """Where the secrets of forms are kept. Raises Misconfigured if an offering asks for some and there is no key."""
    if settings.keys:
        return Sealed(settings.keys)
    asking = [each for versions in offered.offerings.values() for each in versions.values() if each.takes_secrets]
    if asking:
        raise Misconfigured(f"{KEY} must be set: {asking[0].name} asks for a secret.", where=asking[0].where, hint=HOW)
    return NoSafe()


def run(settings: Settings, *, web: bool, worker: bool) -> None:
    """Serve until SIGTERM or SIGINT. `run` is both; several machines run `web` and `worker` apart. Raises Misconfigured."""
    telemetry.configure_logs(settings.log_format)
    telemetry.configure_traces(settings.otlp_endpoint, version("frontdesk"))
    if web and worker:
        migrate_to_newest(settings.database_url)
    process, told = build(settings, web=web, worker=worker), threading.Event()
    gc.freeze()  # what was built stays: looking for garbage in it stopped everybody for a tenth of a second
    server = _server(process.web, settings.host, settings.port) if web else None
    # Set before anything runs, and not left to uvicorn alone: it raises again what it caught, once it has ended.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ending(process, server.handle_exit if server else lambda *_: told.set()))
    _announce(process, web=web, worker=worker)
    with working(process, worker=worker), _aside(process, web=web):
        server.run() if server else told.wait()
    telemetry.end_traces()


@contextmanager
def _aside(process: Process, *, web: bool) -> Iterator[None]:
    """A worker's numbers and health are served beside it, where METRICS_PORT is set."""
    port = process.settings.metrics_port
    if web or not port:
        yield
        return
    server = _server(api.aside(process.database, ready=process.ready), process.settings.host, port)
    thread = threading.Thread(target=server.run, name="aside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(5)


def _ending(process: Process, end: Callable[[int, FrameType | None], None]) -> Callable[[int, FrameType | None], None]:
    """Nothing new is taken from the signal on, whatever else has to end first."""

    def told(number: int, frame: FrameType | None) -> None:
        process.worker.close()
        end(number, frame)

    return told


def migrate(settings: Settings) -> None:
    """Bring the database to the newest schema."""
    migrate_to_newest(settings.database_url)


def check(settings: Settings) -> list[str]:
    """Lint every offering, and compare its contract with the recorded one; a line for each. Raises Misconfigured.

    Settings may be missing: an author's machine has no Jira. What would be missed at boot is said.
    """
    read_groups(settings.folder)
    classes = catalogue.handler_classes()
    lines = []
    for offering in catalogue.read_offerings(settings.offerings):
        handlers = catalogue.handlers_of(offering, classes)
        absent = sorted({name for cls in handlers for name in catalogue.unset(cls, settings.environment)})
        absent += [KEY] if offering.takes_secrets and not settings.keys else []
        needs = f" To boot with it, set {', '.join(absent)}." if absent else ""
        lines.append(golden.compare(offering, settings.folder) + needs)
        lines += catalogue.oddities(offering)
    return lines


def record_contracts(settings: Settings) -> list[str]:
    """Write the contract of every offering and version into the offerings folder; the files that were written."""
    written = [golden.record(each, settings.folder) for each in catalogue.read_offerings(settings.offerings)]
    return [str(path) for path in written if path]


def create_token(settings: Settings, person: str) -> str:
    """A bearer token for somebody; told once. Raises Refused."""
    with _service(settings) as service:
        return service.create_token(person)


def revoke_tokens(settings: Settings, person: str) -> int:
    """End all tokens of somebody; how many there were. Raises Refused."""
    with _service(settings) as service:
        return service.revoke_tokens(person)


@contextmanager
def _service(settings: Settings) -> Iterator[Service]:
    database = Database(settings.database_url)
    directory: Directory = NoDirectory()
    if settings.slack:
        directory = SlackDirectory(door.client(settings.slack_bot_token, settings.slack_api_url))
    try:
        if not is_current(database):
            raise Misconfigured(
                "is not at the schema of this code.", where="DATABASE_URL", hint="Run frontdesk migrate (or run) first."
            )
        yield Service(database, Catalogue({}, {}, {}), Groups(directory))
    finally:
        database.close()


@contextmanager
def working(process: Process, *, worker: bool) -> Iterator[None]:
    """Worker and socket run while the block does, and give a sign of life."""
    process.presence.start()
    if worker:
        process.worker.start()
    if process.socket:
        process.socket.start()
    try:
        yield
    finally:
        if process.socket:
            process.socket.stop()
        process.worker.stop()
        process.presence.stop()
        process.database.close()


class _Server(uvicorn.Server):
    """Looks twice a second whether it is to end, where uvicorn looks ten times: that took most of what an idle process did."""

    async def main_loop(self) -> None:
        """Until it is to end."""
        while not await self.on_tick(0):  # noqa: ASYNC110 - it is told to end by an attribute
            await asyncio.sleep(_TICK)


def _server(application: FastAPI, host: str, port: int) -> uvicorn.Server:
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    return _Server(config)


def _announce(process: Process, *, web: bool, worker: bool) -> None:
    """What runs, and what is not set: the first lines of every log."""
    settings = process.settings
    parts = " and ".join(name for name, on in (("web", web), ("worker", worker)) if on)
    names = ", ".join(offering.name for offering in process.catalogue.newest())
    log.info("Frontdesk %s with %s; offerings: %s", parts, process.database.url.render_as_string(), names)
    caution = process.database.caution()
    if caution:
        log.warning("%s", caution)
    if web:
        log.info("HTTP on http://%s:%s", settings.host, settings.port)
    if not settings.slack:
        log.warning("SLACK_BOT_TOKEN is not set: there is no Slack, and what is to be said there waits.")
    elif settings.slack_app_token:
        log.info("Slack over Socket Mode, at %s", settings.slack_api_url)
    else:
        log.info("Slack over signed HTTP at /slack/events; its Web API at %s", settings.slack_api_url)
