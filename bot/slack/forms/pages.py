"""A form of any size as one view: a page of it, the way to the others, and its lists of objects. Pure.

Sheet.view(...)        the view
Sheet.errors(...)      problems of a submit: beside the fields of this page, or the page to turn to
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from bot.contract import Question, maps
from bot.errors import Problem
from bot.slack.forms import modal as forms
from bot.slack.forms.about import About
from bot.slack.forms.asking import block_id, is_file, label
from bot.slack.forms.choices import Groups, select
from bot.slack.forms.entries import Draft, entries_of, summary
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import WINDOW, Page, Tier, is_list, page_of, pages, ref, search
from bot.slack.rules import sizes
from bot.slack.text import clip, escape, mrkdwn, plain_text

JSON = dict[str, Any]

BACK, NEXT, PAGE, FIND = "form_back", "form_next", "form_page", "form_find"
ADD, ENTRY, EARLIER, LATER, LEAVE = "entry_add", "entry", "entry_earlier", "entry_later", "entry_leave"
AGAIN, KEEP, RESUME, REMOVE = "form_again", "form_keep", "form_resume", "form_remove"
#: A larger chain does not leave enough room in `private_metadata`: deeper lists are text.
_LONGEST = sizes.PRIVATE_METADATA - 1000


@dataclass(frozen=True)
class Sheet:
    """A form, and where in it somebody is."""

    filled: Filled
    about: About
    title: str
    callback: str
    submit: str
    draft: Draft
    groups: Groups = ()
    #: What to say on top, for example that they go on where they left off.
    notice: tuple[JSON, ...] = ()
    #: Of the form of an entry: its list and its number there, behind those that it stands in.
    trail: tuple[str, ...] = ()

    @cached_property
    def lists(self) -> bool:
        """Whether Slack keeps where one more form belongs; if not, lists of objects are text."""
        return len(str(self.about)) < _LONGEST

    @cached_property
    def pages(self) -> list[Page]:
        """All pages."""
        return pages(self.filled, lists=self.lists)

    @cached_property
    def number(self) -> int:
        """The page that is shown, from 0."""
        return max(0, min(self.about.page, len(self.pages) - 1))

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.pages[self.number]

    @cached_property
    def listed(self) -> str:
        """The entries of the lists on this page, in short; empty: there is no list."""
        lists = [entries_of(self.filled, each) for each in self.page.questions if self._is_list(each)]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()[:10] if lists else ""

    @property
    def is_plain(self) -> bool:
        """One page that nothing on it changes: there is nothing to keep while it is filled in."""
        return (
            len(self.pages) == 1
            and not self.filled.applied.controls
            and not any(map(self._is_list, self.page.questions))
        )

    def turned(self, page: int) -> "Sheet":
        """Another page, whose blocks have never been seen."""
        about = replace(self.about, page=page, turn=self.about.turn + 1, listing="", first=0, review=False)
        return replace(self, about=about)

    def found(self, name: str) -> "Sheet":
        """The page with the field of that short name."""
        question = next((each for each in self.filled.questions if ref(each) == name), None)
        return self.turned(page_of(self.pages, question) if question else self.number)

    def view(self, problems: Sequence[Problem] = (), focus: str = "") -> JSON:
        """The view of the page. `focus`: the short name of the field to begin with."""
        wrong = forms.notes(self.filled, problems)
        top = [
            *self.notice,
            *self._named(),
            *self._way_back(),
            *self._where(),
            *(forms.note(text) for text in wrong.pop("", [])),
        ]
        blocks = [*top, *self._asked(wrong, focus), *self._turning()]
        if len(blocks) > sizes.VIEW_BLOCKS:
            blocks = _gathered(blocks)
        view = forms.frame(self.title, self.callback, blocks, self.submit, str(replace(self.about, listed=self.listed)))
        return {**view, "notify_on_close": True}

    def blocks(self) -> set[str]:
        """The ids of the blocks of this page."""
        return {block["block_id"] for block in self.view()["blocks"] if "block_id" in block}

    def stands_in(self, view: JSON) -> bool:
        """Whether a view shows these very fields and lists. Slack names the blocks that have no name, so these say nothing."""
        return _asking(self.view()) == _asking(view)

    def errors(self, problems: Sequence[Problem], shown: Collection[str]) -> "tuple[dict[str, str], Sheet]":
        """Problems beside the fields that are `shown`; or, where they cannot all stand there, what to show instead.

        A problem of a page that is not shown turns to that page, unless there is one here too.
        """
        placed, leftover = forms.beside(self.filled.shown, problems)
        inputs = [each for each in self.page.questions if each.kind != "section" and not self._is_list(each)]
        blocks = {each.key: self._block(each) for each in inputs}
        texts = {blocks[question.key]: text for question, text in placed if question.key in blocks}
        if any(block not in shown for block in blocks.values()):
            return {}, self  # an answer has brought fields in that nobody has seen
        if leftover and not (placed and not texts) and blocks:
            first = next(iter(blocks.values()))
            texts[first] = " ".join([*leftover, texts.get(first, "")]).strip()
        to = min((page_of(self.pages, question) for question, _ in placed), default=self.number)
        return texts, self if texts or to == self.number else self.turned(to)

    def field(self, block: str) -> Question | None:
        """The field in that block of this page."""
        return next((each for each in self.page.questions if self._block(each) == block), None)

    def options(self, text: str) -> list[JSON]:
        """The fields that a search finds, as options."""
        found = search((each for page in self.pages for each in page.questions), text)
        return [
            {
                "text": plain_text(question.title, sizes.OPTION_TEXT),
                "value": ref(question),
                "description": plain_text(question.name, sizes.OPTION_DESCRIPTION),
            }
            for question in found[: sizes.OPTIONS]
        ]

    def _block(self, question: Question) -> str:
        return block_id(question, self.about.turn)

    def _is_list(self, question: Question) -> bool:
        return self.lists and is_list(question)

    def _asked(self, wrong: dict[str, list[str]], focus: str) -> list[JSON]:
        blocks: list[JSON] = []
        sections = {each.path: each for each in self.filled.questions if each.kind == "section"}
        around: tuple[str, ...] = ()
        for question in self.page.questions:
            if question.kind == "section":
                blocks += forms.heading(question, wrong)
                continue
            if self.page.tier != "all" and question.path[:-1] != around:
                around = question.path[:-1]
                blocks += _crumbs(around, sections, wrong)
            blocks += self._field(question, wrong, focus)
        return blocks

    def _field(self, question: Question, wrong: dict[str, list[str]], focus: str) -> list[JSON]:
        if self._is_list(question):
            return self._entries(question, wrong.get(question.pointer, []))
        blocks = forms.asked(question, self.filled, wrong, self.groups, revision=self.about.turn)
        if focus and ref(question) == focus:
            blocks[-1]["element"]["focus_on_load"] = True
        if forms.stays(question, value := self.filled.value(question)):
            blocks.append(_removable(question, value))
        return blocks

    def _named(self) -> list[JSON]:
        """The whole title, where Slack has no room for it above."""
        if len(self.title) <= sizes.VIEW_TITLE:
            return []
        text = mrkdwn(f"*{escape(clip(self.title, sizes.TEXT // 2))}*")
        return [{"type": "section", "block_id": "title", "text": text}]

    def _way_back(self) -> list[JSON]:
        """Where a form belongs that took the place of the one of its list, and the way back to that."""
        if not self.about.took_place:
            return []
        text = f"{' / '.join(self.trail)}: Done puts it into its list."
        if len(text) > sizes.TEXT:
            text = f"… / {clip(self.trail[-1], sizes.TEXT // 2)}: Done puts it into its list."
        return [
            {
                "type": "section",
                "block_id": f"trail~{self.about.turn}",
                "text": plain_text(text, sizes.TEXT),
                "accessory": _button(LEAVE, "Back to the list", "leave"),
            }
        ]

    # Turning pages

    def _where(self) -> list[JSON]:
        """Which page this is, and what stands on the others."""
        if len(self.pages) == 1:
            return []
        many = sum(len(page.questions) for page in self.pages)
        text = f"Page {self.number + 1} of {len(self.pages)}. {_TIERS[self.page.tier].format(many=many)}"
        if self.page.tier == "more" and self.number == 0:
            text = f"Page 1 of {len(self.pages)}. Nothing has to be answered; there are {many} fields."
        where = {"type": "context", "elements": [plain_text(text, sizes.TEXT)]}
        names = {str(at): f"{at + 1}: {page.name}" for at, page in enumerate(self.pages)}
        choose = {**select(names, str(self.number)), "action_id": PAGE}
        find = {
            "type": "external_select",
            "action_id": FIND,
            "placeholder": plain_text("Find a field", sizes.PLACEHOLDER),
            "min_query_length": 0,
        }
        return [where, {"type": "actions", "block_id": f"pages~{self.about.turn}", "elements": [choose, find]}]

    def _turning(self) -> list[JSON]:
        """Back and Next, which keep what stands here; and a button that does no more, for files: they tell nothing."""
        buttons = []
        if self.number > 0:
            buttons.append(_button(BACK, "Back", str(self.number - 1)))
        if self.number < len(self.pages) - 1:
            buttons.append(_button(NEXT, "Next", str(self.number + 1)))
        if any(map(is_file, self.page.questions)):
            buttons.append(_button(KEEP, "Keep for later", "keep"))
        return [{"type": "actions", "block_id": f"turn~{self.about.turn}", "elements": buttons}] if buttons else []

    # Lists of objects

    def _entries(self, question: Question, wrong: Sequence[str]) -> list[JSON]:
        entries = entries_of(self.filled, question)
        name, last = ref(question), max(0, len(entries) - 1) // WINDOW * WINDOW
        first = max(0, min(self.about.first, last)) if self.about.listing == name else 0
        count = f"{len(entries)} so far." if entries else "None yet."
        must = "" if question.required else " (optional)"
        head = f"*{escape(clip(question.title, sizes.LABEL))}*{must}\n{count}"
        blocks = [*(forms.note(f"{question.title}: {text}") for text in wrong)]
        blocks.append({"type": "section", "block_id": f"list-{name}", "text": mrkdwn(head)})
        if question.description:
            blocks.append({"type": "context", "elements": [plain_text(question.description, sizes.TEXT)]})
        shown = list(enumerate(entries))[first : first + WINDOW]
        blocks += [self._entry(question, at, entry, len(entries)) for at, entry in shown]
        unfinished = self.draft.unfinished(self.about.chain, question.key, len(entries))
        buttons = [_button(ADD, "Go on adding" if unfinished else "Add", f"{name}|{len(entries)}")]
        buttons += [_button(EARLIER, "Earlier ones", f"{name}|{first - WINDOW}")] if first else []
        buttons += [_button(LATER, "Later ones", f"{name}|{first + WINDOW}")] if first < last else []
        return [*blocks, {"type": "actions", "block_id": f"add-{name}", "elements": buttons}]

    def _entry(self, question: Question, at: int, entry: Any, count: int) -> JSON:
        unfinished = " (not finished)" if self.draft.unfinished(self.about.chain, question.key, at) else ""
        verbs = {"edit": "Edit", "up": "Move up", "down": "Move down", "remove": "Remove"}
        still = {"up", "down"} if maps.is_map(question.schema) else {"up"} if at == 0 else set[str]()
        offered = [verb for verb in verbs if verb not in still and not (verb == "down" and at == count - 1)]
        options = [{"text": plain_text(verbs[verb], sizes.OPTION_TEXT), "value": f"{verb}|{at}"} for verb in offered]
        return {
            "type": "section",
            "block_id": f"entry-{ref(question)}-{at}",
            "text": plain_text(f"{at + 1}. {summary(question, entry)}{unfinished}", sizes.TEXT),
            "accessory": {"type": "overflow", "action_id": ENTRY, "options": options},
        }


def _removable(question: Question, value: Any) -> JSON:
    """A file that was chosen, and the way to do without."""
    return {
        "type": "section",
        "block_id": f"file-{ref(question)}",
        "text": plain_text(f"{question.title}: {label(question, value)}", sizes.TEXT),
        "accessory": _button(REMOVE, "Remove", ref(question)),
    }


def _asking(view: JSON) -> set[str]:
    asking = [block for block in view["blocks"] if block["type"] in {"input", "section"}]
    return {block["block_id"] for block in asking if "block_id" in block} - {"again"}


_TIERS: dict[Tier, str] = {
    "all": "The other pages have defaults or may stay empty: all in all {many} fields.",
    "must": "What must be answered. The other pages have defaults or may stay empty: all in all {many} fields.",
    "more": "Advanced: what has a default or may stay empty.",
    "secret": "Secrets stand last and are never kept: fill them in just before you submit.",
}


def _crumbs(
    path: tuple[str, ...], sections: dict[tuple[str, ...], Question], wrong: dict[str, list[str]]
) -> list[JSON]:
    """The heading of a run of fields: all that they stand in."""
    if path not in sections:
        return []
    titles = [sections[path[:depth]].title for depth in range(1, len(path) + 1) if path[:depth] in sections]
    text = " / ".join(titles)
    if len(text) > sizes.HEADER:
        text = "… / " + clip(titles[-1], sizes.HEADER - 4)
    return forms.heading(sections[path], wrong, text)


def _gathered(blocks: Iterable[JSON]) -> list[JSON]:
    """With all notes in one block: above each field they would not fit."""
    kept = [block for block in blocks if not forms.is_note(block)]
    texts = [block["elements"][0]["text"] for block in blocks if forms.is_note(block)]
    said = "\n".join(texts)
    if len(said) > sizes.TEXT:
        fit = [text for at, text in enumerate(texts) if len("\n".join(texts[: at + 1])) < sizes.TEXT - 100]
        said = "\n".join([*fit, f"… and {len(texts) - len(fit)} more, which submitting shows."])
    return [{"type": "context", "elements": [plain_text(said, sizes.TEXT)]}, *kept]


def kept_for_later(filled: Filled) -> tuple[JSON, ...]:
    """On top of a form that was kept."""
    but = " Secrets are not kept." if any(each.holds_secret for each in filled.questions) else ""
    text = f"Kept.{but} Go on, or close this window: the form opens with it again."
    return ({"type": "context", "elements": [plain_text(text, sizes.TEXT)]},)


def welcome_back(since: datetime, left_out: Sequence[str]) -> tuple[JSON, ...]:
    """On top of a form with answers of the last time."""
    when = f"<!date^{int(since.timestamp())}^{{date_short_pretty}}|{since:%Y-%m-%d}>"
    text = f"*Continue where you left off* ({when}): what you had entered is filled in, but no secrets."
    said: JSON = {
        "type": "section",
        "block_id": "again",
        "text": {"type": "mrkdwn", "text": text, "verbatim": True},
        "accessory": _button(AGAIN, "Start over", "again"),
    }
    gone = f"The form has changed. Left out: {', '.join(left_out)}."
    return (said, forms.note(clip(gone, sizes.TEXT - 10))) if left_out else (said,)


def _button(action: str, text: str, value: str) -> JSON:
    return {"type": "button", "action_id": action, "text": plain_text(text, sizes.BUTTON_TEXT), "value": value}
