"""Web API methods about views, and blocks.validate.

Source: docs.slack.dev/reference/methods/views.open and its neighbours.
"""

from typing import Any

from bot.demo.slack import views
from bot.demo.slack.entities import JSON, View, problems_error
from bot.demo.slack.web_api import Request, method, missing
from bot.slack.rules.limits import message_problems, view_problems


def _view(request: Request) -> Any:
    body = request.json("view")
    if body is None:
        raise missing("view")
    return body


def _answer(request: Request, view: View) -> JSON:
    return {"view": view.as_json(request.app.bot_id)}


@method("views.open")
def views_open(request: Request) -> JSON:
    return _answer(
        request, views.open_view(request.workspace, request.app, request.required("trigger_id"), _view(request))
    )


@method("views.push")
def views_push(request: Request) -> JSON:
    return _answer(
        request, views.push_view(request.workspace, request.app, request.required("trigger_id"), _view(request))
    )


@method("views.update")
def views_update(request: Request) -> JSON:
    view_id, external_id = request.text("view_id"), request.text("external_id")
    if not view_id and not external_id:
        raise missing("view_id")
    view = views.update_view(
        request.workspace,
        request.app,
        _view(request),
        view_id=view_id,
        external_id=external_id,
        known=request.text("hash"),
    )
    return _answer(request, view)


@method("views.publish")
def views_publish(request: Request) -> JSON:
    user, known = request.required("user_id"), request.text("hash")
    return _answer(request, views.publish(request.workspace, request.app, user, _view(request), known))


@method("blocks.validate")
def blocks_validate(request: Request) -> JSON:
    """A view, or the blocks of a message; valid, or invalid_arguments with the reasons."""
    view, blocks = request.json("view"), request.json("blocks")
    if view is None and blocks is None:
        raise missing("blocks")
    problems = view_problems(view) if view is not None else message_problems(blocks)
    if problems:
        raise problems_error("invalid_arguments", problems, "/view" if view is not None else "")
    return {}
