"""Bodies are limited before anything reads them, and before anybody's token or signature is checked. Pure ASGI."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEBIBYTE = 1024 * 1024
#: A client that is still sending hears a reset instead of our answer if we hang up at once, so what it sends is thrown
#: away for a while (nginx calls it a lingering close).
LINGER_BYTES, LINGER_SECONDS = 16 * MEBIBYTE, 5

Refusal = Callable[[int], Response]


class BodyLimit:
    """Reads a body of at most `limit` bytes and hands it on whole; a larger one is answered with `refuse(limit)`.

    Counts what arrives, so a chunked body and a Content-Length that lies are the same case.
    """

    def __init__(self, app: ASGIApp, limit: int = MEBIBYTE, *, refuse: Refusal | None = None) -> None:
        self.app, self.limit, self.refuse = app, limit, refuse or _plainly

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.limit:
            await self._hang_up(receive, send)
            return
        body = await self._read(receive)
        if body is None:
            await self._hang_up(receive, send)
        else:
            await self.app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> list[Message] | None:
        """The messages of one body; None when it is too large. The last one may say that the client is gone."""
        messages: list[Message] = []
        size = 0
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
            size += len(messages[-1].get("body", b""))
            if size > self.limit:
                return None
        return messages

    async def _hang_up(self, receive: Receive, send: Send) -> None:
        answer = self.refuse(self.limit)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _throw_away(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _throw_away(receive: Receive) -> None:
    size, more = 0, True
    while more and size < LINGER_BYTES:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        size += len(message.get("body", b""))


def _declared(scope: Scope) -> int:
    """Content-Length; 0 without one, or where it is no number (the server answers that itself)."""
    value = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"")
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _replay(messages: list[Message], receive: Receive) -> Callable[[], Awaitable[Message]]:
    waiting = iter(messages)

    async def replay() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return replay


def _plainly(limit: int) -> Response:
    return Response(f"The body is larger than {limit} bytes.\n", 413, media_type="text/plain")
