"""The Home tab, drawn anew when somebody opens it and after each of their clicks in it."""

import logging

from bot.errors import Refused
from bot.slack import home
from bot.slack.errors import sentence
from bot.slack.interaction import Interaction
from bot.slack.listeners import typed

log = logging.getLogger(__name__)


def opened(interaction: Interaction) -> None:
    """Somebody looks at the app: its Home tab, or its messages, which need nothing."""
    if interaction.args.body["event"].get("tab") == "home":
        show(interaction)


def show(interaction: Interaction) -> None:
    """Draw the tab. Never raises Refused: whoever looks reads there what is the matter, and opens it again."""
    try:
        view = home.home(
            typed.waiting(interaction, home.ROOM), typed.mine(interaction, home.ROOM), interaction.service.offered()
        )
    except Refused as refused:
        view = home.instead(sentence(refused))
    try:
        interaction.publish(view)
    except Refused as refused:
        log.info("a Home tab is not shown: %s", refused)
