"""A Terraform module's variables as a contract."""

from typing import Any

import pytest

from bot import contract
from bot.errors import Misconfigured
from bot.imports import Imported, read
from bot.imports.hcl import Unreadable, expression


def module(text: str) -> Imported:
    return read({"variables.tf": text}, name="my-module", where="variables.tf")


def variable(body: str) -> Any:
    return module(f'variable "a" {{\n{body}\n}}').schema["properties"]["a"]


def checked(kind: str, *conditions: str) -> Imported:
    rules = "\n".join(f'validation {{\n condition = {each}\n error_message = "No."\n}}' for each in conditions)
    return module(f'variable "a" {{\n type = {kind}\n {rules}\n}}')


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("string", {"type": "string"}),
        ('"string"', {"type": "string"}),
        ("number", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("any", {}),
        ("list(string)", {"type": "array", "items": {"type": "string"}}),
        ("set(number)", {"type": "array", "items": {"type": "number"}, "uniqueItems": True}),
        ("map(bool)", {"type": "object", "additionalProperties": {"type": "boolean"}}),
        (
            "tuple([string, number])",
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": False, "minItems": 2, "maxItems": 2},
        ),
        (
            'object({ a = string, b = optional(number, 3), "c" = optional(list(object({ d = bool }))) })',
            {
                "type": "object",
                "properties": {
                    "a": {"type": "string"},
                    "b": {"type": "number", "default": 3},
                    "c": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"d": {"type": "boolean"}},
                            "additionalProperties": False,
                            "required": ["d"],
                        },
                    },
                },
                "additionalProperties": False,
                "required": ["a"],
            },
        ),
    ],
)  # fmt: skip
def test_types(kind: str, schema: dict[str, Any]) -> None:
    found = module(f'variable "a" {{ type = {kind} }}')
    assert found.schema["properties"]["a"] == schema
    assert contract.faults(found.schema) == []


def test_a_variable_without_a_default_has_to_be_answered() -> None:
    found = module('variable "a" {}\nvariable "b" { default = 1 }\nvariable c {\n type = string\n default = null\n}')
    assert found.schema["required"] == ["a"]
    assert found.schema["properties"]["c"] == {"type": ["string", "null"]}
    assert (found.name, found.title, found.source) == ("my-module", "My module", "Terraform module")
    assert [problem.pointer for problem in contract.problems(found.schema, {"a": 1, "d": 2})] == ["/d"]


def test_descriptions_secrets_and_defaults_of_every_kind() -> None:
    assert variable("type = string\nsensitive = true\ndescription = <<-EOT\n  Two\n  lines\nEOT") == {
        "type": "string",
        "description": "Two\nlines",
        "writeOnly": True,
    }
    assert variable('default = "x\\"$${y}\\u00e9"')["default"] == 'x"${y}é'
    listed = variable('default = ["a", -1, true, null, {"k" = "v", l = 2.5}]')
    assert listed["default"] == ["a", -1, True, None, {"k": "v", "l": 2.5}]


def test_a_default_that_is_computed_is_named() -> None:
    found = module('variable "a" { default = "${var.b}" }')
    assert found.notes == ("variable a: its default is computed; Terraform fills it in",)
    assert "required" not in found.schema


@pytest.mark.parametrize(
    ("kind", "condition", "said"),
    [
        ("string", 'contains(["a", "b"], var.a)', {"enum": ["a", "b"]}),
        ("string", 'can(regex("^[a-z]\\\\d+$", var.a))', {"pattern": r"^[a-z]\d+$"}),
        ("string", 'can(regex("^(x|y)$", var.a))', {"enum": ["x", "y"]}),
        ("string", 'length(regexall("^a", var.a)) > 0', {"pattern": "^a"}),
        ("string", "length(var.a) <= 10", {"maxLength": 10}),
        ("string", "10 > length(var.a)", {"maxLength": 9}),
        ("string", "length(var.a) > 2 && length(var.a) < 10", {"minLength": 3, "maxLength": 9}),
        ("string", 'var.a != ""', {"minLength": 1}),
        ("string", 'var.a == "x" || var.a == "y"', {"enum": ["x", "y"]}),
        ("string", 'startswith(var.a, "a.")', {"pattern": r"^a\."}),
        ("string", 'endswith(var.a, ".b")', {"pattern": r"\.b$"}),
        ("string", 'var.a == null || can(regex("^a", var.a))', {"pattern": "^a"}),
        ("string", 'var.a == null ? true : can(regex("^a", var.a))', {"pattern": "^a"}),
        ("string", '!contains(["a"], var.a)', {"not": {"enum": ["a"]}}),
        ("number", "var.a >= 1 && var.a < 10", {"minimum": 1, "exclusiveMaximum": 10}),
        ("number", "floor(var.a) == var.a", {"type": "integer"}),
        ("number", "var.a != 5", {"not": {"const": 5}}),
        ("list(string)", "length(var.a) > 0", {"minItems": 1}),
        ("list(string)", "length(var.a) != 0", {"minItems": 1}),
        ("list(string)", 'alltrue([for v in var.a : contains(["x"], v)])', {"items": {"type": "string", "enum": ["x"]}}),
        ("map(string)", "length(var.a) == 2", {"minProperties": 2, "maxProperties": 2}),
    ],
)  # fmt: skip
def test_a_condition_that_a_schema_can_say_is_said(kind: str, condition: str, said: dict[str, Any]) -> None:
    found = checked(kind, condition)
    made = found.schema["properties"]["a"]
    assert {keyword: made.get(keyword) for keyword in said} == said
    assert found.notes == ()


def test_a_condition_inside_of_an_object_is_said_there() -> None:
    found = checked("object({ size = string })", 'contains(["s", "l"], var.a.size)')
    assert found.schema["properties"]["a"]["properties"]["size"]["enum"] == ["s", "l"]
    entries = checked("list(object({ n = number }))", "alltrue([for v in var.a : v.n > 0])")
    assert [p.pointer for p in contract.problems(entries.schema, {"a": [{"n": 1}, {"n": 0}]})] == ["/a/1/n"]


def test_two_conditions_of_one_kind_both_hold() -> None:
    found = checked("string", 'can(regex("^a", var.a))', 'can(regex("z$", var.a))')
    assert contract.problems(found.schema, {"a": "az"}) == []
    assert contract.problems(found.schema, {"a": "ab"}) != []


@pytest.mark.parametrize(
    "condition",
    [
        "length(var.a) + 1 > 2",
        "var.b == var.a",
        "can(cidrhost(var.a, 0))",
        "var.a[0] == 1",
        'length(split("-", var.a)) == 2',
        "lower(var.a) == var.a",
        'can(regex("\\\\pL", var.a))',
        'var.a == "${var.b}"',
        "length(var.a) != 7",
        'can(regex("a", var.a)) || var.b == 1',
    ],
)  # fmt: skip
def test_a_condition_that_no_schema_can_say_is_named(condition: str) -> None:
    found = checked("string", condition)
    assert found.notes == (
        f"variable a: a validation that no schema can say in full: {' '.join(condition.split())} (No.)",
    )
    assert found.schema["properties"]["a"] == {"type": "string"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('variable "a" {', "variables.tf:2: is no Terraform"),
        ("variable = = 3", "is no Terraform"),
        ('resource "x" "y" {}', "declares no variable"),
        ("", "declares no variable"),
    ],
)
def test_what_is_no_module_is_refused(text: str, told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        module(text)
    assert told in str(caught.value)


def test_an_unknown_type_accepts_anything_and_is_told() -> None:
    found = module('variable "a" { type = strnig }')
    assert found.schema["properties"]["a"] == {}
    assert "variable a: its type cannot be read" in found.warnings[0]


def test_variables_of_several_files_are_one_form_and_a_second_declaration_is_told() -> None:
    files = {"a.tf": 'variable "a" { type = string }', "b.tf": 'variable "a" { type = bool }', "c.tf": "this { is = "}
    found = read(files, name="m", where="m")
    assert found.schema["properties"] == {"a": {"type": "boolean"}}
    assert found.warnings == ("variable a: is declared twice; the later one is asked",)


@pytest.mark.parametrize(
    "text", ["a b", "a.", "(", "[for k, v in a : b]", "a ? b", "{a b}", "a[0]", "a.*.b", "!", "1 @ 2", "-a", "(" * 5000]
)
def test_an_expression_that_is_none_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        expression(text)


def test_what_a_validation_says_stands_beside_the_pattern_that_it_becomes() -> None:
    rule = 'validation {\n condition = can(regex("^[a-z]+$", var.a))\n error_message = "Lower case only."\n}'
    assert variable(f'type = string\n description = "Its name"\n {rule}') == {
        "type": "string",
        "pattern": "^[a-z]+$",
        "description": "Its name. Lower case only.",
    }
    assert variable(f"type = string\n {rule}")["description"] == "Lower case only."
