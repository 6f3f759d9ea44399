"""Files that people choose in file inputs, as Slack describes and hands them out.

Sources: docs.slack.dev/reference/objects/file-object, docs.slack.dev/reference/methods/files.info.
"""

import mimetypes
import secrets
from typing import TYPE_CHECKING

from bot.demo.slack.entities import JSON, SlackError
from bot.demo.slack.web_api import Request, method

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

#: Bytes that a file input takes: docs.slack.dev/reference/block-kit/block-elements/file-input-element
LARGEST = 10 * 1024 * 1024


def keep(workspace: "Workspace", person: str, name: str, content: bytes) -> JSON:
    """A file that somebody chose, as it stands in a view's state."""
    file_id = f"F{secrets.token_hex(5).upper()}"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    address = f"{workspace.base_url}/files-pri/{file_id}"
    file: JSON = {
        "id": file_id,
        "created": int(workspace.clock()),
        "name": name,
        "title": name,
        "mimetype": kind,
        "filetype": name.rpartition(".")[2].lower(),
        "user": person,
        "size": len(content),
        "mode": "hosted",
        "is_external": False,
        "url_private": address,
        "url_private_download": address,
    }
    with workspace.changing():
        workspace.files[file_id] = file, content
    return file


@method("files.info", "files:read")
def files_info(request: Request) -> JSON:
    found = request.workspace.files.get(request.required("file"))
    if found is None:
        raise SlackError("file_not_found")
    return {"file": found[0]}


def content(workspace: "Workspace", file_id: str, token: str) -> bytes | None:
    """What is in a file, for an app that may read it; None: nobody is told whether it is there."""
    app = next((app for app in workspace.apps.values() if app.bot_token == token), None)
    found = workspace.files.get(file_id)
    return found[1] if app and found and "files:read" in app.scopes else None
