"""Which question stands on which page of a form, and where one is found. Pure.

A form of moderate size stays on one page, in its own order. In a larger one what must be answered comes first, with
what other fields depend on; the rest follows in its order. In both secrets stand last, for they are never kept.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from bot.contract import Applied, Question
from bot.slack.forms.asking import is_file
from bot.slack.forms.choices import token
from bot.slack.forms.filled import Filled, visible
from bot.slack.rules import sizes

Tier = Literal["all", "must", "more", "secret"]

#: A form with more inputs than this is turned over pages.
MOST_INPUTS = 50
#: Blocks of questions on one page: the rest is for notes above them and for turning the page.
_MOST_BLOCKS = 80
#: Bytes of one page, of `sizes.VIEW_BYTES`.
_MOST_BYTES = 150_000
#: The window of an entry carries the key of its list.
_LONGEST_KEY = 500
#: Entries of a list that are shown together.
WINDOW = 10


@dataclass(frozen=True)
class Page:
    """One page. `questions` are inputs; on the only page of a form sections too."""

    tier: Tier
    questions: tuple[Question, ...]

    @property
    def name(self) -> str:
        """Its fields' names, the outermost ones."""
        if self.tier == "secret":
            return "Secrets"
        names = [question.path[0] if len(question.path) > 1 else question.title for question in self.questions]
        return ", ".join(dict.fromkeys(names)) or "–"  # noqa: RUF001 - a dash is meant


def is_list(question: Question) -> bool:
    """Whether it is shown as entries that are added, edited, moved and removed."""
    return question.entry is not None and not question.holds_secret and len(question.key) <= _LONGEST_KEY


def ref(question: Question) -> str:
    """A short name of a question, for values that Slack keeps short."""
    return hashlib.sha256(question.key.encode()).hexdigest()[:12]


def pages(filled: Filled, *, lists: bool = True) -> list[Page]:
    """All pages. What was entered moves nothing, but where it would not fit into one view."""
    found: list[Page] = []
    for page in _laid_out(filled.applied, lists):
        found += _split(page, filled)
    return found


@lru_cache(maxsize=500)
def _laid_out(applied: Applied, lists: bool) -> tuple[Page, ...]:
    questions = visible(applied.questions)
    inputs = [question for question in questions if question.kind != "section"]
    blocks = 2 * (len(questions) - len(inputs)) + sum(_blocks(each, lists) for each in inputs)
    few = len(inputs) <= MOST_INPUTS and blocks <= sizes.VIEW_BLOCKS - 5
    one = few and sum(map(_bytes, inputs)) <= _MOST_BYTES
    tiers: dict[Tier, list[Question]] = {"all": [], "must": [], "more": [], "secret": []}
    for question in inputs:
        tier = _tier(question, applied)
        tiers["all" if one and not (question.advanced and tier != "must") else tier].append(question)
    if one:
        asked = tiers.pop("all")
        secrets = [each for each in asked if each.holds_secret]
        plain = [each for each in asked if not each.holds_secret]
        first = Page("all", (*_headed(questions, plain), *_headed(questions, secrets)))
        more = [Page(tier, part) for tier, each in tiers.items() for part in _parts(each, lists)]
        return (first, *more) if first.questions or not more else tuple(more)
    return tuple(Page(tier, part) for tier, each in tiers.items() for part in _parts(each, lists))


def _headed(questions: Sequence[Question], asked: Sequence[Question]) -> Iterator[Question]:
    """These questions, with the sections that they stand in."""
    around = {each.path[:depth] for each in asked for depth in range(1, len(each.path))}
    keys = {each.key for each in asked}
    return (each for each in questions if each.key in keys or (each.kind == "section" and each.path in around))


def _tier(question: Question, applied: Applied) -> Tier:
    if question.holds_secret:
        return "secret"
    must = question.required and question.default is None
    # What an answer brings in stands beside that answer, or nobody would see that it did.
    beside = (question.case or question.conditional) and not question.advanced
    return "must" if must or beside or question.path in applied.controls else "more"


def _parts(questions: Sequence[Question], lists: bool) -> Iterator[tuple[Question, ...]]:
    """Page by page; what belongs together stays together where a page holds it."""
    part: list[Question] = []
    blocks = size = 0
    for group in _groups(questions):
        weight = sum(_blocks(each, lists) for each in group) + _headings(group)
        if part and blocks + weight > _MOST_BLOCKS >= weight:
            yield tuple(part)
            part, blocks, size = [], 0, 0
        for question in group:
            more = _blocks(question, lists) + 2 * (not part or part[-1].path[:-1] != question.path[:-1])
            if part and (blocks + more > _MOST_BLOCKS or size + _bytes(question) > _MOST_BYTES):
                yield tuple(part)
                part, blocks, size = [], 0, 0
            part.append(question)
            blocks, size = blocks + more, size + _bytes(question)
    if part:
        yield tuple(part)


def _groups(questions: Iterable[Question]) -> Iterator[list[Question]]:
    group: list[Question] = []
    for question in questions:
        if group and group[-1].path[0] != question.path[0]:
            yield group
            group = []
        group.append(question)
    if group:
        yield group


def _headings(group: Sequence[Question]) -> int:
    return 2 * sum(one.path[:-1] != other.path[:-1] for one, other in pairwise(group)) + 2


def _blocks(question: Question, lists: bool) -> int:
    if lists and is_list(question):
        return WINDOW + 4
    return 2 if is_file(question) else 1  # what was chosen before stands below


def _bytes(question: Question) -> int:
    """About how many bytes an empty field takes."""
    options = sum(
        120 + len(each.label.encode()) + len(token(each).encode()) for each in question.choices[: sizes.OPTIONS]
    )
    return 500 + len(question.title.encode()) + len(question.description.encode()) + options


def _split(page: Page, filled: Filled) -> Iterator[Page]:
    """A page as it is, or in parts where long texts would make it too large for Slack."""
    weights = {each.key: len(json.dumps(filled.entered.get(each.key))) * 2 for each in page.questions}
    if sum(weights.values()) <= sizes.VIEW_BYTES - _MOST_BYTES:
        yield page
        return
    part: list[Question] = []
    size = 0
    for question in page.questions:
        if part and size + weights[question.key] > sizes.VIEW_BYTES - _MOST_BYTES:
            yield Page(page.tier, tuple(part))
            part, size = [], 0
        part.append(question)
        size += weights[question.key]
    yield Page(page.tier, tuple(part))


def page_of(found: Sequence[Page], question: Question) -> int:
    """Where a question stands; the first page if nowhere."""
    return next((at for at, page in enumerate(found) if any(each.key == question.key for each in page.questions)), 0)


def search(questions: Iterable[Question], text: str) -> list[Question]:
    """The inputs whose title, path or description has every word of `text`, the nearest first."""
    words = text.casefold().split()
    inputs = [question for question in questions if question.kind != "section"]
    ranked = [(rank, at) for at, each in enumerate(inputs) if (rank := _rank(each, words)) is not None]
    return [inputs[at] for _, at in sorted(ranked)]


def _rank(question: Question, words: Sequence[str]) -> int | None:
    """0: the title begins with it; 1: title or name has it; 2: the path has it; 3: the description; None: none has."""
    title, name, path = question.title.casefold(), question.path[-1].casefold(), question.name.casefold()
    text = " ".join(words)
    if title.startswith(text) or name.startswith(text) or path.startswith(text):
        return 0
    for rank, place in enumerate((f"{title} {name}", f"{title} {path}", question.description.casefold()), 1):
        if all(word in place for word in words):
            return rank
    return None
