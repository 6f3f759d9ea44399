"""Says in Slack what the outbox holds: cards, notes in their threads, direct messages, handlers' posts, alarms."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from slack_sdk import WebClient

from bot.catalogue import Catalogue
from bot.errors import PermanentError, TemporaryError, Unavailable, Unreachable
from bot.lifecycle import ApprovalRule
from bot.people import Groups, is_group
from bot.permissions import Permissions
from bot.slack import messages, reminders
from bot.slack.directory import SlackDirectory
from bot.slack.errors import looking_up
from bot.slack.messages import Message
from bot.slack.posting import Gone, Mark, Poster
from bot.slack.text import escape
from bot.slack.words import Words
from bot.store import detours, outbox, people, reads
from bot.store.database import Database
from bot.store.records import CardRecord, EventRecord, PersonRecord, RequestRecord
from bot.store.sending import ClaimedCard, ClaimedDelivery

log = logging.getLogger(__name__)

#: At most so many people get a card of their own when a channel cannot be written to.
_INSTEAD = 10
#: At most so many people are reminded one by one; more of them together, in the thread of the card.
_ONE_BY_ONE = 25
#: How often a card whose thread is not found is looked after before its note is given up.
_LOOKED_AFTER = 5


class SlackSender:
    """The worker's `Sender`. Raises TemporaryError, Unsure, Unreachable and PermanentError, with Slack's reason."""

    def __init__(
        self,
        client: WebClient,
        database: Database,
        catalogue: Catalogue,
        groups: Groups,
        directory: SlackDirectory,
        platform_channel: str = "",
        lease: timedelta = timedelta(seconds=30),
    ) -> None:
        """`platform_channel` stands in for channels that are out of order; a claim lasts for `lease`."""
        self._database, self._catalogue, self._platform_channel = database, catalogue, platform_channel
        self._groups, self._permissions, self._directory = groups, Permissions(groups), directory
        self._time = lease.total_seconds() - client.timeout
        self._poster = Poster(client, database, directory)
        self._ways: Mapping[str, Callable[[ClaimedDelivery], tuple[str, str] | None]] = {
            "note": self._note,
            "message": self._message,
            "notice": self._notice,
            "post": self._post,
            "alarm": self._alarm,
            outbox.APPROVERS: self._look_for_stuck,
            "reminders": self._reminders,
            "reminder": self._reminder,
            "warning": self._warning,
        }
        self.kinds: tuple[str, ...] = tuple(self._ways)

    def send(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        """Say it, each kind in its way: where it stands, if anywhere."""
        return self._ways[delivery.kind](delivery)

    def show(self, claimed: ClaimedCard) -> tuple[str, str, str | None]:
        """Post or update a card; its channel, timestamp and link."""
        card, record = claimed.card, self._record(claimed.card.request_id)
        message = self._drawn(card, record)
        if card.ts and card.channel:
            try:
                self._poster.update(card.channel, card.ts, message)
            except Gone as gone:
                log.info("the card of %s is posted anew: %s", record.number, gone)
            else:
                return card.channel, card.ts, card.link
        mark = Mark("card", card.id, record.created_at, claimed.at + self._time)
        channel, ts = self._poster.post(self._place(card.place), message, mark, unsure=claimed.unsure)
        return channel, ts, self._poster.link(channel, ts)

    def instead(self, about: ClaimedCard | ClaimedDelivery) -> list[str]:
        """Where it is said when it cannot be said where it belongs: the platform's channel, else people.

        People are the approvers, whom a step asks, and the team of the offering.
        """
        card = about.card
        place = card.place if card else str(about.payload.get("channel", ""))  # type: ignore[union-attr] # no card
        if _is_person(place) or (card is None and not place):
            return []
        if self._platform_channel not in ("", place):
            return [self._platform_channel]
        request_id = card.request_id if card else about.request_id  # type: ignore[union-attr] # the same
        return self._those_concerned(self._record(request_id)) if request_id else []

    # What is said, and where

    def _drawn(self, card: CardRecord, record: RequestRecord) -> Message:
        """The card, or what one that stands in for another shows."""
        words = self._words(record)
        remarks = [messages.nobody_left(record, words.rule(rule)) for rule in self._stuck(record)]
        if card.audience == detours.TEAM:
            return messages.card(record, words, remarks)
        with self._database.read() as session:
            team = next(each for each in reads.cards(session, card.request_id) if each.audience == detours.TEAM)
        if team.error:
            return messages.card(record, words, [messages.out_of_order(team.place, team.error), *remarks])
        if team.ts is None:  # it is being tried whether its place works again
            return messages.card(record, words, remarks)
        if not card.ts:
            raise PermanentError("The card is where it belongs, so none has to stand in for it.")
        return messages.moved(record, words, team)

    def _stuck(self, record: RequestRecord) -> list[ApprovalRule]:
        """Rules that nobody is left to meet; where Slack cannot say, the card does not either."""
        try:
            stuck = self._permissions.stuck(record)
        except Unavailable as unavailable:
            log.info("who could approve %s is not known now: %s", record.number, unavailable)
            return []
        if stuck:
            text = messages.stuck_alarm(record, stuck)
            with self._database.write() as tx:
                outbox.alarm(tx, _alarm_key(record), text, record.id)
        return stuck

    def _look_for_stuck(self, _: ClaimedDelivery) -> None:
        """Draw the card of every request anew that nobody is left to approve, or was: it says so, and the alarm rings."""
        self._directory.forget()  # another process may have heard of it
        with self._database.read() as session:
            waiting = reads.awaiting_ids(session)
        for record in reads.one_by_one(self._database.read, waiting):
            with looking_up():
                stuck = self._permissions.stuck(record)
            if stuck or self._was_stuck(record):
                with self._database.write() as tx:
                    outbox.touch(tx, record.id)

    def _was_stuck(self, record: RequestRecord) -> bool:
        with self._database.read() as session:
            return outbox.is_known(session, _alarm_key(record))

    def _note(self, delivery: ClaimedDelivery) -> tuple[str, str]:
        card, record, event = self._about(delivery)
        if card is None:
            raise PermanentError("There is no card, so there is no thread for the note.")
        if card.error or not card.ts or not card.channel:
            raise Unreachable(card.error or "There is no card, so there is no thread for the note.")
        together = event.name == "reminded" and self._undecided(record, event) is None
        note = messages.note(record, event, self._words(record), together=together)
        try:
            return self._say(delivery, card.channel, note, thread_ts=card.ts)
        except Gone as gone:  # somebody has deleted the card: it is posted anew, and the note waits for it
            if delivery.attempts >= _LOOKED_AFTER:
                raise
            with self._database.write() as tx:
                outbox.touch(tx, record.id)
            raise TemporaryError(str(gone)) from gone

    def _message(self, delivery: ClaimedDelivery) -> tuple[str, str]:
        card, record, event = self._about(delivery)
        message = messages.told(record, event, self._words(record), card)
        return self._say(delivery, self._dm(delivery.payload["person"]), message)

    def _notice(self, delivery: ClaimedDelivery) -> tuple[str, str]:
        return self._say(delivery, self._dm(delivery.payload["person"]), _plainly(delivery))

    def _post(self, delivery: ClaimedDelivery) -> tuple[str, str]:
        return self._say(delivery, self._place(delivery.payload["channel"]), _plainly(delivery))

    def _alarm(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        if not self._platform_channel:
            return None  # the worker's log has it
        return self._say(delivery, self._platform_channel, _plainly(delivery))

    def _reminders(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        """Find out who has not decided, and put up a message for each; a second try puts up none twice."""
        _, record, event = self._about(delivery)
        there = self._undecided(record, event) or []
        people = [person.id for reference in there if (person := self._known(reference))]
        with self._database.write() as tx:
            outbox.remind_each(tx, record.id, event.id, [each for each in people if record.may_wait_for(each)])
        return None

    def _undecided(self, record: RequestRecord, event: EventRecord) -> list[str] | None:
        """Who could decide, as far as the event is about them; None: they are too many to be told one by one."""
        whos = event.data.get("who") or [who for rule in record.undecided for who in rule.who]
        there = self._there(whos, _ONE_BY_ONE + 1)
        return there if len(there) <= _ONE_BY_ONE else None

    def _reminder(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        card, record, event = self._about(delivery)
        if not record.may_wait_for(delivery.payload["person"]):
            return None  # they, or somebody, decided in the meantime
        message = reminders.reminder(record, event, self._words(record), card)
        return self._say(delivery, self._dm(delivery.payload["person"]), message)

    def _warning(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        _, record, event = self._about(delivery)
        with self._database.read() as session:
            instance = reads.instance(session, record.instance_id)
        if instance is None or not instance.ends or instance.expires_at != datetime.fromisoformat(event.data["until"]):
            return None  # it was renewed, or is on its way out
        words = self._words(record)
        renewal = words.offering.renewable(instance.renewals) if words.offering else None
        message = reminders.warning(instance, words.title(record), renewal)
        return self._say(delivery, self._dm(delivery.payload["person"]), message)

    def _say(
        self, delivery: ClaimedDelivery, place: str, message: Message, thread_ts: str | None = None
    ) -> tuple[str, str]:
        mark = Mark("delivery", delivery.id, delivery.created_at, delivery.at + self._time)
        return self._poster.post(place, message, mark, unsure=delivery.unsure, thread_ts=thread_ts)

    def _place(self, place: str) -> str:
        """A channel as the offering names it; a person's address becomes their Slack id."""
        if not place:
            raise Unreachable("No channel is named for it.")
        if "@" in place and not is_group(place):
            return self._slack_id(place)
        return self._present(place) if _is_person(place) else place

    def _dm(self, person_id: int) -> str:
        with self._database.read() as session:
            person = reads.person_by_id(session, person_id)
        if person is None:
            raise PermanentError("There is no such person.")
        return self._present(person.slack_id) if person.slack_id else self._slack_id(person.reference)

    def _present(self, slack_id: str) -> str:
        """Somebody who is still there: Slack takes a message to those who are not, and nobody ever reads it."""
        with looking_up():
            left = self._directory.has_left(slack_id)
        if left:
            raise PermanentError(f"{slack_id} has left: nobody would read it.")
        return slack_id

    def _known(self, reference: str) -> PersonRecord | None:
        """Who that is; None for somebody whom Slack does not know (any more)."""
        with self._database.read() as session:
            known = reads.person_by_reference(session, reference)
        try:
            return known or self._remembered(reference)
        except PermanentError as error:
            log.warning("nobody to remind: %s", error)
            return None

    def _slack_id(self, reference: str) -> str:
        return self._remembered(reference).slack_id or ""

    def _remembered(self, reference: str) -> PersonRecord:
        with looking_up():
            profile = self._directory.find(reference)
        if profile is None:
            raise PermanentError(f"Nobody in Slack has the address {reference}.")
        with self._database.write() as tx:
            return people.remember(tx, profile)

    def _those_concerned(self, record: RequestRecord) -> list[str]:
        """Approvers, whom a step asks, and the offering's team, in person."""
        whos = [who for rule in record.rules for who in rule.who]
        whos += [step.ask["group"] for step in record.asking if step.ask]
        offering = self._catalogue.offering(record.offering, record.version)
        whos += [offering.owner] if offering else []
        return self._there(whos, _INSTEAD)

    def _there(self, whos: Iterable[str], most: int | None = None) -> list[str]:
        """All that these stand for and that have not left, in a lasting order."""
        with looking_up():
            people = sorted({each for who in whos for each in self._groups.everybody(who)})
            return list(islice((each for each in people if not self._groups.has_left(each)), most))

    def _about(self, delivery: ClaimedDelivery) -> tuple[CardRecord | None, RequestRecord, EventRecord]:
        with self._database.read() as session:
            event = reads.event(session, delivery.payload["event"])
        if event is None or delivery.request_id is None:
            raise PermanentError("What it tells of is gone.")
        return delivery.card, self._record(delivery.request_id), event

    def _record(self, request_id: int) -> RequestRecord:
        with self._database.read() as session:
            record = reads.request(session, request_id)
        if record is None:
            raise PermanentError("The request is gone.")
        return record

    def _words(self, record: RequestRecord) -> Words:
        return Words(self._catalogue.offering(record.offering, record.version), self._directory.mention)


def _alarm_key(record: RequestRecord) -> str:
    return f"stuck {record.number} {record.revision}"


def _plainly(delivery: ClaimedDelivery) -> Message:
    """Words as they were given; where they stand in for words elsewhere, with where they belong."""
    text, belongs = escape(delivery.payload["text"]), delivery.payload.get("belongs")
    return Message(f"{text}\n(This belongs in {escape(belongs)}, where nothing can be said now.)" if belongs else text)


def _is_person(place: str) -> bool:
    """An e-mail address or a Slack id of somebody."""
    return ("@" in place and not is_group(place)) or (place[:1] in {"U", "W"} and place.isalnum() and place.isupper())
