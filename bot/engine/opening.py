"""Opens in the moment of the call what is only named before: secrets of the environment and of forms, and files."""

import base64
import json
import re
from collections.abc import Callable

from bot.errors import PermanentError
from bot.offering import FILE
from bot.safe import Safe
from bot.store import files, reads, sealed
from bot.store.database import Database
from bot.store.records import request_number

#: `REQ-12/password`, the name of a secret that somebody gave in a form (bot.offering.secret_name).
_FROM_FORM = re.compile(r"REQ-[\d?]+/")


#: Reads a file elsewhere by its id, if the person of that Slack id has uploaded it; an empty one: nobody is known.
Fetch = Callable[[str, str], bytes]


def no_fetch(file_id: str, _owner: str) -> bytes:
    """Without a Slack there are no files in it."""
    raise PermanentError(f"The file {file_id} is in Slack, which this process does not reach.")


class Secrets:
    """Gives secrets by their names."""

    def __init__(self, database: Database, named: Callable[[str], str], safe: Safe, fetch: Fetch) -> None:
        """`named` gives those of the environment, `safe` has those of forms, `fetch` reads files that are in Slack."""
        self._database, self._named, self._safe, self._fetch = database, named, safe, fetch

    def of(self, request_id: int, name: str) -> str:
        """A secret or a file of this very request's form, or one of the environment. Raises PermanentError."""
        if name.startswith(FILE):
            return base64.b64encode(self._file(request_id, name.removeprefix(FILE))).decode()
        if not _FROM_FORM.match(name):
            return self._named(name)
        number, _, rest = name.partition("/")
        if number != request_number(request_id):
            raise PermanentError(f"{name} is a secret of another request.")
        with self._database.read() as session:
            kept = sealed.find(session, request_id, f"/{rest}")
        if kept is None:
            raise PermanentError(f"The secret {name} is gone: it is kept until its request ends.")
        return self._safe.get(kept)

    def _file(self, request_id: int, file_id: str) -> bytes:
        with self._database.read() as session:
            request, file = reads.request(session, request_id), files.find(session, file_id)
            person = reads.person_by_id(session, file.person_id) if file else None
        owner = (person.slack_id if person else None) or ""
        if request is None or file is None or json.dumps(file_id) not in json.dumps(dict(request.form)):
            raise PermanentError(f"{file_id} is no file of this request.")
        return self._fetch(file_id, owner) if file.content is None else file.content
