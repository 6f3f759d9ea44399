"""Web API methods about the team, apps, people, user groups and channels.

Source: the methods' pages under docs.slack.dev/reference/methods.
"""

from typing import TYPE_CHECKING

from bot.demo.slack.entities import JSON, Channel, Group, Person, SlackError
from bot.demo.slack.web_api import Request, method

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

CHANNEL_SCOPES = {"public": "channels", "private": "groups", "direct": "im"}


@method("api.test")
def api_test(request: Request) -> JSON:
    return {"args": request.arguments}


@method("auth.test")
def auth_test(request: Request) -> JSON:
    app, workspace = request.app, request.workspace
    return {
        "url": f"{workspace.base_url}/",
        "team": workspace.name,
        "user": app.name,
        "team_id": workspace.team_id,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "app_id": app.id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open")
def apps_connections_open(request: Request) -> JSON:
    ticket = request.workspace.sockets.ticket(request.app.id)
    address = request.workspace.base_url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={ticket}&app_id={request.app.id}"}


@method("team.info", "team:read")
def team_info(request: Request) -> JSON:
    workspace = request.workspace
    domain = workspace.name.lower()
    return {"team": {"id": workspace.team_id, "name": workspace.name, "domain": domain, "email_domain": ""}}


@method("bots.info", "users:read")
def bots_info(request: Request) -> JSON:
    wanted = request.text("bot")
    for app in request.workspace.apps.values():
        if wanted in {"", app.bot_id}:
            bot = {"id": app.bot_id, "app_id": app.id, "user_id": app.user_id, "name": app.name, "deleted": False}
            return {"bot": bot}
    raise SlackError("bot_not_found")


# -- people


def person_json(request: Request, person: Person) -> JSON:
    """A user object; the e-mail address needs users:read.email."""
    profile = {"real_name": person.name, "display_name": person.handle, "team": request.workspace.team_id}
    if person.email and "users:read.email" in request.app.scopes:
        profile["email"] = person.email
    return {
        "id": person.id,
        "team_id": request.workspace.team_id,
        "name": person.handle,
        "real_name": person.name,
        "deleted": person.deleted,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": 0,
        "profile": profile,
        "is_bot": bool(person.bot_id),
        "is_app_user": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "updated": 0,
    }


@method("users.info", "users:read")
def users_info(request: Request) -> JSON:
    person = request.workspace.people.get(request.required("user"))
    if person is None:
        raise SlackError("user_not_found")
    return {"user": person_json(request, person)}


@method("users.list", "users:read")
def users_list(request: Request) -> JSON:
    people, metadata = request.page(request.workspace.people.values(), 1000)
    return {"members": [person_json(request, person) for person in people], "response_metadata": metadata}


@method("users.lookupByEmail", "users:read.email")
def users_lookup_by_email(request: Request) -> JSON:
    wanted = request.required("email").lower()
    for person in request.workspace.people.values():
        if person.email.lower() == wanted and not person.deleted:
            return {"user": person_json(request, person)}
    raise SlackError("users_not_found")


@method("users.conversations", "channels:read", "groups:read", "im:read")
def users_conversations(request: Request) -> JSON:
    member = request.text("user") or request.app.user_id
    found = [channel for channel in _of_types(request) if member in channel.members]
    channels, metadata = request.page(found, 100)
    return {"channels": [channel_json(request, channel) for channel in channels], "response_metadata": metadata}


# -- user groups


@method("usergroups.list", "usergroups:read")
def usergroups_list(request: Request) -> JSON:
    return {"usergroups": [_group_json(request, group) for group in request.workspace.groups.values()]}


@method("usergroups.users.list", "usergroups:read")
def usergroups_users_list(request: Request) -> JSON:
    group = request.workspace.groups.get(request.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}


def _group_json(request: Request, group: Group) -> JSON:
    body: JSON = {
        "id": group.id,
        "team_id": request.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "date_delete": 0,
        "user_count": len(group.members),
    }
    return body | ({"users": list(group.members)} if request.flag("include_users") else {})


# -- channels


def visible(request: Request, name: str) -> Channel:
    """A channel that the bot may know of, by id or name. Raises channel_not_found."""
    try:
        channel = request.workspace.channel(name)
    except KeyError:
        raise SlackError("channel_not_found") from None
    if (channel.private or channel.direct) and request.app.user_id not in channel.members:
        raise SlackError("channel_not_found")
    return channel


def kind_of(channel: Channel) -> str:
    return "direct" if channel.direct else "private" if channel.private else "public"


def readable(request: Request, right: str) -> Channel:
    """The call's channel, if the app has the scope for its kind: `channels:read`, `groups:history`, ..."""
    channel = visible(request, request.required("channel"))
    request.needs(f"{CHANNEL_SCOPES[kind_of(channel)]}:{right}")
    return channel


def channel_json(request: Request, channel: Channel) -> JSON:
    body: JSON = {"id": channel.id, "created": channel.created, "is_im": channel.direct}
    if channel.direct:
        return body | {"user": next(member for member in channel.members if member != request.app.user_id)}
    return body | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": channel.private,
        "is_mpim": False,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_member": request.app.user_id in channel.members,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def _of_types(request: Request) -> list[Channel]:
    names = {"public_channel": "public", "private_channel": "private", "im": "direct", "mpim": ""}
    asked = (request.text("types") or "public_channel").split(",")
    if unknown := [name for name in asked if name not in names]:
        raise SlackError("invalid_types", response_metadata={"messages": unknown})
    kinds = {names[name] for name in asked}
    for kind in kinds - {""}:
        request.needs(f"{CHANNEL_SCOPES[kind]}:read")
    me, hide = request.app.user_id, request.flag("exclude_archived")
    return [
        channel
        for channel in request.workspace.channels.values()
        if kind_of(channel) in kinds
        and (kind_of(channel) == "public" or me in channel.members)
        and not (hide and channel.archived)
    ]


@method("conversations.list")
def conversations_list(request: Request) -> JSON:
    channels, metadata = request.page(_of_types(request), 100)
    return {"channels": [channel_json(request, channel) for channel in channels], "response_metadata": metadata}


@method("conversations.info")
def conversations_info(request: Request) -> JSON:
    return {"channel": channel_json(request, readable(request, "read"))}


@method("conversations.members")
def conversations_members(request: Request) -> JSON:
    members, metadata = request.page(readable(request, "read").members, 100)
    return {"members": members, "response_metadata": metadata}


@method("conversations.join", "channels:join")
def conversations_join(request: Request) -> JSON:
    channel = visible(request, request.required("channel"))
    if kind_of(channel) != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    with request.workspace.changing():
        if request.app.user_id not in channel.members:
            channel.members.append(request.app.user_id)
    return {"channel": channel_json(request, channel)}


@method("conversations.open", "im:write")
def conversations_open(request: Request) -> JSON:
    users = [user for user in request.text("users").split(",") if user]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("not_enabled")
    channel = direct_with(request.workspace, request.app.user_id, users[0])
    return {"channel": channel_json(request, channel) if request.flag("return_im") else {"id": channel.id}}


def direct_with(workspace: "Workspace", bot_user: str, user: str) -> Channel:
    """The direct messages between the bot and a person; opened if need be."""
    if user not in workspace.people:
        raise SlackError("user_not_found")
    return workspace.direct(user, bot_user)
