"""The payloads that Slack sends when a person does something.

Sources: docs.slack.dev/reference/interaction-payloads, docs.slack.dev/interactivity/implementing-slash-commands.
"""

import re
import secrets
from typing import TYPE_CHECKING

from bot.demo.slack.entities import JSON, App, Channel, Message, Person, ResponseUrl, View
from bot.demo.slack.views import new_trigger

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

VERIFICATION_TOKEN = "local"  # noqa: S105 - Slack's long deprecated field; a signature replaced it


def response_url(workspace: "Workspace", app: App, person: str, channel: str, ts: str = "") -> str:
    """A new address where the app may answer this interaction."""
    token = secrets.token_hex(16)
    with workspace.changing():
        workspace.response_urls[token] = ResponseUrl(app.id, person, channel, ts, workspace.clock())
    return f"{workspace.base_url}/response/{token}"


def channel_name(channel: Channel) -> str:
    """The name as payloads have it."""
    return "directmessage" if channel.direct else channel.name


def slash_command(workspace: "Workspace", app: App, person: Person, channel: Channel, name: str, text: str) -> JSON:
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "team_domain": workspace.name.lower(),
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.handle,
        "command": name,
        "text": text,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
        "response_url": response_url(workspace, app, person.id, channel.id),
        "trigger_id": new_trigger(workspace, app, person.id),
    }


def _common(workspace: "Workspace", app: App, person: Person, kind: str, **more: object) -> JSON:
    return {
        "type": kind,
        "user": {
            "id": person.id,
            "username": person.handle,
            "name": person.handle,
            "team_id": workspace.team_id,
        },
        "api_app_id": app.id,
        "token": VERIFICATION_TOKEN,
        "team": {"id": workspace.team_id, "domain": workspace.name.lower()},
        "enterprise": None,
        "is_enterprise_install": False,
        **more,
    }


def message_action(
    workspace: "Workspace", app: App, person: Person, message: Message, action: JSON, state: JSON
) -> JSON:
    """`block_actions` from a message."""
    channel = workspace.channels[message.channel]
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _common(
        workspace,
        app,
        person,
        "block_actions",
        trigger_id=new_trigger(workspace, app, person.id),
        container=container,
        channel={"id": channel.id, "name": channel_name(channel)},
        state={"values": state},
        response_url=response_url(workspace, app, person.id, channel.id, message.ts),
        actions=[action | {"action_ts": workspace.new_ts()}],
    )
    # Slack does not send the content of an ephemeral message back.
    return payload if message.ephemeral else payload | {"message": message.as_json()}


def view_action(workspace: "Workspace", app: App, person: Person, view: View, action: JSON) -> JSON:
    """`block_actions` from a modal or a Home tab."""
    shown = view.as_json(app.bot_id)
    return _common(
        workspace,
        app,
        person,
        "block_actions",
        trigger_id=new_trigger(workspace, app, person.id, view.id),
        container={"type": "view", "view_id": view.id},
        view=shown,
        state=shown["state"],
        actions=[action | {"action_ts": workspace.new_ts()}],
    )


def view_submission(workspace: "Workspace", app: App, person: Person, view: View) -> JSON:
    trigger = new_trigger(workspace, app, person.id, view.id)
    shown = view.as_json(app.bot_id)
    return _common(workspace, app, person, "view_submission", trigger_id=trigger, view=shown, response_urls=[])


def view_closed(workspace: "Workspace", app: App, person: Person, view: View, *, cleared: bool) -> JSON:
    """Without what stood in its fields: a payload as Slack sends it is in bolt-python's tests (authorization)."""
    shown = view.as_json(app.bot_id) | {"state": {"values": {}}}
    return _common(workspace, app, person, "view_closed", view=shown, is_cleared=cleared)


def block_suggestion(
    workspace: "Workspace", app: App, person: Person, view: View, block_id: str, action_id: str, text: str
) -> JSON:
    return _common(
        workspace,
        app,
        person,
        "block_suggestion",
        container={"type": "view", "view_id": view.id},
        view=view.as_json(app.bot_id),
        action_id=action_id,
        block_id=block_id,
        value=text,
    )


def shortcut(workspace: "Workspace", app: App, person: Person, callback_id: str, message: Message | None) -> JSON:
    """A global shortcut, or with a message a message shortcut (`message_action`)."""
    more: JSON = {
        "callback_id": callback_id,
        "trigger_id": new_trigger(workspace, app, person.id),
        "action_ts": workspace.new_ts(),
    }
    if message is None:
        return _common(workspace, app, person, "shortcut", **more)
    channel = workspace.channels[message.channel]
    more |= {
        "message": message.as_json(),
        "message_ts": message.ts,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "response_url": response_url(workspace, app, person.id, channel.id, message.ts),
    }
    return _common(workspace, app, person, "message_action", **more)


def event(workspace: "Workspace", app: App, body: JSON) -> JSON:
    """An Events API envelope around one event."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "api_app_id": app.id,
        "event": body | {"event_ts": workspace.new_ts()},
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(workspace.clock()),
        "authorizations": [
            {"enterprise_id": None, "team_id": workspace.team_id, "user_id": app.user_id, "is_bot": True}
        ],
        "is_ext_shared_channel": False,
    }


def escaped(workspace: "Workspace", text: str) -> str:
    """A command's text as `should_escape` sends it: people, groups, channels, e-mail addresses and links in brackets.

    Source: docs.slack.dev/interactivity/implementing-slash-commands, "Escape channels, users, and links".
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"https?://\S+", lambda found: f"<{found[0]}>", text)
    text = re.sub(r"(?<![\w.:/@])[\w.+-]+@[\w-]+\.[\w.-]*\w", lambda found: f"<mailto:{found[0]}|{found[0]}>", text)
    text = re.sub(r"(?<![\w.:/<@])@([\w.-]*\w)", lambda found: _mention(workspace, found[1]) or found[0], text)
    return re.sub(r"(?<![\w&/])#([\w-]+)", lambda found: _channel_mention(workspace, found[1]) or found[0], text)


def _mention(workspace: "Workspace", handle: str) -> str | None:
    for person in workspace.people.values():
        if person.handle.lower() == handle.lower():
            return f"<@{person.id}|{person.handle}>"
    for group in workspace.groups.values():
        if group.handle.lower() == handle.lower():
            return f"<!subteam^{group.id}|@{group.handle}>"
    return None


def _channel_mention(workspace: "Workspace", name: str) -> str | None:
    for channel in workspace.channels.values():
        if channel.name and channel.name == name:
            return f"<#{channel.id}|{channel.name}>"
    return None
