"""A workspace and an app of Bolt's, each on a socket of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler as BuiltinHandler
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler as WebsocketHandler
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.server import build
from bot.demo.slack.client import Client
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.population import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, populated
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer


@pytest.fixture(scope="module")
def slack_server() -> Iterator[StandingServer]:
    with StandingServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def app_server() -> Iterator[StandingServer]:
    with StandingServer().running() as server:
        yield server


@pytest.fixture
def workspace(slack_server: StandingServer) -> Workspace:
    workspace = populated()
    workspace.base_url = slack_server.url
    slack_server.serve(build(workspace))
    return workspace


@pytest.fixture
def installed(workspace: Workspace) -> Installed:
    return next(iter(workspace.apps.values()))


@pytest.fixture
def bolt(workspace: Workspace) -> App:
    """The app under test; the tests add their listeners."""
    client = WebClient(token=BOT_TOKEN, base_url=f"{workspace.base_url}/api/")
    return App(client=client, signing_secret=SIGNING_SECRET)


@pytest.fixture
def over_http(bolt: App, installed: Installed, app_server: StandingServer) -> None:
    handler = SlackRequestHandler(bolt)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    app_server.serve(Starlette(routes=[Route("/slack/events", events, methods=["POST"])]))
    installed.request_url = f"{app_server.url}/slack/events"


@pytest.fixture(params=["http", "builtin socket", "websocket_client socket"])
def connected(request: pytest.FixtureRequest, workspace: Workspace, installed: Installed, bolt: App) -> Iterator[None]:
    if request.param == "http":
        request.getfixturevalue("over_http")
        yield
        return
    kind: Any = BuiltinHandler if request.param.startswith("builtin") else WebsocketHandler
    handler = kind(bolt, app_token=APP_TOKEN)
    handler.connect()
    workspace.until(lambda: workspace.sockets.connected(installed.id))
    yield
    handler.close()


@pytest.fixture
def ada(workspace: Workspace) -> Client:
    return workspace.person("ada")
