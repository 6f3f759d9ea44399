"""What is written down of a form under way, and the entries of its lists of objects. Pure.

A form of an entry is a form of its own, opened above that of its list: its `Chain` says which list and which entry,
from the outermost on. An entry that is being edited is kept beside its list until it is submitted.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, Literal, NamedTuple

from bot.contract import Question, Schema, applied, maps, written
from bot.slack.forms.asking import label
from bot.slack.forms.filled import Filled
from bot.slack.text import clip

JSON = dict[str, Any]
#: Key of the list and index of the entry, for each list that one is in; an index behind the last is a new entry.
Chain = tuple[tuple[str, int], ...]
Verb = Literal["up", "down", "remove"]

_SUMMARY = 140
#: Slack stacks three windows; of others nothing comes any more.
_WINDOWS = 4


class Noted(NamedTuple):
    """`when` is Slack's time of an action, empty for none; `where` the window's `About` as text."""

    when: str = ""
    where: str = ""


class Gone(LookupError):
    """The list that a form belongs to is not asked for any more."""


@dataclass(frozen=True)
class Draft:
    """`base` is what the form was opened with; `entered` what was made of it, by form (see `name`), then by key."""

    base: JSON = field(default_factory=dict)
    entered: Mapping[str, JSON] = field(default_factory=dict)
    #: Of the newest windows, by view id: the last thing done in it that was kept, and where in the form that led.
    windows: Mapping[str, Noted] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Draft":
        """What an older Frontdesk wrote otherwise is left out."""
        names = ("base", "entered", "windows")
        base, entered, windows = ({} if not isinstance(each, dict) else each for each in map(stored.get, names))
        noted = {view: Noted(*each) for view, each in windows.items() if isinstance(each, list)}
        return cls(base, {name: each for name, each in entered.items() if isinstance(each, dict)}, noted)

    def to_json(self) -> JSON:
        entered = {name: dict(each) for name, each in self.entered.items() if each}
        windows = {view: list(each) for view, each in self.windows.items()}
        return {"base": self.base, "entered": entered} | ({"windows": windows} if windows else {})

    def noted(self, view: str, now: Noted) -> "Draft":
        """With what was done in a window."""
        others = [(each, noted) for each, noted in self.windows.items() if each != view]
        return replace(self, windows=dict([*others[1 - _WINDOWS :], (view, now)]))

    def open(self, schema: Schema, chain: Chain = (), zone: tzinfo | None = None) -> Filled:
        """The form of the whole or of an entry, for somebody in that zone. Raises Gone."""
        filled = Filled(schema, self.base, self.entered.get("", {}), zone=zone)
        for depth, (key, index) in enumerate(chain, 1):
            question = list_of(filled, key)
            entries = entries_of(filled, question)
            base = entries[index] if index < len(entries) else {}
            filled = filled.entry(question, base, self.entered.get(name(chain[:depth]), {}))
        return filled

    def keep(self, filled: Filled, chain: Chain = ()) -> "Draft":
        """With what was entered in that form."""
        return replace(self, entered={**self.entered, name(chain): filled.kept()})

    def close(self, schema: Schema, chain: Chain, answers: JSON) -> "Draft":
        """With the finished entry in its list. Raises `maps.Taken`: in a map another one has its name."""
        *around, (key, index) = chain
        parent = self.open(schema, tuple(around))
        question = list_of(parent, key)
        entries = entries_of(parent, question)
        entries[index : index + 1] = [answers]
        rest = {each: value for each, value in self.entered.items() if not each.startswith(name(chain))}
        return replace(self, entered=rest).keep(_with(parent, question, entries), tuple(around))

    def turn(self, schema: Schema, chain: Chain, key: str, index: int, verb: Verb) -> "Draft":
        """With an entry moved or removed; what is being edited goes along."""
        parent = self.open(schema, chain)
        question = list_of(parent, key)
        entries = entries_of(parent, question)
        order = _order(len(entries), index, verb)
        turned = _with(parent, question, [entries[at] for at in order])
        here = name(chain) + key
        moved = {_moved(each, here, order, len(entries)): value for each, value in self.entered.items()}
        return replace(self, entered={each: value for each, value in moved.items() if each is not None}).keep(
            turned, chain
        )

    def unfinished(self, chain: Chain, key: str, index: int) -> bool:
        """Whether somebody began to edit this entry."""
        return bool(self.entered.get(name((*chain, (key, index)))))


def name(chain: Chain) -> str:
    """A form's name in a draft: empty for the whole, `/containers|2|/ports|0|` for an entry of an entry."""
    return "".join(f"{key}|{index}|" for key, index in chain)


def list_of(filled: Filled, key: str) -> Question:
    """A list or a map by its key. Raises Gone."""
    for question in filled.questions:
        if question.key == key and question.entry is not None:
            return question
    raise Gone(key)


def entries_of(filled: Filled, question: Question) -> list[Any]:
    """The entries of a list or a map so far, to be changed freely."""
    value = copy.deepcopy(filled.value(question))
    if maps.is_map(question.schema):
        return maps.listed(value) if isinstance(value, dict) else []
    return value if isinstance(value, list) else []


def summary(question: Question, entry: Any) -> str:
    """An entry in one line: its first answers."""
    if not isinstance(entry, dict):
        return clip(label(question, entry), _SUMMARY)
    schema = question.entry or {}
    asked = [each for each in applied(schema, entry).questions if len(each.path) == 1 and each.kind != "section"]
    told = [
        f"{each.title}: {label(each, entry[each.path[0]])}" for each in asked if entry.get(each.path[0]) is not None
    ]
    rest = [
        f"{key}: {label(question, value)}" for key, value in entry.items() if isinstance(value, dict | list) and value
    ]
    return clip(" · ".join((told or rest)[:4]) or "(empty)", _SUMMARY)


def _with(filled: Filled, question: Question, entries: Sequence[Any]) -> Filled:
    value = maps.collected(entries) if maps.is_map(question.schema) else list(entries)
    return replace(filled, entered={**filled.entered, question.key: value})


def _order(count: int, index: int, verb: Verb) -> list[int]:
    """The old positions in their new order."""
    order = list(range(count))
    if index >= count:
        return order
    if verb == "remove":
        return order[:index] + order[index + 1 :]
    other = index - 1 if verb == "up" else index + 1
    if 0 <= other < count:
        order[index], order[other] = order[other], order[index]
    return order


def _moved(form: str, here: str, order: Sequence[int], count: int) -> str | None:
    """A form's name after the `count` entries of the list `here` moved; None: its entry is gone."""
    if not form.startswith(here + "|"):
        return form
    index, _, rest = form[len(here) + 1 :].partition("|")
    if int(index) >= count:  # a new one that is not in the list yet
        return f"{here}|{len(order)}|{rest}"
    return f"{here}|{order.index(int(index))}|{rest}" if int(index) in order else None


def fitting(draft: Draft, schema: Schema) -> tuple[Draft, list[str]]:
    """A draft of an older version of the form: what still has its question, and what has not, as `name (value)`.

    A field of a branch is kept where it is: whether it is asked depends on answers that may come.
    """
    entered = dict(draft.entered.get("", {}))
    known = {question.key for question in Filled(schema, {}, entered).questions}
    gone = [key for key in entered if key not in known and "?" not in key]
    told = [f"{key.strip('/').replace('/', '.')} ({_brief(entered.pop(key))})" for key in gone]
    rest = {name: each for name, each in draft.entered.items() if not any(name.startswith(f"{key}|") for key in gone)}
    return replace(draft, base={}, entered={**rest, "": entered}), told


def _brief(value: Any) -> str:
    return "left empty" if value is None else clip(written(value), 60)
