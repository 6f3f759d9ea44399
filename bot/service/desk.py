"""What every use case stands on: the store, the catalogue, who may do what, and one sentence on where a request stands."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from bot.catalogue import Catalogue
from bot.errors import Conflict
from bot.lifecycle import RequestState
from bot.offering import Offering
from bot.options import Sources
from bot.people import Directory, Groups
from bot.permissions import Permissions
from bot.safe import NoSafe, Safe
from bot.store import reads
from bot.store.database import Database, Tx
from bot.store.progress import Moved
from bot.store.records import RequestRecord


class Desk:
    """The parts that the use cases share."""

    def __init__(self, database: Database, catalogue: Catalogue, groups: Groups, safe: Safe | None = None) -> None:
        self.sources = Sources()
        self.database, self.catalogue, self.groups, self.safe = database, catalogue, groups, safe or NoSafe()
        self.permissions = Permissions(groups)

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
            raise Conflict(f"{story(record)} Nothing was changed.")

    def _change(self, record: RequestRecord, change: Callable[[Tx], Any]) -> RequestRecord:
        """Write, or say who was first: as this transaction sees it, for the winner's may not be on disk yet."""
        with self.database.write() as tx:
            try:
                change(tx)
            except Moved:
                now = reads.request(tx, record.id) or record
                raise Conflict(f"{story(now)} Nothing was changed.") from None
            changed = reads.request(tx, record.id)
        return changed or record


def when(at: datetime) -> str:
    """For people who read it outside Slack."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"


#: The event that brought a request into its state.
_LED_TO = {"awaiting_approval": ("submitted", "edited"), "fulfilling": ("retried", "approved", "submitted")}


def story(record: RequestRecord) -> str:
    """One sentence: where the request stands, since when and by whom."""
    names: Iterable[str] = _LED_TO.get(record.state, (str(record.state),))
    event = next((e for e in reversed(record.events) if e.name in names), None)
    state = str(record.state).replace("_", " ")
    if event is None:
        return f"{record.number} is {state}."
    by = f" by {event.person.label}" if event.person and event.name not in ("submitted", "edited") else ""
    if event.name == record.state:
        return f"{record.number} was {event.name}{by} on {when(event.at)}."
    return f"{record.number} is {state}: {event.name}{by} on {when(event.at)}."
