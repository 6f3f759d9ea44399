"""Files that people have uploaded in forms, read where Slack keeps them.

https://docs.slack.dev/reference/block-kit/block-elements/file-input-element: 10 MB each, and the scope files:read.
"""

import httpx
from slack_sdk import WebClient

from bot.errors import PermanentError, TemporaryError
from bot.slack.errors import translated

#: Bytes, and seconds.
LARGEST, PATIENCE = 10 * 1024 * 1024, 30.0


class SlackFiles:
    """Reads files by their ids."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def read(self, file_id: str, owner: str = "") -> bytes:
        """What is in it; `owner`: if this person has uploaded it. Raises TemporaryError, PermanentError."""
        with translated("The file"):
            file = self._client.files_info(file=file_id)["file"]
        if owner and file.get("user") != owner:
            raise PermanentError("Is no file that you have uploaded. Choose it again.")
        if file.get("size", 0) > LARGEST:
            raise PermanentError(f"The file {file.get('name')} is larger than {LARGEST:,} bytes.")
        headers = {"Authorization": f"Bearer {self._client.token}"}
        try:
            answer = httpx.get(file["url_private"], headers=headers, timeout=PATIENCE, trust_env=False)
        except httpx.HTTPError as error:
            raise TemporaryError(f"Slack does not hand out the file {file.get('name')}: {error}") from error
        if answer.status_code != httpx.codes.OK or len(answer.content) != file["size"]:  # a page that asks to sign in
            raise PermanentError(f"Slack does not hand out the file {file.get('name')}: is files:read granted?")
        return answer.content
