"""What the fields of a view hold, in Slack's shapes, and what Slack's client refuses before anything is sent.

Source of the shapes: docs.slack.dev/reference/interaction-payloads/view-interactions-payload and the payloads in
@slack/bolt's types; an untouched field is there too, empty. The client's sentences are Slack's in spirit: the
documentation does not list them.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.slack.rules.elements import options_of

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

JSON = dict[str, Any]

#: Element type: the key of its answer, and whether that is a list.
ANSWERS: Mapping[str, tuple[str, bool]] = {
    "plain_text_input": ("value", False),
    "number_input": ("value", False),
    "email_text_input": ("value", False),
    "url_text_input": ("value", False),
    "rich_text_input": ("rich_text_value", False),
    "static_select": ("selected_option", False),
    "external_select": ("selected_option", False),
    "radio_buttons": ("selected_option", False),
    "checkboxes": ("selected_options", True),
    "multi_static_select": ("selected_options", True),
    "multi_external_select": ("selected_options", True),
    "users_select": ("selected_user", False),
    "multi_users_select": ("selected_users", True),
    "channels_select": ("selected_channel", False),
    "multi_channels_select": ("selected_channels", True),
    "conversations_select": ("selected_conversation", False),
    "multi_conversations_select": ("selected_conversations", True),
    "datepicker": ("selected_date", False),
    "timepicker": ("selected_time", False),
    "datetimepicker": ("selected_date_time", False),
    "file_input": ("files", True),
}
REQUIRED = "Please complete this required field."


class NotOnScreen(LookupError):
    """The person cannot do that: there is no such button, field, channel or view on their screen."""


def answer(element: JSON, state: JSON) -> Any:
    """What a field holds: a string, an option, a list, or None."""
    return state[ANSWERS[element["type"]][0]]


def state_of(element: JSON, value: Any) -> JSON:
    """The state of a field that holds `value`; empty text is None, as Slack sends it."""
    key, several = ANSWERS[element["type"]]
    return {"type": element["type"], key: list(value or []) if several else (None if value == "" else value)}


def initial(element: JSON) -> JSON:
    """The state of an untouched field."""
    key, _ = ANSWERS[element["type"]]
    given = element.get(key.replace("selected_", "initial_") if key.startswith("selected_") else "initial_value")
    if element["type"] == "file_input":
        given = None
    return state_of(element, copy.deepcopy(given))


def fields(view: JSON) -> Iterator[tuple[JSON, JSON]]:
    """Every element of a view that holds an answer, with its block: inputs, and selects in sections and actions."""
    for block in view["blocks"]:
        found = [block.get("element"), block.get("accessory"), *block.get("elements", ())]
        for element in found:
            if isinstance(element, dict) and element.get("type") in ANSWERS:
                yield block, element


def values(view: JSON, before: Mapping[str, Mapping[str, JSON]] | None = None) -> dict[str, dict[str, JSON]]:
    """`state.values` of a view. What was typed before stays where block_id and action_id stayed the same.

    Source: docs.slack.dev/surfaces/modals, "Updating views": input is kept "if the block_id and action_id match".
    """
    state: dict[str, dict[str, JSON]] = {}
    for block, element in fields(view):
        old = (before or {}).get(block["block_id"], {}).get(element["action_id"])
        kept = old is not None and old["type"] == element["type"] and _still_offered(element, old)
        state.setdefault(block["block_id"], {})[element["action_id"]] = old if old and kept else initial(element)
    return state


def _still_offered(element: JSON, state: JSON) -> bool:
    offered = {option.get("value") for option in options_of(element)}
    chosen = answer(element, state)
    listed = chosen if isinstance(chosen, list) else [chosen]
    return not offered or all(option["value"] in offered for option in listed if isinstance(option, dict))


# -- from what a person means to what a field holds


def typed(workspace: "Workspace", element: JSON, value: Any, suggest: Callable[[str], list[JSON]]) -> JSON:
    """The state of a field after a person filled in `value` (see Client.fill). Raises NotOnScreen."""
    key, several = ANSWERS[element["type"]]
    if value is None:
        return state_of(element, None)
    if several:
        listed = _ticks(element, value) if isinstance(value, bool) else value if isinstance(value, list) else [value]
        return state_of(element, [_one(workspace, element, key, item, suggest) for item in listed])
    return state_of(element, _one(workspace, element, key, value, suggest))


def _ticks(element: JSON, value: bool) -> list[Any]:
    """A lone checkbox is ticked or not."""
    if element["type"] != "checkboxes" or len(element["options"]) != 1:
        raise NotOnScreen(f"{element['action_id']}: True and False are for a lone checkbox")
    return [element["options"][0]["value"]] if value else []


def _one(workspace: "Workspace", element: JSON, key: str, value: Any, suggest: Callable[[str], list[JSON]]) -> Any:
    if key.startswith("selected_option"):
        offered = suggest(_text(value)) if "external" in element["type"] else options_of(element)
        return _option(element, offered, value)
    if key in {"selected_user", "selected_users"}:
        return _find(workspace.find_person, value)
    if key.startswith(("selected_channel", "selected_conversation")):
        return _find(workspace.channel, value)
    if key == "selected_date_time":
        return int(value)
    return value if key in {"files", "rich_text_value"} else str(value)


def _text(value: Any) -> str:
    return str(value["text"]["text"]) if isinstance(value, dict) else str(value)


def _option(element: JSON, offered: list[JSON], value: Any) -> JSON:
    wanted = value["value"] if isinstance(value, dict) else str(value)
    for option in offered:
        if wanted in {option["value"], option["text"]["text"]}:
            return {"text": copy.deepcopy(option["text"]), "value": option["value"]}
    raise NotOnScreen(f"{element['action_id']}: no option {wanted!r}")


def _find(lookup: Callable[[str], Any], value: Any) -> str:
    try:
        return str(lookup(str(value)).id)
    except KeyError:
        raise NotOnScreen(f"nobody and nothing is called {value!r}") from None


# -- what the client refuses


def refusals(view: JSON, state: Mapping[str, Mapping[str, JSON]]) -> dict[str, str]:
    """`{block_id: sentence}` for the input blocks that Slack's client would not submit."""
    found: dict[str, str] = {}
    for block, element in fields(view):
        if block["type"] != "input":
            continue
        value = answer(element, state[block["block_id"]][element["action_id"]])
        if sentence := _refusal(block, element, value):
            found[block["block_id"]] = sentence
    return found


def _refusal(block: JSON, element: JSON, value: Any) -> str | None:
    if value in (None, "", []) or (isinstance(value, str) and not value.strip()):
        return None if block.get("optional") else REQUIRED
    check = CHECKS.get(element["type"])
    return check(element, value) if check else None


def _text_refusal(element: JSON, value: str) -> str | None:
    if len(value) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters."
    if len(value) > element.get("max_length", 3000):
        return f"Must be no more than {element.get('max_length', 3000)} characters."
    return None


def _number_refusal(element: JSON, value: str) -> str | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "Please enter a number."
    if "." in value and not element["is_decimal_allowed"]:
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(value) < float(low):
        return f"Must be at least {low}."
    if high is not None and float(value) > float(high):
        return f"Must be no more than {high}."
    return None


def _email_refusal(_element: JSON, value: str) -> str | None:
    return None if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) else "Please enter a valid email address."


def _url_refusal(_element: JSON, value: str) -> str | None:
    parts = urlsplit(value)
    return None if parts.scheme in {"http", "https"} and parts.netloc else "Please enter a valid URL."


def _count_refusal(element: JSON, value: list[Any]) -> str | None:
    most = element.get("max_selected_items", element.get("max_files"))
    return f"Please choose no more than {most}." if most is not None and len(value) > most else None


CHECKS: Mapping[str, Callable[[JSON, Any], str | None]] = {
    "plain_text_input": _text_refusal,
    "number_input": _number_refusal,
    "email_text_input": _email_refusal,
    "url_text_input": _url_refusal,
    "file_input": _count_refusal,
    **{kind: _count_refusal for kind in ANSWERS if kind.startswith("multi_")},
}
