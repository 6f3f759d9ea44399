"""A status page that takes notices over HTTP: what the demo's `notice` offering calls."""

from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route


class StatusPage:
    """Keeps one notice for each `Idempotency-Key`."""

    def __init__(self) -> None:
        self.notices: dict[str, dict[str, str]] = {}

    def build(self) -> Starlette:
        """`POST /api/notices`, and `/` for people."""
        routes = [Route("/api/notices", self._take, methods=["POST"]), Route("/", self._show)]
        return Starlette(routes=routes)

    async def _take(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        self.notices.setdefault(key, await request.json())
        return JSONResponse({}, 201)

    async def _show(self, _request: Request) -> Response:
        told = "".join(
            f"<li>{escape(str(each.get('level')))}: {escape(str(each.get('title')))}</li>"
            for each in self.notices.values()
        )
        return HTMLResponse(
            f"<!doctype html><title>Status</title><h1>Status</h1><ul>{told or '<li>All is well.</li>'}</ul>"
        )
