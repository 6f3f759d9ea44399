"""A line that is cut where an answer should be: for both stand-ins."""

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Cut(Response):
    """Resets the connection: the caller cannot know what became of the request.

    ASGI has no word for it. uvicorn's `receive` belongs to the object that has the transport; under another server
    the answer breaks off in the middle, which a caller cannot tell apart.
    """

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()
            await anyio.sleep(0.01)
            return
        headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def nobody(_request: Request, _error: Exception) -> Response:
    """For ClientDisconnect: whoever began to ask was killed while they did, and nobody reads an answer."""
    return Cut()
