"""The stand-in on HTTP: Jira's REST API under `/rest/api/{2,3,latest}`, and pages on which the demo's links lead."""

import json
from pathlib import Path
from typing import Any

import anyio
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.demo.cut import Cut, nobody
from bot.demo.jira import hands
from bot.demo.jira.api import answer
from bot.demo.jira.site import Answer, JiraStandIn, Received, moment

_LARGEST = 1_000_000
_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_PAGES.filters["moment"] = moment
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY"}


def build(jira: JiraStandIn) -> Starlette:
    """The application. `/` lists the issues, `/browse/DBA-1` shows one, with what a person may do to it."""

    async def rest(request: Request) -> Response:
        given, delay = await run_in_threadpool(answer, jira, await _received(request))
        await anyio.sleep(delay)
        return Cut() if given.cut else _response(given)

    def index(_: Request) -> HTMLResponse:
        with jira.lock:
            return _page("index.html", projects=jira.projects.values(), issues=list(jira.issues.values()))

    def browse(request: Request) -> HTMLResponse:
        with jira.lock:
            issue = jira.find(request.path_params["key"])
            people = [person for person in jira.accounts if not person.token]
            return _page(
                "issue.html",
                status=200 if issue else 404,
                issue=issue,
                people=people,
                projects=list(jira.projects.values()),
            )

    async def act(request: Request) -> Response:
        """Somebody presses a button of an issue's page. A page elsewhere on the web may not."""
        if request.headers.get("origin") != str(request.base_url).rstrip("/"):
            return HTMLResponse("This page answers to itself only.", 403)
        async with request.form() as form:
            said = {name: value for name, value in form.items() if isinstance(value, str)}
        key = await run_in_threadpool(hands.act, jira, request.path_params["key"], said)
        return RedirectResponse(f"/browse/{key}" if key else "/", 303)

    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(
        routes=[
            Route("/", index),
            Route("/browse/{key}", browse),
            Route("/browse/{key}", act, methods=["POST"]),
            Route("/rest/api/{version}/{path:path}", rest, methods=methods),
        ],
        # A page elsewhere on the web could make a name of its own point to 127.0.0.1.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={ClientDisconnect: nobody},
    )


async def _received(request: Request) -> Received:
    raw = b""
    async for chunk in request.stream():
        raw += chunk[: _LARGEST - len(raw)]
    return Received(
        request.method,
        request.path_params["path"],
        request.path_params["version"],
        list(request.query_params.multi_items()),
        {name.lower(): value for name, value in request.headers.items()},
        _parsed(raw),
        str(request.base_url).rstrip("/"),
    )


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def _response(given: Answer) -> Response:
    headers = dict(given.headers)
    if given.page is not None:
        return HTMLResponse(given.page, given.status, headers)
    if given.status == 204:
        return Response(status_code=204, headers=headers)
    return JSONResponse(given.body, given.status, headers)


def _page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_PAGES.get_template(template).render(values), status, _HEADERS)
