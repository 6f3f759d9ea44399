"""What an app's acknowledgement does to the person's screen; each function gives what the client tells the person.

Sources: docs.slack.dev/interactivity/handling-user-interaction, docs.slack.dev/surfaces/modals ("Responding to
view_submission"). Slack's client keeps its reasons to itself; `workspace.complaints()` has them.
"""

from typing import TYPE_CHECKING, Any

from bot.demo.slack import views
from bot.demo.slack.entities import JSON, App, Delivery, Message, SlackError, View
from bot.slack.rules.limits import message_problems

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"


def of_command(workspace: "Workspace", app: App, payload: JSON, line: str, delivery: Delivery) -> str | None:
    """An answer to a slash command: nothing, text, or a message that one or all see."""
    if delivery.status != 200:
        error = "operation_timeout" if delivery.status is None else "dispatch_failed"
        return f'{payload["command"]} failed with the error "{error}"'
    answer = {"text": delivery.answer} if isinstance(delivery.answer, str) else delivery.answer
    if not answer:
        return None
    if problems := message_problems(answer.get("blocks") or [], answer.get("text", "")):
        workspace.record(f"{payload['command']}: {problems[0]}")
        return f'{payload["command"]} failed with the error "dispatch_failed"'
    public = answer.get("response_type") == "in_channel"
    if public:
        workspace.add_message(Message(payload["channel_id"], "", payload["user_id"], text=line))
    only_for = "" if public else payload["user_id"]
    workspace.add_message(message_from(app, payload["channel_id"], answer, only_for))
    return None


def message_from(app: App, channel: str, body: JSON, only_for: str = "") -> Message:
    """The message that an app answers with."""
    blocks = views.with_ids(body.get("blocks") or [])
    return Message(
        channel,
        "",
        app.user_id,
        text=body.get("text") or "",
        blocks=blocks,
        thread_ts=body.get("thread_ts") or "",
        app_id=app.id,
        bot_id=app.bot_id,
        metadata=body.get("metadata"),
        only_for=only_for,
    )


def of_submission(workspace: "Workspace", app: App, view: View, delivery: Delivery) -> str | None:
    """An answer to a view_submission: close, errors, update, push or clear."""
    try:
        _respond(workspace, app, view, delivery)
    except _Unusable as error:
        workspace.record(f"view_submission: {error}")
        return TROUBLE
    except SlackError as error:
        reasons = error.more.get("response_metadata", {}).get("messages", [error.error])
        workspace.record(f"view_submission: {'; '.join(reasons)}")
        return TROUBLE
    return None


class _Unusable(Exception):
    """An acknowledgement that Slack's client cannot use."""


def _respond(workspace: "Workspace", app: App, view: View, delivery: Delivery) -> None:
    if delivery.status != 200:
        raise _Unusable(f"status {delivery.status}")
    answer = delivery.answer
    if answer is None or answer == {}:
        _close(workspace, view)
        return
    kind = answer.get("response_action") if isinstance(answer, dict) else None
    if kind == "clear":
        with workspace.changing():
            workspace.stacks.pop(view.person, None)
    elif kind == "errors":
        _show_errors(workspace, view, answer.get("errors"))
    elif kind == "update":
        views.replace(workspace, app, view, answer.get("view"))
    elif kind == "push":
        new = views.new_view(workspace, app, view.person, answer.get("view"))
        views.put_on_top(workspace, workspace.stacks[view.person], new)
    else:
        raise _Unusable(f"no known response_action: {kind}")


def _close(workspace: "Workspace", view: View) -> None:
    with workspace.changing():
        stack = workspace.stacks.get(view.person, [])
        if view in stack:
            stack.remove(view)


def _show_errors(workspace: "Workspace", view: View, errors: Any) -> None:
    fields = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise _Unusable("no errors")
    if strange := sorted(set(errors) - fields):
        raise _Unusable(f"errors for what is no input block: {', '.join(strange)}")
    if not all(isinstance(text, str) and text for text in errors.values()):
        raise _Unusable("an error without a text")
    with workspace.changing():
        view.errors = dict(errors)


def of_suggestion(workspace: "Workspace", delivery: Delivery) -> list[JSON]:
    """The options, or the groups of options, for an external select; too many show as none, as in Slack."""
    answer = delivery.answer if isinstance(delivery.answer, dict) else {}
    if delivery.status != 200 or not answer:
        return []
    found: list[JSON] = answer.get("options") or answer.get("option_groups") or []
    kind = "options" if answer.get("options") else "option_groups"
    if problems := _suggestion_problems(kind, found):
        workspace.record(f"block_suggestion: {problems[0]}")
        return []
    return found


def _suggestion_problems(kind: str, found: Any) -> list[str]:
    if not found:
        return []
    element = {"type": "static_select", "action_id": "a", kind: found}
    return message_problems([{"type": "actions", "elements": [element]}])
