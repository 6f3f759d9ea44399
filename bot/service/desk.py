"""What every use case stands on: the store, the catalogue, and who may do what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.catalogue import Catalogue
from bot.errors import Conflict
from bot.lifecycle import RequestState
from bot.offering import Offering
from bot.options import Sources
from bot.people import Directory, Groups
from bot.permissions import Permissions
from bot.safe import NoSafe, Safe
from bot.service.recent import Recent
from bot.store import incoming, reads
from bot.store.database import Database, Tx
from bot.store.progress import Moved
from bot.store.records import PersonRecord, RequestRecord
from bot.story import stands


class Desk:
    """The parts that the use cases share."""

    def __init__(self, database: Database, catalogue: Catalogue, groups: Groups, safe: Safe | None = None) -> None:
        self.sources = Sources()
        self.database, self.catalogue, self.groups, self.safe = database, catalogue, groups, safe or NoSafe()
        self.permissions = Permissions(groups)
        self._usual = Recent[timedelta | None](database.now)
        self._known = Recent[PersonRecord | None](database.now)

    @property
    def directory(self) -> Directory:
        """Where people are looked up."""
        return self.groups.directory

    def _request(self, request_id: int) -> RequestRecord | None:
        with self.database.read() as session:
            return reads.request(session, request_id)

    def _offering_of(self, record: RequestRecord | None) -> Offering[Any] | None:
        return self.catalogue.offering(record.offering, record.version) if record else None

    def _require_state(self, record: RequestRecord, *states: RequestState) -> None:
        if record.state not in states:
            raise Conflict(f"{stands(record)} Nothing was changed.")

    def _change(self, record: RequestRecord, change: Callable[[Tx], Any], click: str = "") -> RequestRecord:
        """Write, or say who was first: as this transaction sees it, for the winner's may not be on disk yet."""
        with self.database.write() as tx:
            self._require_first(tx, click)
            try:
                change(tx)
            except Moved:
                now = reads.request(tx, record.id) or record
                raise Conflict(f"{stands(now)} Nothing was changed.") from None
            changed = reads.request(tx, record.id)
        return changed or record

    def _require_first(self, tx: Tx, click: str) -> None:
        """What is done about a click is stored together with having heard it. Raises Conflict if that is so already."""
        if click and not incoming.first(tx, click):
            raise Conflict("This came in before. Nothing was changed.")
