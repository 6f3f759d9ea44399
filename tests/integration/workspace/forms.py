"""What an app sends to the workspace, and what people see there."""

import asyncio
from collections.abc import Callable
from typing import Any

from slack_bolt import App
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.slack.client import Client
from bot.demo.slack.entities import View
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer

JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def option(value: str) -> JSON:
    return {"text": plain(value.title()), "value": value}


def field(block_id: str, kind: str = "plain_text_input", **more: Any) -> JSON:
    outer: JSON = {key: more.pop(key) for key in ("optional", "dispatch_action") if key in more}
    element = {"type": kind, "action_id": "answer", **more}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **outer}


def modal(*blocks: JSON, title: str = "Form", **more: Any) -> JSON:
    view = {"type": "modal", "callback_id": "form", "title": plain(title), "submit": plain("Send"), **more}
    return view | {"blocks": list(blocks) or [{"type": "section", "text": plain("Nothing to fill in")}]}


def button(action_id: str, value: str = "REQ-1") -> JSON:
    return {"type": "button", "action_id": action_id, "text": plain(action_id.title()), "value": value}


def card(*elements: JSON) -> list[JSON]:
    return [
        {"type": "section", "text": plain("REQ-1")},
        {"type": "actions", "block_id": "card", "elements": [*elements]},
    ]


def noting(seen: list[Any], what: Callable[[JSON], Any] = lambda body: body) -> Callable[[Any, JSON], None]:
    """A listener that acknowledges and notes something of the payload."""

    def listener(ack: Any, body: JSON) -> None:
        seen.append(what(body))
        ack()

    return listener


def shown(person: Client) -> View:
    """The modal that they see; there must be one."""
    view = person.view()
    assert view is not None
    return view


def opens(bolt: App, view: JSON, answer: JSON | None = None) -> list[JSON]:
    """/platform opens this view; each submission ends up in the list, and is acknowledged with `answer` as it is then."""
    submissions: list[JSON] = []

    @bolt.command("/platform")
    def command(ack: Any, command: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=command["trigger_id"], view=view)

    @bolt.view("form")
    def submitted(ack: Any, body: Any) -> None:
        submissions.append(body)
        ack(**(answer or {}))

    return submissions


def open_form(workspace: Workspace, ada: Client) -> View:
    ada.type_command("#general", "/platform")
    assert ada.notice() is None
    workspace.until(ada.view)
    return shown(ada)


def falls_silent(app_server: StandingServer) -> None:
    """From now on the app answers only after half a second."""

    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.5)
        return Response()

    app_server.serve(Starlette(routes=[Route("/slack/events", slow, methods=["POST"])]))


OPTIONS = [option("small"), option("large")]


def answers(submission: JSON) -> JSON:
    """Without the types: `{block_id: what it holds}`."""
    values = submission["view"]["state"]["values"]
    return {block: next(v for k, v in state["answer"].items() if k != "type") for block, state in values.items()}
