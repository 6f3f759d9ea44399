"""Texts that hold what is in a file: which they are, how a file is written, and how that reads to people."""

import json
from typing import Annotated, Any

import pytest
from pydantic import Base64Bytes, Base64UrlBytes, BaseModel, Field, Json, SecretBytes, TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from bot import contract, imports
from bot.contract import content
from bot.imports.looks import looks
from bot.slack.forms.asking import label
from tests.sheets import modal


def question(declared: JsonSchemaValue) -> contract.Question:
    return contract.fields({"type": "object", "properties": {"a": declared}})[0]


@pytest.mark.parametrize(
    ("declared", "how"),
    [
        ({"type": "string", "contentEncoding": "base64"}, "base64"),
        ({"contentEncoding": "BASE64", "contentMediaType": "image/png"}, "base64"),
        ({"type": "string", "format": "byte"}, "base64"),
        ({"type": "string", "format": "data-url"}, "data-url"),
        ({"type": ["string", "null"], "format": "binary"}, "text"),
        ({"type": "string", "contentMediaType": "application/pdf"}, "text"),
        (TypeAdapter(bytes).json_schema(), "text"),
        (TypeAdapter(Base64Bytes).json_schema(), "base64"),
        (TypeAdapter(Base64UrlBytes | None).json_schema(), "base64url"),
    ],
)
def test_a_text_that_holds_a_file_is_chosen_as_one(declared: JsonSchemaValue, how: str) -> None:
    found = question(declared)
    assert (found.kind, found.way) == ("content", how)
    view = modal({"type": "object", "properties": {"a": declared}})
    assert view["blocks"][0]["element"] == {"type": "file_input", "action_id": "answer", "max_files": 1}


def test_what_people_type_and_what_is_secret_stays_typed() -> None:
    assert question(TypeAdapter(Json[dict[str, Any]]).json_schema()).kind == "text"
    assert question({"type": "string", "contentMediaType": "application/vnd.api+json; charset=utf-8"}).kind == "text"
    assert question(TypeAdapter(SecretBytes).json_schema()).kind == "string"
    secret = {"type": "string", "contentEncoding": "base64", "writeOnly": True}
    assert question(secret).kind == "string"
    view = modal({"type": "object", "properties": {"a": secret}})
    assert view["blocks"][0]["element"]["type"] == "plain_text_input"


@pytest.mark.parametrize("how", ["base64", "base64url", "data-url", "text"])
def test_what_is_written_passes_its_format_and_says_what_is_in_it(how: content.Way) -> None:
    for size in range(1, 70):
        given = bytes(range(40, 40 + size)) if how == "text" else bytes(range(255, 255 - size, -1))
        text = content.encoded(how, "a b.bin", "image/png", given)
        assert content.described(how, text) == ("a b.bin" if how == "data-url" else "", len(given))
        assert contract.problems({"type": "string", "format": how}, text) == []


def test_what_pydantic_takes_is_taken_and_what_it_refuses_is_refused() -> None:
    class Held(BaseModel):
        a: Base64Bytes
        b: Annotated[bytes, Field(max_length=9)]

    schema = Held.model_json_schema()
    answers = {"a": content.encoded("base64", "a", "", b"\xff\x00"), "b": content.encoded("text", "b", "", b"hello")}
    held = Held.model_validate_json(json.dumps(answers))
    assert (held.a, held.b) == (b"\xff\x00", b"hello")
    assert contract.problems(schema, held.model_dump(mode="json")) == []
    assert [each.pointer for each in contract.problems(schema, {"a": "a b!", "b": "x"})] == ["/a"]
    assert contract.problems({"format": "data-url"}, "data:text/plain;base64,a b!") != []
    assert contract.problems({"format": "data-url"}, "https://example.com") != []


def test_an_answer_reads_as_a_file_and_not_as_its_text() -> None:
    declared = {"type": "string", "format": "data-url"}
    assert label(question(declared), "data:image/png;name=a%20b.png;base64,cG5n") == "a b.png (3 bytes)"
    assert label(question(declared), "data:,hello") == "a file (5 bytes)"
    several = question({"type": "array", "items": {"type": "string", "format": "byte"}})
    assert label(several, ["YQ==", "YWE="]) == "a file (1 bytes), a file (2 bytes)"


def test_a_template_of_backstage_names_its_files_in_three_ways() -> None:
    fields = {
        "logo": {"type": "string", "format": "data-url"},
        "icon": {"type": "string", "ui:widget": "file"},
        "more": {"type": "array", "items": {"type": "string"}, "ui:widget": "files"},
        "plan": {"type": "string", "ui:field": "FileUpload"},
        "owner": {"type": "string", "ui:field": "ProfilePicker"},
    }
    document = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "site"},
        "spec": {"parameters": [{"properties": fields}]},
    }
    found = imports.read({"template.yaml": json.dumps(document)})
    shown = contract.presented(found.schema, (), looks(found.schema, found.hints))
    kinds = {each.name: (each.kind, (each.item or each).way) for each in contract.fields(shown)}
    assert kinds == {
        "logo": ("content", "data-url"),
        "icon": ("content", "data-url"),
        "more": ("list", "data-url"),
        "plan": ("content", "text"),
        "owner": ("string", "text"),
    }
    assert "/plan: FileUpload is Backstage's own" in "\n".join(found.notes)
