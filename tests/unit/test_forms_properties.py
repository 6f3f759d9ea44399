"""Any form with any answers: what goes in comes back, and what is forged is refused."""

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.contract import problems, with_defaults
from bot.errors import Problem
from tests import sheets as forms
from tests.everything import ANSWERS, SCHEMA, STATE, modal, notes, obj, submitted

#: A slow machine is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
JSON_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner | st.none(), max_size=3) | st.dictionaries(st.text(max_size=3), inner | st.none(), max_size=3)
    ),
    max_leaves=5,
)
ENUM: list[Any] = ["small", "large", "", "1", 1, True, 2.5, "x" * 200]


def leaf(schema: dict[str, Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[dict[str, Any], Any]]:
    return values.map(lambda value: (schema, value))


def iso(moment: dt.datetime) -> str:
    return moment.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


LEAVES = st.one_of(
    leaf({"type": "string"}, WORDS),
    leaf({"type": "string", "maxLength": 500}, WORDS),
    leaf({"type": "integer"}, st.integers()),
    leaf({"type": "integer", "minimum": -5, "exclusiveMaximum": 5}, st.integers(-5, 4)),
    leaf({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False) | st.integers()),
    leaf({"anyOf": [{"type": "number"}, {"type": "string"}]}, st.floats(-1e9, 1e9)),
    leaf({"type": "boolean"}, st.booleans()),
    leaf({"type": ["boolean", "null"]}, st.booleans()),
    leaf({"enum": ENUM}, st.sampled_from(ENUM)),
    leaf({"enum": ENUM[:3]}, st.sampled_from(ENUM[:3])),
    leaf({"type": "array", "items": {"enum": ENUM}}, st.lists(st.sampled_from(ENUM), min_size=1)),
    leaf({"type": "array", "items": {"enum": ENUM[:3]}}, st.lists(st.sampled_from(ENUM[:3]), min_size=1)),
    leaf(
        {"type": "array", "items": {"type": "string"}},
        st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=1, max_size=4),
    ),
    leaf({"type": "array", "items": {"type": "integer"}}, st.lists(st.integers(), min_size=1, max_size=4)),
    leaf({"type": "string", "format": "date"}, st.dates().map(dt.date.isoformat)),
    leaf({"type": "string", "format": "time"}, st.times().map(dt.time.isoformat)),
    leaf({"type": "string", "format": "date-time"}, st.datetimes(dt.datetime(1960, 1, 1)).map(iso)),  # noqa: DTZ001 - in UTC by its text
    leaf({"type": "string", "format": "email"}, st.sampled_from(["ada@example.com", "g.h@x.org"])),
    leaf({"type": "string", "format": "uri"}, st.sampled_from(["https://example.com/?a=b", "urn:x:y"])),
    leaf({"type": "string", "format": "person"}, st.sampled_from(["U012ABC", "ada@example.com"])),
    leaf({"type": "string", "format": "channel"}, st.sampled_from(["C012ABC", "#general"])),
    leaf({"type": "string", "format": "group"}, st.sampled_from(["S012ABC", "@dba"])),
    leaf({}, JSON_VALUES),
    leaf({"type": "object", "additionalProperties": {}}, st.dictionaries(NAMES, JSON_VALUES, max_size=3)),
)


@st.composite
def forms_with_answers(draw: st.DrawFn, depth: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    """A form and valid answers: fields required, with a default or absent; sections required or left out."""
    schema, value = obj({}), dict[str, Any]()
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        nested = depth and draw(st.integers(0, 3)) == 0
        declared, answer = draw(forms_with_answers(depth - 1)) if nested else draw(LEAVES)
        way = draw(st.sampled_from(["required", "optional", "default", "absent"]))
        if way == "required":
            schema["required"].append(name)
        elif way == "default" and not nested:
            declared = {**declared, "default": draw(st.sampled_from([answer]))}
        schema["properties"][name] = {**declared, "title": draw(st.text(st.characters(codec="utf-8"), max_size=100))}
        if way in {"required", "optional"} and not (nested and not answer and way == "optional"):
            value[name] = answer
    return schema, value


def without_empty_sections(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """An optional section with nothing in it and one that is not there look the same in a form."""
    kept = {}
    for name, answer in value.items():
        declared = schema["properties"][name]
        inner = without_empty_sections(declared, answer) if declared.get("properties") else answer
        if name in schema["required"] or not is_without_answers(declared, inner):
            kept[name] = inner
    return kept


def is_without_answers(declared: dict[str, Any], answer: Any) -> bool:
    """A section with nothing in it but sections with nothing in them."""
    inside = declared.get("properties") or {}
    return bool(inside) and all(is_without_answers(inside[name], inner) for name, inner in answer.items())


@PATIENT
@given(forms_with_answers())
def test_answers_go_through_a_form_unchanged(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, value = case
    assert problems(schema, value) == []
    view = modal(schema, value)
    assert notes(view) == []
    back = forms.answers(schema, submitted(view))
    expected = with_defaults(schema, value)
    assert without_empty_sections(schema, with_defaults(schema, back)) == without_empty_sections(schema, expected)
    assert problems(schema, back) == []


@PATIENT
@given(st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.none() | JSON_VALUES), st.text(max_size=30))
def test_any_answers_at_all_give_a_view_that_slack_takes(answers: dict[str, Any], detail: str) -> None:
    view = modal(SCHEMA, answers, problems=[Problem(f"/{name}", detail) for name in answers])
    forms.answers(SCHEMA, submitted(view, client_checks=False))


KEYS = st.sampled_from(["type", "value", *(key for key, _ in STATE.values())])
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["true", "1", "small"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
BLOCKS = st.sampled_from([f"/{name}" for name in SCHEMA["properties"]] + ["/network/cidr", "/mirror/public"])
STATES = ODD | st.dictionaries(
    BLOCKS | st.text(max_size=5),
    ODD
    | st.dictionaries(st.sampled_from(["answer", "other"]), ODD | st.dictionaries(KEYS, ODD, max_size=3), max_size=2),
    max_size=8,
)


@settings(PATIENT, max_examples=300)
@given(STATES)
def test_a_forged_state_is_refused_or_valid_and_never_breaks_anything(state: Any) -> None:
    back = forms.answers(SCHEMA, state)
    wrong = problems(SCHEMA, with_defaults(SCHEMA, back))
    beside, leftover = forms.errors(SCHEMA, wrong)
    assert bool(wrong) == bool(beside or leftover)


def test_a_forged_state_for_one_field_is_refused_at_that_field() -> None:
    good = submitted(modal(SCHEMA, ANSWERS))
    for block in good:
        odds: tuple[Any, ...] = (
            {"value": {"deep": [1]}},
            {"selected_option": 7},
            {"selected_options": [[]]},
            "text",
            [1],
            5.5,
        )
        for odd in odds:
            back = forms.answers(SCHEMA, {**good, block: {"answer": odd}, "/nobody": {"answer": odd}})
            pointers = {problem.pointer for problem in problems(SCHEMA, back)}
            assert all(pointer.startswith(block) for pointer in pointers), (block, odd)


def test_odd_entries_among_the_picked_are_refused() -> None:
    state = {
        "/backups": {"answer": {"selected_options": [{"value": "true"}, {"value": "true"}]}},
        "/urgent": {"answer": {"selected_option": {"value": "perhaps"}}},
        "/moment": {"answer": {"selected_date_time": "soon"}},
    }
    back = forms.answers(SCHEMA, state)
    assert (back["backups"], back["urgent"], back["moment"]) == ([True, True], "perhaps", "soon")


def test_more_than_python_reads_as_a_number_is_refused() -> None:
    state = {"/nodes": {"answer": {"value": "9" * 5000}}, "/moment": {"answer": {"selected_date_time": 10**30}}}
    pointers = {problem.pointer for problem in problems(SCHEMA, forms.answers(SCHEMA, state))}
    assert {"/nodes", "/moment"} <= pointers
