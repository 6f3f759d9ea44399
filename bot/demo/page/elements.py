"""Block Kit's input elements on the page: what they offer, what they hold, and what a browser's form says they hold.

https://docs.slack.dev/reference/block-kit/block-elements
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

JSON = dict[str, Any]

#: Elements that hold one line (or several) of text, and the `type` of their `<input>`.
TEXTS = {
    "plain_text_input": "text",
    "email_text_input": "email",
    "url_text_input": "url",
    "number_input": "text",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "datetime-local",
}
#: What chosen files are sent as: browsers write quotes in a multipart body's names as %22, and `key` has some.
FILES = "files"
_HELD_TEXT = {"datepicker": "date", "timepicker": "time", "datetimepicker": "date_time"}
_SOURCES = {"static": "option", "external": "option", "users": "user", "channels": "channel"} | {
    "conversations": "conversation"
}


class Directory(Protocol):
    """Whom and what the pickers offer: `(id, name)` pairs."""

    def people(self) -> Sequence[tuple[str, str]]: ...
    def places(self, kind: str) -> Sequence[tuple[str, str]]:
        """Channels for `channels`, direct messages too for `conversations`."""


@dataclass(frozen=True)
class Choice:
    """One option; `text` and `description` are text objects or strings, to be rendered."""

    value: str
    text: JSON | str
    description: JSON | str = ""
    url: str = ""


Offer = list[tuple[str, list[Choice]]]


def source(element: JSON) -> str:
    """Where a select's options come from: static, external, users, conversations or channels; empty for others."""
    kind = str(element["type"]).removeprefix("multi_")
    return kind.removesuffix("_select") if kind.endswith("_select") else ""


def multiple(element: JSON) -> bool:
    """Whether it holds a list."""
    return str(element["type"]).startswith("multi_") or element["type"] == "checkboxes"


def choice(option: JSON, *, whole: bool = False) -> Choice:
    """An option object; without a value (an overflow's link) its text tells it apart.

    `whole`: the form carries text and value as JSON, because only the app knows what its value is called.
    """
    text = option["text"]
    value = option.get("value") or text["text"]
    if whole:
        value = json.dumps({"text": text, "value": value}, sort_keys=True)
    return Choice(str(value), text, option.get("description") or "", option.get("url", ""))


def grouped(options: Sequence[JSON], *, whole: bool = False) -> Offer:
    """Options, or option groups, as `(label, choices)`; ungrouped ones have an empty label."""
    flat: JSON = {"label": {"text": ""}, "options": options}
    groups = options if options and "options" in options[0] else [flat]
    return [
        (group["label"]["text"], [choice(option, whole=whole) for option in group["options"]])
        for group in groups
        if group["options"]
    ]


def offered(element: JSON, directory: Directory) -> Offer:
    """What can be chosen without asking the app."""
    match source(element):
        case "users":
            return [("", [Choice(ident, "@" + name) for ident, name in directory.people()])]
        case "channels" | "conversations" as kind:
            return [("", [Choice(ident, name) for ident, name in directory.places(kind)])]
        case _:
            return grouped(element.get("option_groups") or element.get("options") or [])


def held(element: JSON, state: JSON | None, directory: Directory) -> list[Choice]:
    """What is chosen: by its state (`state.values` of Slack), else as the app said at first."""
    name = _SOURCES.get(source(element), "option") + ("s" if multiple(element) else "")
    found = _of(element, state, name)
    ones = found if isinstance(found, list) else [found] if found else []
    if name.startswith("option"):
        return [choice(option, whole=source(element) == "external") for option in ones]
    names = dict(directory.people()) | dict(directory.places("conversations"))
    return [Choice(str(one), names.get(str(one), str(one))) for one in ones]


def typed(element: JSON, state: JSON | None, zone: ZoneInfo) -> str:
    """The text in a field, as its `<input>` wants it; a moment is in the reader's time zone."""
    kind = str(element["type"])
    if kind not in _HELD_TEXT:
        found = state.get("value") if state else element.get("initial_value")
        return "" if found is None else str(found)
    found = _of(element, state, _HELD_TEXT[kind])
    if kind == "datetimepicker" and found:
        return datetime.fromtimestamp(int(found), zone).strftime("%Y-%m-%dT%H:%M")
    return str(found or "")


def _of(element: JSON, state: JSON | None, name: str) -> Any:
    return state.get(f"selected_{name}") if state else element.get(f"initial_{name}")


def human(element: JSON, raw: Sequence[str], zone: ZoneInfo) -> Any:
    """What a browser's form says a field holds, as `Client.fill` takes it; None is empty."""
    if source(element) == "external":
        options = [json.loads(one) for one in raw if one]
        return options if multiple(element) else next(iter(options), None)
    if multiple(element):
        return [one for one in raw if one]
    first = raw[0] if raw else ""
    if element["type"] == "plain_text_input":
        return first.replace("\r\n", "\n") or None
    if element["type"] == "datetimepicker" and first:
        return int(datetime.fromisoformat(first).replace(tzinfo=zone).timestamp())
    return first or None


def elements(block: JSON) -> list[JSON]:
    """All elements of a block that can be acted on."""
    found = [block.get("element"), block.get("accessory"), *(block.get("elements") or ())]
    return [one for one in found if isinstance(one, dict) and "action_id" in one]


def key(block_id: str, action_id: str) -> str:
    """The name of a field in the page's forms: both ids may contain anything."""
    return json.dumps([block_id, action_id])


def unkey(name: str) -> tuple[str, str] | None:
    """The other way round; None for a name that is not a field's."""
    try:
        block_id, action_id = json.loads(name)
    except (ValueError, TypeError):
        return None
    return str(block_id), str(action_id)


def ident(*parts: str) -> str:
    """An HTML id that stays the same as long as its parts do."""
    return "x" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def drawn_as(element: JSON) -> str:
    """The template (`element_….html`) that draws it."""
    kind = str(element["type"])
    if source(element):
        return "select"
    if kind in TEXTS:
        return "text"
    if kind in {"checkboxes", "radio_buttons"}:
        return "choices"
    return kind if kind in {"button", "overflow", "file_input", "image"} else "unknown"


def initials(name: str) -> str:
    """`Grace Hopper` is GH, `Frontdesk` is F."""
    words = name.split()
    return "".join(word[0] for word in words[:1] + words[1:][-1:]).upper()
