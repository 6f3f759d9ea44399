"""One thing that a person did in Slack, and the ways to answer them."""

import logging
from collections.abc import Callable
from datetime import tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_bolt.kwargs_injection.args import Args
from slack_sdk.errors import SlackApiError

from bot import telemetry
from bot.errors import Refused
from bot.service import Service
from bot.slack.buttons import Target
from bot.slack.directory import SlackDirectory
from bot.slack.errors import LINE, answering
from bot.slack.messages import Message
from bot.slack.outgoing import checked_message, checked_view
from bot.slack.words import Words
from bot.store.records import PersonRecord, RequestRecord, parse_number

log = logging.getLogger(__name__)

JSON = dict[str, Any]
Lazy = Callable[["Interaction"], None]
Submission = Callable[["Interaction", JSON], JSON | None]
#: A window that has moved on or is closed: whoever did that needs no answer to what they did before.
_PASSED = frozenset({"hash_conflict", "not_found", "view_not_found"})


class Interaction:
    """One thing that a person did, and the ways to answer them."""

    def __init__(self, args: Args, service: Service, directory: SlackDirectory) -> None:
        self.args, self.service, self.directory = args, service, directory
        body = args.body
        event_of = body.get("event", {}).get("user", "")
        self.user: str = body.get("user_id") or body.get("user", {}).get("id") or event_of

    @property
    def person(self) -> PersonRecord:
        """Who did it. Raises NotFound, Unavailable."""
        found = self.service.person(self.user)
        telemetry.note(person=found.id)
        return found

    @cached_property
    def zone(self) -> tzinfo | None:
        """Their time zone, as far as it is known; asks nobody, for a window waits for it."""
        name = self.service.zone(self.user)
        try:
            return ZoneInfo(name) if name else None
        except (ValueError, OSError, ZoneInfoNotFoundError):
            log.warning("no such time zone: %s", name)
            return None

    @property
    def click(self) -> str:
        """What it is called, also if Slack sends it again: each thing that a person does has a trigger of its own."""
        trigger = self.args.body.get("trigger_id")
        return f"slack:{trigger}" if trigger else ""

    @property
    def at_home(self) -> bool:
        """Whether it was done in the Home tab, where no message stands to answer at."""
        return bool(self.args.body.get("view", {}).get("type") == "home")

    @property
    def is_new(self) -> bool:
        """Whether it came in for the first time."""
        return not self.click or self.service.is_new(self.click)

    @property
    def target(self) -> Target:
        """What the button is about."""
        target = Target.read(str((self.args.action or {}).get("value", "")))
        if parse_number("REQ", target.number):
            telemetry.note(request=target.number)
        return target

    def words(self, record: RequestRecord) -> Words:
        """How the request reads."""
        offering = self.service.catalogue.offering(record.offering, record.version)
        return Words(offering, self.directory.mention)

    def prepare(self) -> None:
        """Learn now what the acknowledgement of a form will need, so that it need not ask Slack."""
        try:
            self.service.whole(self.service.refreshed(self.user))
            self.directory.groups()
        except Refused as refused:  # whoever submits hears of it then
            log.info("not known yet: %s", refused)

    def open(self, view: JSON) -> None:
        """Open a modal, with the trigger of this interaction. Raises Unavailable."""
        view = checked_view(view)
        with answering("The window"):
            self.args.client.views_open(trigger_id=self.args.body["trigger_id"], view=view)

    def push(self, view: JSON) -> None:
        """Open a modal above the one that was clicked in. Raises Unavailable."""
        view = checked_view(view)
        with answering("The window"):
            self.args.client.views_push(trigger_id=self.args.body["trigger_id"], view=view)

    def update(self, view: JSON, view_id: str, seen: str = "") -> bool:
        """Show something else in an open modal; False where it has moved on since. Raises Unavailable.

        `seen` is the hash of what the person saw.
        """
        view = checked_view(view)
        with answering("The window"):
            try:
                self.args.client.views_update(view_id=view_id, hash=seen or None, view=view)
            except SlackApiError as error:
                if error.response.get("error") not in _PASSED:
                    raise
                log.info("a window has moved on: %s", error.response.get("error"))
                return False
        return True

    def publish(self, view: JSON) -> None:
        """Show their Home tab. Raises Unavailable."""
        view = checked_view(view)
        with answering("The Home tab"):
            self.args.client.views_publish(user_id=self.user, view=view)

    def tell(self, message: Message) -> None:
        """Answer so that only this person sees it: where they clicked, else in a direct message.

        What Slack takes in neither place is said as soon as it does; a listing is asked for again.
        """
        message = checked_message(message)
        if self._respond(message):
            return
        try:
            self.args.client.chat_postMessage(channel=self.user, text=message.text, blocks=message.blocks or None)
        except (SlackApiError, *LINE) as error:
            log.warning("an answer cannot be given now: %s", error)
            if not message.blocks:
                self.service.say(self.user, message.text)

    def _respond(self, message: Message) -> bool:
        """Answer at the interaction's address, which lives for 30 minutes and five answers; whether that worked."""
        if not self.args.body.get("response_url"):
            return False
        try:
            answer = self.args.respond(
                text=message.text,
                blocks=message.blocks or None,
                response_type="ephemeral",
                replace_original=False,
                unfurl_links=False,
            )
        except (SlackApiError, *LINE) as error:
            log.info("an answer goes as a direct message: %s", error)
            return False
        return answer.status_code == 200  # respond() does not raise for what Slack refuses

    def confirm(self, text: str) -> None:
        """Say that it worked, where no card shows it: in an answer of ours, or in a direct message."""
        container = self.args.body.get("container", {})
        shown = not (container.get("is_ephemeral") or str(container.get("channel_id", "")).startswith("D"))
        if text and not shown:
            self.tell(Message(text))
