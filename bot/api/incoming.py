"""Where other systems call: `POST /NAME/events`, for each handler that hears.

Answered as soon as it is written down, and with 200 also where nothing is of interest: what is refused would be sent again.
"""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from bot.news import Newsroom


def install(app: FastAPI, newsroom: Newsroom) -> None:
    """A door for each. What does not prove whose it is, is answered with 401."""
    for name in newsroom.doors:
        _open(app, newsroom, name)


def _open(app: FastAPI, newsroom: Newsroom, name: str) -> None:
    async def events(request: Request) -> Response:
        body = await request.body()
        count = await run_in_threadpool(newsroom.hear, name, dict(request.headers), body)
        return JSONResponse({"looked_at": count})

    app.add_api_route(f"/{name}/events", events, methods=["POST"], include_in_schema=False)
