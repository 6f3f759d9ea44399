"""The last look at what goes to Slack: one bad value kills a whole modal, and an acknowledgement never says so."""

import logging
from typing import Any

from bot.slack.messages import Message, in_words
from bot.slack.rules import limits

log = logging.getLogger(__name__)


class Unsendable(ValueError):
    """A bug of ours: Slack would refuse this view."""


def checked_view(view: dict[str, Any]) -> dict[str, Any]:
    """The view, if Slack takes it. Raises Unsendable with what is wrong."""
    problems = limits.view_problems(view)
    if problems:
        raise Unsendable(f"Slack would refuse the view {view.get('callback_id')}: {'; '.join(problems)}")
    return view


def checked_message(message: Message) -> Message:
    """The message; in plain words, and with a line in the log, if Slack would refuse its blocks."""
    problems = limits.message_problems(message.blocks, message.text) if message.blocks else []
    if not problems:
        return message
    log.error("Slack would refuse a message, so it goes out in plain words: %s", "; ".join(problems))
    return in_words(message)
