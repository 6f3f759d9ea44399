"""Opens secrets in the moment of the call: the environment's, and those that people gave in forms."""

import re
from collections.abc import Callable

from bot.errors import PermanentError
from bot.safe import Safe
from bot.store import sealed
from bot.store.database import Database
from bot.store.records import request_number

#: `REQ-12/password`, the name of a secret that somebody gave in a form (bot.offering.secret_name).
_FROM_FORM = re.compile(r"REQ-[\d?]+/")


class Secrets:
    """Gives secrets by their names."""

    def __init__(self, database: Database, named: Callable[[str], str], safe: Safe) -> None:
        """`named` gives those of the environment, `safe` has those of forms."""
        self._database, self._named, self._safe = database, named, safe

    def of(self, request_id: int, name: str) -> str:
        """A secret of this very request's form, or one of the environment. Raises PermanentError."""
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
