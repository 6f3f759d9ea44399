"""Schemas to questions, text to values, values to problems."""

import datetime as dt
import enum
import ipaddress
import json
import subprocess
import sys
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, EmailStr, Field, HttpUrl, SecretStr

from bot import contract
from bot.contract import Question, Schema, faults, fields, parse, problems, typed, unflatten, with_defaults
from bot.contract.schema import MOST_REMEMBERED, remembered
from bot.errors import Problem

PERSON = Annotated[str, Field(json_schema_extra={"format": "person"})]


class Tier(enum.Enum):
    GOLD = "gold"
    TIN = "tin"


class Network(BaseModel):
    """Where it stands."""

    model_config = ConfigDict(extra="forbid")
    cidr: str = Field(pattern=r"^[0-9./]+$", title="CIDR", description="Digits only.")
    public: bool = False


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=3, max_length=30, pattern="^[a-z-]+$", description="Lower case, no spaces")
    note: str | None = Field(None, max_length=2000)
    size: Literal["small", "large"] = "small"
    tier: Tier
    nodes: int = Field(gt=0, le=9)
    share: float = 0.5
    price: Decimal = Field(gt=0)
    backups: bool = True
    day: dt.date
    at: dt.time
    moment: dt.datetime
    window: dt.timedelta | None = None
    address: ipaddress.IPv4Address | None = None
    code: uuid.UUID | None = None
    mail: EmailStr
    link: HttpUrl | None = None
    zones: list[Literal["a", "b", "c"]] = Field(default=["a"], min_length=1)
    tags: list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    lead: PERSON | None = None
    network: Network
    mirror: Network | None = None
    password: SecretStr


SCHEMA = Everything.model_json_schema()
ANSWERS: dict[str, Any] = {
    "name": "orders",
    "tier": "gold",
    "nodes": 3,
    "price": 1.5,
    "day": "2026-11-22",
    "at": "10:30",
    "moment": "2026-11-22T10:30:00Z",
    "mail": "ada@example.com",
    "network": {"cidr": "10.0.0.0/8"},
    "password": "s3cret",
}


def question(schema: dict[str, Any], *, required: bool = True) -> Question:
    found = fields({"type": "object", "properties": {"it": schema}, "required": ["it"] if required else []})
    return found[0]


def told(schema: dict[str, Any], value: Any) -> list[str]:
    return [problem.detail for problem in problems(schema, value)]


# -- problems


def test_good_answers_have_no_problems_and_pydantic_agrees() -> None:
    assert problems(SCHEMA, ANSWERS) == []
    assert Everything.model_validate_json(json.dumps(ANSWERS))


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"name": "ab"}, "/name", "Too short: at least 3 characters."),
        ({"name": "a" * 31}, "/name", "Too long: at most 30 characters."),
        ({"name": "Ord"}, "/name", "Does not match the pattern ^[a-z-]+$ (Lower case, no spaces)."),
        ({"name": "orders\n"}, "/name", "Does not match the pattern ^[a-z-]+$ (Lower case, no spaces)."),
        ({"name": 5}, "/name", "Has to be text; got “5”."),
        ({"size": "medium"}, "/size", "Has to be one of small, large; got “medium”."),
        ({"sise": "small"}, "/sise", "Unknown field. Did you mean “size”?"),
        ({"tier": "tin foil"}, "/tier", "Has to be one of gold, tin; got “tin foil”."),
        ({"nodes": "3"}, "/nodes", "Has to be a whole number; got “3”."),
        ({"nodes": 3.0}, "/nodes", "Has to be a whole number; got “3.0”."),
        ({"nodes": True}, "/nodes", "Has to be a whole number; got “true”."),
        ({"nodes": 0}, "/nodes", "Too small: more than 0."),
        ({"nodes": 10}, "/nodes", "Too large: at most 9."),
        ({"share": float("nan")}, "/share", "Has to be a number; got “NaN”."),
        ({"backups": 0}, "/backups", "Has to be true or false; got “0”."),
        ({"day": "22.11.2026"}, "/day", "Has to be a date like 2026-11-22; got “22.11.2026”."),
        ({"at": "25:00"}, "/at", "Has to be a time like 10:30; got “25:00”."),
        ({"mail": "ada"}, "/mail", "Has to be an e-mail address like ada@example.com; got “ada”."),
        ({"link": "example"}, "/link", "Has to be a web address like https://example.com; got “example”."),
        ({"zones": []}, "/zones", "Too few: at least 1."),
        ({"zones": ["a", "x"]}, "/zones/1", "Has to be one of a, b, c; got “x”."),
        ({"labels": {"a": 1}}, "/labels/a", "Has to be text; got “1”."),
        ({"lead": "ada"}, "/lead", "Has to be a person: an e-mail address or a Slack id; got “ada”."),
        ({"network": {}}, "/network/cidr", "Missing."),
        ({"mirror": {"cidr": "x"}}, "/mirror/cidr", "Does not match the pattern ^[0-9./]+$ (Digits only)."),
        ({"mirror": 7}, "/mirror", "Has to be a group of fields."),  # the form has secrets: one may be in it
        ({"password": 12345}, "/password", "Has to be text."),
    ],
)
def test_a_problem_stands_at_its_field_and_says_what_is_accepted(
    change: dict[str, Any], pointer: str, detail: str
) -> None:
    assert problems(SCHEMA, ANSWERS | change) == [Problem(pointer, detail)]


def test_everything_that_is_missing_is_named_at_once() -> None:
    missing = {problem.pointer for problem in problems(SCHEMA, {}) if problem.detail == "Missing."}
    assert missing == {f"/{name}" for name in ANSWERS}


def test_a_secret_is_never_repeated() -> None:
    schema = {"properties": {"pin": {"writeOnly": True, "properties": {"deep": {"enum": ["x"]}}}}}
    assert told(schema, {"pin": {"deep": "hunter2"}}) == ["Has to be x."]


def test_of_alternatives_the_one_that_was_meant_is_told() -> None:
    cat = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]}
    dog = {"properties": {"kind": {"const": "dog"}, "bark": {"type": "string"}}, "required": ["kind", "bark"]}
    assert problems({"oneOf": [cat, dog]}, {"kind": "dog", "bark": 3}) == [Problem("/bark", "Has to be text; got “3”.")]
    assert told({"anyOf": [{"type": "integer"}, {"type": "string"}]}, []) == [
        "Has to be a whole number or text; got “[]”."
    ]
    assert told({"oneOf": [{"const": "a", "title": "Aye"}, {"const": "b"}]}, "c") == ["Has to be one of a, b; got “c”."]


@pytest.mark.parametrize(
    ("schema", "value", "detail"),
    [
        ({"multipleOf": 0.1}, 0.25, "Has to be a multiple of 0.1."),
        ({"uniqueItems": True}, [1, 1], "Names something twice."),
        ({"maxItems": 1}, [1, 2], "Too many: at most 1."),
        ({"minProperties": 1}, {}, "Too few entries: at least 1."),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "Needed because “a” is given."),
        ({"not": {"type": "string"}}, "x", "Is not allowed here."),
        ({"const": 4}, 5, "Has to be 4; got “5”."),
        (
            {"enum": [f"v{number}" for number in range(20)]},
            "x",
            "Has to be one of v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11 or one of 8 more; got “x”.",
        ),
        (
            {"pattern": "^a(?i)b$"},
            "ab",
            "Cannot be checked: this field's pattern is broken. Please tell the offering's owner.",
        ),
        ({"type": "string"}, {"x": "y" * 99}, 'Has to be text; got “{"x": "' + "y" * 52 + "…”."),
    ],
)
def test_each_keyword_has_its_sentence(schema: dict[str, Any], value: Any, detail: str) -> None:
    assert told(schema, value) == [detail]


def test_a_multiple_is_counted_exactly() -> None:
    assert told({"multipleOf": 0.1}, 0.3) == []
    assert told({"multipleOf": 3}, 10**30) == ["Has to be a multiple of 3."]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", ["a@b.de", "ada.l+x@sub.example.com", "münz@exämple.org"], ["a@b", "a b@c.de", "@c.de", "a@-b.de"]),
        ("date", ["2024-02-29"], ["2023-02-29", "20240229", "2024-2-9", "2024-W01-1"]),
        ("time", ["10:30", "10:30:15", "10:30:15.5Z", "10:30+02:00"], ["24:00", "10", "1030", "10:30 pm"]),
        ("date-time", ["2026-11-22T10:30:00Z", "2026-11-22T10:30+02:00"], ["2026-11-22T10:30:00", "2026-11-22"]),
        ("duration", ["P3D", "PT12H", "P1Y2M3DT4H5M6.5S", "P2W"], ["P", "PT", "3D", "P1DT"]),
        ("uri", ["https://example.com/a?b#c", "urn:isbn:1"], ["example.com", "http://a b", "https:"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "x"]),
        ("ipv4network", ["192.0.2.0/24"], ["192.0.2.1/24", "2001:db8::/32", "192.0.2.0/33"]),
        ("ipv6network", ["2001:db8::/32"], ["192.0.2.0/24", "2001:db8::1/32"]),
        ("ipvanynetwork", ["192.0.2.0/24", "2001:db8::/32"], ["192.0.2.1/24"]),
        ("ipv4interface", ["192.0.2.1/24"], ["2001:db8::1/32", "192.0.2.1/33"]),
        ("ipv6interface", ["2001:db8::1/32"], ["192.0.2.1/24"]),
        ("ipvanyinterface", ["192.0.2.1/24", "2001:db8::1/32"], ["somewhere"]),
        ("ipvanyaddress", ["192.0.2.1", "2001:db8::1"], ["192.0.2.256"]),
        ("ipv4", ["192.0.2.1"], ["192.0.2.256", "192.0.2", "01.2.3.4"]),
        ("ipv6", ["2001:db8::1"], ["2001:db8::1%eth0", "192.0.2.1"]),
        ("hostname", ["db.example.com", "localhost"], ["-a.b", "a..b", "a_b"]),
        ("regex", ["^a+$"], ["("]),
        ("person", ["U012ABC", "W012ABC", "ada@example.com"], ["@ada", "C012ABC", "u012"]),
        ("channel", ["#general", "C012ABC", "#entwicklung-öl"], ["general", "U012ABC", "#two words", "<!channel>"]),
        ("group", ["@dba", "S012ABC"], ["dba", "@", "@a b", "<!here>"]),
    ],
)
def test_a_format_means_what_it_says(name: str, good: list[str], bad: list[str]) -> None:
    schema = {"type": "string", "format": name}
    assert [text for text in good if problems(schema, text)] == []
    assert [text for text in bad if not problems(schema, text)] == []


def test_draft_7_is_read_where_the_schema_says_so() -> None:
    schema = {"items": [{"type": "integer"}], "additionalItems": False}
    seventh = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    assert told(seventh, [1, 2]) == ["Has more entries than are accepted."]


def test_a_field_is_read_by_its_schemas_draft_and_references_whichever_schema_it_stood_in_before() -> None:
    pair = {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}
    seventh = {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"pair": pair}}
    assert problems(seventh, {"pair": [1, "a"]}) == []
    assert [each.pointer for each in problems(seventh, {"pair": ["a", "a"]})] == ["/pair/0"]
    size = {"anyOf": [{"$ref": "#/$defs/size"}]}
    for most in (5, 9):
        schema = {"properties": {"size": size}, "$defs": {"size": {"maximum": most}}}
        assert problems(schema, {"size": most}) == []
        assert [each.pointer for each in problems(schema, {"size": most + 1})] == ["/size"]


def test_a_reference_to_elsewhere_is_never_fetched() -> None:
    schema = {"properties": {"a": {"$ref": "https://example.com/schema.json"}}}
    assert faults(schema) == ["/a: https://example.com/schema.json points at nothing in this schema"]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_is_accepted_or_refused_in_words(value: Any) -> None:
    for problem in problems(SCHEMA, value):
        assert problem.detail
        assert problem.detail[-1] in ".?$)"


# -- defaults and faults


def test_defaults_are_filled_in_where_nothing_was_said() -> None:
    filled = with_defaults(SCHEMA, {"network": {"cidr": "1"}, "size": "large"})
    assert filled == {
        "network": {"cidr": "1", "public": False},
        "size": "large",
        "share": 0.5,
        "backups": True,
        "zones": ["a"],
    }
    assert with_defaults(SCHEMA, {})["zones"] is not SCHEMA["properties"]["zones"]["default"]


def test_a_default_of_an_object_is_completed_too() -> None:
    inner = {"properties": {"a": {"default": 1}, "b": {"default": 2}}}
    assert with_defaults({"properties": {"it": {**inner, "default": {"a": 5}}}}, {}) == {"it": {"a": 5, "b": 2}}
    assert with_defaults({"properties": {"it": inner}}, {}) == {}
    assert with_defaults({"properties": {"it": inner}}, "no object") == "no object"


def test_a_schema_that_lies_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "default": {}},
            "b": {"type": "string", "pattern": "^a(?i)b$"},
            "c": {"$ref": "#/$defs/gone"},
            "d": {"type": "array", "items": {"pattern": "("}},
        },
    }
    assert faults(schema) == [
        "/a: its default is refused: Has to be text; got “{}”.",
        "/b: the pattern ^a(?i)b$ does not compile",
        "/c: #/$defs/gone points at nothing in this schema",
        "/d/*: the pattern ( does not compile",
    ]
    assert faults({"type": "strange"})[0].startswith("/type: ")
    assert faults(SCHEMA) == []


# -- fields


def test_every_type_of_pydantic_becomes_its_question() -> None:
    kinds = {each.name: each.kind for each in fields(SCHEMA)}
    assert kinds == {
        "name": "string",
        "note": "text",
        "size": "enum",
        "tier": "enum",
        "nodes": "integer",
        "share": "number",
        "price": "number",
        "backups": "boolean",
        "day": "date",
        "at": "time",
        "moment": "datetime",
        "window": "string",
        "address": "string",
        "code": "string",
        "mail": "email",
        "link": "url",
        "zones": "multi",
        "tags": "list",
        "labels": "json",
        "lead": "person",
        "network": "section",
        "network.cidr": "string",
        "network.public": "boolean",
        "mirror": "section",
        "mirror.cidr": "string",
        "mirror.public": "boolean",
        "password": "string",
    }
    assert [each.name for each in fields(SCHEMA) if each.secret] == ["password"]


def test_what_must_be_answered_follows_from_everything_around_it() -> None:
    required = {each.name for each in fields(SCHEMA) if each.required}
    assert required == {*ANSWERS, "network.cidr"}
    assert {each.name for each in fields(SCHEMA) if each.optional_section} == {"mirror", "mirror.cidr", "mirror.public"}


def test_a_question_without_a_title_is_named_after_its_field() -> None:
    assert [contract.humanised(name) for name in ("max_connections", "maxConnections", "URL", "x", "")] == [
        "Max connections",
        "Max connections",
        "URL",
        "X",
        "(no name)",
    ]
    assert [each.title for each in fields(SCHEMA) if each.path[0] in {"network", "tier"}] == [
        "Tier",
        "Network",
        "CIDR",
        "Public",
    ]


def test_choices_have_labels_wherever_they_are_written() -> None:
    named = question({"enum": ["a", "b"], "enumNames": ["Aye", "Bee"]})
    constants = question({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]})
    assert [(choice.value, choice.label) for choice in named.choices] == [("a", "Aye"), ("b", "Bee")]
    assert [(choice.value, choice.label) for choice in constants.choices] == [(1, "One"), (2, "2")]
    assert question({"enum": ["a", None]}).kind == "enum"
    assert question({"const": True}).choices[0].label == "Yes"


def test_what_has_no_form_of_its_own_is_json() -> None:
    for schema in (
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array"},
        {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
        {"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]},
        {"type": "array", "prefixItems": [{"type": "string"}]},
    ):
        assert question(schema).kind == "json", schema
    assert question({"properties": {"a": {}}}).kind == "section"
    assert question({"x-kubernetes-int-or-string": True}).kind == "string"


def test_a_form_without_fields_asks_nothing_and_a_recursive_one_ends() -> None:
    assert fields({"type": "object"}) == []
    assert fields({"type": "string"}) == []
    node = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/node"}}}
    tree = {"properties": {"top": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    assert faults(tree) == ["/top/child: #/$defs/node contains itself, and a form that never ends cannot be filled in"]
    assert [(each.name, each.kind) for each in fields(tree)] == [
        ("top", "section"),
        ("top.name", "string"),
        ("top.child", "json"),
    ]
    assert fields({"properties": {"a": {"$ref": "#/properties/a"}}})[0].kind == "json"


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    assert fields({"properties": {"a/b~c": {"type": "string"}}})[0].pointer == "/a~1b~0c"


# -- text


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, "-12", -12),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "number"}, "5", 5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "1.00000000000000000001", "1.00000000000000000001"),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "off", False),
        ({"type": "string"}, "5", "5"),
        ({"type": "string"}, "“quote”", "“quote”"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "5", 5),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "5Gi", "5Gi"),
        ({"enum": ["small", 5, True]}, "5", 5),
        ({"enum": ["small", 5, True]}, "true", True),
        ({"oneOf": [{"const": "eu-1", "title": "Europe"}]}, "europe", "eu-1"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "a, b", ["a", "b"]),
        ({"type": "array", "items": {"type": "integer"}}, "1,2", [1, 2]),
        ({"type": "array", "items": {"type": "string"}}, "Doe, Ada\nx", ["Doe, Ada", "x"]),
        ({"type": "array", "items": {"type": "string"}}, '["a,b"]', ["a,b"]),
        ({"type": "string", "format": "date"}, "2026-11-22", "2026-11-22"),
        ({}, '{"a": [1, true]}', {"a": [1, True]}),
        ({}, "a: {b: 2026-11-22}\nyes: no", {"a": {"b": "2026-11-22"}, "yes": "no"}),
        ({}, "a: 1.5\nb: ~\nc: false\nd: 012", {"a": 1.5, "b": None, "c": False, "d": "012"}),
    ],
)
def test_text_becomes_the_value_that_its_question_asks_for(schema: dict[str, Any], text: str, value: Any) -> None:
    read = parse(question(schema), text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"type": "integer"}, "5.0", "Has to be a whole number; got “5.0”."),
        ({"type": "integer"}, "٣", "Has to be a whole number; got “٣”."),
        ({"type": "number"}, "nan", "Has to be a number; got “nan”."),
        ({"type": "boolean"}, "maybe", "Has to be yes or no; got “maybe”."),
        ({"enum": ["a", "b"]}, "c", "Has to be one of a, b; got “c”."),
        ({"type": "string", "format": "date"}, "tomorrow", "Has to be a date like 2026-11-22; got “tomorrow”."),
        ({"type": "integer", "writeOnly": True}, "hunter2", "Has to be a whole number."),
        ({"type": "array", "items": {"type": "integer"}}, "1,x", "Has to be a whole number; got “x”."),
        ({}, "a: [1", "Is neither JSON nor YAML: expected ',' or ']', but got '<stream end>' (line 1, column 6)."),
        ({}, "a: &x [1]\nb: *x", "Is neither JSON nor YAML: aliases are not accepted (line 2, column 4)."),
        ({}, "1: x", "Is neither JSON nor YAML: a name has to be text (line 1, column 1)."),
        ({}, "!!python/object:os.system {}", "Is neither JSON nor YAML: could not determine a constructor"),
        ({}, "!!binary aGk=", "Is neither JSON nor YAML: Object of type bytes is not JSON serializable."),
        ({}, "a\0b", "Is neither JSON nor YAML: unacceptable character #x0000: special characters are not allowed."),
        ({}, "[" * 3000, "Is neither JSON nor YAML: nested deeper than 100."),
    ],
)
def test_text_that_cannot_be_read_is_refused_in_words(schema: dict[str, Any], text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its whole text is compared
        parse(question(schema), text)
    assert str(refused.value).startswith(said)


@settings(deadline=None)
@given(st.text(max_size=50))
def test_reading_any_text_gives_json_or_a_sentence(text: str) -> None:
    for schema in ({}, {"type": "integer"}, {"type": "number"}, {"type": "array", "items": {"type": "number"}}):
        try:
            json.dumps(parse(question(schema), text), allow_nan=False)
        except ValueError as error:
            said = str(error)
            assert said.endswith(".")


def test_pairs_become_nested_answers_and_what_is_wrong_is_kept_and_named() -> None:
    answers, wrong = typed(
        SCHEMA, [("nodes", "three"), ("network.cidr", "10.0.0.0/8"), ("network.public", "yes"), ("sise", "small")]
    )
    assert answers == {"nodes": "three", "network": {"cidr": "10.0.0.0/8", "public": True}, "sise": "small"}
    assert wrong == [
        Problem("/nodes", "Has to be a whole number; got “three”."),
        Problem("/sise", "Unknown field. Did you mean “size”?"),
    ]


def test_dotted_names_unfold() -> None:
    assert unflatten({"a.b.c": 1, "a.d": 2, "e": 3}) == {"a": {"b": {"c": 1}, "d": 2}, "e": 3}
    assert unflatten([("a", 1), ("a.b", 2)]) == {"a": {"b": 2}}


def test_importing_contracts_loads_no_validator() -> None:
    code = "import sys, bot.contract; sys.exit(any(name in sys.modules for name in ('jsonschema', 'yaml')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- the rest of JSON Schema


def test_a_contract_is_published_as_json() -> None:
    made = contract.Contract("postgres", "v1", SCHEMA)
    assert made.to_json() == {"name": "postgres", "version": "v1", "form": SCHEMA, "outputs": None}


def test_fields_named_by_a_pattern_are_checked_and_others_are_unknown() -> None:
    schema = {"patternProperties": {"^x-": {"type": "integer"}, "(": {}}, "additionalProperties": False}
    assert problems(schema, {"x-a": 1, "x-b": "2", "y": 3}) == [
        Problem("/x-b", "Has to be a whole number; got “2”."),
        Problem("/y", "Unknown field."),
    ]
    assert faults(schema) == ["/: the pattern ( does not compile"]


def test_alternatives_that_nothing_fits_are_refused_in_words() -> None:
    assert told({"anyOf": [False, False]}, 1) == ["Fits none of what is accepted here; got “1”."]
    assert told({"oneOf": [{}, True]}, 1) == ["Fits none of what is accepted here; got “1”."]
    assert told({"properties": {"a": False}}, {"a": 1}) == ["Is not allowed here."]
    assert told({"anyOf": [{"const": 1}, {"type": "string"}]}, []) == ["Has to be 1; got “[]”."]


def test_a_dependency_names_what_is_missing() -> None:
    schema = {"dependentRequired": {"a": ["b"], "c": ["d"]}}
    assert problems(schema, {"a": 1}) == [Problem("/b", "Needed because “a” is given.")]
    assert problems(schema, "no object") == []
    seventh = {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}}
    assert told(seventh, {"a": 1}) == ["Lacks a field that another answer asks for."]


def test_what_was_made_of_a_schema_is_remembered_and_does_not_fill_the_memory() -> None:
    made: list[Any] = []

    @remembered
    def make(schema: Schema) -> int:
        made.append(schema)
        return len(made)

    first: Schema = {}
    assert (make(first), make(first)) == (1, 1)
    others = [Schema() for _ in range(MOST_REMEMBERED)]
    assert [make(other) for other in others] == list(range(2, MOST_REMEMBERED + 2))
    assert make(first) == MOST_REMEMBERED + 2


def test_a_reference_into_nowhere_asks_for_free_text() -> None:
    assert fields({"properties": {"a": {"$ref": "#/$defs/gone/further"}}})[0].kind == "json"
    assert fields({"properties": {"a": {"allOf": [{"type": "integer"}], "title": "A"}}})[0].kind == "integer"
    assert parse(question({"type": "array", "items": {"type": "string"}}), "[x") == ["[x"]


def test_what_no_store_can_keep_is_found_wherever_it_stands() -> None:
    found = contract.unstorable({"a": ["fine", {"b/c": "nul \0"}], "d": "half \ud800"})
    assert [problem.pointer for problem in found] == ["/a/1/b~1c", "/d"]


SLOW = "^(a|aa)+$"


def test_an_answer_that_a_pattern_takes_too_long_for_is_refused_at_its_field() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "pattern": SLOW}}}
    assert problems(schema, {"name": "aaa"}) == []
    [problem] = problems(schema, {"name": "a" * 60 + "!"})
    assert problem.pointer == "/name"
    assert problem.detail.startswith(f"Takes too long to be checked against the pattern {SLOW}. Try another answer")


def test_a_long_answer_to_a_pattern_that_repeats_one_thing_is_refused_as_well() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}}
    assert contract.problems(schema, {"name": "a" * 2000}) == []
    for name in ("a" * 10 + "!", "a" * 2000 + "!"):
        assert [each.pointer for each in contract.problems(schema, {"name": name})] == ["/name"]


def test_all_patterns_of_an_answer_have_one_limit_and_the_one_that_used_it_up_is_told() -> None:
    names = [f"n{at:02}" for at in range(30)]
    fields: Schema = {name: {"type": "string", "pattern": SLOW} for name in names}
    schema = {"type": "object", "properties": fields}
    # Each for itself these would take thirty times the limit, and each would be told.
    [problem] = problems(schema, {name: "a" * (60 + at) + "!" for at, name in enumerate(names)})
    assert problem.detail.startswith(f"Takes too long to be checked against the pattern {SLOW}.")
    assert problems(schema, dict.fromkeys(names, "aaa")) == []  # the next answer has a limit of its own


def test_what_was_not_tried_is_refused_although_nothing_else_is_wrong() -> None:
    slow = {"properties": {"a": {"pattern": SLOW}}}
    schema = {"if": slow, "then": {"properties": {"a": True}}, "properties": {"b": {"pattern": "^b$"}}}
    [problem] = problems(schema, {"a": "a" * 60 + "!", "b": "b"})
    assert (problem.pointer, problem.detail[:20]) == ("/b", "Could not be checked")


def test_a_name_that_a_pattern_takes_too_long_for_is_refused_once() -> None:
    schema = {"type": "object", "patternProperties": {SLOW: {"type": "integer"}}, "additionalProperties": False}
    name = "a" * 60 + "!"
    assert problems(schema, {"aaa": 1}) == []
    assert [(each.pointer, each.detail[:14]) for each in problems(schema, {name: 1})] == [
        (f"/{name}", "Takes too long")
    ]
