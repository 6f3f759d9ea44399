"""What people may read: requests, instances, and what waits for them."""

from dataclasses import dataclass
from typing import Any

from bot import story
from bot.errors import NotFound
from bot.service.desk import Desk
from bot.store import reads, unsaid
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord, parse_number
from bot.story import Story


@dataclass(frozen=True)
class Page:
    """A page of a listing; `next` continues it."""

    items: list[Any]
    next: int | None


class Reading(Desk):
    """Answers questions; changes nothing."""

    def show(self, person: PersonRecord, number: str) -> RequestRecord:
        """One request with its story. Raises NotFound, also for one that this person may not read."""
        key = parse_number("REQ", number)
        record = self._request(key) if key else None
        if record is None or not self.permissions.may_read(person, record, self._offering_of(record)):
            raise NotFound(f"There is no request {number} that you may see.")
        return record

    def story(self, person: PersonRecord, number: str) -> Story:
        """All that can be told of a request. Raises NotFound, also for one that this person may not read."""
        record = self.show(person, number)
        with self.database.read() as session:
            instance = reads.instance(session, record.instance_id)
            return story.of(record, instance, unsaid.of_request(session, record.id))

    def mine(self, person: PersonRecord, *, before: int | None = None, limit: int = 50) -> Page:
        """What this person asked for, newest first."""
        with self.database.read() as session:
            ids = reads.request_ids_of(session, person.id, before=before, limit=limit)
            return Page(reads.requests(session, ids), ids[-1] if len(ids) == limit else None)

    def requests(
        self,
        person: PersonRecord,
        *,
        state: str | None = None,
        offering: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Page:
        """What this person may read, newest first."""
        found: list[RequestRecord] = []
        while len(found) < limit:
            with self.database.read() as session:
                states = [state] if state else None
                ids = reads.request_ids(session, states=states, offering=offering, before=before, limit=limit)
                page = reads.requests(session, ids)
            found += [r for r in page if self.permissions.may_read(person, r, self._offering_of(r))]
            if len(ids) < limit:
                return _page(found, limit, more=False)
            before = ids[-1]
        return _page(found, limit, more=True)

    def waiting(self, person: PersonRecord) -> list[RequestRecord]:
        """What waits for a decision or an answer of this person, oldest first."""
        with self.database.read() as session:
            records = reads.requests(session, reads.open_request_ids(session))
        return [record for record in records if self.permissions.waits_for(person, record)]

    def instances(self, person: PersonRecord, *, before: int | None = None, limit: int = 50) -> Page:
        """What this person lives with, newest first."""
        with self.database.read() as session:
            ids = reads.instance_ids_of(session, person.id, before=before, limit=limit)
            return Page(reads.instances(session, ids), ids[-1] if len(ids) == limit else None)

    def instance(self, person: PersonRecord, number: str) -> InstanceRecord:
        """One instance. Raises NotFound, also for one that this person may not read."""
        key = parse_number("INS", number)
        with self.database.read() as session:
            record = reads.instance(session, key) if key else None
        offering = self.catalogue.offering(record.offering, record.version) if record else None
        if record is None or not self.permissions.may_read_instance(person, record, offering):
            raise NotFound(f"There is no instance {number} that you may see.")
        return record


def _page(found: list[RequestRecord], limit: int, *, more: bool) -> Page:
    items = found[:limit]
    return Page(items, items[-1].id if items and (more or len(found) > limit) else None)
