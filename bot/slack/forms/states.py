"""What Slack sends back of a form, as plain typed answers. Pure.

A view's state is `{block_id: {action_id: {"type": ..., "value" or "selected_...": ...}}}`:
docs.slack.dev/reference/views#state. It may be forged: whatever is odd in it becomes an answer that validation
refuses; blocks that are not the form's are ignored.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from bot.contract import Question, parse, parse_lines
from bot.slack.forms.asking import ACTION, block_id, nothing
from bot.slack.forms.choices import NO, UNAVAILABLE, YES, tokens

JSON = dict[str, Any]
Path = tuple[str, ...]

#: Nothing was entered.
_NOTHING = object()
#: Where an element's state keeps the answer, by type of element.
_KEYS = (
    "value",
    "selected_option",
    "selected_options",
    "selected_date",
    "selected_time",
    "selected_date_time",
    "selected_user",
    "selected_users",
    "selected_channel",
    "selected_channels",
    "selected_conversation",
    "selected_conversations",
    "files",
)


def read_blocks(questions: Iterable[Question], values: Any, revision: int = 0, zone: tzinfo | None = None) -> JSON:
    """What stands in the blocks of these questions, by key, None for nothing. Never raises.

    A text that cannot be read stays as it was typed: `unread` says why. A moment without an offset is one of `zone`.
    """
    blocks = values if isinstance(values, dict) else {}
    entered: JSON = {}
    for question in questions:
        if question.kind != "section" and (name := block_id(question, revision)) in blocks:
            value = _entered(question, blocks[name], zone)
            entered[question.key] = None if value is _NOTHING else value
    return entered


def unread(question: Question, value: Any, zone: tzinfo | None = None) -> str:
    """Why a text is no answer to this question, with the place in it where there is one; empty: it is, or is no text."""
    if not isinstance(value, str) or question.kind in _TEXTS:
        return ""
    try:
        _parsed(question, value, zone)
    except ValueError as error:
        return str(error)
    return ""


def assembled(questions: Iterable[Question], entered: Mapping[Path, Any]) -> JSON:
    """Nested answers of the questions that were asked; None: left empty.

    A section that may be left out is there once something in it was answered.
    """
    answered = {path[:depth] for path, value in entered.items() if value is not None for depth in range(len(path))}
    objects: dict[Path, JSON] = {(): {}}
    for question in questions:
        around = objects.get(question.path[:-1])
        if around is None:
            continue
        if question.kind == "section":
            if _is_there(question, answered):
                objects[question.path] = around[question.path[-1]] = {}
            elif question.must and question.nullable:
                around[question.path[-1]] = None
        elif question.path in entered:
            value = entered[question.path]
            value = _left_empty(question) if value is None else value
            if value is not _NOTHING:
                around[question.path[-1]] = value
    return objects[()]


def _is_there(section: Question, answered: set[Path]) -> bool:
    return not section.optional_section or section.path in answered or (section.must and not section.nullable)


def _left_empty(question: Question) -> Any:
    """What an empty answer says: null or an empty list where one has to be there, else nothing."""
    prefilled = question.default is not None and not question.optional_section
    if not (question.must or prefilled):
        return _NOTHING
    if question.nullable:
        return None
    empty = nothing(question)
    return _NOTHING if empty is None else empty


def _entered(question: Question, block: Any, zone: tzinfo | None) -> Any:
    state = block.get(ACTION) if isinstance(block, dict) else block
    if not isinstance(state, dict):
        return _NOTHING if state is None else state
    key = next((key for key in _KEYS if state.get(key) is not None), None)
    if key is None:
        return _NOTHING
    return _typed(question, state[key], zone) if key == "value" else _KEYED.get(key, _picked)(question, state[key])


def _typed(question: Question, text: Any, zone: tzinfo | None) -> Any:
    if not isinstance(text, str):
        return text
    if not text:
        return _NOTHING
    try:
        return _parsed(question, text, zone)
    except ValueError:
        return text


def _parsed(question: Question, text: str, zone: tzinfo | None) -> Any:
    return (parse_lines if question.kind in {"multi", "list"} else parse)(question, text, zone)


def _one(question: Question, option: Any) -> Any:
    if not isinstance(option, dict) or not isinstance(option.get("value"), str):
        return option
    value = option["value"]
    if question.source and value == UNAVAILABLE:
        return _NOTHING
    if question.kind == "boolean":
        return {YES: True, NO: False}.get(value, value)
    known = tokens(question).get(value)
    return value if known is None else known.value


def _several(question: Question, options: Any) -> Any:
    if not isinstance(options, list):
        return options
    picked = [each for option in options if (each := _one(question, option)) is not _NOTHING]
    if question.kind == "boolean":
        return False if not picked else picked[0] if len(picked) == 1 else picked
    return picked or _NOTHING


def _chosen_files(question: Question, found: Any) -> Any:
    """References to what was uploaded; none says that what was there stays."""
    if not isinstance(found, list):
        return found
    files = [_reference(each) for each in found]
    return _NOTHING if not files else files if question.kind == "list" else files[0]


def _reference(file: Any) -> Any:
    if not isinstance(file, dict):
        return file
    kind = file.get("mimetype") or "application/octet-stream"
    return {"id": file.get("id"), "name": str(file.get("name"))[-255:], "size": file.get("size"), "type": kind}


def _at(_: Question, seconds: Any) -> Any:
    """Unix seconds as a moment in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if type(seconds) is int else seconds
    except (ValueError, OverflowError, OSError):
        return seconds


def _picked(_: Question, value: Any) -> Any:
    return _NOTHING if value in ("", []) else value


#: Any text is an answer to these.
_TEXTS = frozenset({"string", "text", "email", "url", "person", "channel", "group", "file", "content"})
_KEYED = {
    "selected_option": _one,
    "selected_options": _several,
    "selected_date_time": _at,
    "files": _chosen_files,
}
