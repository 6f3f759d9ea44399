"""A contract's form as a modal, and its problems beside its fields. Pure.

    modal(schema, ...)            the view
    answers(schema, values)       a submitted view's state as typed answers; `read` names what could not be read
    errors(schema, problems)      Slack's `errors` for the acknowledgement, and what has no field of its own

Block ids are JSON pointers, so an error finds its field; see `bot.slack.asking`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot import contract
from bot.contract import Question, Schema, fields
from bot.errors import Problem, Refused
from bot.slack.forms.asking import JSON, block_id, is_optional, label
from bot.slack.forms.choices import Groups
from bot.slack.forms.filled import Filled
from bot.slack.forms.inputs import shown
from bot.slack.forms.states import answers, read
from bot.slack.rules import sizes
from bot.slack.text import clip, plain_text

__all__ = [
    "answers",
    "asked",
    "beside",
    "block_id",
    "errors",
    "frame",
    "heading",
    "is_note",
    "modal",
    "note",
    "notes",
    "read",
]


def modal(
    schema: Schema,
    *,
    title: str,
    callback_id: str,
    metadata: str = "",
    answers: Mapping[str, Any] | None = None,
    problems: Sequence[Problem] = (),
    intro: Sequence[JSON] = (),
    submit: str = "Request",
    external_id: str | None = None,
    groups: Groups = (),
) -> JSON:
    """The view of a form on one page, with `answers` filled in and, above each field, what cannot be used of them.

    `problems` are the caller's (for example of a slash command's text); what the schema refuses of `answers` is named
    even without. `groups` are (id, handle) of the workspace's user groups. Raises Refused for a form that does not
    fit into one page: `bot.slack.pages` turns them.
    """
    filled = Filled(schema, answers or {})
    wrong = notes(filled, problems)
    blocks = [*intro, *(note(text) for text in wrong.pop("", []))]
    for question in filled.shown:
        if question.kind == "section":
            blocks += heading(question, wrong)
        else:
            blocks += asked(question, filled, wrong, groups)
    if len(blocks) > sizes.VIEW_BLOCKS:
        raise Refused(f"This form takes {len(blocks)} blocks and a modal in Slack holds {sizes.VIEW_BLOCKS}.")
    view = frame(title, callback_id, blocks, submit, metadata)
    return view if external_id is None else {**view, "external_id": external_id}


def frame(title: str, callback_id: str, blocks: Sequence[JSON], submit: str, metadata: str) -> JSON:
    """A modal around the blocks of a form."""
    nothing = {"type": "section", "text": plain_text("There is nothing to fill in.", sizes.TEXT)}
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title, sizes.VIEW_TITLE),
        "submit": plain_text(submit, sizes.VIEW_TITLE),
        "close": plain_text("Cancel", sizes.VIEW_TITLE),
        "private_metadata": metadata,
        "blocks": [*blocks] or [nothing],
    }


def errors(schema: Schema, problems: Iterable[Problem]) -> tuple[dict[str, str], list[str]]:
    """Problems by the block that shows them, and those that no block can show.

    A problem inside an answer (an entry of a list) stands at its field, one of a section at the section's first field.
    """
    found, leftover = beside(fields(schema), problems)
    return {block_id(question): text for question, text in found}, leftover


def beside(questions: Sequence[Question], problems: Iterable[Problem]) -> tuple[list[tuple[Question, str]], list[str]]:
    """Problems by the question that they stand at, and the texts of those that stand nowhere."""
    found: dict[str, tuple[Question, list[str]]] = {}
    leftover: list[str] = []
    for problem in problems:
        question = _nearest(questions, problem.pointer)
        if question is None:
            leftover.append(_with_place(problem, ""))
        else:
            found.setdefault(question.key, (question, []))[1].append(_with_place(problem, question.pointer))
    return [(question, " ".join(dict.fromkeys(texts))) for question, texts in found.values()], leftover


def _nearest(questions: Sequence[Question], pointer: str) -> Question | None:
    """The input that this pointer names or lies in, else the first one in the innermost section around it."""
    inputs = [question for question in questions if question.kind != "section"]
    sections = {question.pointer for question in questions if question.kind == "section"}
    while pointer:
        for question in inputs:
            if question.pointer == pointer or (pointer in sections and question.pointer.startswith(pointer + "/")):
                return question
        pointer = pointer.rpartition("/")[0]
    return None


def _with_place(problem: Problem, shown_at: str) -> str:
    """The sentence, behind the name of the place where that is not what it stands beside."""
    if problem.pointer == shown_at:
        return problem.detail
    inside = problem.pointer.startswith(shown_at + "/")
    parts = (problem.pointer[len(shown_at) :] if inside else problem.pointer).strip("/").split("/")
    name = ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)
    entry = f"Entry {int(parts[0]) + 1}" if shown_at and parts[0].isdecimal() and len(parts) == 1 else name
    return f"{entry}: {problem.detail}"


def notes(filled: Filled, problems: Sequence[Problem] = ()) -> dict[str, list[str]]:
    """What to say above each question, by its pointer; under the empty pointer what belongs to none."""
    schema = filled.applied.schema
    own = [problem for problem in contract.problems(schema, filled.given) if problem.detail != "Missing."]
    if not (own or problems):
        return {}
    named = {problem.pointer for problem in problems}
    known = {question.pointer for question in filled.shown}
    texts: dict[str, list[str]] = {}
    for problem in (*problems, *(problem for problem in own if problem.pointer not in named)):
        pointer = problem.pointer
        while pointer and pointer not in known:
            pointer = pointer.rpartition("/")[0]
        texts.setdefault(pointer, []).append(_with_place(problem, pointer))
    return texts


def asked(
    question: Question,
    filled: Filled,
    wrong: Mapping[str, Sequence[str]],
    groups: Groups = (),
    *,
    revision: int = 0,
) -> list[JSON]:
    """A question's notes, then its input. One that others depend on tells at once when it changes."""
    texts = wrong.get(question.pointer, ())
    value = filled.value(question)
    element = shown(question, value, valid=not texts, groups=groups)
    above = list(texts)
    if not element.held and filled.is_given(question):
        above = [_unusable(question, value, text) for text in texts] or [_not_shown(question, value)]
    block = _input(question, element.element, revision)
    if question.path in filled.applied.controls:
        block["dispatch_action"] = True
    return [*(note(f"{question.title}: {text}") for text in above), block]


def _unusable(question: Question, value: Any, text: str) -> str:
    told = contract.quoted(value)
    return text if question.holds_secret or told in text else f"{told} cannot be used. {text}"


def _not_shown(question: Question, value: Any) -> str:
    if question.holds_secret:
        return "a secret is not shown again. Please enter it once more."
    return f"{contract.quoted(value)} cannot be shown here, and is left out unless you enter it again."


def note(text: str) -> JSON:
    """What is wrong, above what it is about."""
    return {"type": "context", "elements": [plain_text(f"{_SIGN}{text}", sizes.TEXT)]}


def is_note(block: JSON) -> bool:
    """Whether a block is a `note`."""
    return block["type"] == "context" and str(block["elements"][0].get("text")).startswith(_SIGN)


_SIGN = "⚠️ "


def heading(section: Question, wrong: Mapping[str, Sequence[str]], title: str = "") -> list[JSON]:
    """What heads the questions of a nested object; `title` where it stands for several."""
    blocks: list[JSON] = [{"type": "header", "text": plain_text(title or section.title, sizes.HEADER)}]
    texts = [section.description]
    if section.optional_section:
        texts.append("Optional: leave all of it empty to do without.")
    text = " ".join(filter(None, texts))
    below: list[JSON] = [{"type": "context", "elements": [plain_text(text, sizes.TEXT)]}] if text else []
    return [*blocks, *below, *(note(f"{section.title}: {each}") for each in wrong.get(section.pointer, ()))]


def _input(question: Question, element: JSON, revision: int) -> JSON:
    block = {
        "type": "input",
        "block_id": block_id(question, revision),
        "label": plain_text(question.title, sizes.LABEL),
        "element": element,
        "optional": is_optional(question),
    }
    hint = _hint(question, element["type"])
    return {**block, "hint": plain_text(hint, sizes.HINT)} if hint else block


def _hint(question: Question, element: str) -> str:
    """What a person has to know and the element does not say."""
    parts = [question.description, *_rules(question)]
    if element == "plain_text_input":
        told = contract.expected(str(question.schema.get("format")))
        way = "One name=value on each line" if question.is_map else _WRITTEN.get(question.kind)
        parts.append(way or told[:1].upper() + told[1:])
    if question.holds_secret:
        parts.append("Slack hides nothing: what you type here can be read over your shoulder.")
    elif question.kind in _CLEARED and is_optional(question) and not question.optional_section:
        default = question.schema.get("default")
        parts.append("" if default is None else f"Left empty: {label(question, default)}.")
    parts += [
        f"“{clip(each.label, sizes.OPTION_TEXT)}” is “{each.label}”."
        for each in question.choices
        if len(each.label) > sizes.OPTION_TEXT
    ]
    return " ".join(part if part.endswith((".", "!", "?", ":")) else f"{part}." for part in parts if part)


def _rules(question: Question) -> Iterable[str]:
    """Limits that Slack's elements cannot check."""
    schema = question.schema
    if "pattern" in schema and not question.description:
        yield f"Pattern “{schema['pattern']}”."
    if question.kind == "number":
        yield f"More than {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else ""
        yield f"Less than {schema['exclusiveMaximum']}" if "exclusiveMaximum" in schema else ""
    if "multipleOf" in schema:
        yield f"A multiple of {schema['multipleOf']}"
    if question.kind in {"multi", "list"}:
        yield f"At least {schema['minItems']}" if schema.get("minItems", 0) > 1 else ""
        yield f"At most {schema['maxItems']}" if "maxItems" in schema else ""


#: How to write what Slack has no element for.
_WRITTEN = {
    "list": "One on each line",
    "multi": "One on each line",
    "json": "YAML or JSON",
}
#: Elements that stand empty without saying so.
_CLEARED = frozenset(
    {"string", "text", "integer", "number", "date", "time", "datetime", "email", "url", "person", "channel", "group"}
)
