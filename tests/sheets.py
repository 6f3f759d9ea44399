"""A form as a person meets it on its first page, for tests of single fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.contract import Question, Schema
from bot.errors import Problem
from bot.slack.forms import modal as parts
from bot.slack.forms.about import About
from bot.slack.forms.asking import block_id
from bot.slack.forms.choices import Groups
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet

JSON = dict[str, Any]


def sheet(schema: Schema, answers: Mapping[str, Any] | None = None, groups: Groups = (), title: str = "It") -> Sheet:
    """The form with `answers` in it."""
    return Sheet(Filled(schema, answers or {}), About(), title, "form", "Request", Draft(), groups)


def modal(
    schema: Schema,
    answers: Mapping[str, Any] | None = None,
    *,
    problems: Sequence[Problem] = (),
    groups: Groups = (),
    title: str = "It",
) -> JSON:
    """Its first view."""
    return sheet(schema, answers, groups, title).view(problems)


def filled(schema: Schema, values: Any) -> Filled:
    """The form with what a view's `state.values` say, whatever page they stood on."""
    empty = Filled(schema)
    return empty.read(values, {block_id(each) for each in empty.questions}, 0)


def answers(schema: Schema, values: Any) -> JSON:
    """The answers of a submitted view."""
    return filled(schema, values).answers


def errors(schema: Schema, problems: Sequence[Problem]) -> tuple[dict[str, str], list[str]]:
    """Problems by the block that shows them, and those that no block can show."""
    found, leftover = parts.beside(questions(schema), problems)
    return {block_id(question): text for question, text in found}, leftover


def questions(schema: Schema) -> tuple[Question, ...]:
    """What the empty form shows."""
    return Filled(schema).shown
