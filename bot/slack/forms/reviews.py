"""The last look before a form is sent: what is asked for, what the defaults fill in, who approves it. Pure.

It is a turn of the form's own window: secrets that were typed stay in their inputs, for nothing else may keep them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.contract import Question
from bot.service import Reviewed
from bot.slack import words
from bot.slack.forms import modal as forms
from bot.slack.forms.asking import is_file
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import BACK, RESUME, Sheet
from bot.slack.rules import sizes
from bot.slack.text import cut, escape, mrkdwn, plain_text
from bot.slack.words import Words

JSON = dict[str, Any]

#: Sections that each half may take, beside a page of secrets, of a view's blocks; and how much of one answer is shown.
_SECTIONS, _ANSWER = 6, 500


def review(filled: Filled, kept: Sheet, reviewed: Reviewed, words_: Words) -> JSON:
    """The view. `filled` is the form with its secrets, `kept` without."""
    about = replace(kept.about, review=True, checking=False)
    given, default = _answers(filled, reviewed, words_)
    blocks = [
        *_part("What you ask for", given),
        *_part("Filled in by default", default),
        {"type": "section", "text": mrkdwn(_course(reviewed, words_))},
        *secrets(kept),
        {"type": "actions", "block_id": "review", "elements": [_BACK | {"value": str(kept.number)}]},
    ]
    view = forms.frame(kept.title, kept.callback, blocks, "Submit", str(about))
    return {**view, "notify_on_close": True}


_BACK = {"type": "button", "action_id": BACK, "text": plain_text("Back", sizes.BUTTON_TEXT)}


def _answers(filled: Filled, reviewed: Reviewed, words_: Words) -> tuple[list[str], list[str]]:
    """A line for each answer: those that were given, and those that the contract fills in."""
    given: list[str] = []
    default: list[str] = []
    titles = {each.path: each.title for each in filled.shown if each.kind == "section"}
    for question in filled.shown:
        value = _at(reviewed.form, question.path)
        if question.kind == "section" or value is None:
            continue
        around = [question.path[:depth] for depth in range(1, len(question.path))]
        name = " / ".join([*(titles[path] for path in around if path in titles), question.title])
        was = _was(reviewed.before, question, value, words_)
        if value in ("", [], {}) and not (was or question.default) and filled.entered.get(question.key) is None:
            continue  # it stands empty, as it would if nobody had looked at it
        line = f"*{escape(name)}*: {cut(words_.value(question, value), _ANSWER)}{was}"
        (given if filled.is_given(question) else default).append(line)
    return given, default


def _was(before: Mapping[str, Any] | None, question: Question, value: Any, words_: Words) -> str:
    """What it was, for a change."""
    if before is None or (old := _at(before, question.path)) == value:
        return ""
    told = words.plain(old) if old is None or not is_file(question) else words_.value(question, old)
    return f" _(was {words.shortened(told, 200)})_"


def _part(title: str, lines: Sequence[str]) -> list[JSON]:
    if not lines:
        return []
    texts = list(_gathered(lines))
    shown = [{"type": "section", "text": mrkdwn(text)} for text in texts[:_SECTIONS]]
    left = sum(text.count("\n*") + 1 for text in texts[_SECTIONS:])
    more = [forms.note(f"… and {left} more, which Back shows.")] if left else []
    return [{"type": "header", "text": plain_text(title, sizes.HEADER)}, *shown, *more]


def _gathered(lines: Iterable[str]) -> Iterable[str]:
    text = ""
    for line in lines:
        if text and len(text) + len(line) > sizes.TEXT - 10:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    yield text


def _course(reviewed: Reviewed, words_: Words) -> str:
    """Who decides, and how long it takes."""
    waits = (
        f"{words_.deciders(reviewed)} will be asked to approve it." if reviewed.rules else "Nobody has to approve it."
    )
    usual = f" It usually takes {words.duration(reviewed.usual)}." if reviewed.usual else ""
    return f"{waits}{usual} Nothing is sent before you submit."


def checking(kept: Sheet) -> JSON:
    """What stands in the window while it takes long to check what was handed in; secrets stay in their inputs."""
    about = replace(kept.about, checking=True)
    blocks: list[JSON] = [
        {"type": "section", "text": plain_text("⏳ Checking your choices…", sizes.TEXT)},
        {"type": "context", "elements": [plain_text(_CHECKING, sizes.TEXT)]},
        *secrets(kept),
        {"type": "actions", "block_id": "checking", "elements": [_RESUME]},
    ]
    view = forms.frame(kept.title, kept.callback, blocks, "Checking…", str(about))
    if not any(block["type"] == "input" for block in blocks):
        del view["submit"]
    return {**view, "notify_on_close": True}


_CHECKING = (
    "This takes longer than usual. The window goes on by itself; you can close it too, and hear of it in a direct message. "
    "What you have entered is kept, but no secrets. If this never ends, go back to the form and submit it once more: it "
    "makes one request, however often you do."
)
_RESUME = {
    "type": "button",
    "action_id": RESUME,
    "text": plain_text("Back to the form", sizes.BUTTON_TEXT),
    "value": "-",
}


def secrets(kept: Sheet) -> list[JSON]:
    """The inputs of secrets, as they stand on the page: what is typed in them stays there."""
    secrets = [each for each in kept.page.questions if each.holds_secret and each.kind != "section"]
    return [
        block
        for question in secrets
        for block in forms.asked(question, kept.filled, {}, kept.groups, revision=kept.about.turn)
    ]


def _at(form: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        form = form.get(part) if isinstance(form, Mapping) else None
    return form
