"""Who acts: people as they come through a door, and their tokens."""

import logging
from datetime import timedelta

from bot.errors import NotFound, Unavailable
from bot.people import Profile
from bot.service.desk import Desk
from bot.store import outbox, people, reads
from bot.store.records import PersonRecord

log = logging.getLogger(__name__)

#: Whether somebody who has tokens is still there is asked so often, of so many at a time.
_LOOKED_AFTER, _AT_ONCE = timedelta(hours=1), 20
#: So long counts what a directory has said of somebody.
_FRESH = timedelta(days=1)


class People(Desk):
    """Finds people, and remembers them."""

    def person(self, slack_id: str) -> PersonRecord:
        """Somebody who came through Slack, remembered, as of the last minute. Raises NotFound, Unavailable."""
        return self._remembered(slack_id) or self._look_up(slack_id)

    def refreshed(self, slack_id: str) -> PersonRecord:
        """As `person`; asks again for what may have changed (name, address, time zone) once a day."""
        known = self._person_by_slack_id(slack_id)
        old = self.database.now() - _FRESH
        return known if known and known.refreshed_at and known.refreshed_at > old else self._look_up(slack_id)

    def zone(self, slack_id: str) -> str | None:
        """The time zone of somebody, by its IANA name, as far as it is known; asks nobody."""
        known = self._remembered(slack_id)
        return known.tz if known else None

    def whole(self, person: PersonRecord) -> PersonRecord:
        """The same person, where the directory tells by now what was not known of them: an address, a Slack id.

        Two rows of one human become one by it. Raises Unavailable.
        """
        if person.slack_id and person.email:
            return person
        profile = self.directory.find(person.slack_id or person.reference)
        return self.remember(profile) if profile else person

    def remember(self, profile: Profile) -> PersonRecord:
        """What a directory tells of somebody."""
        with self.database.write() as tx:
            person = people.remember(tx, profile)
        self._known.put(profile.slack_id, person)
        return person

    def say(self, slack_id: str, text: str) -> None:
        """Plain words for somebody, in a direct message as soon as that can be. Raises NotFound, Unavailable."""
        person = self.person(slack_id)
        with self.database.write() as tx:
            outbox.notice(tx, person.id, None, text)

    def look_after_tokens(self) -> None:
        """End the tokens of people who have left, in case no event told of it."""
        with self.database.write() as tx:
            holders = people.look_after(tx, _LOOKED_AFTER, _AT_ONCE)
        for holder in holders:
            try:
                left = holder.slack_id and self.directory.has_left(holder.slack_id)
            except Unavailable as unavailable:
                log.info("whether %s is still there is not known now: %s", holder.label, unavailable)
                continue
            if left:
                with self.database.write() as tx:
                    ended = people.revoke_tokens(tx, holder.id)
                log.warning("%s has left: %s tokens are ended", holder.label, ended)

    def person_by_token(self, token: str) -> PersonRecord | None:
        """Whose bearer token that is."""
        with self.database.read() as session:
            return reads.person_by_token(session, people.digest(token))

    def create_token(self, reference: str) -> str:
        """A new bearer token for somebody (an e-mail address or a Slack id). Raises NotFound, Unavailable."""
        person = self._person_of(reference)
        with self.database.write() as tx:
            return people.create_token(tx, person.id)

    def revoke_tokens(self, reference: str) -> int:
        """End all tokens of somebody; says how many there were."""
        person = self._person_of(reference)
        with self.database.write() as tx:
            return people.revoke_tokens(tx, person.id)

    def _remembered(self, slack_id: str) -> PersonRecord | None:
        return self._known.get(slack_id, lambda: self._person_by_slack_id(slack_id))

    def _person_by_slack_id(self, slack_id: str) -> PersonRecord | None:
        with self.database.read() as session:
            return reads.person_by_slack_id(session, slack_id)

    def _person_of(self, reference: str) -> PersonRecord:
        with self.database.read() as session:
            known = reads.person_by_reference(session, reference)
        if known:
            return self.whole(known)
        try:
            return self._look_up(reference)
        except NotFound:
            if "@" not in reference:
                raise
        with self.database.write() as tx:  # no directory knows them: an address is enough outside Slack
            return people.remember_email(tx, reference)

    def _look_up(self, reference: str) -> PersonRecord:
        profile = self.directory.find(reference)
        if profile is None:
            raise NotFound(f"There is nobody called {reference}.")
        return self.remember(profile)
