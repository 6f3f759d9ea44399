"""Schemas of others as a contract has them: what is kept, what is mended, and that it is said."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import contract
from bot.errors import Misconfigured
from bot.imports import Imported
from bot.imports.backstage import template
from bot.imports.json_schema import helm, json_schema
from bot.imports.kubernetes import crd, promise, xrd
from bot.imports.patterns import Untranslatable, choices, compiles, translated


def a_schema(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def field(given: Any, **around: Any) -> Any:
    return imported(given, **around).schema["properties"]["a"]


def imported(given: Any, **around: Any) -> Imported:
    return json_schema({**a_schema(a=given), **around})


def test_what_is_normal_stays_as_it_is() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A bucket",
        "type": "object",
        "properties": {"size": {"type": "string", "enum": ["s", "l"], "default": "s"}, "n": {"$ref": "#/$defs/N"}},
        "required": ["n"],
        "$defs": {"N": {"type": "integer", "minimum": 1}},
    }
    found = json_schema(schema)
    assert (found.schema, found.notes, found.warnings) == (schema, (), ())
    assert (found.name, found.title, found.source) == ("a-bucket", "A bucket", "JSON Schema")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}]}, {"type": ["integer", "string"]}),
        ({"x-kubernetes-preserve-unknown-fields": True}, {"type": "object", "additionalProperties": True}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"properties": {"b": {}}}, {"type": "object", "properties": {"b": {}}}),
        ({"additionalProperties": {"type": "string"}}, {"type": "object", "additionalProperties": {"type": "string"}}),
        ({"items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "string", "pattern": "^(small|large)$"}, {"type": "string", "enum": ["small", "large"]}),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 1}),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": False}, {"type": "number", "minimum": 1}),
        ({"type": "integer", "format": "int32"}, {"type": "integer", "format": "int32"}),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {}},
            {"type": "array", "uniqueItems": True, "items": {}},
        ),
    ],
)
def test_what_others_say_in_their_way_is_said_in_one(given: Any, made: Any) -> None:
    assert field(given) == made


@pytest.mark.parametrize(
    ("given", "made", "told"),
    [
        ({"type": "string", "default": {}}, {"type": "string"}, "/properties/a: its default “{}” is refused"),
        ({"type": "string", "default": 5}, {"type": "string"}, "Has to be text"),
        ({"type": "text"}, {}, '/properties/a/type: "text" is no JSON Schema here, and is left out'),
        ({"type": "string", "required": True}, {"type": "string"}, "/properties/a/required: true is no JSON Schema"),
        ({"type": "string", "minLength": "1o"}, {"type": "string"}, '"1o" is no JSON Schema here'),
        ({"properties": None, "type": "object"}, {"type": "object"}, "null is no JSON Schema here"),
        ({"type": "string", "enum": ["a", 1]}, {"type": "string", "enum": ["a"]}, "its type refuses the value 1"),
        ({"type": "boolean", "enum": ["yes"]}, {"type": "boolean"}, 'its type refuses the value "yes"'),
        ({"enum": ["a", "b"], "enumNames": ["A"]}, {"enum": ["a", "b"]}, "enumNames does not name each value once"),
        ({"type": "array"}, {"type": "array"}, "/a: a list that does not say of what is written as YAML"),
        ("text", {}, "/properties/a: is no schema; anything is accepted there"),
        (
            {"type": "object", "properties": {"b": {}}, "required": ["b", "c"]},
            {"type": "object", "properties": {"b": {}}, "required": ["b"]},
            "/properties/a: requires c, which it does not declare; not required here",
        ),
    ],
)  # fmt: skip
def test_what_cannot_hold_is_left_out_with_a_warning(given: Any, made: Any, told: str) -> None:
    found = imported(given)
    assert found.schema["properties"]["a"] == made
    assert told in "\n".join(found.warnings)
    assert contract.faults(found.schema) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "string", "pattern": r"^\p{L}+$"}, r"/properties/a: the pattern ^\p{L}+$: Python has no \p"),
        ({"type": "string", "pattern": "("}, "/properties/a: the pattern (: Python cannot compile it"),
        ({"$ref": "https://example.com/s.json"}, "which stands outside of this document; anything is accepted there"),
        ({"$ref": "#/$defs/gone"}, "a reference to #/$defs/gone, which points at nothing in this document"),
        (
            {"type": "object", "x-kubernetes-validations": [{"rule": "self.a > 1", "message": "More!"}]},
            "/properties/a: a rule in CEL, which is not checked here: self.a > 1 (More!)",
        ),
    ],
)
def test_what_no_contract_can_say_is_left_out_with_a_note(given: Any, told: str) -> None:
    found = imported(given)
    assert told in "\n".join(found.notes)
    assert contract.faults(found.schema) == []
    assert (
        contract.problems(found.schema, {"a": {}} if "type" not in given or given["type"] == "object" else {"a": "x"})
        == []
    )


def test_a_default_that_needs_the_defaults_inside_of_it_has_them() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "integer", "default": 3}}, "required": ["b"], "default": {}}
    assert field(inner)["default"] == {"b": 3}


@pytest.mark.parametrize(
    "schema",
    [
        {**a_schema(a={"$ref": "#/$defs/Node"}), "$defs": {"Node": a_schema(next={"$ref": "#/$defs/Node"})}},
        {
            **a_schema(a={"$ref": "#/$defs/A"}),
            "$defs": {"A": a_schema(b={"$ref": "#/$defs/B"}), "B": {"$ref": "#/$defs/A"}},
        },
        a_schema(a={"$ref": "#"}),
        a_schema(a=a_schema(b={"$ref": "#/properties/a"})),
        a_schema(a={"$ref": "#/properties/b"}, b=a_schema(c={"$ref": "#/properties/a"})),
    ],
)
def test_a_recursive_reference_is_refused_by_name(schema: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match=r"#\S* contains itself, at /"):
        json_schema(schema, "s.json")


def test_a_reference_to_another_field_is_written_out() -> None:
    found = json_schema(a_schema(a={"type": "string", "minLength": 2}, b={"$ref": "#/properties/a", "title": "B"}))
    assert found.schema["properties"]["b"] == {"title": "B", "type": "string", "minLength": 2}


def test_a_field_may_be_called_like_a_keyword() -> None:
    schema = a_schema(default={"$ref": "#/$defs/X"}, properties={"type": "string"}, required={"type": "boolean"})
    found = json_schema({**schema, "$defs": {"X": {"type": "integer"}}})
    assert [question.kind for question in contract.fields(found.schema)] == ["integer", "string", "boolean"]


def test_draft_7_stays_draft_7_and_older_keywords_move_under_the_newest() -> None:
    rule = {"dependencies": {"a": ["b"]}}
    assert json_schema({**a_schema(a={}), **rule}).schema["$schema"].endswith("draft-07/schema#")
    newest = json_schema({**a_schema(a={}, b={}), **rule, "$schema": "https://json-schema.org/draft/2020-12/schema"})
    assert newest.schema["dependentRequired"] == {"a": ["b"]}
    assert [problem.pointer for problem in contract.problems(newest.schema, {"a": 1})] == ["/b"]


def test_no_fields_at_all_is_odd_and_works() -> None:
    found = json_schema({"type": "object"})
    assert found.warnings == ("/: asks for nothing: people only confirm",)
    assert contract.fields(found.schema) == []


def test_a_name_that_looks_secret_is_a_hint() -> None:
    found = json_schema(a_schema(password={"type": "string"}, token={"type": "string", "writeOnly": True}))
    assert [warning.partition(":")[0] for warning in found.warnings] == ["/password"]


def test_the_values_of_a_chart_are_named_after_it() -> None:
    assert helm(a_schema(replicas={"type": "integer"}), name="my-chart").name == "my-chart"


# Kubernetes


def versions(*names: str, served: bool = True) -> dict[str, Any]:
    spec = {name: {"type": "object", "properties": {name: {"type": "string"}}} for name in names}
    return {
        "spec": {
            "names": {"kind": "Redis"},
            "versions": [
                {"name": name, "served": served, "schema": {"openAPIV3Schema": a_schema(spec=spec[name], status={})}}
                for name in names
            ],
        }
    }


def a_promise(api: Any, **spec: Any) -> dict[str, Any]:
    return {"kind": "Promise", "metadata": {"name": "redis"}, "spec": {"api": api, **spec}}


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        (["v1alpha1", "v1", "v1beta2"], "v1"),
        (["v2", "v11"], "v11"),
        (["v1beta1", "v1beta10", "v3alpha1"], "v1beta10"),
        (["other", "v1alpha1"], "v1alpha1"),
    ],
)
def test_the_newest_served_version_is_imported(names: list[str], newest: str) -> None:
    found = promise(a_promise(versions(*names)))
    assert found.version == newest
    assert list(found.schema["properties"]) == [newest]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (a_promise(None), "the Promise redis has no spec.api"),
        (a_promise({"spec": {"versions": []}}), "redis has no versions, so it has no schema."),
        (a_promise({"spec": {}}), "redis has no versions"),
        (a_promise(versions("v1", served=False)), "redis serves none of its versions."),
        (a_promise({"spec": {"versions": [{"name": "v1"}]}}), "redis v1 has no schema.openAPIV3Schema."),
    ],
)
def test_a_promise_without_a_schema_is_refused_with_the_reason(document: dict[str, Any], told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        promise(document, "redis.yaml")
    assert str(caught.value).startswith(f"redis.yaml: {told}")


def test_a_promise_names_what_stays_with_kratix() -> None:
    found = promise(a_promise(versions("v1"), workflows={"a": 1}, dependencies=[1]))
    assert found.notes == (
        "/spec/workflows, /spec/dependencies: stays with Kratix: what becomes of an answer is up to this offering's steps",
    )


def test_defaults_come_before_required_and_unknown_fields_are_refused_as_the_api_server_does() -> None:
    spec = {"type": "object", "properties": {"size": {"type": "string", "default": "s"}, "n": {"type": "string"}}}
    document = versions("v1")
    document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        **spec,
        "required": ["size", "n"],
    }
    schema = crd(document).schema
    assert schema["required"] == ["n"]
    assert contract.problems(schema, {"n": "x"}) == []
    assert [problem.pointer for problem in contract.problems(schema, {"n": "x", "sise": "l"})] == ["/sise"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_xrd_is_named_after_its_claim(version: str) -> None:
    document = versions("v1alpha1")
    document["apiVersion"] = f"apiextensions.crossplane.io/{version}"
    document["spec"]["names"] = {"kind": "XPostgres", "plural": "xpostgreses"}
    document["spec"] |= {"claimNames": {"kind": "Postgres", "singular": "postgres"}} if version == "v1" else {}
    document["spec"]["connectionSecretKeys"] = ["host"]
    found = xrd(document)
    assert (found.title, found.source) == ("Postgres", "Crossplane XRD")
    assert found.name == ("postgres" if version == "v1" else "xpostgres")
    assert found.notes == ("/spec/connectionSecretKeys: could become this offering's outputs: host",)


# Backstage


def a_template(*pages: Any, **spec: Any) -> Imported:
    return template(
        {"metadata": {"name": "app", "title": "App"}, "spec": {"parameters": list(pages), **spec}}, "t.yaml"
    )


def test_pages_become_one_form_and_stay_as_hints() -> None:
    found = a_template(
        {"title": "One", "required": ["a"], "properties": {"a": {"type": "string"}}},
        {"title": "Two", "required": ["b"], "properties": {"b": {"type": "number"}}},
    )
    assert found.schema["required"] == ["a", "b"]
    assert [question.name for question in contract.fields(found.schema)] == ["a", "b"]
    assert [(page["title"], page["fields"]) for page in found.hints[""]["pages"]] == [("One", ["a"]), ("Two", ["b"])]


def test_a_single_page_may_stand_without_a_list() -> None:
    found = template({"metadata": {"name": "app"}, "spec": {"parameters": {"properties": {"a": {"type": "string"}}}}})
    assert list(found.schema["properties"]) == ["a"]
    with pytest.raises(Misconfigured, match=r"has no spec\.parameters"):
        template({"metadata": {"name": "app"}, "spec": {}})


def test_conditions_of_a_page_are_kept() -> None:
    rule = {
        "oneOf": [
            {"properties": {"a": {"const": True}, "b": {"type": "string"}}, "required": ["b"]},
            {"properties": {"a": {"const": False}}},
        ]
    }
    found = a_template(
        {"properties": {"a": {"type": "boolean"}}, "dependencies": {"a": rule}},
        {
            "properties": {"c": {"type": "string"}},
            "if": {"properties": {"c": {"const": "x"}}, "required": ["c"]},
            "then": {"required": ["a"]},
        },
    )
    assert [problem.pointer for problem in contract.problems(found.schema, {"a": True})] == ["/b"]
    assert contract.problems(found.schema, {"a": False}) == []
    assert [problem.pointer for problem in contract.problems(found.schema, {"c": "x"})] == ["/a"]


def test_ui_keys_are_hints_and_what_has_no_place_here_is_named() -> None:
    found = a_template(
        {
            "properties": {
                "owner": {"ui:field": "OwnerPicker", "ui:options": {"catalogFilter": {}}},
                "text": {"type": "string", "ui:widget": "textarea", "ui:help": "Say it", "ui:autofocus": True},
                "kept": {"type": "string", "ui:widget": "hidden"},
                "key": {"type": "string", "ui:field": "Secret"},
                "pass": {"type": "string", "ui:widget": "password"},
            }
        },
        steps=[],
    )
    fields = found.schema["properties"]
    assert fields["owner"] == {"type": "string"}
    assert fields["key"]["writeOnly"]
    assert fields["pass"]["writeOnly"]
    assert found.hints["/text"] == {"widget": "textarea", "help": "Say it"}
    assert found.hints["/kept"] == {"hidden": True}
    told = "\n".join(found.notes)
    assert "/owner: OwnerPicker offers in Backstage what it finds there; here it is typed" in told
    assert "/owner: ui:catalogFilter" in told
    assert "/text: ui:autofocus" in told
    assert "/spec/steps" in told


def test_a_field_on_two_pages_is_told() -> None:
    found = a_template({"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "number"}}})
    assert found.warnings == ("/a: stands on two pages, each time another; the later one is asked",)


# Patterns of Go


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("^((?i)sun|mon)day$", ["sunday", "SUNday", "MONday"], ["SUNDAY", "x"]),
        ("a(?i)b|c", ["ab", "aB", "C"], ["Ab"]),
        (r"^[[:alpha:]_]+\z", ["ab_"], ["a1", ""]),
        (r"^\Qa.b\E+$", ["a.b", "a.bb"], ["axb"]),
        (r"^(?<year>\d{4})$", ["2026"], ["26"]),
        (r"^[\x{61}-c]\x{64}$", ["ad", "cd"], ["dd"]),
        (r"^[a[]$", ["a", "["], ["b"]),
    ],
)
def test_a_pattern_of_go_accepts_the_same_in_python(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = re.compile(translated(pattern))
    assert [text for text in [*yes, *no] if compiled.search(text)] == yes


@pytest.mark.parametrize("pattern", [r"\pL", "(?U)a+", "[[:^alpha:]]", "[[:nope:]]", "(", r"\C"])
def test_a_pattern_that_python_has_no_words_for_is_refused(pattern: str) -> None:
    with pytest.raises(Untranslatable):
        translated(pattern)


@given(st.text("a(?i)|[:]^$\\z*{}Q", max_size=12))
def test_any_pattern_is_translated_to_one_that_compiles_or_refused(pattern: str) -> None:
    try:
        made = translated(pattern)
    except Untranslatable:
        return
    assert compiles(made)


@pytest.mark.parametrize(
    ("pattern", "listed"),
    [
        ("^(small|large)$", ["small", "large"]),
        ("^(?:a|b|a)$", ["a", "b"]),
        ("^a$|^b$", ["a", "b"]),
        (r"^(1\.2|1\.3)$", ["1.2", "1.3"]),
        ("^(a|b.)$", None),
        ("^(a|b)", None),
        ("(a|b)$", None),
        ("^a|b$", None),
        ("^(a)$", None),
        ("^(a|(b|c))$", None),
        ("^(a|[0-9])$", None),
    ],
)
def test_values_hidden_in_a_pattern_are_found_where_that_is_exact(pattern: str, listed: list[str] | None) -> None:
    assert choices(pattern) == listed
