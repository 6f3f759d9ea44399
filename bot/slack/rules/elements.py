"""The shapes of Block Kit's texts, options, elements and blocks, as tables.

Keys as in Slack's reference and in @slack/types; numbers from bot.slack.sizes. Rules that look at two keys at once
stand beside the shape that they belong to; rules over a whole view are in bot.slack.limits.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from bot.slack.rules import sizes
from bot.slack.rules.shapes import Check, anything, both, flag, integer, items, one_of, record, tagged, text

JSON = dict[str, Any]


def texts(high: int) -> Mapping[str, Check]:
    """The two text objects by their type."""
    return {
        "plain_text": record({"text": text(1, high)}, {"emoji": flag}),
        "mrkdwn": record({"text": text(1, high)}, {"verbatim": flag}),
    }


def plain(high: int) -> Check:
    return tagged({"plain_text": texts(high)["plain_text"]})


def mrkdwn(high: int) -> Check:
    return tagged({"mrkdwn": texts(high)["mrkdwn"]})


def any_text(high: int) -> Check:
    return tagged(texts(high))


# -- options


def _option(label: Check, **more: Check) -> Check:
    optional = {"description": any_text(sizes.OPTION_DESCRIPTION), **more}
    return record({"text": label, "value": text(1, sizes.OPTION_VALUE)}, optional)


PLAIN_OPTION = _option(plain(sizes.OPTION_TEXT))
ANY_OPTION = _option(any_text(sizes.OPTION_TEXT))
OVERFLOW_OPTION = _option(plain(sizes.OPTION_TEXT), url=text(1, sizes.OPTION_URL))
OPTION_GROUP = record(
    {"label": plain(sizes.GROUP_LABEL), "options": items(PLAIN_OPTION, 1, sizes.OPTIONS)},
)


def options_of(element: JSON) -> list[JSON]:
    """The options of an element, also those in groups."""
    lists = [element.get("options"), *(group["options"] for group in element.get("option_groups") or ())]
    return [option for options in lists for option in options or ()]


def _comparable(option: JSON) -> JSON:
    """Slack fills in `emoji`, so it does not count when options are compared."""
    parts = {key: item for key, item in option.items() if item is not None}
    return {
        key: {name: part for name, part in item.items() if name not in {"emoji", "verbatim"}}
        if isinstance(item, dict)
        else item
        for key, item in parts.items()
    }


def _different_values(at: str, element: JSON) -> Iterator[str]:
    values = [option["value"] for option in options_of(element)]
    for value in sorted({value for value in values if values.count(value) > 1}):
        yield f'{at}/options: value "{value}" already exists'


def _initial_options(at: str, element: JSON) -> Iterator[str]:
    offered = [_comparable(option) for option in options_of(element)]
    lone = element.get("initial_option")
    if lone is not None and _comparable(lone) not in offered:
        yield f"{at}/initial_option: must be exactly one of the options"
    for number, option in enumerate(element.get("initial_options") or ()):
        if _comparable(option) not in offered:
            yield f"{at}/initial_options/{number}: must be exactly one of the options"


def _one_kind_of_options(at: str, element: JSON) -> Iterator[str]:
    if (element.get("options") is None) == (element.get("option_groups") is None):
        yield f"{at}: must define either options or option_groups"


def _not_too_many_chosen(at: str, element: JSON) -> Iterator[str]:
    most = element.get("max_selected_items")
    for key, value in element.items():
        if key.startswith("initial_") and most is not None and len(value or ()) > most:
            yield f"{at}/{key}: no more than {most} items allowed"


# -- other rules of one element


def _lengths(at: str, element: JSON) -> Iterator[str]:
    low, high, initial = (element.get(key) for key in ("min_length", "max_length", "initial_value"))
    if low is not None and high is not None and low > high:
        yield f"{at}/min_length: must not be more than max_length"
    if initial is not None and high is not None and len(initial) > high:
        yield f"{at}/initial_value: must be less than {high + 1} characters"


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _numbers(at: str, element: JSON) -> Iterator[str]:
    low, high, initial = (_decimal(element.get(key)) for key in ("min_value", "max_value", "initial_value"))
    if low is not None and high is not None and low > high:
        yield f"{at}/min_value: must not be more than max_value"
    if initial is not None and ((low is not None and initial < low) or (high is not None and initial > high)):
        yield f"{at}/initial_value: must be between min_value and max_value"
    if element.get("is_decimal_allowed") is False:
        for key in ("min_value", "max_value", "initial_value"):
            if "." in str(element.get(key) or ""):
                yield f"{at}/{key}: must be a whole number"


def _calendar_date(at: str, value: Any) -> Iterator[str]:
    try:
        good = bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)) and bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        good = False
    if not good:
        yield f"{at}: must be a date in the format YYYY-MM-DD"


# -- elements

NUMBER = r"-?\d+(\.\d+)?"
TIME = r"([01]\d|2[0-3]):[0-5]\d"
ACTION_ID = text(1, sizes.ACTION_ID)
CONFIRM = record(
    {
        "title": plain(sizes.CONFIRM_TITLE),
        "text": any_text(sizes.CONFIRM_TEXT),
        "confirm": plain(sizes.CONFIRM_BUTTON),
        "deny": plain(sizes.CONFIRM_BUTTON),
    },
    {"style": one_of("primary", "danger")},
)
FILTER = record(
    {},
    {
        "include": items(one_of("im", "mpim", "private", "public")),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)
DISPATCH = record({}, {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"))})
IDS = items(text(1), 0)

ACTION: Mapping[str, Check] = {"action_id": ACTION_ID, "confirm": CONFIRM}
FIELD: Mapping[str, Check] = {**ACTION, "focus_on_load": flag}
PICKER: Mapping[str, Check] = {**FIELD, "placeholder": plain(sizes.PLACEHOLDER)}
SEVERAL: Mapping[str, Check] = {**PICKER, "max_selected_items": integer(1)}
TYPED: Mapping[str, Check] = {
    "action_id": ACTION_ID,
    "focus_on_load": flag,
    "placeholder": plain(sizes.PLACEHOLDER),
    "dispatch_action_config": DISPATCH,
}
STATIC: Mapping[str, Check] = {
    "options": items(PLAIN_OPTION, 1, sizes.OPTIONS),
    "option_groups": items(OPTION_GROUP, 1, sizes.OPTION_GROUPS),
}
QUERY: Mapping[str, Check] = {"min_query_length": integer(0)}
BUTTON: Mapping[str, Check] = {
    **ACTION,
    "style": one_of("primary", "danger"),
    "accessibility_label": text(1, sizes.ACCESSIBILITY_LABEL),
}
IMAGE: Mapping[str, Check] = {"image_url": text(1, sizes.IMAGE_URL), "slack_file": anything}


def one_source(at: str, image: JSON) -> Iterator[str]:
    if (image.get("image_url") is None) == (image.get("slack_file") is None):
        yield f"{at}: must define either image_url or slack_file"


def _choices(option: Check, initial: str, initial_check: Check) -> Check:
    shape = record({"options": items(option, 1, sizes.CHOICES)}, {**FIELD, initial: initial_check})
    return both(shape, _different_values, _initial_options)


def _static(more: Mapping[str, Check]) -> Check:
    return both(record({}, {**STATIC, **more}), _one_kind_of_options, _different_values, _initial_options)


ELEMENTS: Mapping[str, Check] = {
    "button": record(
        {"text": plain(sizes.BUTTON_TEXT)},
        {**BUTTON, "url": text(0, sizes.BUTTON_URL), "value": text(0, sizes.BUTTON_VALUE)},
    ),
    "workflow_button": record({"text": plain(sizes.BUTTON_TEXT), "workflow": anything}, BUTTON),
    "overflow": both(record({"options": items(OVERFLOW_OPTION, 1, sizes.OVERFLOW_OPTIONS)}, ACTION), _different_values),
    "image": both(record({"alt_text": text(1, sizes.ALT_TEXT)}, IMAGE), one_source),
    "checkboxes": _choices(ANY_OPTION, "initial_options", items(ANY_OPTION, 1, sizes.CHOICES)),
    "radio_buttons": _choices(ANY_OPTION, "initial_option", ANY_OPTION),
    "static_select": _static({**PICKER, "initial_option": PLAIN_OPTION}),
    "multi_static_select": both(
        _static({**SEVERAL, "initial_options": items(PLAIN_OPTION, 1, sizes.OPTIONS)}), _not_too_many_chosen
    ),
    "external_select": record({}, {**PICKER, **QUERY, "initial_option": PLAIN_OPTION}),
    "multi_external_select": both(
        record({}, {**SEVERAL, **QUERY, "initial_options": items(PLAIN_OPTION, 1, sizes.OPTIONS)}), _not_too_many_chosen
    ),
    "users_select": record({}, {**PICKER, "initial_user": text(1)}),
    "multi_users_select": both(record({}, {**SEVERAL, "initial_users": IDS}), _not_too_many_chosen),
    "channels_select": record({}, {**PICKER, "initial_channel": text(1), "response_url_enabled": flag}),
    "multi_channels_select": both(record({}, {**SEVERAL, "initial_channels": IDS}), _not_too_many_chosen),
    "conversations_select": record(
        {},
        {
            **PICKER,
            "initial_conversation": text(1),
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": FILTER,
        },
    ),
    "multi_conversations_select": both(
        record(
            {},
            {**SEVERAL, "initial_conversations": IDS, "default_to_current_conversation": flag, "filter": FILTER},
        ),
        _not_too_many_chosen,
    ),
    "datepicker": record({}, {**PICKER, "initial_date": _calendar_date}),
    "timepicker": record({}, {**PICKER, "initial_time": text(pattern=TIME), "timezone": text(1)}),
    "datetimepicker": record({}, {**FIELD, "initial_date_time": integer(1_000_000_000, 9_999_999_999)}),
    "plain_text_input": both(
        record(
            {},
            {
                **TYPED,
                "initial_value": text(0, sizes.INPUT_LENGTH),
                "multiline": flag,
                "min_length": integer(0, sizes.INPUT_LENGTH),
                "max_length": integer(1, sizes.INPUT_LENGTH),
            },
        ),
        _lengths,
    ),
    "number_input": both(
        record(
            {"is_decimal_allowed": flag},
            {**TYPED, **dict.fromkeys(("initial_value", "min_value", "max_value"), text(pattern=NUMBER))},
        ),
        _numbers,
    ),
    "email_text_input": record({}, {**TYPED, "initial_value": text(0)}),
    "url_text_input": record({}, {**TYPED, "initial_value": text(0)}),
    "rich_text_input": record({}, {**TYPED, "initial_value": anything}),
    "file_input": record(
        {}, {"action_id": ACTION_ID, "filetypes": items(text(1)), "max_files": integer(1, sizes.FILES)}
    ),
}

TYPED_INPUTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input")
SELECTS = tuple(name for name in ELEMENTS if name.endswith("_select"))
MULTI_SELECTS = tuple(name for name in SELECTS if name.startswith("multi_"))
PICKERS = ("checkboxes", "radio_buttons", "datepicker", "timepicker")
#: Where an element may stand. Source: "Works with block types" on each element's page.
IN_INPUT = (*TYPED_INPUTS, *SELECTS, *PICKERS, "datetimepicker", "file_input")
IN_SECTION = ("button", "workflow_button", "overflow", "image", *SELECTS, *PICKERS)
IN_ACTIONS = (
    *("button", "workflow_button", "overflow", "datetimepicker", "rich_text_input", *PICKERS),
    *(name for name in SELECTS if name not in MULTI_SELECTS),
)


def place(names: tuple[str, ...]) -> Check:
    """An element of one of these types; another one that exists is "not supported here"."""
    inner = tagged({name: ELEMENTS[name] for name in names})

    def check(at: str, value: Any) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in ELEMENTS and kind not in names:
            yield f"{at}/type: element {kind} is not supported in this block"
        else:
            yield from inner(at, value)

    return check
