"""The stacks of modals and the Home tabs: open, push, update, publish, close, with what Slack refuses.

Sources: docs.slack.dev/reference/methods/views.open, .push, .update, .publish; docs.slack.dev/surfaces/modals.
"""

import copy
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bot.demo.slack import inputs
from bot.demo.slack.entities import JSON, App, SlackError, Trigger, View, problems_error
from bot.slack.rules import sizes
from bot.slack.rules.limits import size, view_problems

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace


def new_trigger(workspace: "Workspace", app: App, person: str, view_id: str = "") -> str:
    """A trigger id for one interaction of a person."""
    moment = workspace.clock()
    trigger_id = f"{int(moment * 1000)}.{secrets.randbelow(10**10):010d}.{secrets.token_hex(16)}"
    with workspace.changing():
        workspace.triggers[trigger_id] = Trigger(app.id, person, moment, view_id)
    return trigger_id


def open_view(workspace: "Workspace", app: App, trigger_id: str, body: Any) -> View:
    """`views.open`: a new stack; with a trigger from an open modal, on top of that one."""
    with workspace.changing():
        trigger = _usable(workspace, app, trigger_id)
        view = _checked(workspace, app, trigger.person, body, "modal")
        stack = workspace.stacks.get(trigger.person, [])
        if trigger.view_id in {below.id for below in stack}:
            return _pushed(workspace, trigger, stack, view)
        trigger.used = True
        workspace.stacks[trigger.person] = [view]
        return view


def push_view(workspace: "Workspace", app: App, trigger_id: str, body: Any) -> View:
    """`views.push`: on top of the modal that the trigger came from."""
    with workspace.changing():
        trigger = _usable(workspace, app, trigger_id)
        view = _checked(workspace, app, trigger.person, body, "modal")
        stack = workspace.stacks.get(trigger.person, [])
        if trigger.view_id not in {below.id for below in stack}:
            raise SlackError("not_found")
        return _pushed(workspace, trigger, stack, view)


def _pushed(workspace: "Workspace", trigger: Trigger, stack: list[View], view: View) -> View:
    put_on_top(workspace, stack, view)
    trigger.used = True
    return view


def put_on_top(workspace: "Workspace", stack: list[View], view: View) -> None:
    """Push, for a trigger or for `response_action: push`. Raises SlackError."""
    if len(stack) >= sizes.VIEW_STACK:
        raise SlackError("push_limit_reached")
    view.root_id, view.previous_id = stack[0].id, stack[-1].id
    with workspace.changing():
        stack.append(view)


def update_view(workspace: "Workspace", app: App, body: Any, *, view_id: str, external_id: str, known: str) -> View:
    """`views.update`, by id or external id; `known` is the hash that the caller saw, or empty."""
    with workspace.changing():
        view = _find(workspace, app, view_id, external_id)
        if known and known != view.hash:
            raise SlackError("hash_conflict")
        replace(workspace, app, view, body)
        return view


def replace(workspace: "Workspace", app: App, view: View, body: Any) -> None:
    """Another content for a view; what was typed stays where block_id and action_id stay. Raises SlackError."""
    new = _checked(workspace, app, view.person, body, str(view.body["type"]), view)
    with workspace.changing():
        view.values = inputs.values(new.body, view.values)
        view.body, view.hash, view.errors = new.body, new.hash, {}


def publish(workspace: "Workspace", app: App, person: str, body: Any, known: str) -> View:
    """`views.publish`: a person's Home tab."""
    with workspace.changing():
        if person not in workspace.people:
            raise SlackError("user_not_found")
        old = workspace.homes.get(person)
        if known and (old is None or known != old.hash):
            raise SlackError("hash_conflict")
        view = _checked(workspace, app, person, body, "home", old)
        if old is not None:
            view.id = view.root_id = old.id
        workspace.homes[person] = view
        return view


def new_view(workspace: "Workspace", app: App, person: str, body: Any) -> View:
    """A checked modal that lies on no stack yet. Raises SlackError."""
    return _checked(workspace, app, person, body, "modal")


def _usable(workspace: "Workspace", app: App, trigger_id: str) -> Trigger:
    trigger = workspace.triggers.get(trigger_id)
    if trigger is None or trigger.app_id != app.id:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if workspace.clock() - trigger.made > workspace.patience:
        raise SlackError("expired_trigger_id")
    return trigger


def _find(workspace: "Workspace", app: App, view_id: str, external_id: str) -> View:
    for view in _all(workspace):
        mine = view.app_id == app.id
        if mine and (view.id == view_id or (external_id and view.body.get("external_id") == external_id)):
            return view
    raise SlackError("not_found")


def _all(workspace: "Workspace") -> Iterator[View]:
    for stack in workspace.stacks.values():
        yield from stack
    yield from workspace.homes.values()


def _checked(
    workspace: "Workspace", app: App, person: str, body: Any, kind: str, instead_of: View | None = None
) -> View:
    if size(body) > sizes.VIEW_BYTES:
        raise SlackError("view_too_large")
    problems = view_problems(body)
    if not problems and body["type"] != kind:
        problems = [f"/type: must be {kind}"]
    if problems:
        raise problems_error("invalid_arguments", problems, "/view")
    _refuse_duplicate(workspace, body.get("external_id"), instead_of)
    body = named(body)
    view_id = f"V{secrets.token_hex(5).upper()}"
    moment = f"{int(workspace.clock())}.{secrets.token_hex(4)}"
    return View(view_id, app.id, workspace.team_id, person, moment, body, view_id, values=inputs.values(body))


def _refuse_duplicate(workspace: "Workspace", external_id: str | None, instead_of: View | None) -> None:
    if external_id and any(
        view.body.get("external_id") == external_id and view is not instead_of for view in _all(workspace)
    ):
        raise SlackError("duplicate_external_id")


def named(body: JSON) -> JSON:
    """A copy in which every block has a block_id and every element an action_id: Slack makes up the missing ones."""
    body = {key: item for key, item in copy.deepcopy(body).items() if item is not None}
    body["blocks"] = with_ids(body["blocks"])
    return body


def with_ids(blocks: list[JSON]) -> list[JSON]:
    """The same for the blocks of a message."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in (block.get("element"), block.get("accessory"), *block.get("elements", ())):
            if isinstance(element, dict) and element.get("type") in {*inputs.ANSWERS, "button", "overflow"}:
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return blocks
