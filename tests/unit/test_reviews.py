"""The last look at a form: whatever its size, Slack takes it, and what is left out is counted."""

from typing import Any

from bot import contract
from bot.service import Reviewed
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from bot.slack.forms.reviews import review
from bot.slack.words import Words
from tests.slack_rules import sendable_view


def looked_at(fields: dict[str, Any], answers: dict[str, Any], page: int = 0) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields}
    filled = Filled(schema, answers)
    sheet = Sheet(filled, About(page=page), "Form", "form", "Request", Draft())
    form = contract.with_defaults(schema, answers)
    view = review(filled, sheet, Reviewed(form, [], None), Words(None))
    sendable_view(view)
    return view


def texts(view: dict[str, Any]) -> str:
    found = [block.get("text") or block.get("elements", [{}])[0].get("text") for block in view["blocks"]]
    return "\n".join(str(each.get("text")) if isinstance(each, dict) else str(each) for each in found)


def test_a_form_of_any_size_is_looked_at_in_one_view_and_what_is_left_out_is_counted() -> None:
    fields = {f"field{at}": {"type": "string"} for at in range(1400)}
    said = texts(looked_at(fields, dict.fromkeys(fields, "ж<&" * 300)))
    lines = said.count("*Field")
    left = next(
        int(word)
        for line in said.splitlines()
        if "more, which Back shows" in line
        for word in line.split()
        if word.isdecimal()
    )
    assert lines + left == 1400


def test_a_page_of_secrets_has_room_beside_it() -> None:
    fields: dict[str, Any] = {f"field{at}": {"type": "string", "default": "x" * 600} for at in range(200)}
    fields |= {f"secret{at}": {"type": "string", "writeOnly": True} for at in range(90)}
    answers = {f"field{at}": "y" * 600 for at in range(100)}
    sheet = Sheet(
        Filled({"type": "object", "properties": fields}, answers), About(), "Form", "form", "Request", Draft()
    )
    at = next(at for at, page in enumerate(sheet.pages) if page.tier == "secret")
    view = looked_at(fields, answers, at)
    assert next(block["label"]["text"] for block in view["blocks"] if block["type"] == "input") == "Secret0"


def test_what_was_given_and_what_the_defaults_fill_in_stand_apart() -> None:
    said = texts(
        looked_at(
            {"a": {"type": "string"}, "b": {"type": "integer", "default": 3}, "c": {"type": "string"}}, {"a": "x"}
        )
    )
    assert (
        said.index("What you ask for")
        < said.index("*A*: x")
        < said.index("Filled in by default")
        < said.index("*B*: 3")
    )
    assert "*C*" not in said


def test_of_entries_one_sees_where_they_begin_and_what_stands_empty_is_left_out() -> None:
    fields: dict[str, Any] = {
        "ports": {"type": "object", "additionalProperties": {"type": "object"}},
        "rules": {"type": "array", "items": {"type": "object"}},
        "notes": {"type": "string", "default": ""},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
    }
    rules = [{"allow": "x", "on": True}, {"allow": "y"}]
    ports = {"web": {"number": 80, "zones": ["a", "b"]}, "db": {"number": 5432}}
    said = texts(looked_at(fields, {"ports": ports, "rules": rules, "notes": "", "tags": []}))
    assert "*Ports*: web: (number: 80, zones: (a, b)), db: (number: 5432)" in said
    assert "*Rules*: (allow: x, on: yes), (allow: y)" in said
    assert "Notes" not in said
    assert "*Tags*: none" in said
