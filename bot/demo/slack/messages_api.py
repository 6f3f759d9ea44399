"""Web API methods about messages: chat.*, the histories, and what a response URL does.

Source: docs.slack.dev/reference/methods/chat.postMessage and its neighbours.
"""

import math
from typing import TYPE_CHECKING, Any

from bot.demo.slack import views
from bot.demo.slack.directory_api import direct_with, kind_of, readable, visible
from bot.demo.slack.entities import JSON, Channel, Message, SlackError, problems_error
from bot.demo.slack.web_api import RateLimited, Request, method
from bot.slack.rules import sizes
from bot.slack.rules.limits import message_problems

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace


def content(request: Request) -> tuple[str, list[JSON]]:
    """Text and blocks of a call. Raises no_text, msg_too_long, invalid_blocks_format, invalid_blocks."""
    blocks = request.json("blocks", "invalid_blocks_format") or []
    return checked(request.text("text"), blocks)


def checked(text: str, blocks: Any) -> tuple[str, list[JSON]]:
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > sizes.MESSAGE_TEXT:
        raise SlackError("msg_too_long")
    if problems := message_problems(blocks):
        raise problems_error("invalid_blocks", problems)
    return text, views.with_ids(blocks)


def _metadata(request: Request) -> JSON | None:
    metadata = request.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_schema")
    return metadata


def _destination(request: Request) -> Channel:
    """Where a message goes: a channel by id or name, or a person's direct messages."""
    name, me = request.text("channel"), request.app.user_id
    if not name:
        raise SlackError("channel_not_found")
    if name in request.workspace.people:
        return direct_with(request.workspace, me, name)
    channel = visible(request, name)
    if channel.archived:
        raise SlackError("is_archived")
    if me not in channel.members and "chat:write.public" not in request.app.scopes:
        raise SlackError("not_in_channel")
    return channel


def _wait_your_turn(workspace: "Workspace", app_id: str, channel: Channel) -> None:
    """One message per second and channel, where the workspace is that strict."""
    if not workspace.message_interval:
        return
    mine = [message for message in workspace.messages(channel.id) if message.app_id == app_id]
    left = float(mine[-1].ts) + workspace.message_interval - workspace.clock() if mine else 0.0
    if left > 0:
        raise RateLimited(math.ceil(left))


def _thread(request: Request, channel: Channel) -> str:
    ts = request.text("thread_ts")
    parent = request.workspace.message(channel.id, ts) if ts else None
    if ts and (parent is None or parent.ephemeral):
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts if parent else ""


@method("chat.postMessage", "chat:write")
def chat_post_message(request: Request) -> JSON:
    channel = _destination(request)
    text, blocks = content(request)
    app = request.app
    thread_ts, metadata = _thread(request, channel), _metadata(request)
    with request.workspace.changing():
        _wait_your_turn(request.workspace, app.id, channel)
        message = request.workspace.add_message(
            Message(channel.id, "", app.user_id, text, blocks, thread_ts, app.id, app.bot_id, metadata)
        )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json()}


@method("chat.postEphemeral", "chat:write")
def chat_post_ephemeral(request: Request) -> JSON:
    channel = _destination(request)
    text, blocks = content(request)
    user, app = request.required("user"), request.app
    if user not in request.workspace.people or user not in channel.members:
        raise SlackError("user_not_in_channel")
    thread_ts = _thread(request, channel)
    message = request.workspace.add_message(
        Message(channel.id, "", app.user_id, text, blocks, thread_ts, app.id, app.bot_id, only_for=user)
    )
    return {"message_ts": message.ts}


def _existing(request: Request, key: str) -> Message:
    """A message of a channel that the app may know. Nothing finds an ephemeral one again."""
    channel = visible(request, request.required("channel"))
    message = request.workspace.message(channel.id, request.required(key))
    if message is None or message.ephemeral:
        raise SlackError("message_not_found")
    return message


@method("chat.update", "chat:write")
def chat_update(request: Request) -> JSON:
    message = _existing(request, "ts")
    if message.app_id != request.app.id:
        raise SlackError("cant_update_message")
    if request.workspace.channels[message.channel].archived:
        raise SlackError("is_inactive")
    text, blocks = content(request)
    blocks = blocks if "blocks" in request.arguments else message.blocks  # an empty list takes them away
    metadata = _metadata(request) if request.text("metadata") else message.metadata
    rewrite(request.workspace, message, text, blocks)
    message.metadata = metadata
    return {"channel": message.channel, "ts": message.ts, "text": text, "message": message.as_json()}


def rewrite(workspace: "Workspace", message: Message, text: str, blocks: list[JSON]) -> None:
    """Another content for a message, in place."""
    with workspace.changing():
        message.text, message.blocks, message.edited = text, blocks, workspace.new_ts()


@method("chat.delete", "chat:write")
def chat_delete(request: Request) -> JSON:
    message = _existing(request, "ts")
    if message.app_id != request.app.id:
        raise SlackError("cant_delete_message")
    request.workspace.remove_message(message)
    return {"channel": message.channel, "ts": message.ts}


def permalink(workspace: "Workspace", message: Message) -> str:
    """The address of a message; Slack's form, on our server."""
    return f"{workspace.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"


@method("chat.getPermalink")
def chat_get_permalink(request: Request) -> JSON:
    message = _existing(request, "message_ts")
    return {"channel": message.channel, "permalink": permalink(request.workspace, message)}


def _since(request: Request, channel: Channel) -> list[Message]:
    """What was said in a channel after `oldest`, for everybody to see."""
    oldest = request.text("oldest") or "0"
    return [m for m in request.workspace.messages(channel.id) if not m.ephemeral and float(m.ts) > float(oldest)]


@method("conversations.history")
def conversations_history(request: Request) -> JSON:
    channel = readable(request, "history")
    if request.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    found = [m for m in _since(request, channel) if m.thread_ts in {"", m.ts}]
    messages, metadata = request.page(reversed(found), 100)
    listed = [message.as_json(metadata=request.flag("include_all_metadata")) for message in messages]
    return {"messages": listed, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}


@method("conversations.replies")
def conversations_replies(request: Request) -> JSON:
    channel, ts = readable(request, "history"), request.required("ts")
    if kind_of(channel) == "public" and request.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    parent = request.workspace.message(channel.id, ts)
    if parent is None or parent.ephemeral:
        raise SlackError("thread_not_found")
    replies = [m for m in _since(request, channel) if m.thread_ts == ts and m.ts != ts]
    messages, metadata = request.page([parent, *replies], 1000)
    listed = [message.as_json(metadata=request.flag("include_all_metadata")) for message in messages]
    return {"messages": listed, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}
