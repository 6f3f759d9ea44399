"""The modals that are not an offering's form: catalogue, confirmation, reason. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.offering import Offering
from bot.service import Asked, Offered
from bot.slack import words
from bot.slack.forms.about import CATALOGUE, About
from bot.slack.rules import sizes
from bot.slack.text import clip, escape, mrkdwn, plain_text
from bot.slack.words import Words
from bot.store.records import RequestRecord

JSON = dict[str, Any]

#: The block of the one input that the catalogue and a reason have.
OFFERING, REASON = "offering", "/reason"
#: Offerings that the catalogue describes at length; all of them are in its select.
_DESCRIBED = 40


def catalogue(offered: Sequence[Offered], problem: str = "") -> JSON:
    """What can be asked for: a select, and what each offering is, whose it is and how long it usually takes."""
    options = [_option(each.offering) for each in offered]
    select: JSON = {"type": "static_select", "action_id": "value", "placeholder": plain_text("Choose", 150)}
    if len(options) <= sizes.OPTIONS:
        select["options"] = options
    else:
        pages = [options[start : start + sizes.OPTIONS] for start in range(0, len(options), sizes.OPTIONS)]
        select["option_groups"] = [{"label": _range(page), "options": page} for page in pages]
    blocks: list[JSON] = [
        {
            "type": "input",
            "block_id": OFFERING,
            "label": plain_text("What do you need?", 2000),
            "element": select,
        }
    ]
    if problem:
        blocks.insert(0, {"type": "section", "text": plain_text(problem, 3000)})
    for each in offered[:_DESCRIBED]:
        blocks += [{"type": "divider"}, described(each)]
    if len(offered) > _DESCRIBED:
        more = f"{len(offered) - _DESCRIBED} more are in the list above."
        blocks.append({"type": "context", "elements": [plain_text(more, 3000)]})
    return _view(CATALOGUE, "Platform catalogue", blocks, submit="Continue")


def confirmation(record: RequestRecord | Asked, words_: Words, *, usual: str = "") -> JSON:
    """What a submitted form turns into."""
    waits = (
        f"It waits for {words_.deciders(record)}{words_.until(record)}."
        if record.rules
        else "It is under way: nobody needs to approve it."
    )
    text = f"*{record.number}*: {escape(words_.title(record))} was asked for. {waits}"
    about = f"You hear of each turn in a direct message.{usual} Its story: /platform show {record.number}"
    blocks = [_mrkdwn(text), {"type": "context", "elements": [{"type": "mrkdwn", "text": about}]}]
    return _view("confirmation", record.number, blocks, close="Close")


def reason(callback: str, about: About, *, title: str, question: str, submit: str) -> JSON:
    """Asks for a reason before a Reject or a Can't do counts."""
    block = {
        "type": "input",
        "block_id": REASON,
        "label": plain_text(question, 2000),
        "element": {"type": "plain_text_input", "action_id": "value", "multiline": True, "max_length": 2000},
        "hint": plain_text("The requester reads it.", 2000),
    }
    return _view(callback, title, [block], submit=submit, metadata=str(about))


def message(title: str, text: str) -> JSON:
    """Plain words in a modal, for what has no form (any more)."""
    return _view("message", title, [{"type": "section", "text": plain_text(text, 3000)}], close="Close")


def usual(offered: Offered | None) -> str:
    """` It usually takes about 2 hours.`, or nothing while too little is known."""
    return f" It usually takes {words.duration(offered.usual)}." if offered and offered.usual else ""


def described(offered: Offered) -> JSON:
    """What an offering is, whose it is and how long it usually takes."""
    offering = offered.offering
    about = escape(clip(offering.description, 600))
    text = f"*{escape(offering.title)}*{chr(10) + about if about else ''}\n_Owner: {escape(offering.owner)}._{usual(offered)}"
    return _mrkdwn(text)


def _option(offering: Offering[Any]) -> JSON:
    option = {"text": plain_text(offering.title, sizes.OPTION_TEXT), "value": offering.name[:150]}
    first = offering.description.partition("\n")[0]
    return option | {"description": plain_text(first, sizes.OPTION_TEXT)} if first else option


def _range(page: Sequence[JSON]) -> JSON:
    first, last = page[0]["text"]["text"], page[-1]["text"]["text"]
    return plain_text(f"{clip(first, 30)} to {clip(last, 30)}", sizes.OPTION_TEXT)


def _mrkdwn(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def _view(
    callback: str, title: str, blocks: list[JSON], *, submit: str = "", close: str = "Cancel", metadata: str = ""
) -> JSON:
    view: JSON = {
        "type": "modal",
        "callback_id": callback,
        "title": plain_text(title, sizes.VIEW_TITLE),
        "close": plain_text(close, sizes.VIEW_TITLE),
        "private_metadata": metadata,
        "blocks": blocks,
    }
    return view | {"submit": plain_text(submit, sizes.VIEW_TITLE)} if submit else view
