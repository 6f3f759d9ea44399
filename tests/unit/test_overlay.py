"""How an offering wants its form shown: apart from the contract, and only where a person looks."""

import json
from typing import Any, Literal

import pytest

from bot import Field, Form, Offering, contract
from bot.contract import Look
from bot.errors import Problem
from bot.imports import form
from bot.imports.imported import Imported
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.slack_rules import sendable_view


class Network(Form):
    cidr: str = "10.0.0.0/8"
    zone: str = "a"


class User(Form):
    name: str
    role: str = "reader"


class Database(Form):
    name: str
    size: Literal["small", "large"] = "small"
    team: str = "none"
    notes: str = Field("", description="For the ticket")
    network: Network = Network()
    users: tuple[User, ...] = ()


def shown(overlay: dict[str, Look], **entered: Any) -> Sheet:
    offering = Offering("database", Database, owner="@a", notify="#a", overlay=overlay)
    plain = Offering("database", Database, owner="@a", notify="#a")
    assert json.dumps(offering.contract.to_json()) == json.dumps(plain.contract.to_json())
    return Sheet(Filled(offering.presented, {}, entered), About(), "Form", "form", "Request", Draft())


def blocks(sheet: Sheet) -> dict[str, Any]:
    view = sheet.view()
    sendable_view(view)
    named = {block["block_id"].partition("~")[0]: block for block in view["blocks"] if "block_id" in block}
    return {name: block for name, block in named.items() if name != "turn"}


def test_title_and_help_are_what_people_read() -> None:
    block = blocks(shown({"notes": {"title": "Remarks", "help": "Anything else?"}}))["/notes"]
    assert (block["label"]["text"], block["hint"]["text"][:14]) == ("Remarks", "Anything else?")


def test_the_order_names_what_comes_first_also_inside() -> None:
    names = list(blocks(shown({"": {"order": ["notes", "*", "name"]}, "network": {"order": ["zone"]}})))
    assert names[0] == "/notes"
    assert names[-1] == "/name"
    assert names.index("/network/zone") < names.index("/network/cidr")


def test_a_widget_is_chosen_where_it_fits() -> None:
    assert blocks(shown({}))["/size"]["element"]["type"] == "radio_buttons"
    assert blocks(shown({"size": {"widget": "select"}}))["/size"]["element"]["type"] == "static_select"
    assert blocks(shown({"notes": {"widget": "textarea"}}))["/notes"]["element"]["multiline"] is True


def test_a_hidden_field_is_not_asked_and_keeps_what_it_was_given() -> None:
    sheet = shown({"team": {"hidden": True}, "network": {"hidden": True}})
    assert [name for name in blocks(sheet) if name.startswith(("/team", "/network"))] == []
    assert sheet.filled.answers["team"] == "none"
    prefilled = Filled(sheet.filled.schema, {"team": "dba"})
    assert prefilled.answers["team"] == "dba"


def test_a_problem_of_a_hidden_field_is_told_all_the_same() -> None:
    sheet = shown({"team": {"hidden": True}})
    texts, _ = sheet.errors([Problem("/team", "No such team.")], set(blocks(sheet)))
    assert list(texts.values()) == ["team: No such team."]
    assert "team: No such team." in str(sheet.view([Problem("/team", "No such team.")]))


def test_what_is_advanced_stands_on_a_page_of_its_own_unless_it_must_be_answered() -> None:
    sheet = shown({"team": {"advanced": True}, "network.zone": {"advanced": True}, "name": {"advanced": True}})
    first, second = sheet.pages
    assert [each.name for each in first.questions] == ["name", "size", "notes", "network", "network.cidr", "users"]
    assert [each.name for each in second.questions] == ["team", "network.zone"]
    assert "/team" in blocks(sheet.turned(1))


def test_the_fields_of_an_entry_are_shown_so_too() -> None:
    schema = shown({"users.role": {"title": "May"}, "users": {"order": ["role"]}}).filled.schema
    users = next(each for each in contract.fields(schema) if each.name == "users")
    assert users.entry is not None
    assert [each.title for each in contract.fields(users.entry)] == ["May", "Name"]


@pytest.mark.parametrize(
    ("overlay", "error", "said"),
    [
        ({"nmae": {"title": "x"}}, contract.NoSuchField, "nmae"),
        ({"": {"order": ["nmae"]}}, contract.NoSuchField, "nmae"),
        ({"name": {"colour": "red"}}, ValueError, "name: colour is none of title, help"),
        ({"name": {"widget": "slider"}}, ValueError, "name: there is no widget 'slider'"),
        ({"network": {"secret": True}}, ValueError, "network: secret= is for a field"),
        ({"name": {"secret": False}}, ValueError, "name: secret= can be True only"),
    ],
)
def test_what_an_overlay_cannot_say_is_named(overlay: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        shown(overlay)


def test_an_imported_document_is_shown_as_its_author_wants_and_an_overlay_wins() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "An a"},
            "b": {"type": "string"},
            "c": {"type": "string"},
        },
        "required": ["c"],
    }
    hints: dict[str, dict[str, Any]] = {
        "": {"order": ["b", "*"], "pages": []},
        "/a": {"help": "Think", "widget": "textarea", "placeholder": "-"},
        "/b": {"title": "Bee", "widget": "color"},
        "/c": {"hidden": True},
        "/gone": {"title": "No"},
    }
    made = form(Imported("x", "X", "", "", "Test", schema, hints=hints))
    offering = Offering("x", made, owner="@a", notify="#a", overlay={"b": {"title": "Be"}})
    questions = contract.fields(offering.presented)
    assert [(each.title, each.hidden) for each in questions] == [("Be", False), ("A", False), ("C", False)]
    assert (questions[1].description, questions[1].widget) == ("An a Think", "textarea")
    assert offering.contract.form is schema
