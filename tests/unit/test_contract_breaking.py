"""Which changes of a contract need a new version, and which do not."""

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from bot.contract import breaking, comparable, problems

CLOSED: dict[str, Any] = {"type": "object", "additionalProperties": False}


def form(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {**CLOSED, "properties": properties, "required": list(required)}


TEXT = {"type": "string"}

COMPATIBLE: list[tuple[Any, Any]] = [
    (form(a=TEXT), form(a={**TEXT, "title": "A", "description": "d", "examples": ["x"]})),
    (form(a=TEXT), form(a=TEXT, b=TEXT)),
    (form(("a",), a=TEXT), form(a=TEXT)),
    (form(a=TEXT), form(("b",), a=TEXT, b={**TEXT, "default": "x"})),
    (form(a={"type": "integer"}), form(a={"type": "number"})),
    (form(a={"type": "integer"}), form(a={"type": ["integer", "string"]})),
    (form(a=TEXT), form(a={"anyOf": [TEXT, {"type": "null"}], "default": None})),
    (form(a=TEXT), form(a={})),
    (form(a={"enum": ["x"]}), form(a={"enum": ["x", "y"]})),
    (form(a={"const": "x"}), form(a={"enum": ["x", "y"]})),
    (form(a={"enum": ["x"]}), form(a=TEXT)),
    (form(a={"enum": ["x", "y"]}), form(a={"oneOf": [{"const": "x", "title": "X"}, {"const": "y"}]})),
    (form(a={"type": "string", "minLength": 3}), form(a={"type": "string", "minLength": 2})),
    (form(a={"type": "integer", "maximum": 3}), form(a={"type": "integer", "maximum": 4})),
    (form(a={"type": "string", "pattern": "^a"}), form(a=TEXT)),
    (form(a={"type": "string", "format": "date"}), form(a=TEXT)),
    (form(a={"type": "array", "items": TEXT, "uniqueItems": True}), form(a={"type": "array", "items": TEXT})),
    ({**CLOSED, "properties": {"a": TEXT}}, {"type": "object", "properties": {"a": TEXT}}),
    (form(a={"anyOf": [TEXT, {"type": "object"}]}), form(a={"anyOf": [{"type": "object"}, TEXT, {"type": "array"}]})),
    ({**form(a={"$ref": "#/$defs/A"}), "$defs": {"A": TEXT}}, form(a=TEXT)),
    (form(n=form(a=TEXT)), form(n=form(a=TEXT, b=TEXT))),
]

BREAKING: list[tuple[Any, Any, str]] = [
    (form(a=TEXT, b=TEXT), form(a=TEXT), "b: removed"),
    (form(a=TEXT), form(b=TEXT), "a: removed"),
    (form(a=TEXT), form(("b",), a=TEXT, b=TEXT), "b: new and required"),
    (form(a=TEXT), form(("a",), a=TEXT), "a: required now"),
    (form(a={"type": "number"}), form(a={"type": "integer"}), "a: type was number, is integer"),
    (form(a={"type": ["integer", "string"]}), form(a=TEXT), "a: type was integer or string, is string"),
    (form(a={}), form(a=TEXT), "a: type was open, is string"),
    (form(a={"anyOf": [TEXT, {"type": "null"}]}), form(a=TEXT), "a: may no longer be null"),
    (form(a={"enum": ["x", "y"]}), form(a={"enum": ["x"]}), 'a: removed value "y"'),
    (form(a={"type": "string"}), form(a={"type": "string", "enum": ["x"]}), "a: is one of few values now"),
    (form(a={"type": "string"}), form(a={"type": "string", "minLength": 2}), "a: minLength was open, is 2"),
    (form(a={"maximum": 4}), form(a={"maximum": 3}), "a: maximum was 4, is 3"),
    (form(a={"exclusiveMinimum": 0}), form(a={"exclusiveMinimum": 1}), "a: exclusiveMinimum was 0, is 1"),
    (form(a={"pattern": "^a"}), form(a={"pattern": "^b"}), "a: pattern was ^a, is ^b"),
    (form(a=TEXT), form(a={**TEXT, "format": "date"}), "a: format was open, is date"),
    (form(a={"type": "array"}), form(a={"type": "array", "uniqueItems": True}), "a: uniqueItems changed"),
    (
        form(a={"type": "array", "items": {"enum": ["x", "y"]}}),
        form(a={"type": "array", "items": {"enum": ["x"]}}),
        'a.*: removed value "y"',
    ),
    (form(a={"type": "array"}), form(a={"type": "array", "items": TEXT}), "a: its entries changed"),
    (
        {"type": "object", "properties": {"a": TEXT}},
        {**CLOSED, "properties": {"a": TEXT}},
        "the whole form: further fields are no longer accepted",
    ),
    (
        form(a={"type": "object", "additionalProperties": TEXT}),
        form(a={"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}}),
        "a.*: maxLength was open, is 3",
    ),
    (
        form(a={"anyOf": [TEXT, {"type": "array"}]}),
        form(a={"anyOf": [TEXT, {"type": "object"}]}),
        "a: alternative 2 is no longer accepted",
    ),
    (form(n=form(a=TEXT)), form(n=form(("a",), a=TEXT)), "n.a: required now"),
    (form(a={}), form(a={"not": {"const": 1}}), "a: not was open, is {'const': 1}"),
]


@pytest.mark.parametrize(("old", "new"), COMPATIBLE)
def test_answers_stay_valid_when_a_form_only_accepts_more(old: Any, new: Any) -> None:
    assert breaking(old, new) == []


@pytest.mark.parametrize(("old", "new", "why"), BREAKING)
def test_a_form_that_accepts_less_is_named(old: Any, new: Any, why: str) -> None:
    assert why in breaking(old, new)


@pytest.mark.parametrize("schema", [*(pair[0] for pair in COMPATIBLE), *(case[0] for case in BREAKING)])
def test_an_unchanged_contract_breaks_nothing(schema: Any) -> None:
    assert breaking(schema, schema) == []
    assert breaking(schema, schema, outputs=True) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (form(host=TEXT, port=TEXT), form(host=TEXT), "port: removed"),
        (form(("host",), host=TEXT), form(host=TEXT), "host: is no longer certain"),
        (form(a={"type": "integer"}), form(a={"type": "number"}), "a: type was integer, is number"),
        (form(a={"enum": ["x"]}), form(a={"enum": ["x", "y"]}), 'a: new value "y"'),
        (form(a={"enum": ["x"]}), form(a=TEXT), "a: is any value now"),
        (form(a={"maximum": 3}), form(a={"maximum": 4}), "a: maximum was 3, is 4"),
        (form(a=TEXT), form(a={"anyOf": [TEXT, {"type": "null"}]}), "a: may be null"),
        (form(a={"pattern": "^a"}), form(a={}), "a: pattern was ^a, is open"),
    ],
)
def test_outputs_break_the_other_way_round(old: Any, new: Any, why: str) -> None:
    assert why in breaking(old, new, outputs=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (form(host=TEXT), form(("port",), host=TEXT, port={"type": "integer"})),
        (form(host=TEXT), form(("host",), host=TEXT)),
        (form(a={"enum": ["x", "y"]}), form(a={"enum": ["x"]})),
        (form(a={"type": "number"}), form(a={"type": "integer"})),
    ],
)
def test_promising_more_breaks_nobody(old: Any, new: Any) -> None:
    assert breaking(old, new, outputs=True) == []


def test_a_recursive_schema_is_compared_and_ends() -> None:
    def tree(**more: Any) -> dict[str, Any]:
        node = form(name={"type": "string", **more}, child={"$ref": "#/$defs/node"})
        return {"$defs": {"node": node}, **form(top={"$ref": "#/$defs/node"})}

    assert breaking(tree(), tree()) == []
    assert breaking(tree(), tree(maxLength=3)) == ["top.name: maxLength was open, is 3"]


def test_words_are_left_out_of_a_comparison_but_fields_of_the_same_name_stay() -> None:
    class Model(BaseModel):
        """A page."""

        model_config = ConfigDict(extra="forbid")
        title: str = Field(description="What it is called", examples=["x"])
        description: Literal["long", "short"] = "short"

    assert comparable(Model.model_json_schema()) == {
        "additionalProperties": False,
        "properties": {
            "description": {"default": "short", "enum": ["long", "short"], "type": "string"},
            "title": {"type": "string"},
        },
        "required": ["title"],
        "type": "object",
    }
    data = {"default": {"title": "kept"}, "enum": [{"title": "kept"}]}
    assert comparable(data) == data


BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number", "string", ["integer", "string"]]),
        "minimum": st.integers(-3, 3),
        "maximum": st.integers(-3, 3),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "enum": st.lists(st.sampled_from([1, 2.5, "a", "bcd", True]), min_size=1, unique=True),
        "anyOf": st.lists(st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 0}]), min_size=1),
    },
)
VALUES = st.sampled_from([-4, -1, 0, 1, 2.5, 3, "", "a", "bcd", "long text", True, None])


@settings(deadline=None)
@given(BOUNDS, BOUNDS, st.booleans(), st.booleans(), st.dictionaries(st.sampled_from("ab"), VALUES))
def test_a_compatible_change_never_refuses_an_old_answer(
    old: Any, new: Any, was_required: bool, is_required: bool, answer: Any
) -> None:
    before, after = (form(("a",) if must else (), a=one) for one, must in ((old, was_required), (new, is_required)))
    if not breaking(before, after) and not problems(before, answer):
        assert problems(after, answer) == []


def test_a_model_says_in_words_what_breaks() -> None:
    class Old(BaseModel):
        size: Literal["s", "m"] = "s"
        name: str = Field(max_length=30)

    class New(BaseModel):
        size: Literal["s"] = "s"
        name: str = Field(max_length=20)
        team: str

    assert breaking(Old.model_json_schema(), New.model_json_schema()) == [
        'size: removed value "m"',
        "name: maxLength was 30, is 20",
        "team: new and required",
    ]


def test_a_restriction_of_further_fields_is_named() -> None:
    old, new = {"type": "object"}, {"type": "object", "additionalProperties": {"type": "string"}}
    assert breaking(old, new) == ["the whole form: further fields are restricted now"]
    assert comparable({"anyOf": [{"type": "string", "title": "x"}]}) == {"anyOf": [{"type": "string"}]}


def test_what_was_open_to_all_types_may_not_become_one_of_some_alternatives() -> None:
    old = {"properties": {"a": {"maximum": 0, "minLength": 0}}}
    new = {"properties": {"a": {"maximum": 0, "anyOf": [{"type": "string"}]}}}
    assert breaking(old, new) == ["a: was open to all types, is one of some alternatives"]
