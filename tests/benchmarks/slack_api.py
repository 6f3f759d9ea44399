"""What stands outside: the least of Slack's Web API that the bot calls, and Jira's stand-in, in a process of their own.

Not the demo's workspace: that one checks triggers, limits and tokens, and its work would compete with the bot's for the
machine. This one answers at once, so what is measured is the bot.

    python -m tests.benchmarks.slack_api SLACK_PORT JIRA_PORT
"""

import itertools
import sys
import threading
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.site import JiraStandIn
from bot.demo.server import Server

_stamps = itertools.count(1)


async def answer(request: Request) -> Response:
    """Yes to everything; UADA is ada@example.com."""
    method = request.path_params["method"]
    given = dict(request.query_params)
    if not request.headers.get("content-type", "").startswith("application/json"):
        given |= {key: str(value) for key, value in (await request.form()).items()}
    more = _MORE[method](given) if method in _MORE else {}
    return JSONResponse({"ok": True, **more})


def _person(given: dict[str, str]) -> dict[str, object]:
    who = given.get("user") or "U" + given.get("email", "").partition("@")[0].upper()
    profile = {"real_name": who, "email": f"{who[1:].lower()}@example.com"}
    return {"user": {"id": who, "team_id": "T1", "profile": profile, "tz": "Europe/Paris"}}


def _message(given: dict[str, str]) -> dict[str, object]:
    return {"channel": given.get("channel", "C1"), "ts": f"{given.get('ts') or next(_stamps)}"}


_MORE: dict[str, Callable[[dict[str, str]], dict[str, object]]] = {
    "users.info": _person,
    "users.lookupByEmail": _person,
    "usergroups.list": lambda _given: {
        "usergroups": [{"id": f"S{n}", "handle": handle} for n, handle in enumerate(("dba", "data-platform"))]
    },
    "usergroups.users.list": lambda _given: {"users": ["UGRACE"]},
    "chat.postMessage": _message,
    "chat.update": _message,
    "chat.getPermalink": lambda _given: {"permalink": "https://example.com/card"},
    "conversations.open": lambda given: {"channel": {"id": f"D{given.get('users', '')}"}},
    "conversations.list": lambda _given: {"channels": [{"id": "C1", "name": "data-platform", "is_member": True}]},
    "views.open": lambda _given: {"view": {"id": "V1", "hash": "1"}},
}


def main(slack: int, jira: int) -> None:
    """Until it is ended."""
    site = JiraStandIn()
    jira_population.populate(site)
    slack_routes = [Route("/api/{method}", answer, methods=["GET", "POST"])]
    with Server(Starlette(routes=slack_routes), port=slack), Server(jira_server.build(site), port=jira):
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
