"""What people may read: requests, instances, and what waits for them."""

from dataclasses import dataclass
from typing import Any

from bot import story
from bot.errors import NotFound
from bot.people import plain
from bot.service.desk import Desk
from bot.store import listings, reads, unsaid
from bot.store.listings import Sight, Wanted
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

    def mine(
        self,
        person: PersonRecord,
        *,
        state: str | None = None,
        offering: str | None = None,
        before: int | None = None,
        limit: int = 50,
        open_only: bool = False,
    ) -> Page:
        """What this person asked for, newest first; `open_only`: what is not over."""
        wanted = Wanted(state, offering, before, limit)
        with self.database.read() as session:
            ids = listings.asked_by(session, person.id, wanted, open_only=open_only)
            return Page(reads.requests(session, ids), _next(ids, limit))

    def requests(
        self,
        person: PersonRecord,
        *,
        state: str | None = None,
        offering: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Page:
        """What this person may read, newest first; a page may be shorter than `limit`. Raises Unavailable."""
        sight = self._sight(person)
        with self.database.read() as session:
            ids = listings.readable(session, sight, Wanted(state, offering, before, limit))
            found = reads.requests(session, ids)
        items = [r for r in found if self.permissions.may_read(person, r, self._offering_of(r))]
        return Page(items, _next(ids, limit))

    def waiting(self, person: PersonRecord, *, after: int | None = None, limit: int = 50) -> Page:
        """What waits for a decision or an answer of this person, oldest first. Raises Unavailable."""
        sight, items = self._sight(person), list[RequestRecord]()
        while True:
            with self.database.read() as session:
                ids = listings.waiting_for(session, sight, after=after, limit=limit)
                found = reads.requests(session, ids)
            items += [record for record in found if self.permissions.waits_for(person, record)]
            if len(ids) < limit or len(items) > limit:
                return _page(items, limit)
            after = ids[-1]

    def instances(self, person: PersonRecord, *, before: int | None = None, limit: int = 50) -> Page:
        """What this person lives with, newest first."""
        with self.database.read() as session:
            ids = listings.owned_by(session, person.id, Wanted(before=before, limit=limit))
            return Page(reads.instances(session, ids), _next(ids, limit))

    def instance(self, person: PersonRecord, number: str) -> InstanceRecord:
        """One instance. Raises NotFound, also for one that this person may not read."""
        key = parse_number("INS", number)
        with self.database.read() as session:
            record = reads.instance(session, key) if key else None
        offering = self.catalogue.offering(record.offering, record.version) if record else None
        if record is None or not self.permissions.may_read_instance(person, record, offering):
            raise NotFound(f"There is no instance {number} that you may see.")
        return record

    def _sight(self, person: PersonRecord) -> Sight:
        """What finds requests for this person: their names, their groups, what they look after."""
        with self.database.read() as session:
            known = listings.groups(session)
        mine: dict[str, list[str]] = {}
        for name, versions in self.catalogue.offerings.items():
            looked_after = [key for key, each in versions.items() if self.groups.includes(each.owner, person)]
            mine |= {name: looked_after} if looked_after else {}
        names = [plain(name) for name in (person.email, person.slack_id) if name]
        return Sight(person.id, names, [who for who in known if self.groups.includes(who, person)], mine)


def _next(ids: list[int], limit: int) -> int | None:
    return ids[-1] if len(ids) == limit else None


def _page(found: list[RequestRecord], limit: int) -> Page:
    items = found[:limit]
    return Page(items, items[-1].id if len(found) > limit else None)
