"""What the admins of a workspace do, and the events by which apps hear of it.

An event that an app does not acknowledge is sent again three times: docs.slack.dev/apis/events-api ("Error handling").
Payloads: docs.slack.dev/reference/events/<name>.
"""

import threading
import time
from typing import TYPE_CHECKING

from bot.demo.slack import interactions
from bot.demo.slack.delivery import deliver
from bot.demo.slack.directory_api import person_json
from bot.demo.slack.entities import JSON, App, Channel
from bot.demo.slack.web_api import Request

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace


def archive(workspace: "Workspace", name: str, *, archived: bool = True) -> None:
    """Archive a channel, or bring it back."""
    channel = workspace.channel(name)
    with workspace.changing():
        channel.archived = archived
    event = f"{_prefix(channel)}_{'archive' if archived else 'unarchive'}"
    _tell(workspace, {"type": event, "channel": channel.id, "user": "U01ADMIN"}, channel)


def rename(workspace: "Workspace", name: str, new: str) -> None:
    """Give a channel another name; its id stays."""
    channel = workspace.channel(name)
    with workspace.changing():
        channel.name = new
    told = {"id": channel.id, "name": new, "created": channel.created}
    _tell(workspace, {"type": f"{_prefix(channel)}_rename", "channel": told}, channel)


def replace_id(workspace: "Workspace", name: str, new: str) -> None:
    """Give a channel another id, as a move between workspaces does."""
    channel = workspace.channel(name)
    old = channel.id
    with workspace.changing():
        workspace.move_channel(channel, new)
    _tell(workspace, {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new}, channel)


def invite(workspace: "Workspace", name: str, app: App) -> None:
    """Make an app's bot a member of a channel."""
    channel = workspace.channel(name)
    with workspace.changing():
        channel.members.append(app.user_id)
    told = {"type": "member_joined_channel", "user": app.user_id, "channel": channel.id, "team": workspace.team_id}
    _tell(workspace, told, channel)


def deactivate(workspace: "Workspace", who: str) -> None:
    """Somebody leaves; user groups keep them until an admin looks."""
    person = workspace.find_person(who)
    with workspace.changing():
        person.deleted = True
    for app in workspace.apps.values():
        _tell_app(workspace, app, {"type": "user_change", "user": person_json(Request(workspace, app, {}), person)})


def introduce(workspace: "Workspace", who: str, email: str) -> None:
    """Somebody's profile shows an address, or another one."""
    person = workspace.find_person(who)
    with workspace.changing():
        person.email = email
    for app in workspace.apps.values():
        _tell_app(workspace, app, {"type": "user_change", "user": person_json(Request(workspace, app, {}), person)})


def regroup(workspace: "Workspace", handle: str, *members: str) -> None:
    """A user group has other members."""
    group = next(each for each in workspace.groups.values() if each.handle == handle)
    ids = [workspace.find_person(member).id for member in members]
    added, removed = [i for i in ids if i not in group.members], [i for i in group.members if i not in ids]
    with workspace.changing():
        group.members = ids
    told: JSON = {"type": "subteam_members_changed", "subteam_id": group.id, "team_id": workspace.team_id}
    told |= {"added_users": added, "removed_users": removed}
    _tell(workspace, told)


def tell(workspace: "Workspace", app: App, payload: JSON) -> None:
    """Send an event, and again in the background if the app does not acknowledge it."""
    if deliver(workspace, app, payload).status != 200:
        threading.Thread(target=_again, args=(workspace, app, payload), name="events", daemon=True).start()


def _tell(workspace: "Workspace", body: JSON, channel: Channel | None = None) -> None:
    for app in workspace.apps.values():
        if channel is None or not channel.private or app.user_id in channel.members:
            _tell_app(workspace, app, body)


def _tell_app(workspace: "Workspace", app: App, body: JSON) -> None:
    tell(workspace, app, interactions.event(workspace, app, body))


def _again(workspace: "Workspace", app: App, payload: JSON) -> None:
    for number, pause in enumerate(workspace.event_pauses, 1):
        time.sleep(pause)
        if deliver(workspace, app, payload, retry=number, reason="http_error").status == 200:
            return


def _prefix(channel: Channel) -> str:
    return "group" if channel.private else "channel"
