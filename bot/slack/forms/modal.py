"""What a modal of a form is made of: its frame, its fields with their notes, and problems beside them. Pure.

    frame(...)            a modal around blocks
    asked(question, ...)  one field; `heading` what heads those of an object; `notes` what to say above each
    beside(...)           problems by the field that they stand at

Block ids are JSON pointers, so an error finds its field; see `bot.slack.forms.asking`. `pages.Sheet` puts it together.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from bot import contract
from bot.contract import Question, maps, moments
from bot.contract.content import MOST
from bot.errors import Problem
from bot.secrecy import MASK
from bot.slack.forms.asking import JSON, block_id, is_file, is_optional, label, size
from bot.slack.forms.choices import Groups
from bot.slack.forms.contents import chosen
from bot.slack.forms.filled import Filled
from bot.slack.forms.inputs import shown
from bot.slack.rules import sizes
from bot.slack.text import clip, plain_text


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


def beside(questions: Sequence[Question], problems: Iterable[Problem]) -> tuple[list[tuple[Question, str]], list[str]]:
    """Problems by the question that they stand at, and the texts of those that stand nowhere."""
    found: dict[str, tuple[Question, list[str]]] = {}
    leftover: list[str] = []
    for problem in problems:
        question = _nearest(questions, problem.pointer)
        if question is None:
            leftover.append(_with_place(problem, None))
        else:
            found.setdefault(question.key, (question, []))[1].append(_with_place(problem, question))
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


def _with_place(problem: Problem, question: Question | None) -> str:
    """The sentence, behind the name of the place where that is not the question that it stands beside."""
    shown_at = question.pointer if question else ""
    if problem.pointer == shown_at:
        return problem.detail
    inside = problem.pointer.startswith(shown_at + "/")
    parts = (problem.pointer[len(shown_at) :] if inside else problem.pointer).strip("/").split("/")
    name = ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)
    is_entry = question is not None and question.types == ("array",) and parts[0].isdecimal() and len(parts) == 1
    return f"{f'Entry {int(parts[0]) + 1}' if is_entry else name}: {problem.detail}"


def notes(filled: Filled, problems: Sequence[Problem] = ()) -> dict[str, list[str]]:
    """What to say above each question, by its pointer; under the empty pointer what belongs to none."""
    schema = filled.applied.schema
    own = [problem for problem in maps.problems(schema, filled.given) if problem.detail != "Missing."]
    if own and (files := {pointer for pointer, _ in chosen(schema, filled.given)}):
        own = [problem for problem in own if problem.pointer not in files]
    if not (own or problems):
        return {}
    named = {problem.pointer for problem in problems}
    known = {question.pointer: question for question in filled.shown}
    texts: dict[str, list[str]] = {}
    for problem in (*problems, *(problem for problem in own if problem.pointer not in named)):
        pointer = problem.pointer
        while pointer and pointer not in known:
            pointer = pointer.rpartition("/")[0]
        texts.setdefault(pointer, []).append(_with_place(problem, known.get(pointer)))
    return texts


#: Of a text that is kept while it is typed.
AS_TYPED: JSON = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
#: Of one that decides about other fields, too: whoever presses Enter waits for them.
DECIDES: JSON = {"dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed", "on_character_entered"]}}
#: Elements whose answer is there with one click, by type.
CHOICES = frozenset(
    {"static_select", "external_select", "multi_static_select", "multi_external_select", "radio_buttons", "checkboxes"}
    | {"datepicker", "timepicker", "datetimepicker", "users_select", "multi_users_select"}
    | {"channels_select", "multi_channels_select"}
)


#: Elements that are typed in.
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})


def asked(
    question: Question,
    filled: Filled,
    wrong: Mapping[str, Sequence[str]],
    groups: Groups = (),
    *,
    revision: int = 0,
) -> list[JSON]:
    """A question's notes, then its input.

    One that others depend on tells at once when it changes; so do choices, for a window that is closed tells nothing
    of its fields (Slack sends an empty state with `view_closed`), and texts, with each character: what was typed is
    there again. Only a secret is kept nowhere.
    """
    texts = wrong.get(question.pointer, ())
    value = filled.value(question)
    element = shown(question, value, valid=not texts, groups=groups, zone=filled.zone)
    above = list(texts)
    if not element.held and filled.is_given(question):
        above = [_unusable(question, value, text) for text in texts] or [_not_shown(question, value, element.element)]
    block = _input(question, element.element, revision, filled.zone)
    if is_file(question):
        return [*(note(f"{question.title}: {text}") for text in texts), _beside_kept(question, value, block)]
    decides = question.path in filled.applied.controls
    if element.element["type"] in TYPED and not question.holds_secret:
        block |= {"dispatch_action": True, "element": element.element | (DECIDES if decides else AS_TYPED)}
    elif decides or element.element["type"] in CHOICES:
        block["dispatch_action"] = True
    return [*(note(f"{question.title}: {text}") for text in above), block]


def _beside_kept(question: Question, value: Any, block: JSON) -> JSON:
    """An input for files, which shows none of those that were chosen before: they stay unless others replace them."""
    if not stays(question, value):
        return block
    text = f"Chosen: {label(question, value)}. It stays unless you choose again. {question.description}"
    return block | {"optional": True, "hint": plain_text(text, sizes.HINT)}


def stays(question: Question, value: Any) -> bool:
    """Whether it is a file that was chosen before."""
    return is_file(question) and bool(value) and not (isinstance(value, str) and question.kind == "file")


def _unusable(question: Question, value: Any, text: str) -> str:
    told = contract.quoted(value)
    return text if question.holds_secret or told in text else f"{told} cannot be used. {text}"


def _not_shown(question: Question, value: Any, element: JSON) -> str:
    if question.holds_secret and "initial_value" in element:
        return f"secrets are not shown again. Please enter each of them once more, in place of {MASK}."
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
    text = _sentences(texts)
    below: list[JSON] = [{"type": "context", "elements": [plain_text(text, sizes.TEXT)]}] if text else []
    return [*blocks, *below, *(note(f"{section.title}: {each}") for each in wrong.get(section.pointer, ()))]


def _input(question: Question, element: JSON, revision: int, zone: tzinfo | None) -> JSON:
    block = {
        "type": "input",
        "block_id": block_id(question, revision),
        "label": plain_text(question.title, sizes.LABEL),
        "element": element,
        "optional": is_optional(question),
    }
    hint = _hint(question, element["type"], zone)
    return {**block, "hint": plain_text(hint, sizes.HINT)} if hint else block


def _hint(question: Question, element: str, zone: tzinfo | None) -> str:
    """What a person has to know and the element does not say."""
    parts = [question.description, *_rules(question)]
    if element == "plain_text_input":
        parts += _way(question, zone)
    if element == "file_input":
        parts.append(_largest(question))
    if question.holds_secret:
        parts.append(
            "Slack hides nothing: what you type here can be read over your shoulder. It is not kept when this window closes."
        )
    elif question.kind in _CLEARED and is_optional(question) and not question.optional_section:
        default = question.schema.get("default")
        parts.append("" if default in (None, "") else f"Left empty: {label(question, default, zone)}.")
    parts += [
        f"“{clip(each.label, sizes.OPTION_TEXT)}” is “{each.label}”."
        for each in question.choices
        if len(each.label) > sizes.OPTION_TEXT
    ]
    return _sentences(parts)


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(part if part.endswith((".", "!", "?", ":")) else f"{part}." for part in parts if part)


def _largest(question: Question) -> str:
    """How large files may be; Slack refuses larger ones than its own limit itself."""
    if (question.item or question).kind == "file":
        return ""
    return f"What is in the file becomes the answer: at most {size(MOST)}"


def _way(question: Question, zone: tzinfo | None) -> Iterable[str]:
    """How to write what Slack has no element for."""
    if question.entry is not None and not maps.is_map(question.schema):
        names = [each.name for each in contract.applied(question.entry, {}).questions if len(each.path) == 1]
        kept = "secrets are kept nowhere" if question.holds_secret else "Slack keeps no more of where an entry belongs"
        yield f"YAML or JSON, for {kept}"
        yield f"Each entry begins with “- ” and has these fields, one on each line as “name: value”: {', '.join(names)}"
        return
    yield "One name=value on each line" if question.named else _WRITTEN.get(question.kind, "")
    if inner := question.named_fields:
        yield f"Each line is “name: {{{', '.join(f'{name}: …' for name in inner)}}}”"
    if question.kind == "json" and (either := contract.alternatives(question.schema, question.root)):
        yield f"Either {' or '.join(either)}"
    one = question.item or question
    told = moments.expected(zone) if one.kind == "datetime" else contract.expected(str(one.schema.get("format")))
    yield told[:1].upper() + told[1:]


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


#: Of several answers in one text.
_WRITTEN = {
    "list": "One on each line",
    "multi": "One on each line",
    "json": "YAML or JSON",
}
#: Elements that stand empty without saying so.
_CLEARED = frozenset(
    {"string", "text", "integer", "number", "date", "time", "datetime", "email", "url", "person", "channel", "group"}
)
