"""What all input elements share: their ids, whether they may stay empty, and the text input that holds any answer. Pure."""

import hashlib
import json
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from bot.contract import Question, at, definitions, moments, parse, parse_lines, secrets, written
from bot.contract.content import described
from bot.secrecy import MASK
from bot.slack.rules import sizes
from bot.slack.text import plain_text

JSON = dict[str, Any]

#: The action id of every element: the block says which question it is.
ACTION = "answer"


@dataclass(frozen=True)
class Shown:
    """An element, and whether it holds the answer that it was given."""

    element: JSON
    held: bool


def block_id(question: Question, revision: int = 0) -> str:
    """The question's pointer, which stays over versions of the form; beyond Slack's length its beginning and a hash.

    A view that is rendered again with other answers counts its `revision`: Slack keeps what was typed in a block of
    the same id, and its state may be of an older one (docs.slack.dev/surfaces/modals, "Updating views").
    """
    name, end = question.key, f"~{revision}" if revision else ""
    if len(name) + len(end) <= sizes.BLOCK_ID:
        return name + end
    return f"{name[: sizes.BLOCK_ID - 33 - len(end)]}#{hashlib.sha256(name.encode()).hexdigest()[:32]}{end}"


def is_optional(question: Question) -> bool:
    """Whether Slack may let it stay empty: a checkbox must (unticked is an answer), so may what can be empty."""
    if question.kind == "boolean" and is_certain(question):
        return True
    return not question.required or question.nullable or nothing(question) is not None


def nothing(question: Question) -> Any:
    """The value that an empty list or map has; None: it has none, or may not be empty."""
    schema = question.schema
    if question.types == ("array",):
        return None if schema.get("minItems") else []
    if question.types == ("object",):
        return None if schema.get("minProperties") or schema.get("required") else {}
    return None


def is_file(question: Question) -> bool:
    """Whether it asks for files. Slack shows none that were chosen before, so choosing none leaves those."""
    one = question.item or question
    return one.kind in {"file", "content"} and not question.holds_secret


def is_certain(question: Question) -> bool:
    """Whether it always has an answer: there is no "nothing said" that a person would have to get back to."""
    certain = question.must or question.default is not None
    return certain and not question.nullable and not question.optional_section


def free_text(question: Question, value: Any, zone: tzinfo | None = None) -> Shown:
    """A text input that holds any answer; moments as the clocks of `zone` show them."""
    element: JSON = {"type": "plain_text_input", "action_id": ACTION} | placeholder(question)
    several = question.kind in {"multi", "list", "json"}
    text = "" if value is None else _lines(question, value, zone) if several else _line(question, value, zone)
    if several or "\n" in text:
        element["multiline"] = True
    if 0 < len(text) <= sizes.INPUT_LENGTH:
        return Shown(element | {"initial_value": text}, held=True)
    return Shown(element, held=value is None)


def is_covered(question: Question, value: Any) -> bool:
    """Whether it was stored: where a secret stood it has the mask that nobody may hand in."""
    places = secrets({**definitions(question.root), "properties": {"it": question.schema}}, {"it": value})
    return bool(places) and all(at({"it": value}, place) == MASK for place in places)


def _line(question: Question, value: Any, zone: tzinfo | None) -> str:
    """A moment in the person's own zone where that reads back as the same."""
    if question.kind == "datetime" and zone is not None and isinstance(value, str):
        text = moments.in_zone(value, zone)
        return text if moments.in_utc(text) == value else value
    return written(value)


def _lines(question: Question, value: Any, zone: tzinfo | None) -> str:
    """One entry on each line where that reads back as the same list, else JSON."""
    if question.kind == "list" and isinstance(value, list) and value:
        text = "\n".join(_line(question.item or question, entry, zone) for entry in value)
        if _read_back(question, text) == value:
            return text
    if question.named and isinstance(value, dict) and value:
        text = "\n".join(f"{name}={written(entry)}" for name, entry in value.items())
        if _said_alike(_read_back(question, text), value):
            return text
    pretty = json.dumps(value, ensure_ascii=False, indent=2)
    return pretty if len(pretty) <= sizes.INPUT_LENGTH else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _said_alike(one: Any, other: Any) -> bool:
    """As JSON: 1 and true are two values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _read_back(question: Question, text: str) -> Any:
    try:
        return parse(question, text) if question.kind == "json" else parse_lines(question, text)
    except ValueError:
        return None


def holds_empty(question: Question) -> bool:
    """Whether a list or a map that is left empty is read as an empty one, or as nothing where that says the same."""
    if question.types == ("object",):  # of one that need not be answered, an empty field is no answer
        return (question.must or question.default == {}) and not (question.nullable or question.optional_section)
    if question.nullable or question.types != ("array",):
        return False
    return question.must or question.default is None or not question.optional_section


def most(question: Question) -> JSON:
    """How many may be picked, as Slack's multi selects name it."""
    limit = question.schema.get("maxItems")
    return {"max_selected_items": limit} if isinstance(limit, int) and limit > 0 else {}


def placeholder(question: Question) -> JSON:
    """An example, or the default of a field that stands empty."""
    if question.optional_section and question.default is not None:
        text = f"Default: {label(question, question.default)}"
    elif isinstance(examples := question.schema.get("examples"), list) and examples:
        text = f"For example {label(question, examples[0])}"
    elif question.kind == "group":
        text = "@team"
    else:
        return {}
    return {"placeholder": plain_text(text, sizes.PLACEHOLDER)}


def label(question: Question, value: Any, zone: tzinfo | None = None) -> str:
    """A value as a person reads it: the label of a choice, yes and no, text, a moment of their zone, JSON."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and value:
        return ", ".join(label(question, each) for each in value)
    if is_file(question) and isinstance(value, dict | str):
        return _file(question.item or question, value)
    return next((choice.label for choice in question.choices if choice.value == value), _line(question, value, zone))


def _file(question: Question, value: JSON | str) -> str:
    """`north.pdf (12 kB)`; of an answer that holds what is in it, as much as that says."""
    if isinstance(value, dict):
        return f"{value.get('name')} ({size(value.get('size'))})"
    if question.kind != "content":
        return value
    name, count = described(question.way, value)
    return f"{name or 'a file'} ({size(count)})"


def size(count: Any) -> str:
    """Bytes for people."""
    if not isinstance(count, int):
        return "?"
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
