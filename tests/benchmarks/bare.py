"""The floor: a Bolt app that only acknowledges, behind the same server, in the same pool of threads, read by Bolt's adapter.

    python -m tests.benchmarks.bare PORT before|default

`before`: Bolt's `process_before_response=True`, as the bot has it. `default`: Bolt as it comes.
"""

import re
import sys
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI
from slack_bolt import Ack, App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_bolt.authorization import AuthorizeResult
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.slack.population import SIGNING_SECRET


def build(*, before: bool) -> App:
    """The app."""
    app = App(
        signing_secret=SIGNING_SECRET,
        authorize=lambda **_context: AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-bare"),
        process_before_response=before,
    )

    @app.command("/platform")
    def command(ack: Ack) -> None:
        ack()

    @app.view(re.compile(".*"))
    def view(ack: Ack) -> None:
        ack()

    return app


def _endpoint(app: App) -> Callable[[Request], Awaitable[Response]]:
    async def events(request: Request) -> Response:
        asked = to_bolt_request(request, await request.body())
        return to_starlette_response(await run_in_threadpool(app.dispatch, asked))

    return events


def main(port: int, *, before: bool) -> None:
    """Until it is ended."""
    web = FastAPI()
    web.router.routes.append(Route("/slack/events", _endpoint(build(before=before)), methods=["POST"]))
    web.router.routes.append(Route("/readyz", lambda _request: Response("ready")))
    uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=port, log_level="warning", access_log=False)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), before=sys.argv[2] == "before")
