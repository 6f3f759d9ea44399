"""The Home tab: what waits for somebody, what they have, what they can ask for. Pure.

Slack's rules: https://docs.slack.dev/surfaces/app-home
"""

from collections.abc import Sequence
from typing import Any

from bot.service import Offered
from bot.slack import buttons, views
from bot.slack.buttons import Target
from bot.slack.messages import Message
from bot.slack.text import plain_text

JSON = dict[str, Any]

#: Blocks for each of the two listings, and offerings below them; a Home tab holds 100 blocks.
ROOM, OFFERED = 34, 20


def home(waiting: Message, mine: Message, offered: Sequence[Offered]) -> JSON:
    """The tab of one person. `waiting` and `mine` keep to ROOM; the whole catalogue is behind its button."""
    catalogue = buttons.button("catalogue", "All of the catalogue", Target(""))
    return _tab(
        [
            *_part("Waits for you", _blocks(waiting)),
            *_part("What you have", _blocks(mine)),
            *_part("What you can ask for", [_offer(each) for each in offered[:OFFERED]]),
            *buttons.actions("catalogue", catalogue),
        ]
    )


def instead(text: str) -> JSON:
    """Plain words in the tab, for whom it cannot be drawn now."""
    return _tab([{"type": "section", "text": plain_text(text, 3000)}])


def _offer(offered: Offered) -> JSON:
    return views.described(offered) | {"accessory": buttons.button("request", "Request", Target(offered.offering.name))}


def _blocks(message: Message) -> list[JSON]:
    return message.blocks or [{"type": "section", "text": plain_text(message.text, 3000)}]


def _part(title: str, blocks: list[JSON]) -> list[JSON]:
    return [{"type": "header", "text": plain_text(title, 150)}, *blocks] if blocks else []


def _tab(blocks: list[JSON]) -> JSON:
    return {"type": "home", "callback_id": "home", "blocks": blocks}
