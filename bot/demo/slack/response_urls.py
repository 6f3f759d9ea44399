"""What an app may do at a response URL: answer an interaction 5 times in 30 minutes.

Source: docs.slack.dev/interactivity/handling-user-interaction, "Message responses".
"""

from typing import TYPE_CHECKING, Any

from bot.demo.slack.acknowledgements import message_from
from bot.demo.slack.entities import JSON, ResponseUrl, SlackError
from bot.demo.slack.messages_api import checked, rewrite

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

USES = 5
SECONDS = 30 * 60


def respond(workspace: "Workspace", token: str, body: Any) -> None:
    """Do what the app asks for. Raises SlackError: `used_url`, `expired_url`, and what chat.postMessage refuses."""
    with workspace.changing():
        address = workspace.response_urls.get(token)
        if address is None or address.uses >= USES:
            raise SlackError("used_url")
        if workspace.clock() - address.made > SECONDS:
            raise SlackError("expired_url")
        if not isinstance(body, dict):
            raise SlackError("invalid_payload")
        address.uses += 1
        _apply(workspace, address, body)


def _apply(workspace: "Workspace", address: ResponseUrl, body: JSON) -> None:
    source = workspace.message(address.channel, address.ts) if address.ts else None
    if body.get("delete_original"):
        if source is None:
            raise SlackError("message_not_found")
        workspace.remove_message(source)
        return
    text, blocks = checked(body.get("text") or "", body.get("blocks") or [])
    if body.get("replace_original") and source is not None:
        rewrite(workspace, source, text, blocks)
        return
    only_for = "" if body.get("response_type") == "in_channel" else address.person
    app = workspace.apps[address.app_id]
    workspace.add_message(message_from(app, address.channel, body, only_for))
