"""Answers with each of them looked at beside its question, also those in entries of lists. Pure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bot.contract.conditions import applied, over_entries
from bot.contract.questions import Question
from bot.contract.schema import Schema
from bot.contract.validation import with_defaults

Place = tuple[str | int, ...]
#: A question, its answer and where that stands; gives what is to stand there.
Change = Callable[[Question, Any, Place], Any]


def mapped(schema: Schema, answers: Mapping[str, Any], change: Change, at: Place = ()) -> dict[str, Any]:
    """A copy of the answers with each changed; what stands where no question is stays as it is."""
    made = dict(answers)
    for question in applied(schema, with_defaults(schema, made)).questions:
        if question.kind != "section":
            made = _at(made, question.path, partial(_changed, question, change, at))
    return made


def _at(value: Any, path: tuple[str, ...], make: Callable[[Any], Any]) -> Any:
    if not path:
        return make(value)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _at(value[path[0]], path[1:], make)}


def _changed(question: Question, change: Change, at: Place, value: Any) -> Any:
    place = (*at, *question.path)
    if not isinstance(value, list | dict):
        return change(question, value, place)
    entry, item = question.entry, question.item
    if entry is not None:
        return over_entries(
            value, lambda at, each: mapped(entry, each, change, (*place, at)) if isinstance(each, dict) else each
        )
    if item is not None and isinstance(value, list):
        return [change(item, each, (*place, number)) for number, each in enumerate(value)]
    return change(question, value, place)
