"""The workspace over real HTTP and WebSocket, and a server in a thread for it (and for any other ASGI application)."""

import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from bot.demo.cut import Cut, nobody

# The methods register themselves where they are imported.
from bot.demo.slack import directory_api, files_api, messages_api, views_api, web_api
from bot.demo.slack.entities import JSON, SlackError
from bot.demo.slack.response_urls import respond
from bot.demo.slack.workspace import Workspace

LOOPBACK = "127.0.0.1"
METHOD_MODULES = (directory_api, files_api, messages_api, views_api)


def build(workspace: Workspace, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Slack's addresses for this workspace: `/api/METHOD`, `/response/…`, `/link`; `routes` adds the page's."""

    async def api(request: Request) -> Response:
        try:
            arguments = await _arguments(request)
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_json"})
        token = _token(request, arguments)
        answer = await run_in_threadpool(web_api.call, workspace, request.path_params["method"], token, arguments)
        if answer.cut:
            return Cut()
        if answer.body is None:
            return PlainTextResponse("upstream error", answer.status)
        return JSONResponse(answer.body, answer.status, dict(answer.headers))

    async def response(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            await run_in_threadpool(respond, workspace, request.path_params["token"], body)
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_payload"}, 400)
        except SlackError as error:
            status = 404 if error.error in {"used_url", "expired_url"} else 400
            return JSONResponse({"ok": False, "error": error.error, **error.more}, status)
        return PlainTextResponse("ok")

    slack = [
        Route("/files-pri/{file}", _files_of(workspace)),
        Route("/api/{method}", api, methods=["GET", "POST"]),
        Route("/response/{token}", response, methods=["POST"]),
        WebSocketRoute("/link/", workspace.sockets.serve),
    ]
    # A page elsewhere on the web could make a name of its own point to 127.0.0.1: only our own names are served.
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return Starlette(routes=[*slack, *routes], middleware=[hosts], exception_handlers={ClientDisconnect: nobody})


def _files_of(workspace: Workspace) -> Callable[[Request], Awaitable[Response]]:
    async def file(request: Request) -> Response:
        found = files_api.content(workspace, request.path_params["file"], _token(request, {}))
        # Slack shows a page to sign in instead, with 200.
        return PlainTextResponse("Sign in to Slack") if found is None else Response(found)

    return file


async def _arguments(request: Request) -> JSON:
    """The arguments of a call, from the query and from a JSON, form or multipart body. Raises ValueError."""
    arguments: JSON = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        body = json.loads(await request.body() or b"{}")
        if not isinstance(body, dict):
            raise ValueError("no object")
        return arguments | body
    async with request.form() as form:
        return arguments | {key: value for key, value in form.items() if isinstance(value, str)}


def _token(request: Request, arguments: JSON) -> str:
    """From the header, or from the body; it is not kept among the arguments."""
    token = str(arguments.pop("token", "") or "")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" else token


class Server:
    """Any ASGI application on 127.0.0.1, in a thread of its own; also a context manager.

    Port 0 takes a free one. `url` is known from the start, so that the application can be told before it serves.
    """

    def __init__(self, application: Any = None, *, port: int = 0) -> None:
        # The protocol is named, so that asyncio turns Nagle off.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise
        self.application = application
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve; returns once requests are answered. Raises RuntimeError if the application does not start."""
        config = uvicorn.Config(
            self.application,
            log_level="warning",
            ws="websockets-sansio",
            lifespan="auto",
            timeout_graceful_shutdown=2,
        )
        server = self._server = uvicorn.Server(config)
        thread = self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, name=f"server-{self.port}", daemon=True
        )
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError(f"the server on port {self.port} did not start")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and free the port; does nothing twice."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(workspace: Workspace, routes: Sequence[BaseRoute] = (), *, port: int = 0) -> Server:
    """A started server for a workspace, which then knows its address."""
    server = Server(port=port)
    workspace.base_url = server.url
    server.application = build(workspace, routes)
    return server.start()
