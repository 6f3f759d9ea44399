"""Where other systems call: `POST /NAME/events`, for each handler that hears.

Answered as soon as it is written down, and with 200 also where nothing is of interest: what is refused would be sent again.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.news import Newsroom


def routes(newsroom: Newsroom) -> list[Route]:
    """One for each. What does not prove whose it is, is answered with 401."""
    return [_route(newsroom, name) for name in newsroom.doors]


def _route(newsroom: Newsroom, name: str) -> Route:
    async def events(request: Request) -> Response:
        body = await request.body()
        count = await run_in_threadpool(newsroom.hear, name, dict(request.headers), body)
        return JSONResponse({"looked_at": count})

    return Route(f"/{name}/events", events, methods=["POST"])
