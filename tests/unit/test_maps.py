"""Maps of objects: entries with a name each, that are added, edited and removed; the answer stays a map."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import contract
from bot.contract import maps
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft, entries_of, list_of
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import is_list
from bot.slack.forms.pages import Sheet
from tests.slack_rules import sendable_view

JSON = dict[str, Any]

PORT: JSON = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "open": {"type": "boolean", "default": False}},
    "required": ["number"],
    "additionalProperties": False,
}
USER = {"type": "object", "properties": {"role": {"enum": ["reader", "owner"]}}, "required": ["role"]}


def of(values: Any = PORT, **words: Any) -> JSON:
    """A form with a map of these."""
    ports = {"type": "object", "additionalProperties": values, **words}
    return {"type": "object", "properties": {"ports": ports}, "required": ["ports"], "$defs": {"Port": PORT}}


def ports(schema: JSON) -> contract.Question:
    return contract.fields(schema)[0]


def entry(schema: JSON, index: int, **entered: Any) -> Draft:
    """The map with an entry filled in and finished."""
    chain = (("/ports", index),)
    form = Draft().open(schema, chain)
    form = Filled(form.schema, form.base, {f"/{key}": value for key, value in entered.items()}, place=form.place)
    return Draft().close(schema, chain, form.answers)


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"values": {"$ref": "#/$defs/Port"}},
        {"values": False, "patternProperties": {"^[a-z]+$": PORT}},
        {"propertyNames": {"pattern": "^[a-z]+$"}},
        {
            "values": {
                "oneOf": [PORT, {"type": "object", "title": "Socket", "properties": {"file": {"type": "string"}}}]
            }
        },
    ],
)
def test_a_map_of_objects_is_asked_entry_by_entry(words: JSON) -> None:
    question = ports(of(**words))
    assert is_list(question)
    assert question.entry is not None
    assert next(each.path[-1] for each in contract.applied(question.entry, {}).questions) == maps.NAME


@pytest.mark.parametrize(
    "words",
    [
        {"values": True},
        {"values": {"type": "integer"}},
        {"values": {"anyOf": [PORT, {"type": "null"}]}},
        {"values": {"anyOf": [PORT, {"type": "string"}]}},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"values": False, "patternProperties": {"^x-": PORT, "^y-": {"type": "string"}}},
        {"values": True, "patternProperties": {"^x-": PORT}},
        {"propertyNames": False},
    ],
)
def test_a_map_whose_values_may_be_something_else_stays_a_text(words: JSON) -> None:
    assert ports(of(**words)).entry is None


def test_what_is_finished_stands_under_its_name() -> None:
    schema = of()
    draft = entry(schema, 0, **{maps.NAME: "web", "number": 80})
    filled = draft.open(schema)
    assert filled.answers == {"ports": {"web": {"number": 80, "open": False}}}
    view = Sheet(filled, About(), "It", "form", "Request", draft).view()
    sendable_view(view)
    assert "1. Name: web · Number: 80 · Open: No" in str(view)
    options = [option["value"] for block in view["blocks"] for option in block.get("accessory", {}).get("options", [])]
    assert options == ["edit|0", "remove|0"]  # a map has no order


def test_an_entry_that_is_called_otherwise_stays_in_its_place() -> None:
    schema = of()
    draft = Draft({"ports": {"web": {"number": 80}, "db": {"number": 5432}}})
    renamed = draft.close(schema, (("/ports", 0),), {maps.NAME: "www", "number": 80})
    assert list(renamed.open(schema).answers["ports"]) == ["www", "db"]


def test_two_of_one_name_are_refused_before_one_is_lost() -> None:
    schema = of()
    draft = Draft({"ports": {"web": {"number": 80}, "db": {"number": 5432}}})
    with pytest.raises(maps.Taken, match="web"):
        draft.close(schema, (("/ports", 1),), {maps.NAME: "web", "number": 1})


def test_the_rules_for_names_are_those_of_the_map() -> None:
    rules = {"pattern": "^[a-z]+$", "maxLength": 4}
    form = ports(of(propertyNames=rules, values=False, patternProperties={"^w": PORT})).entry
    assert form is not None

    def refused(name: str) -> list[str]:
        return [each.detail for each in maps.problems(form, {maps.NAME: name, "number": 1})]

    assert refused("web") == []
    assert len(refused("Web")) == 2
    assert len(refused("webber")) == 1
    assert [each.pointer for each in maps.problems(form, {"number": 1, "more": 2})] == [f"/{maps.NAME}", "/more"]
    choices = ports(of(propertyNames={"enum": ["web", "db"]})).entry or {}
    assert [each.value for each in contract.fields(choices)[0].choices] == ["web", "db"]


def test_fields_of_its_own_name_and_order_stay_apart_from_the_name_of_the_entry() -> None:
    user = {"properties": {"role": {"type": "string"}, "name": {"type": "string"}}, "x-frontdesk-order": ["name", "*"]}
    asked = contract.fields(ports(of({"type": "object", **user})).entry or {})
    assert [each.title for each in asked] == ["Name of the entry", "Name", "Role"]


def test_a_rule_of_a_field_in_an_entry_holds_in_a_map_too() -> None:
    port = {
        **PORT,
        "properties": {**PORT["properties"], "why": {"type": "string", "x-frontdesk-visible-if": {"ports.open": True}}},
    }
    schema = of(port)
    chain = (("/ports", 0),)
    shown = Draft({"ports": {"web": {"number": 80, "open": True}}}).open(schema, chain)
    assert "why" in [each.path[-1] for each in shown.shown]
    closed = Draft({"ports": {"web": {"number": 80, "why": "so"}}}).open(schema)
    assert closed.answers == {"ports": {"web": {"number": 80}}}


VALUES = st.fixed_dictionaries({"number": st.integers(-9, 9)}, optional={"open": st.booleans()})


@given(st.dictionaries(st.text("ab1/~ .é", min_size=1, max_size=4), VALUES, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_map_that_is_opened_and_finished_entry_by_entry_comes_back_equal(given_: JSON) -> None:
    schema = of()
    draft = Draft({"ports": given_})
    for index in range(len(given_)):
        chain = (("/ports", index),)
        form = draft.open(schema, chain)
        assert maps.problems(form.schema, form.answers) == []
        draft = draft.close(schema, chain, form.answers)
        assert Draft.from_json(draft.to_json()) == draft
    filled = draft.open(schema)
    with_defaults = {name: {"open": False, **each} for name, each in given_.items()}
    assert filled.answers == {"ports": with_defaults}
    assert list(filled.answers["ports"]) == list(given_)
    assert contract.problems(schema, filled.answers) == []
    assert entries_of(filled, list_of(filled, "/ports")) == maps.listed(with_defaults)


def test_each_answer_in_a_map_is_looked_at_beside_its_question() -> None:
    seen = []
    contract.mapped(
        of(USER),
        {"ports": {"ada": {"role": "reader"}}},
        lambda question, value, place: seen.append((question.title, value, place)),
    )
    assert seen == [("Role", "reader", ("ports", "ada", "role"))]
