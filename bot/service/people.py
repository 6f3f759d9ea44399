"""Who acts: people as they come through a door, and their tokens."""

from datetime import timedelta

from bot.errors import NotFound
from bot.service.desk import Desk
from bot.store import people, reads
from bot.store.records import PersonRecord

#: So long counts what a directory has said of somebody.
_FRESH = timedelta(days=1)


class People(Desk):
    """Finds people, and remembers them."""

    def person(self, slack_id: str) -> PersonRecord:
        """Somebody who came through Slack, remembered. Raises NotFound, Unavailable."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, slack_id)
        return known or self._look_up(slack_id)

    def refreshed(self, slack_id: str) -> PersonRecord:
        """As `person`; asks again for what may have changed (name, address, time zone) once a day."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, slack_id)
        old = self.database.now() - _FRESH
        return known if known and known.refreshed_at and known.refreshed_at > old else self._look_up(slack_id)

    def zone(self, slack_id: str) -> str | None:
        """The time zone of somebody, by its IANA name, as far as it is known; asks nobody."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, slack_id)
        return known.tz if known else None

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

    def _person_of(self, reference: str) -> PersonRecord:
        with self.database.read() as session:
            known = reads.person_by_reference(session, reference)
        if known:
            return known
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
        with self.database.write() as tx:
            return people.remember(tx, profile)
