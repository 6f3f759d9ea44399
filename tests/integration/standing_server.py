"""A server that stands for a whole test file, with another application for each test: starting one takes longer."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.demo.server import Server


class StandingServer:
    """`serve` puts an application behind the address until the next one comes."""

    def __init__(self) -> None:
        self._application: ASGIApp | None = None
        self._server = Server(self)

    @property
    def url(self) -> str:
        return self._server.url

    def serve(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._application is None:
            raise RuntimeError("nothing is served yet")
        await self._application(scope, receive, send)

    @contextmanager
    def running(self) -> Iterator["StandingServer"]:
        with self._server:
            yield self
