"""A contract as a modal, what a person does in it, and what comes back."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from bot.contract import fields, problems, with_defaults
from bot.errors import Problem
from bot.slack.forms.choices import suggested
from bot.slack.forms.modal import AS_TYPED
from tests import sheets as forms
from tests.everything import ANSWERS, SCHEMA, element, inputs, modal, notes, obj, submitted, texts
from tests.slack_rules import validator


@pytest.fixture(scope="module")
def strict_structure() -> Callable[[Any], None]:
    return validator("modal-view").validate


# -- elements


def test_each_type_gets_slacks_own_element(strict_structure: Callable[[Any], None]) -> None:
    view = modal(SCHEMA, ANSWERS)
    strict_structure(view)
    assert {name: block["element"]["type"] for name, block in inputs(view).items()} == {
        "/name": "plain_text_input",
        "/note": "plain_text_input",
        "/size": "radio_buttons",
        "/tier": "radio_buttons",
        "/level": "static_select",
        "/nodes": "number_input",
        "/share": "number_input",
        "/price": "number_input",
        "/backups": "checkboxes",
        "/urgent": "checkboxes",
        "/tested": "static_select",
        "/day": "datepicker",
        "/at": "timepicker",
        "/moment": "datetimepicker",
        "/window": "plain_text_input",
        "/code": "plain_text_input",
        "/mail": "email_text_input",
        "/link": "url_text_input",
        "/zones": "checkboxes",
        "/regions": "multi_static_select",
        "/tags": "plain_text_input",
        "/ports": "plain_text_input",
        "/labels": "plain_text_input",
        "/lead": "users_select",
        "/team": "plain_text_input",
        "/channel": "channels_select",
        "/network/cidr": "plain_text_input",
        "/network/public": "checkboxes",
        "/network/zones": "checkboxes",
        "/mirror/cidr": "plain_text_input",
        "/mirror/public": "static_select",
        "/mirror/zones": "checkboxes",
    }


def test_what_is_shown_comes_back_as_it_was() -> None:
    view = modal(SCHEMA, ANSWERS)
    assert notes(view) == []
    back = forms.filled(SCHEMA, submitted(view))
    assert (back.answers, back.unread) == (ANSWERS, [])


def test_an_empty_form_shows_the_defaults_and_asks_for_what_is_missing() -> None:
    view = modal(SCHEMA)
    assert notes(view) == []
    back = forms.answers(SCHEMA, submitted(view, client_checks=False))
    defaults = {"size": "small", "level": 2, "backups": True, "at": "10:30:00", "zones": ["a"], "team": "@dba"}
    empty = {"urgent": False, "tags": [], "labels": {}, "network": {"public": False}}
    assert back == defaults | empty
    missing = {problem.pointer for problem in problems(SCHEMA, with_defaults(SCHEMA, back))}
    required = {name for name, block in inputs(view).items() if not block["optional"]}
    assert missing == required - {"/size"}


def test_the_schemas_limits_stand_in_the_elements() -> None:
    view = modal(SCHEMA)
    assert element(view, "/name") == {
        "type": "plain_text_input",
        "action_id": "answer",
        "min_length": 3,
        "max_length": 30,
        "placeholder": {"type": "plain_text", "text": "For example orders"},
        **AS_TYPED,
    }
    assert element(view, "/nodes") == {
        "type": "number_input",
        "action_id": "answer",
        "is_decimal_allowed": False,
        "min_value": "1",
        "max_value": "9",
        **AS_TYPED,
    }
    assert element(view, "/share")["min_value"] == "0.25"
    assert inputs(view)["/share"]["hint"]["text"] == "Less than 1."
    assert element(view, "/regions")["max_selected_items"] == 3
    assert element(view, "/note")["multiline"] is True


def test_a_section_has_a_heading_and_an_optional_one_says_so() -> None:
    view = modal(SCHEMA)
    heads = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    below = [block["elements"][0]["text"] for block in view["blocks"] if block["type"] == "context"]
    assert heads == ["Network", "Mirror"]
    assert below == ["Where it stands.", "Where it stands. Optional: leave all of it empty to do without."]
    assert element(view, "/mirror/public")["placeholder"]["text"] == "Default: No"


def test_long_lists_of_choices_are_searched() -> None:
    schema = obj({"it": {"enum": [f"choice {number}" for number in range(250)]}}, ("it",))
    view = modal(schema, {"it": "choice 249"})
    assert element(view, "/it")["type"] == "external_select"
    assert forms.answers(schema, submitted(view)) == {"it": "choice 249"}


def test_a_search_finds_what_begins_with_it_first_and_no_more_than_slack_takes() -> None:
    names = ["east of eden", "west", "north east", *(f"choice {number}" for number in range(250))]
    question = fields(obj({"it": {"enum": names}}))[0]

    def found(text: str) -> list[str]:
        return [option["value"] for option in suggested(question, text)]

    assert found("east") == ["east of eden", "north east"]
    assert found(" EAST north ") == ["north east"]
    assert found("nowhere") == []
    assert len(found("")) == 100


def test_choices_that_slack_has_no_room_for_stay_apart_and_readable() -> None:
    long = ["x" * 200 + end for end in "abc"]
    schema = obj({"it": {"enum": [*long, "", "1", 1, True]}}, ("it",))
    for value in schema["properties"]["it"]["enum"]:
        view = modal(schema, {"it": value})
        assert forms.answers(schema, submitted(view)) == {"it": value}
    assert f"“{'x' * 74}…” is “{long[0]}”." in inputs(view)["/it"]["hint"]["text"]


def test_groups_of_the_workspace_are_offered_by_their_handles() -> None:
    groups = [("S1AB", "dba"), ("S2AB", "data-platform")]
    schema = obj({"team": {"type": "string", "format": "group"}})
    view = modal(schema, {"team": "S2AB"}, groups=groups)
    assert element(view, "/team")["type"] == "static_select"
    assert forms.answers(schema, submitted(view)) == {"team": "@data-platform"}
    stranger = modal(schema, {"team": "@others"}, groups=groups)
    assert forms.answers(schema, submitted(stranger)) == {"team": "@others"}


def test_people_in_a_list_are_picked_together() -> None:
    schema = obj({"who": {"type": "array", "items": {"type": "string", "format": "person"}}})
    view = modal(schema, {"who": ["U012ABC", "U345DEF"]})
    assert element(view, "/who")["type"] == "multi_users_select"
    assert forms.answers(schema, submitted(view)) == {"who": ["U012ABC", "U345DEF"]}
    typed = modal(schema, {"who": ["U012ABC", "ada@example.com"]})
    assert forms.answers(schema, submitted(typed)) == {"who": ["U012ABC", "ada@example.com"]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "format": "time"}, "10:30:15"),
        ({"type": "string", "format": "date-time"}, "2026-11-22T10:30:00.5Z"),
        ({"type": "string", "format": "date-time"}, "1969-11-22T10:30:00Z"),
        ({"type": "string", "format": "person"}, "ada@example.com"),
        ({"type": "string", "format": "channel"}, "#general"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, ["a", "a"]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 5),
        ({"type": "array", "items": {"type": "string"}}, ["a\nb", " c ", ""]),
        ({"type": "array", "items": {"type": "boolean"}}, [True, False]),
        ({"type": ["array", "null"], "items": {"type": "string"}}, []),
        ({"type": "number"}, 1e-7),
        ({"type": "number"}, 1e21),
        ({}, {"free": [1, None, "form"]}),
        ({}, "a text that is no JSON"),
    ],
)
def test_a_valid_answer_that_has_no_element_is_shown_as_text(schema: dict[str, Any], value: Any) -> None:
    form = obj({"it": schema}, ("it",))
    view = modal(form, {"it": value})
    assert notes(view) == []
    assert forms.answers(form, submitted(view)) == {"it": value}


def test_required_and_nullable_left_empty_is_null() -> None:
    schema = obj(
        {"it": {"type": ["string", "null"]}, "n": {"anyOf": [obj({"a": {"type": "string"}}), {"type": "null"}]}},
        ("it", "n"),
    )
    back = forms.answers(schema, submitted(modal(schema)))
    assert back == {"it": None, "n": None}
    assert problems(schema, back) == []


def test_an_optional_section_is_there_once_something_in_it_is() -> None:
    inner = obj({"a": {"type": "string"}, "list": {"type": "array", "items": {"type": "string"}}}, ("a", "list"))
    schema = obj({"n": inner})
    assert forms.answers(schema, submitted(modal(schema))) == {}
    some = {
        "/n/a": {"answer": {"type": "plain_text_input", "value": "x"}},
        "/n/list": {"answer": {"type": "plain_text_input", "value": None}},
    }
    assert forms.answers(schema, some) == {"n": {"a": "x", "list": []}}


def test_a_form_without_fields_says_so() -> None:
    assert "There is nothing to fill in." in texts(modal(obj({})))


def test_names_beyond_slacks_length_stay_apart() -> None:
    names = ["x" * 300 + end for end in "ab"]
    schema = obj({name: {"type": "string"} for name in names}, tuple(names))
    view = modal(schema, dict.fromkeys(names, "value"))
    assert forms.answers(schema, submitted(view)) == dict.fromkeys(names, "value")
    beside, _ = forms.errors(schema, [Problem(f"/{names[1]}", "Missing.")])
    assert list(beside) == [list(inputs(view))[1]]


def test_a_title_is_cut_to_what_slack_shows() -> None:
    assert forms.modal(obj({}), title="t" * 30)["title"]["text"] == "t" * 23 + "…"


# -- what cannot be used


def test_a_value_that_cannot_be_used_is_named_above_its_field_and_shown_there() -> None:
    bad = {"name": "Orders", "size": "medium", "nodes": 10, "day": "tomorrow", "mail": "ada", "sise": 1, "network": 3}
    view = modal(SCHEMA, bad)
    assert notes(view) == [
        "sise: Unknown field. Did you mean “size”?",
        "Name: Does not match the pattern ^[a-z-]+$ (Lower case).",
        "Size: Has to be one of small, large; got “medium”.",
        "Nodes: “10” cannot be used. Too large: at most 9.",
        "Day: Has to be a date like 2026-11-22; got “tomorrow”.",
        "Mail: Has to be an e-mail address like ada@example.com; got “ada”.",
        "Network: Has to be a group of fields; got “3”.",
    ]
    assert element(view, "/name")["initial_value"] == "Orders"
    assert "initial_option" not in element(view, "/size")
    before = [block["type"] for block in view["blocks"]]
    assert before[:3] == ["context", "context", "input"]


def test_a_text_that_is_too_long_or_too_short_can_still_be_mended() -> None:
    schema = obj({"name": {"type": "string", "minLength": 3, "maxLength": 5}}, ("name",))
    for text in ("ab", "abcdef"):
        view = modal(schema, {"name": text})
        assert element(view, "/name")["initial_value"] == text
        assert len(notes(view)) == 1


def test_the_callers_problem_stands_instead_of_our_own() -> None:
    told = [Problem("/nodes", "Has to be a whole number; got “three”."), Problem("", "Try again.")]
    view = modal(SCHEMA, {"nodes": "three"}, problems=told)
    assert notes(view) == ["Try again.", "Nodes: Has to be a whole number; got “three”."]


def test_an_answer_too_long_for_slack_is_not_dropped_in_silence() -> None:
    schema = obj({"it": {"type": "string"}, "map": {"type": "object"}})
    view = modal(schema, {"it": "x" * 3001, "map": {"k": "y" * 3001}})
    assert notes(view) == [
        "It: “" + "x" * 59 + "…” cannot be shown here, and is left out unless you enter it again.",
        'Map: “{"k": "' + "y" * 52 + "…” cannot be shown here, and is left out unless you enter it again.",
    ]


def test_secrets_are_never_shown_again() -> None:
    class Login(BaseModel):
        password: SecretStr
        pin: int = Field(json_schema_extra={"writeOnly": True})

    schema = Login.model_json_schema()
    view = modal(schema, {"password": "hunter2", "pin": "hunter3"})
    assert "hunter" not in texts(view)
    assert "over your shoulder. It is not kept when this window closes." in inputs(view)["/password"]["hint"]["text"]
    assert notes(view) == [
        "Password: a secret is not shown again. Please enter it once more.",
        "Pin: Has to be a whole number.",
    ]
    state = {"/password": {"answer": {"value": "hunter2"}}, "/pin": {"answer": {"value": "4"}}}
    assert forms.answers(schema, state) == {"password": "hunter2", "pin": 4}


def test_mentions_and_markup_stay_text() -> None:
    evil = "<!channel> & <@U012ABC> *bold*"
    schema = obj({"a": {"type": "string", "title": evil, "description": evil, "default": evil}})
    view = modal(schema, {"a": 5, evil: 1})
    assert "mrkdwn" not in texts(view)
    assert inputs(view)["/a"]["label"]["text"] == evil


def test_the_only_possible_answer_is_filled_in() -> None:
    schema = obj({"it": {"const": "agreed"}}, ("it",))
    assert forms.answers(schema, submitted(modal(schema))) == {"it": "agreed"}


def test_more_choices_than_slack_holds_are_searched_too() -> None:
    many = {"enum": list(range(10_001))}
    schema = obj({"one": many, "some": {"type": "array", "items": many}}, ("one", "some"))
    view = modal(schema, {"one": 7, "some": [8, 10_000]})
    assert element(view, "/some")["type"] == "multi_external_select"
    assert forms.answers(schema, submitted(view)) == {"one": 7, "some": [8, 10_000]}


def test_limits_that_slack_cannot_check_are_told() -> None:
    schema = obj(
        {
            "step": {"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 0},
            "some": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
            "id": {"type": "string", "pattern": "^[a-z]$", "default": "x"},
            "when": {"type": "string", "format": "duration"},
        }
    )
    hints = {name: block["hint"]["text"] for name, block in inputs(modal(schema)).items()}
    assert hints == {
        "/step": "More than 0. A multiple of 0.5.",
        "/some": "At least 2. At most 3. One on each line.",
        "/id": "Pattern “^[a-z]$”. Left empty: x.",
        "/when": "A duration like P3D or PT12H.",
    }


def test_a_default_in_an_optional_section_is_a_placeholder() -> None:
    properties = {
        "list": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        "n": {"type": "integer", "default": 3},
    }
    view = modal(obj({"section": obj(properties), "plain": {"type": "string", "examples": ["a"]}}))
    assert "initial_value" not in element(view, "/section/n")
    assert element(view, "/section/n")["placeholder"]["text"] == "Default: 3"
    assert element(view, "/section/list")["placeholder"]["text"] == "Default: a, b"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "format": "date"}, "2026-99-99"),
        ({"type": "string", "format": "date"}, "tomorrow!!"),
        ({"type": "array", "items": {"type": "integer"}}, ["x", "y"]),
        ({"type": "array", "items": {"type": "integer"}}, "none"),
        ({"type": "integer"}, 10**4000),
        ({"type": "integer", "minimum": 5, "maximum": 3}, 4),
        ({"type": "boolean"}, "yes"),
        ({"type": "string", "format": "date-time"}, "2026-11-22T10:30:00"),
    ],
)
def test_a_bad_value_never_spoils_the_view(schema: dict[str, Any], value: Any) -> None:
    view = modal(obj({"it": schema}), {"it": value})
    assert notes(view)


# -- errors


def test_errors_stand_beside_the_field_that_they_are_about() -> None:
    beside, leftover = forms.errors(
        SCHEMA,
        [
            Problem("/name", "Missing."),
            Problem("/name", "Too short."),
            Problem("/tags/2", "Has to be text."),
            Problem("/labels/team", "Has to be text."),
            Problem("/network/cidr", "Missing."),
            Problem("/network/bogus", "Unknown field."),
            Problem("/mirror", "Missing."),
            Problem("/bogus", "Unknown field."),
            Problem("", "Both cannot be."),
        ],
    )
    assert beside == {
        "/name": "Missing. Too short.",
        "/tags": "Entry 3: Has to be text.",
        "/labels": "team: Has to be text.",
        "/network/cidr": "Missing. network.bogus: Unknown field.",
        "/mirror/cidr": "mirror: Missing.",
    }
    assert leftover == ["bogus: Unknown field.", "Both cannot be."]
    assert set(beside) <= set(inputs(modal(SCHEMA)))


def test_what_cannot_be_read_stays_as_it_was_typed_and_is_refused_at_its_field() -> None:
    state = {
        "/nodes": {"answer": {"type": "number_input", "value": "3,5"}},
        "/labels": {"answer": {"type": "plain_text_input", "value": "a: [1"}},
    }
    back, unread = forms.answers(SCHEMA, state), forms.filled(SCHEMA, state).unread
    assert (back["nodes"], back["labels"]) == ("3,5", "a: [1")
    assert [problem.pointer for problem in unread] == ["/nodes", "/labels"]
    assert "line 1, column 6" in unread[1].detail
    assert {"/nodes", "/labels"} <= {problem.pointer for problem in problems(SCHEMA, back)}


def test_a_stand_in_may_send_an_empty_option_for_an_empty_field() -> None:
    state = {"/nodes": {"answer": {"type": "number_input", "selected_option": None}}}
    assert forms.answers(obj({"nodes": {"type": "integer"}}), state) == {}
    assert forms.answers(obj({"nodes": {"type": "integer"}}), {"/nodes": {"answer": {"value": ""}}}) == {}
