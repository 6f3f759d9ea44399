"""What another system tells: that something came in before, that people, groups and channels have changed."""

import logging
from dataclasses import dataclass

from bot.people import Profile
from bot.service.people import People
from bot.store import detours, incoming, lanes, outbox, people, reads
from bot.store.database import Tx

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """One thing that a directory tells; what is not named has not changed."""

    #: As the source named it (`slack:Ev123`): what comes again changes nothing.
    key: str
    #: Somebody as they are now.
    changed: Profile | None = None
    #: The Slack id of somebody who is there no more.
    left: str = ""
    #: Who belongs to which group.
    regrouped: bool = False
    #: The id of a channel in which nothing can be said any more.
    closed: str = ""
    #: Something can be said again where it could not.
    opened: bool = False
    #: A channel, by id, and its name now.
    renamed: tuple[str, str] | None = None
    #: The id of a channel, and its new one.
    replaced: tuple[str, str] | None = None
    #: Words for those who look after the platform.
    alarm: str = ""


class Listening(People):
    """Takes in what others tell."""

    def is_new(self, key: str) -> bool:
        """Whether this came in for the first time; from now on it did not."""
        with self.database.write() as tx:
            return incoming.first(tx, key)

    def hear(self, news: News) -> bool:
        """Keep what is told, in one transaction with having heard it; whether it was new.

        Slack tells of everybody's profile whenever they change a word of it: what is known already is not kept.
        """
        if news.changed and not self._differs(news.changed):
            return False
        with self.database.write() as tx:
            if not incoming.first(tx, news.key):
                return False
            self._keep(tx, news)
            if news.left or news.regrouped:
                outbox.look_for_stuck(tx, news.key)
        return True

    def look_around(self) -> None:
        """What no event may have told: who left, which places work again. Every minute."""
        with self.database.write() as tx:
            incoming.sweep(tx)
            lanes.sweep(tx)
            detours.probe(tx)
        self.look_after_tokens()

    def _differs(self, profile: Profile) -> bool:
        """Whether somebody whom we know is told of otherwise than we know them."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, profile.slack_id)
        if known is None:
            return False
        email = profile.email.lower() if profile.email else known.email
        return (email, profile.name or known.name, profile.tz or known.tz) != (known.email, known.name, known.tz)

    def _keep(self, tx: Tx, news: News) -> None:
        if news.changed:
            people.remember(tx, news.changed)
        if news.left and (person := reads.person_by_slack_id(tx, news.left)):
            ended = people.revoke_tokens(tx, person.id)
            log.warning("%s has left: %s tokens are ended", person.label, ended)
        if news.closed:
            detours.close(tx, news.closed)
        if news.opened:
            detours.work_again(tx)
        if news.replaced:
            detours.replace(tx, *news.replaced)
        if news.renamed:
            self._renamed(tx, *news.renamed)
        if news.alarm:
            outbox.alarm(tx, news.key, news.alarm)

    def _renamed(self, tx: Tx, channel: str, name: str) -> None:
        """Offerings that name it as it was: what is said goes on, by its id, as long as nobody takes the old name."""
        was = detours.places_of(tx, channel) - {channel, name, f"#{name}"}
        named = {each.notify: each for each in self.catalogue.newest() if each.notify in was}
        for place, offering in named.items():
            outbox.alarm(
                tx,
                f"renamed {place} {channel} {name}",
                f"{place} is called #{name} now. Cards still go there, but the file of {offering.name} names it as it "
                f'was: write notify="#{name}" there, or its id, which stays: {channel}.',
            )
