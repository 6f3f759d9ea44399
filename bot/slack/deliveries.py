"""Says in Slack what the outbox holds: cards, notes in their threads, direct messages, handlers' posts."""

from collections.abc import Iterable
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.catalogue import Catalogue
from bot.errors import PermanentError, TemporaryError, Unavailable
from bot.people import Groups, is_group
from bot.slack import messages
from bot.slack.directory import SlackDirectory
from bot.slack.errors import name_of, translated
from bot.slack.messages import Message
from bot.slack.outgoing import checked_message
from bot.slack.text import escape
from bot.slack.words import Words
from bot.store import people, reads
from bot.store.database import Database
from bot.store.outbox import ClaimedCard, ClaimedDelivery
from bot.store.records import CardRecord, EventRecord, RequestRecord

#: At most so many people get a card of their own when a channel cannot be written to.
_INSTEAD = 10


class SlackSender:
    """The worker's `Sender`. Raises TemporaryError and PermanentError, with Slack's reason."""

    kinds: tuple[str, ...] = ("message", "note", "notice", "post", "alarm")

    def __init__(
        self,
        client: WebClient,
        database: Database,
        catalogue: Catalogue,
        groups: Groups,
        directory: SlackDirectory,
        platform_channel: str = "",
    ) -> None:
        self._client, self._database, self._catalogue = client, database, catalogue
        self._groups, self._directory, self._platform_channel = groups, directory, platform_channel

    def send(self, delivery: ClaimedDelivery) -> None:
        """One note, direct message or post."""
        match delivery.kind:
            case "note":
                self._note(delivery)
            case "message":
                self._message(delivery)
            case "notice":
                self._post(self._dm(delivery.payload["person"]), Message(escape(delivery.payload["text"])))
            case "alarm":
                self._alarm(delivery)
            case _:
                self._post(self._place(delivery.payload["channel"]), Message(escape(delivery.payload["text"])))

    def show(self, claimed: ClaimedCard) -> tuple[str, str, str | None]:
        """Post or update a card; its channel, timestamp and link."""
        card = claimed.card
        record = self._record(card.request_id)
        message = checked_message(messages.card(record, self._words(record)))
        if card.ts and card.channel:
            with translated(f"The card of {record.number}"):
                self._client.chat_update(channel=card.channel, ts=card.ts, text=message.text, blocks=message.blocks)
            return card.channel, card.ts, card.link
        metadata = {"event_type": "frontdesk_card", "event_payload": {"card": card.id, "request": record.number}}
        place = self._place(card.place)
        channel, ts = self._post(place, message, metadata=metadata)
        return channel, ts, self._link(channel, ts)

    def instead(self, claimed: ClaimedCard) -> list[str]:
        """The approvers, and whom a step asks: they get the card in person."""
        if claimed.card.audience != "team":
            return []
        record = self._record(claimed.card.request_id)
        whos = [who for rule in record.rules for who in rule.who]
        whos += [step.ask["group"] for step in record.asking if step.ask]
        offering = self._catalogue.offering(record.offering, record.version)
        whos += [offering.owner] if offering else []
        return sorted(self._people(whos))[:_INSTEAD]

    def _people(self, whos: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for who in whos:
            try:
                found |= self._groups.everybody(who)
            except Unavailable as error:
                raise TemporaryError(str(error)) from error
        return found

    def _note(self, delivery: ClaimedDelivery) -> None:
        card, record, event = self._about(delivery)
        if card is None or not card.ts or not card.channel:
            raise PermanentError("There is no card, so there is no thread for the note.")
        self._post(card.channel, messages.note(record, event, self._words(record)), thread_ts=card.ts)

    def _alarm(self, delivery: ClaimedDelivery) -> None:
        if self._platform_channel:  # without one, the worker's log has it
            self._post(self._platform_channel, Message(escape(delivery.payload["text"])))

    def _message(self, delivery: ClaimedDelivery) -> None:
        card, record, event = self._about(delivery)
        message = messages.told(record, event, self._words(record), card)
        self._post(self._dm(delivery.payload["person"]), message)

    def _post(self, channel: str, message: Message, **options: Any) -> tuple[str, str]:
        message = checked_message(message)

        def post() -> SlackResponse:
            return self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks or None,
                unfurl_links=False,
                unfurl_media=False,
                **options,
            )

        with translated(f"A message to {channel}"):
            try:
                answer = post()
            except SlackApiError as error:
                if name_of(error) != "not_in_channel":
                    raise
                self._client.conversations_join(channel=channel)  # public channels only; else Slack says why
                answer = post()
        return str(answer["channel"]), str(answer["ts"])

    def _link(self, channel: str, ts: str) -> str | None:
        try:
            return str(self._client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
        except (SlackApiError, OSError):
            return None  # the card stands; a message without a link to it is better than none

    def _place(self, place: str) -> str:
        """A channel as the offering names it; a person's address becomes their Slack id."""
        if not place:
            raise PermanentError("No channel is named for it.")
        if "@" not in place or is_group(place):
            return place
        return self._slack_id(place)

    def _dm(self, person_id: int) -> str:
        with self._database.read() as session:
            person = reads.person_by_id(session, person_id)
        if person is None:
            raise PermanentError("There is no such person.")
        return person.slack_id or self._slack_id(person.reference)

    def _slack_id(self, reference: str) -> str:
        try:
            profile = self._directory.find(reference)
        except Unavailable as error:
            raise TemporaryError(str(error)) from error
        if profile is None:
            raise PermanentError(f"Nobody in Slack has the address {reference}.")
        with self._database.write() as tx:
            people.remember(tx, profile)
        return profile.slack_id

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
