"""Posts and updates messages so that each stands in Slack once, whatever Slack or the line does.

`chat.postMessage` has no idempotency key: every post carries the id of what it says as metadata, and where the outcome
of an attempt is unknown the message is searched for before it is posted again.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.errors import PermanentError, TemporaryError, Unavailable, Unsure
from bot.slack.directory import SlackDirectory
from bot.slack.errors import GONE, LINE, REFUSED_BLOCKS, is_limit, name_of, reasons_of, rest_of, translated
from bot.slack.messages import Message, in_words
from bot.slack.outgoing import checked_message
from bot.store import lanes
from bot.store.database import Database

log = logging.getLogger(__name__)

#: Slack's clock and the database's may differ by so much.
_SKEW = timedelta(minutes=5)
#: One page of a history: https://docs.slack.dev/reference/methods/conversations.history
_PAGE = 200
#: What we may not look at cannot be looked for.
_CLOSED = frozenset({"channel_not_found", "missing_scope", "not_in_channel", "thread_not_found"})


class Gone(PermanentError):
    """The message that should change is gone, or is not ours."""


@dataclass(frozen=True)
class Mark:
    """What a message is known by: `kind` and id of a row, and since when it may have been posted.

    It may be posted `until` a moment (monotonic seconds): after that somebody else may have taken it over.
    """

    kind: str
    id: int
    since: datetime
    until: float

    @property
    def metadata(self) -> dict[str, Any]:
        """As Slack stores it beside the message: https://docs.slack.dev/messaging/message-metadata ."""
        return {"event_type": f"frontdesk_{self.kind}", "event_payload": {self.kind: self.id}}

    def is_on(self, message: Mapping[str, Any]) -> bool:
        """Whether the message is the one."""
        found = message.get("metadata") or {}
        return all(found.get(key) == value for key, value in self.metadata.items())


class Poster:
    """Raises TemporaryError, Unsure, Unreachable and PermanentError, with Slack's reason."""

    def __init__(self, client: WebClient, database: Database, directory: SlackDirectory) -> None:
        self._client, self._database, self._directory = client, database, directory

    def post(
        self, place: str, message: Message, mark: Mark, *, unsure: bool = False, thread_ts: str | None = None
    ) -> tuple[str, str]:
        """Say it in a channel or to a person; where it stands. `unsure`: it may stand there already."""
        if unsure and (found := self._find(place, mark, thread_ts)):
            log.info("a message to %s had arrived: it is not posted again", place)
            return found
        with translated(f"A message to {place}"):
            try:
                answer = self._persistently(place, checked_message(message), mark, thread_ts)
            except SlackApiError as error:
                if name_of(error) != "thread_not_found":
                    raise
                raise Gone(f"The message in {place} that this would stand below is gone.") from error
        return str(answer["channel"]), str(answer["ts"])

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Show something else in a message of ours. Raises Gone."""
        message = checked_message(message)

        def update(shown: Message) -> SlackResponse:
            return self._limited(
                lanes.UPDATING,
                lambda: self._client.chat_update(channel=channel, ts=ts, text=shown.text, blocks=shown.blocks),
            )

        with translated(f"A message in {channel}"):
            try:
                update(message)
            except SlackApiError as error:
                if name_of(error) in GONE:
                    raise Gone(f"The message in {channel} is gone ({name_of(error)}).") from error
                update(_without_blocks(message, error))

    def link(self, channel: str, ts: str) -> str | None:
        """Where people find it."""
        try:
            return str(self._client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
        except (SlackApiError, *LINE):
            return None  # the message stands; one without a link to it is better than none

    def _persistently(self, place: str, message: Message, mark: Mark, thread_ts: str | None) -> SlackResponse:
        """Post, with one remedy for each refusal that has one."""
        channel, tried = place, set[str]()
        while True:
            try:
                return self._send(channel, message, mark, thread_ts)
            except SlackApiError as error:
                name = name_of(error)
                if name in tried:
                    raise
                tried.add(name)
                channel, message = self._remedied(error, place, channel, message)

    def _remedied(self, error: SlackApiError, place: str, channel: str, message: Message) -> tuple[str, Message]:
        """Where and how to try again. Raises `error` where there is no other way."""
        match name_of(error):
            case "not_in_channel":
                self._join(channel, error)
            case "channel_not_found":  # renamed, perhaps: its id stays
                with self._database.read() as session:
                    known = lanes.last_channel(session, place)
                if known in (None, channel):
                    raise error
                return str(known), message
            case _:
                return channel, _without_blocks(message, error)
        return channel, message

    def _send(self, channel: str, message: Message, mark: Mark, thread_ts: str | None) -> SlackResponse:
        if time.monotonic() > mark.until:
            raise TemporaryError(f"A message to {channel}: it took so long that another process may be sending it.")
        return self._limited(
            lanes.POSTING,
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks or None,
                metadata=mark.metadata,
                thread_ts=thread_ts,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )

    def _limited(self, lane: str, call: Callable[[], SlackResponse]) -> SlackResponse:
        """Call; where Slack asks for a rest of this method, every process keeps it."""
        try:
            return call()
        except SlackApiError as error:
            if is_limit(error):
                with self._database.write() as tx:
                    lanes.rest(tx, lane, tx.now + timedelta(seconds=rest_of(error)))
            raise

    def _join(self, channel: str, refusal: SlackApiError) -> None:
        """Become a member: of public channels only. Raises the refusal where that is not possible."""
        try:
            self._client.conversations_join(channel=channel)
        except SlackApiError as error:
            if is_limit(error):
                raise
            raise refusal from error

    # Looking for what may stand there already

    def _find(self, place: str, mark: Mark, thread_ts: str | None) -> tuple[str, str] | None:
        try:
            channel = self._id_of(place)
            if channel is None:
                return None
            found = (message for message in self._said(channel, mark, thread_ts) if mark.is_on(message))
            return next(((channel, str(message["ts"])) for message in found), None)
        except SlackApiError as error:
            if name_of(error) in _CLOSED:
                log.warning("nobody can look whether a message to %s arrived: %s", place, reasons_of(error))
                return None
            delay = rest_of(error) if is_limit(error) else None
            raise Unsure(f"Slack cannot say whether a message to {place} arrived.", delay=delay) from error
        except (Unavailable, *LINE) as error:
            raise Unsure(f"Slack does not say whether a message to {place} arrived.") from error

    def _id_of(self, place: str) -> str | None:
        """The id of a channel, for methods that take no names; of direct messages for a person's id."""
        if place.isalnum() and place.isupper():
            return str(self._client.conversations_open(users=place)["channel"]["id"]) if place[0] in "UW" else place
        with self._database.read() as session:
            return lanes.last_channel(session, place) or self._directory.channel_id(place)

    def _said(self, channel: str, mark: Mark, thread_ts: str | None) -> Iterator[Mapping[str, Any]]:
        """What was said there since: newest first in a channel, oldest first in a thread."""
        options: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{(mark.since - _SKEW).timestamp():.6f}",
            "include_all_metadata": True,
            "limit": _PAGE,
        }
        cursor: str | None = None
        while cursor != "":
            page = self._page(thread_ts, options | ({"cursor": cursor} if cursor else {}))
            yield from page["messages"]
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")

    def _page(self, thread_ts: str | None, options: dict[str, Any]) -> SlackResponse:
        def ask() -> SlackResponse:
            if thread_ts:
                return self._client.conversations_replies(ts=thread_ts, **options)
            return self._client.conversations_history(**options)

        try:
            return ask()
        except SlackApiError as error:
            if name_of(error) != "not_in_channel":
                raise
            self._join(options["channel"], error)
            return ask()


def _without_blocks(message: Message, error: SlackApiError) -> Message:
    """In plain words, if Slack refuses the blocks. Raises the error if it refuses something else."""
    if name_of(error) not in REFUSED_BLOCKS or not message.blocks:
        raise error
    log.error("Slack refuses a message, so it goes out in plain words: %s", reasons_of(error))
    return in_words(message)
