"""Serves only a browser on this machine that shows this page.

Another site's page could otherwise act here through the reader's browser (a forged form, a WebSocket, or a name that
resolves to 127.0.0.1); so the Host must be local, and what is not a plain read must come from the same origin. Nothing
that is not ours is loaded or run: https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REFUSAL = "This page answers only to a browser on this machine."


class Guard:
    """ASGI middleware around the page's routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self._local(host) or not self._same_origin(scope, headers, host):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await Response(REFUSAL, 403)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_headers(host)]
            await send(message)

        await self.app(scope, receive, sending)

    @staticmethod
    def _local(host: str) -> bool:
        return urlsplit("//" + host).hostname in {"127.0.0.1", "localhost"}

    @staticmethod
    def _same_origin(scope: Scope, headers: Mapping[str, str], host: str) -> bool:
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            return True
        return headers.get("origin") == f"http://{host}"


def _headers(host: str) -> list[tuple[bytes, bytes]]:
    return [
        (
            b"content-security-policy",
            (
                f"default-src 'self'; connect-src 'self' ws://{host}; object-src 'none'; "
                "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ).encode(),
        ),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-cache"),
    ]
