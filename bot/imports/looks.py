"""The hints of an imported document as an overlay: what of them a form can show. Pure."""

from collections.abc import Mapping
from typing import Any, cast, get_args

from bot import contract
from bot.contract import Look, Question, Schema
from bot.contract.presentation import Widget
from bot.imports.imported import Hints


def looks(schema: Schema, hints: Hints) -> dict[str, Look]:
    """The overlay that a document's own hints make: of the fields that it asks, and nothing that it cannot be."""
    asked = {question.pointer: question for question in contract.fields(schema)}
    found = {question.name: _look(question, hints[at]) for at, question in asked.items() if at in hints}
    order = hints.get("", {}).get("order")
    found |= {"": Look(order=order)} if isinstance(order, list) else {}
    return {path: look for path, look in found.items() if look and _fits(schema, path, look)}


def _look(question: Question, hint: Mapping[str, Any]) -> Look:
    look: dict[str, Any] = {}
    if isinstance(hint.get("title"), str):
        look["title"] = hint["title"]
    if isinstance(hint.get("help"), str) and hint["help"] not in question.description:
        look["help"] = f"{question.description} {hint['help']}".strip()
    if hint.get("hidden") is True and not (question.must and question.default is None):
        look["hidden"] = True
    if hint.get("widget") in get_args(Widget):
        look["widget"] = hint["widget"]
    if isinstance(hint.get("order"), list):
        look["order"] = hint["order"]
    return cast("Look", look)


def _fits(schema: Schema, path: str, look: Look) -> bool:
    """A name with a dot in it is no path, and an order may name what the form does not have."""
    try:
        contract.presented(schema, (), {path: look})
    except contract.NoSuchField:
        return False
    return True
