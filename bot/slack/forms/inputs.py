"""One question as one of Slack's input elements. Pure.

Where Slack has an element for it, that one; where an answer cannot be shown in it although it is valid (an e-mail
address in a people picker, a time with seconds), a text input, which reads back as well. Sources:
docs.slack.dev/reference/block-kit/block-elements and bot.slack.sizes.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal
from math import ceil, floor
from typing import Any

from bot.contract import Question, is_channel_id, is_email, is_person_id, is_uri
from bot.slack.forms.asking import (
    ACTION,
    JSON,
    Shown,
    free_text,
    holds_empty,
    is_covered,
    is_file,
    is_optional,
    most,
    placeholder,
)
from bot.slack.forms.choices import Groups, boolean, enum, group, multi, sourced
from bot.slack.rules import sizes

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MINUTES = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_TOO_LONG = 10**sizes.INPUT_LENGTH
#: The moments that a datetimepicker takes: Unix times of ten digits.
_MOMENTS = range(1_000_000_000, 10_000_000_000)


def shown(question: Question, value: Any, *, valid: bool, groups: Groups = (), zone: tzinfo | None = None) -> Shown:
    """The element of a question with `value` in it (None: no answer). `valid`: its schema accepts the value."""
    if question.holds_secret:
        draw = _text if question.secret else _ELEMENTS.get(question.kind, _text)
        rest = value if not question.secret and is_covered(question, value) else None
        return Shown(draw(question, rest).element, held=value is None)
    if is_file(question):
        most = question.schema.get("maxItems") if question.kind == "list" else 1
        files = most if isinstance(most, int) and 0 < most < sizes.FILES else sizes.FILES
        return Shown({"type": "file_input", "action_id": ACTION, "max_files": files}, held=True)
    if question.source:
        natural = sourced(question, value)
    elif question.kind == "group" and groups:
        natural = group(question, value, groups)
    elif question.item is not None and question.item.kind == "datetime" and isinstance(value, list):
        natural = free_text(question, value, zone)
    else:
        natural = _ELEMENTS.get(question.kind, _text)(question, value)
    if natural.held or value is None or not valid:
        return natural
    text = free_text(question, value, zone)
    return text if text.held else natural


def _text(question: Question, value: Any) -> Shown:
    schema = question.schema
    held = value is None or (isinstance(value, str) and 0 < len(value) <= sizes.INPUT_LENGTH)
    typed = value if held and value is not None else ""
    least, most = _length(schema.get("minLength")), _length(schema.get("maxLength"))
    element: JSON = {"type": "plain_text_input", "action_id": ACTION}
    if question.kind == "text" or question.widget == "textarea" or "\n" in typed:
        element["multiline"] = True
    # What is there already may be too short or too long: the person sees it, and is told on submitting.
    if not typed or len(typed) >= least:
        element |= {"min_length": least} if least and not is_optional(question) else {}
    if most and len(typed) <= most and least <= most:
        element["max_length"] = most
    return Shown(element | ({"initial_value": typed} if typed else {}) | placeholder(question), held)


def _length(limit: Any) -> int:
    """A length as Slack takes it; 0: none."""
    return min(limit, sizes.INPUT_LENGTH) if isinstance(limit, int) and limit > 0 else 0


def _json(question: Question, value: Any) -> Shown:
    if value in ([], {}) and holds_empty(question):
        value = None
    shown = free_text(question, value)
    return Shown(shown.element | {"multiline": True}, shown.held)


def _list(question: Question, value: Any) -> Shown:
    picker = _PICKERS.get(question.item.kind) if question.item else None
    if picker is None:
        return _json(question, value) if isinstance(value, list) else replace(_json(question, None), held=value is None)
    name, accepts = picker
    element: JSON = {"type": f"multi_{name}_select", "action_id": ACTION} | most(question) | placeholder(question)
    ids = isinstance(value, list) and all(isinstance(each, str) and accepts(each) for each in value)
    if ids and value and len(value) == len(set(value)):
        return Shown(element | {f"initial_{name}": value}, held=True)
    return Shown(element, held=value is None or (value == [] and holds_empty(question)))


_PICKERS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "person": ("users", is_person_id),
    "channel": ("channels", is_channel_id),
}


def _number(question: Question, value: Any) -> Shown:
    low, high = (None if bound is None else _digits(bound) for bound in _bounds(question))
    element: JSON = {
        "type": "number_input",
        "action_id": ACTION,
        "is_decimal_allowed": question.kind == "number",
        **({} if low is None else {"min_value": low}),
        **({} if high is None else {"max_value": high}),
        **placeholder(question),
    }
    text = _digits(value)
    if not text or (question.kind == "integer" and not isinstance(value, int)):
        return Shown(element, held=value is None)
    if (low and Decimal(text) < Decimal(low)) or (high and Decimal(text) > Decimal(high)):
        return Shown(element, held=False)
    return Shown(element | {"initial_value": text}, held=True)


def _digits(value: Any) -> str:
    """A number without an exponent, as Slack takes it; empty: not a number."""
    if isinstance(value, str):
        return value if _NUMBER.fullmatch(value) and len(value) <= sizes.INPUT_LENGTH else ""
    if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < _TOO_LONG else ""
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"  # reads back as a float


def _bounds(question: Question) -> tuple[float | None, float | None]:
    """Lowest and highest. An exclusive bound can be told to Slack for whole numbers only."""
    schema = question.schema
    numeric = [each for each in schema.get("anyOf", ()) if isinstance(each, dict) and each.get("type") in _NUMERIC]
    if len(numeric) == 1:
        schema = {**numeric[0], **schema}
    low, high = _bound(schema, "minimum"), _bound(schema, "maximum")
    if question.kind == "integer":
        over, under = _bound(schema, "exclusiveMinimum"), _bound(schema, "exclusiveMaximum")
        lows = [*([] if low is None else [ceil(low)]), *([] if over is None else [floor(over) + 1])]
        highs = [*([] if high is None else [floor(high)]), *([] if under is None else [ceil(under) - 1])]
        low, high = max(lows, default=None), min(highs, default=None)
    return (None, None) if low is not None and high is not None and low > high else (low, high)


_NUMERIC = frozenset({"number", "integer"})


def _bound(schema: JSON, keyword: str) -> float | None:
    value = schema.get(keyword)
    return value if isinstance(value, int | float) and _digits(value) else None


def _picker(kind: str, initial: str, accepts: Callable[[str], bool]) -> Callable[[Question, Any], Shown]:
    def build(question: Question, value: Any) -> Shown:
        element: JSON = {"type": kind, "action_id": ACTION} | placeholder(question)
        held = isinstance(value, str) and accepts(value)
        return Shown(element | ({initial: value} if held else {}), held or value is None)

    return build


def _datetime(_: Question, value: Any) -> Shown:
    element: JSON = {"type": "datetimepicker", "action_id": ACTION}
    moment = _moment(value)
    if moment is None:
        return Shown(element, held=value is None)
    return Shown(element | {"initial_date_time": moment}, held=True)


def _moment(value: Any) -> int | None:
    """Unix seconds; None where the picker cannot show the moment exactly."""
    try:
        moment = datetime.fromisoformat(value)
        seconds = moment.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    exact = moment.tzinfo is not None and seconds.is_integer()
    return int(seconds) if exact and int(seconds) in _MOMENTS else None


def _is_date(text: str) -> bool:
    try:
        return len(text) == len("2026-11-22") and datetime.fromisoformat(text).isoformat()[:10] == text
    except ValueError:
        return False


_ELEMENTS: dict[str, Callable[[Question, Any], Shown]] = {
    "integer": _number,
    "number": _number,
    "boolean": boolean,
    "enum": enum,
    "multi": multi,
    "list": _list,
    "json": _json,
    "date": _picker("datepicker", "initial_date", _is_date),
    "time": _picker("timepicker", "initial_time", lambda text: _MINUTES.fullmatch(text) is not None),
    "datetime": _datetime,
    "email": _picker("email_text_input", "initial_value", is_email),
    "url": _picker("url_text_input", "initial_value", is_uri),
    "person": _picker("users_select", "initial_user", is_person_id),
    "channel": _picker("channels_select", "initial_channel", is_channel_id),
}
