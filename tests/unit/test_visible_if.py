"""Fields that an offering asks for with some answers only, by its overlay: the contract knows nothing of it."""

from typing import Any, Literal

import pytest

from bot import Field, Form, Offering, contract
from bot.contract import Look
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft, name
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.slack_rules import sendable_view


class Limits(Form):
    cpu: int = 1
    memory: int = 2


class User(Form):
    name: str
    role: Literal["reader", "admin"] = "reader"
    until: str | None = None
    key: str = ""


class Database(Form):
    name: str
    size: Literal["small", "large"] = "small"
    replicas: int = 1
    why: str = Field("", description="For who approves")
    must: str | None = Field(...)
    bare: int = Field(...)
    limits: Limits | None = None
    users: tuple[User, ...] = ()


def schema(overlay: dict[str, Look]) -> dict[str, Any]:
    offering = Offering("database", Database, owner="@a", notify="#a", overlay=overlay)
    plain = Offering("database", Database, owner="@a", notify="#a")
    assert offering.contract.to_json() == plain.contract.to_json()
    return offering.presented


def blocks(filled: Filled) -> list[str]:
    view = Sheet(filled, About(), "Form", "form", "Request", Draft()).view()
    sendable_view(view)
    return [block["block_id"] for block in view["blocks"] if "block_id" in block]


def test_a_field_is_asked_while_another_has_a_value_and_is_dropped_and_restored_with_it() -> None:
    form = schema({"why": {"visible_if": {"size": "large"}}})
    small = Filled(form, {}, {"/name": "orders", "/why": "Much traffic"})
    assert "/why" not in blocks(small)
    assert "why" not in small.answers
    large = Filled(form, {}, {**small.entered, "/size": "large"})
    assert "/why" in blocks(large)
    assert large.answers["why"] == "Much traffic"
    assert small.kept()["/why"] == "Much traffic"


def test_the_field_that_it_depends_on_tells_at_once() -> None:
    view = Sheet(
        Filled(schema({"why": {"visible_if": {"size": "large"}}})), About(), "Form", "form", "Request", Draft()
    ).view()
    assert next(block for block in view["blocks"] if block.get("block_id") == "/size")["dispatch_action"] is True


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        ({"size": ["tiny", "small"]}, True),
        ({"replicas": {"minimum": 2}}, False),
        ({"replicas": {"minimum": 1}}, True),
        ({"replicas": True}, False),
        ({"replicas": 1, "size": "large"}, False),
        ({"name": [None]}, True),
        ({"name": {"type": "string"}}, False),
        ({"limits.cpu": 1}, False),
    ],
)
def test_a_rule_is_a_value_several_or_a_schema_and_all_have_to_hold(rules: dict[str, Any], shown: bool) -> None:
    assert ("/why" in blocks(Filled(schema({"why": {"visible_if": rules}})))) is shown


def test_an_object_comes_and_goes_as_a_whole_and_what_depends_on_it_too() -> None:
    form = schema({"limits": {"visible_if": {"size": "large"}}, "why": {"visible_if": {"limits.cpu": 4}}})
    entered = {"/size": "large", "/limits/cpu": 4, "/why": "It is slow"}
    assert {"/limits/cpu", "/limits/memory", "/why"} <= set(blocks(Filled(form, {}, entered)))
    gone = Filled(form, {}, {**entered, "/size": "small"})
    assert not {"/limits/cpu", "/limits/memory", "/why"} & set(blocks(gone))
    assert not {"limits", "why"} & gone.answers.keys()


def test_a_field_of_an_entry_depends_on_its_entry_and_on_the_whole_form() -> None:
    form = schema(
        {"users.until": {"visible_if": {"users.role": "admin"}}, "users.key": {"visible_if": {"size": "large"}}}
    )
    draft = Draft(
        {}, {"": {"/size": "large", "/users": [{"name": "ada", "role": "admin", "until": "May", "key": "k"}]}}
    )
    entry = draft.open(form, (("/users", 0),))
    assert {"/until", "/key"} <= set(blocks(entry))
    assert entry.applied.controls == {("role",)}
    chain = (("/users", 0),)
    reader = Draft(draft.base, {**draft.entered, name(chain): {"/role": "reader"}})
    assert "/until" not in blocks(reader.open(form, chain))
    assert "until" not in reader.open(form, chain).answers


def test_what_a_finished_entry_holds_is_dropped_when_the_form_around_it_changes() -> None:
    form = schema(
        {"users.until": {"visible_if": {"users.role": "admin"}}, "users.key": {"visible_if": {"size": "large"}}}
    )
    users = [{"name": "ada", "role": "admin", "until": "May", "key": "k"}, {"name": "bob", "until": "May", "key": "k"}]
    small = Filled(form, {"users": users})
    assert small.answers["users"] == [{"name": "ada", "role": "admin", "until": "May"}, {"name": "bob"}]
    assert Filled(form, {"users": users}, {"/size": "large"}).answers["users"][1] == {"name": "bob", "key": "k"}


def test_what_is_left_out_is_no_unknown_field() -> None:
    view = Sheet(
        Filled(schema({"why": {"visible_if": {"size": "large"}}}), {"why": "x"}), About(), "F", "f", "R", Draft()
    ).view()
    assert "Unknown" not in str(view)


@pytest.mark.parametrize(
    ("overlay", "error", "said"),
    [
        ({"why": {"visible_if": {"sise": "large"}}}, contract.NoSuchField, "sise"),
        ({"why": {"visible_if": {}}}, ValueError, "why: visible_if= is a field's"),
        ({"": {"visible_if": {"size": "large"}}}, ValueError, "the form: visible_if="),
        ({"why": {"visible_if": {"users.role": "admin"}}}, ValueError, "one in each entry of users"),
        ({"why": {"visible_if": {"why": "x"}}}, ValueError, "names the field itself"),
        ({"why": {"visible_if": {"replicas": {"minimum": "x"}}}}, ValueError, "no JSON Schema"),
    ],
)
def test_what_cannot_be_meant_is_named(overlay: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        schema(overlay)


def test_a_field_that_must_be_answered_is_never_left_out() -> None:
    form = schema({"bare": {"visible_if": {"size": "large"}}, "users.name": {"visible_if": {"users.role": "admin"}}})
    assert contract.unanswerable(form) == ["bare", "name"]
    assert contract.unanswerable(schema({"size": {"visible_if": {"replicas": 1}}, "why": {"hidden": True}})) == []
