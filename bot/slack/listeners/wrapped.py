"""How functions of an interaction become Bolt's listeners: what is done before an acknowledgement, what after it."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

from slack_bolt.kwargs_injection.args import Args

from bot.errors import Refused, Unavailable
from bot.service import Service
from bot.slack import views
from bot.slack.directory import SlackDirectory
from bot.slack.errors import bug, sentence
from bot.slack.forms import patience
from bot.slack.interaction import JSON, Interaction, Lazy, Submission
from bot.slack.listeners import opened
from bot.slack.messages import Message
from bot.slack.text import escape

log = logging.getLogger(__name__)

Listener = Callable[[Args], None]
#: Decides before the acknowledgement, and says so in a sentence; None: it has to ask first.
Decide = Callable[[Interaction], str | None]
#: Where Bolt hands an outcome on to what runs after the acknowledgement.
_OUTCOME = "outcome"


@dataclass(frozen=True)
class _Outcome:
    """What came of a click: `done` (stored, together with having heard it), `refused`, `asks` first, or `slow`."""

    how: Literal["done", "refused", "asks", "slow"]
    text: str = ""


_SLOW = _Outcome("slow", "This takes longer than usual just now. You are told here once it is done, or what keeps it.")
_TOO_SLOW = "That took too long for Slack to open a window. Please press the button again."


class Wrapped:
    """Wraps functions of an `Interaction` as Bolt's listeners."""

    def __init__(self, service: Service, directory: SlackDirectory, afterwards: Executor) -> None:
        self._service, self._directory, self._afterwards = service, directory, afterwards

    def after(self, first: Listener, then: Listener) -> Listener:
        """One before the acknowledgement, which it gives, and one after it.

        Bolt's own way copies the request in between, and that took most of an acknowledgement.
        """

        def run(args: Args) -> None:
            first(args)
            self._afterwards.submit(patience.logged, then, args)

        return run

    def lazily(self, do: Lazy) -> Callable[[Args], None]:
        """For what runs after the acknowledgement."""

        def run(args: Args) -> None:
            interaction = Interaction(args, self._service, self._directory)
            try:
                if interaction.is_new:
                    do(interaction)
            except Refused as refused:
                interaction.tell(Message(escape(sentence(refused))))
            except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
                interaction.tell(Message(bug(error)))
            if interaction.at_home:
                opened.show(interaction)

        return run

    def first(self, do: Lazy) -> Callable[[Args], None]:
        """For what is done before the acknowledgement, so that whatever comes next finds it done."""

        def run(args: Args) -> None:
            try:
                do(Interaction(args, self._service, self._directory))
            except Refused as refused:  # told by what runs after the acknowledgement, which meets it too
                log.info("not done: %s", refused)
            except Exception as error:  # noqa: BLE001 - a bug of ours; the acknowledgement has to come all the same
                bug(error)
            args.ack()

        return run

    def decided(self, decide: Decide) -> Callable[[Args], None]:
        """For a click that decides: it is stored before Slack hears that we have it, unless the store takes too long."""

        def run(args: Args) -> None:
            interaction = Interaction(args, self._service, self._directory)
            under_way = patience.begun(lambda: _outcome(interaction, decide))
            try:
                args.context[_OUTCOME] = patience.soon(under_way)
            except patience.TakesLonger:
                args.context[_OUTCOME] = _SLOW
                patience.later(under_way, lambda done: _tell_late(interaction, done.result()))
            args.ack()

        return run

    def told(self, ask: Lazy | None) -> Callable[[Args], None]:
        """For what comes after such a click: the person hears of it where no card shows it, or is asked for more."""
        asked = self.lazily(ask) if ask else None

        def run(args: Args) -> None:
            outcome: _Outcome = args.context[_OUTCOME]
            if outcome.how == "asks" and asked:
                asked(args)
                return
            interaction = Interaction(args, self._service, self._directory)
            # A click that counted is remembered with what was done about it, and nowhere else.
            if outcome.how == "done":
                interaction.confirm(outcome.text)
            elif outcome.how != "refused" or _is_first(interaction):
                interaction.tell(Message(outcome.text))
            if interaction.at_home:
                opened.show(interaction)

        return run

    def submission(self, submit: Submission) -> Callable[[Args], None]:
        """For a submitted view: the acknowledgement is the answer."""

        def run(args: Args) -> None:
            view = args.body["view"]
            try:
                answer = submit(Interaction(args, self._service, self._directory), view)
            except Refused as refused:
                answer = beside_first(view, sentence(refused))
            except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
                answer = beside_first(view, bug(error))
            args.ack(**(answer or {}))

        return run

    def suggestion(self, find: Callable[[Interaction], list[JSON]]) -> Callable[[Args], None]:
        """For what is searched as somebody types; Slack shows no words of ours where nothing is found."""

        def run(args: Args) -> None:
            try:
                args.ack(options=find(Interaction(args, self._service, self._directory)))
            except Refused:
                args.ack(options=[])

        return run


def acknowledge(args: Args) -> None:
    """All that there is to do at once."""
    args.ack()


def _outcome(interaction: Interaction, decide: Decide) -> _Outcome:
    try:
        text = decide(interaction)
    except Refused as refused:
        return _Outcome("refused", escape(sentence(refused)))
    except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
        return _Outcome("refused", bug(error))
    return _Outcome("asks") if text is None else _Outcome("done", text)


def _is_first(interaction: Interaction) -> bool:
    """Whether it came in for the first time; a database that is away may not keep the person from being told so."""
    try:
        return interaction.is_new
    except Unavailable:
        return True


def _tell_late(interaction: Interaction, outcome: _Outcome) -> None:
    told = {"asks": _TOO_SLOW, "done": outcome.text or "It is done."}
    interaction.tell(Message(told.get(outcome.how, outcome.text)))


def beside_first(view: JSON, text: str) -> JSON:
    """One sentence at the first field; in a view without fields, in its place."""
    inputs = _inputs(view)
    if inputs:
        return {"response_action": "errors", "errors": {inputs[0]: text}}
    return {"response_action": "update", "view": views.message("Not done", text)}


def _inputs(view: JSON) -> list[str]:
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
