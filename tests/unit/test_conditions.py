"""Conditions in a contract: which fields there are follows from the answers."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bot.contract import applied, fields, parse, problems, typed, written
from bot.contract.questions import Question


def names(schema: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    return [each.name for each in fields(applied(schema, answers).schema)]


def question(schema: dict[str, Any], name: str = "it") -> Question:
    return next(each for each in fields({"properties": {name: schema}}))


TEXT = {"type": "string"}


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["cat"] = "cat"
    lives: int
    name: str


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["dog", "wolf"]
    lives: Literal["one", "two"]
    name: str


class Owner(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")
    other: Cat | Dog | None = Field(None, discriminator="kind")


def test_a_form_without_conditions_stays_the_very_same_object() -> None:
    schema = {"properties": {"a": TEXT, "b": {"oneOf": [{"const": 1}, {"const": 2}]}}}
    assert applied(schema, {}).schema is schema
    assert applied(schema, {}).controls == frozenset()


def test_if_then_else_brings_fields_in_right_behind_what_they_depend_on() -> None:
    schema = {
        "properties": {"size": {"enum": ["s", "l"]}, "note": TEXT},
        "if": {"properties": {"size": {"const": "l"}}, "required": ["size"]},
        "then": {"properties": {"why": TEXT, "note": {"minLength": 3}}, "required": ["why"]},
        "else": {"properties": {"hint": TEXT}},
    }
    assert names(schema, {"size": "l"}) == ["size", "why", "note"]
    assert names(schema, {"size": "s"}) == names(schema, {}) == ["size", "hint", "note"]
    assert applied(schema, {}).controls == {("size",)}
    large = applied(schema, {"size": "l"}).schema
    assert large is applied(schema, {"size": "l", "note": "x"}).schema
    assert [each.name for each in fields(large) if each.required] == ["why"]
    assert problems(large, {"size": "l", "why": "x", "note": "x"})[0].pointer == "/note"


@pytest.mark.parametrize("word", ["dependencies", "dependentSchemas"])
def test_dependencies_ask_once_the_other_is_answered(word: str) -> None:
    schema = {"properties": {"a": TEXT, "z": TEXT}, word: {"a": {"properties": {"b": TEXT}, "required": ["b"]}}}
    assert names(schema, {}) == ["a", "z"]
    assert names(schema, {"a": "x"}) == ["a", "b", "z"]
    needed = {"properties": {"a": TEXT, "z": TEXT}, "dependentRequired": {"a": ["z"]}}
    assert [each.required for each in fields(applied(needed, {"a": "x"}).schema)] == [False, True]


def test_a_backstage_dependency_chooses_by_the_value() -> None:
    one_of = [
        {"properties": {"kind": {"const": "db"}, "engine": TEXT}},
        {"properties": {"kind": {"enum": ["api", "web"]}, "port": {"type": "integer"}}},
    ]
    schema = {
        "properties": {"kind": {"enum": ["db", "api", "web"], "default": "db"}},
        "dependencies": {"kind": {"oneOf": one_of}},
    }
    assert names(schema, {"kind": "db"}) == ["kind", "engine"]
    assert names(schema, {"kind": "web"}) == ["kind", "port"]
    assert len(fields(applied(schema, {"kind": "db"}).schema)[0].choices) == 3


def test_a_union_is_a_select_and_the_fields_of_its_branch() -> None:
    schema = Owner.model_json_schema()
    nothing = fields(applied(schema, {}).schema)
    assert [(each.name, each.kind) for each in nothing] == [
        ("pet", "section"),
        ("pet.kind", "enum"),
        ("other", "section"),
        ("other.kind", "enum"),
    ]
    assert [choice.value for choice in nothing[1].choices] == ["cat", "dog", "wolf"]
    assert [each.required for each in nothing] == [True, True, False, False]
    cat, dog = (fields(applied(schema, {"pet": {"kind": kind}}).schema) for kind in ("cat", "wolf"))
    assert [each.name for each in cat][:4] == ["pet", "pet.kind", "pet.lives", "pet.name"]
    assert (cat[2].kind, dog[2].kind) == ("integer", "enum")
    assert cat[2].key != dog[2].key  # two fields of one name
    assert cat[3].key == dog[3].key  # the same field in both
    assert ("pet", "kind") in applied(schema, {}).controls


def test_a_command_fills_the_fields_of_the_branch_that_it_chooses() -> None:
    schema = Owner.model_json_schema()
    pairs = [("pet.lives", "9"), ("pet.kind", "cat"), ("pet.name", "Tom")]
    assert typed(schema, pairs) == ({"pet": {"lives": 9, "kind": "cat", "name": "Tom"}}, [])
    assert [problem.pointer for problem in typed(schema, pairs[:1])[1]] == ["/pet/lives"]


def test_branches_that_nothing_tells_apart_are_left_to_validation() -> None:
    schema = {
        "properties": {
            "a": TEXT,
            "b": TEXT,
        },
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert applied(schema, {}).schema is schema
    assert [each.kind for each in fields(schema)] == ["string", "string"]


def test_several_parts_of_one_object_stand_together_and_a_recursive_one_ends() -> None:
    schema = {"allOf": [{"properties": {"a": TEXT}, "required": ["a"]}, {"properties": {"b": TEXT}}]}
    assert names(schema, {}) == ["a", "b"]
    node = {
        "properties": {"more": {"type": "boolean"}},
        "if": {"properties": {"more": {"const": True}}, "required": ["more"]},
        "then": {"properties": {"next": {"$ref": "#/$defs/node"}}},
    }
    tree = {"properties": {"top": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    deep = {"top": {"more": True, "next": {"more": True, "next": {"more": True}}}}
    assert names(tree, deep) == ["top", "top.more", "top.next", "top.next.more"]
    itself = {"allOf": [{"$ref": "#/$defs/itself"}, {"$ref": "#/$defs/itself"}]}
    assert names({"properties": {"a": {"$ref": "#/$defs/itself"}}, "$defs": {"itself": itself}}, {}) == ["a"]


def test_parts_of_a_text_do_not_make_it_an_object() -> None:
    schema = {"properties": {"a": {"allOf": [{"minLength": 2}, {"pattern": "x"}]}, "b": {"type": "string", "if": {}}}}
    assert applied(schema, {}).schema is schema


def test_an_enum_in_a_pattern_has_choices() -> None:
    assert [choice.value for choice in question({"type": "string", "pattern": "^(small|very-large)$"}).choices] == [
        "small",
        "very-large",
    ]
    assert question({"type": "string", "pattern": r"^(?:1\.0|2\.0)$"}).choices[0].value == "1.0"
    for pattern in ("^(a.c|b)$", "(a|b)", "^(a|b)", "^(a|b)+$", "^[a|b]$"):
        assert question({"type": "string", "pattern": pattern}).kind == "string", pattern


def test_a_map_of_texts_is_written_as_lines() -> None:
    labels = question({"type": "object", "additionalProperties": {"type": "string"}})
    assert parse(labels, "team=dba\n app.kubernetes.io/name = a=b \n") == {
        "team": "dba",
        "app.kubernetes.io/name": "a=b",
    }
    assert parse(labels, "team: dba") == {"team": "dba"}
    assert parse(labels, '{"a": "x=y"}') == {"a": "x=y"}
    assert written({"a": "b"}) == '{"a": "b"}'
    free = question({"type": "object"})
    assert parse(free, "a=b") == "a=b"


def test_an_entry_of_a_list_is_a_form_of_its_own_and_secrets_are_seen_however_deep() -> None:
    root = {"$defs": {"port": {"properties": {"number": {"type": "integer"}, "key": {"format": "password"}}}}}
    listed = {**root, "properties": {"ports": {"type": "array", "items": {"$ref": "#/$defs/port"}}}}
    ports = fields(listed)[0]
    assert ports.entry is not None
    assert [each.name for each in fields(ports.entry)] == ["number", "key"]
    assert ports.holds_secret
    assert not question({"type": "array", "items": {"type": "string"}}).holds_secret
    assert question({"type": "array", "items": {"type": "string"}}).entry is None


def test_who_has_yet_to_choose_what_must_be_chosen_is_asked_for_neither_branch() -> None:
    rule = {"properties": {"kind": {"const": "db"}}}
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["vm", "db"]}},
        "if": rule,
        "then": {"properties": {"engine": {"type": "string"}}},
        "else": {"properties": {"cores": {"type": "integer"}}},
    }
    must = {**schema, "required": ["kind"]}

    def asked(form: dict[str, Any], answers: dict[str, Any]) -> list[str]:
        return [question.name for question in applied(form, answers).questions]

    assert asked(must, {}) == ["kind"]
    assert asked(must, {"kind": "db"}) == ["kind", "engine"]
    assert asked(must, {"kind": "vm"}) == ["kind", "cores"]
    assert asked(schema, {}) == [
        "kind",
        "engine",
    ]  # what may be left out holds the condition, by the rules of JSON Schema
