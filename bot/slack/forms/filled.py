"""A form with what was entered in it so far, however many pages it takes. Pure.

`base` are the answers that it was opened with (a slash command's, or those of the request that is edited), `entered`
what a person made of them: by key, None for what they emptied, and only where it differs. Answers of fields that a
condition hides stay in `entered`, so switching back shows them again; they are no part of `answers`.
"""

import copy
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import cached_property
from typing import Any

from bot import contract
from bot.contract import Applied, Around, Question, Schema, moments
from bot.errors import Problem
from bot.slack.forms.asking import block_id, is_certain, is_file
from bot.slack.forms.states import assembled, read_blocks, unread

JSON = dict[str, Any]

#: A condition may hide what another one looks at; this many turns settle all but what contradicts itself.
_TURNS = 8


@dataclass(frozen=True)
class Filled:
    """One form under way."""

    schema: Schema
    base: Mapping[str, Any] = field(default_factory=dict)
    entered: Mapping[str, Any] = field(default_factory=dict)
    #: Keys of secrets that were read, also of some that are hidden now.
    secret: frozenset[str] = frozenset()
    #: Of an entry of a list: its path in the whole form, and the answers of the forms that it stands in.
    place: tuple[str, ...] = ()
    around: Around = ()
    #: The person's, for moments that are typed or shown as text.
    zone: tzinfo | None = None

    def __post_init__(self) -> None:  # an entry of a list may be a value where it may be an object, too
        object.__setattr__(self, "base", contract.with_values(self.schema, self.base))

    @cached_property
    def applied(self) -> Applied:
        """The form that holds for these answers."""
        now = contract.applied(self.schema, self.base, self.place, self.around)
        for _ in range(0 if now.always else _TURNS):
            answers = contract.with_defaults(now.schema, self._answers(now))
            then = contract.applied(self.schema, answers, self.place, self.around)
            if then is now:
                break
            now = then
        return now

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked, sections included."""
        return self.applied.questions

    @cached_property
    def shown(self) -> tuple[Question, ...]:
        """What of it people see; the rest keeps what it was given, or its default."""
        return visible(self.questions)

    @cached_property
    def answers(self) -> JSON:
        """All of the answers, as if every page had been looked at: what a submit hands in."""
        answers = contract.pruned(self.schema, self._answers(self.applied), self.place, self.around)
        chosen = any(map(_chooses, self.questions))
        return contract.without_variants(answers) if chosen else answers

    def entry(self, question: Question, base: Any, entered: Mapping[str, Any]) -> "Filled":
        """The form of one entry of a list of this form."""
        known = contract.with_defaults(self.applied.schema, self._answers(self.applied))
        place = (*self.place, *question.path)
        around = (*self.around, (self.place, known))
        return Filled(question.entry or {}, base, entered, place=place, around=around, zone=self.zone)

    @cached_property
    def unread(self) -> list[Problem]:
        """Texts that could not be read as what is asked for: they are kept as they were typed."""
        found = [(each, unread(each, self.entered.get(each.key), self.zone)) for each in self.questions]
        return [Problem(question.pointer, text) for question, text in found if text]

    @cached_property
    def given(self) -> JSON:
        """What was given, without the defaults: what there is to complain about."""
        given: JSON = copy.deepcopy(dict(self.base))
        for question in self.questions:
            if question.key in self.entered:
                _put(given, question.path, self.entered[question.key])
        for path in self.applied.left_out:
            if _at(given, path) is not None:
                _put(given, path, None)
        return given

    def value(self, question: Question) -> Any:
        """What stands in a field; None: nothing."""
        return self._value(question, self._start(self.applied))

    def is_given(self, question: Question) -> bool:
        """Whether somebody said so, not the contract."""
        return question.key in self.entered or _at(self.base, question.path) is not None

    def read(self, values: Any, shown: Collection[str], revision: int) -> "Filled":
        """With what stands in the blocks that were `shown`; the state of any other block is an older one's."""
        asked = [each for each in self.questions if block_id(each, revision) in shown]
        state = read_blocks(asked, values, revision, self.zone)
        start = self._start(self.applied)
        entered = dict(self.entered)
        for question in asked:
            if question.key not in state or (is_file(question) and state[question.key] is None):
                continue
            if not _chooses(question) and _same(question, state[question.key], _untouched(question, start)):
                entered.pop(question.key, None)
            else:
                entered[question.key] = state[question.key]
        secret = {question.key for question in asked if question.holds_secret}
        return replace(self, entered=entered, secret=self.secret | secret)

    def asks_otherwise(self, other: "Filled") -> bool:
        """Whether it asks for something else than with other answers, or otherwise."""
        return self.applied is not other.applied and self.shown != other.shown

    def kept(self) -> JSON:
        """What may be written down of `entered`: all but secrets."""
        secret = self.secret | {question.key for question in self.questions if question.holds_secret}
        return {key: value for key, value in self.entered.items() if key not in secret}

    def open_base(self) -> JSON:
        """What may be written down of `base`: answers to questions, without secrets."""
        kept: JSON = {}
        for question in self.questions:
            value = _at(self.base, question.path)
            if question.kind != "section" and value is not None and not question.holds_secret:
                _put(kept, question.path, value)
        return kept

    def _answers(self, applied: Applied) -> JSON:
        start = self._start(applied)
        return assembled(
            applied.questions,
            {each.path: self._value(each, start) for each in applied.questions if each.kind != "section"},
        )

    def _start(self, applied: Applied) -> JSON:
        """The base with defaults where something is there; remembered for the last form only."""
        found = self.__dict__.get("_started")
        if found is None or found[0] is not applied:
            found = self.__dict__["_started"] = applied, contract.with_defaults(applied.schema, dict(self.base))
        return dict(found[1])

    def _value(self, question: Question, start: JSON) -> Any:
        return self.entered[question.key] if question.key in self.entered else _untouched(question, start)


def visible(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Without those that are hidden, and what stands in them."""
    hidden = [each.path for each in questions if each.hidden]
    if not hidden:
        return questions
    return tuple(each for each in questions if not any(each.path[: len(path)] == path for path in hidden))


def _untouched(question: Question, start: JSON) -> Any:
    """What a field says that nobody touched. A checkbox that nobody ticked says no."""
    value = _started(question, start)
    return False if value is None and question.kind == "boolean" and is_certain(question) else value


def _started(question: Question, start: JSON) -> Any:
    """The answer that a question begins with: what was given, its default, or the only one that there is."""
    around = _at(start, question.path[:-1])
    if isinstance(around, dict):
        value = around.get(question.path[-1])
    else:
        value = None if question.optional_section else question.default
    if value is None and question.kind == "enum" and question.required and len(question.choices) == 1:
        return question.choices[0].value
    return value


def _chooses(question: Question) -> bool:
    """A choice between variants stands, whatever its fields would fit meanwhile."""
    return question.path[-1] == contract.VARIANT


def _same(question: Question, one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and true are two values; of a moment, whatever its offset."""
    if question.kind == "datetime" and moments.same(one, other):
        return True
    if isinstance(one, str) or one is None:
        return type(one) is type(other) and one == other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(into: JSON, path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = into.get(part)
        if not isinstance(inner, dict):
            inner = into[part] = {}
        into = inner
    if value is None:
        into.pop(path[-1], None)
    else:
        into[path[-1]] = value
