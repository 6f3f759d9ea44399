"""Objects that no field tells apart: a choice by their titles, which is no part of the answers; then their fields."""

import json
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from bot import Form, contract
from bot.demo.slack import inputs
from bot.errors import Problem
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft, entries_of, list_of, summary
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.slack_rules import sendable_view


class Address(BaseModel):
    host: str
    port: int = 5432


class SocketFile(BaseModel):
    path: str


class Cluster(BaseModel):
    host: str
    nodes: list[Address] = []


class Target(Form):
    where: Address | SocketFile | Cluster
    spare: Address | SocketFile | None = None
    more: tuple[Address | SocketFile, ...] = ()


SCHEMA = Target.model_json_schema()
CHOICE = f"/where/{contract.VARIANT}"


def sheet(base: dict[str, Any] | None = None, entered: dict[str, Any] | None = None, schema: Any = SCHEMA) -> Sheet:
    return Sheet(Filled(schema, base or {}, entered or {}), About(), "It", "form", "Request", Draft())


def blocks(form: Sheet) -> dict[str, Any]:
    view = form.view()
    sendable_view(view)
    return {block["block_id"].partition("?")[0]: block for block in view["blocks"] if block["type"] == "input"}


def test_the_kinds_are_offered_by_their_titles_and_none_is_taken_for_granted() -> None:
    shown = blocks(sheet())
    assert [option["value"] for option in shown[CHOICE]["element"]["options"]] == ["Address", "Socket file", "Cluster"]
    assert shown[CHOICE]["dispatch_action"] is True
    assert [name for name in shown if name.startswith("/where")] == [CHOICE]


def test_the_fields_of_the_chosen_one_are_asked_and_the_choice_is_no_answer() -> None:
    form = sheet({}, {CHOICE: "Socket file"})
    assert [name for name in blocks(form) if name.startswith("/where")] == [CHOICE, "/where/path"]
    key = next(each.key for each in form.filled.questions if each.name == "where.path")
    answers = sheet({}, {CHOICE: "Socket file", key: "/run/db"}).filled.answers
    assert answers["where"] == {"path": "/run/db"}
    assert Target.model_validate_json(json.dumps(answers)).where == SocketFile(path="/run/db")


def test_what_is_there_shows_which_it_is_and_comes_back_equal() -> None:
    for answer in (
        {"where": {"path": "/run/db"}},
        {"where": {"host": "a", "port": 1}, "spare": {"path": "/x"}},
        {
            "where": {"host": "a", "nodes": [{"host": "b", "port": 1}]},
            "more": [{"path": "/y"}, {"host": "h", "port": 2}],
        },
    ):
        form = sheet(answer)
        values = inputs.values(form.view())
        read = form.filled.read(values, form.blocks(), 0)
        assert contract.problems(SCHEMA, read.answers) == []
        wanted = contract.with_defaults(SCHEMA, answer)
        assert {name: each for name, each in read.answers.items() if each} == {n: e for n, e in wanted.items() if e}


def test_the_choice_stays_although_what_was_typed_would_fit_another_one() -> None:
    form = sheet({"where": {"path": "/run/db"}}, {CHOICE: "Cluster"})
    key = next(each.key for each in form.filled.questions if each.name == "where.host")
    typed = sheet({"where": {"path": "/run/db"}}, {CHOICE: "Cluster", key: "a"})
    values = inputs.values(typed.view())
    again = typed.filled.read(values, typed.blocks(), 0)
    assert again.entered[CHOICE] == "Cluster"
    assert again.read(values, typed.blocks(), 0).answers["where"] == {"host": "a", "nodes": []}


def test_one_that_may_be_left_out_is_left_out() -> None:
    form = sheet({"where": {"path": "/run/db"}})
    assert blocks(form)[f"/spare/{contract.VARIANT}"]["optional"] is True
    assert "spare" not in form.filled.answers or form.filled.answers["spare"] is None


def test_no_choice_is_a_problem_at_the_choice() -> None:
    form = sheet()
    texts, _ = form.errors([Problem("/where", "Missing.")], form.blocks())
    assert texts == {CHOICE: "where: Missing."}


def test_a_list_of_them_has_entries_that_say_what_they_are() -> None:
    filled = Filled(SCHEMA, {"where": {"path": "/x"}, "more": [{"path": "/y"}, {"host": "h", "port": 2}]})
    question = list_of(filled, "/more")
    assert [summary(question, each) for each in entries_of(filled, question)] == ["Path: /y", "Host: h · Port: 2"]
    entry = Draft(dict(filled.base), {}).open(SCHEMA, (("/more", 1),))
    assert list(blocks(Sheet(entry, About(), "It", "entry", "Done", Draft()))) == [
        f"/{contract.VARIANT}",
        "/host",
        "/port",
    ]
    assert entry.answers == {"host": "h", "port": 2}


def test_without_titles_the_fields_name_them() -> None:
    text = {"type": "string"}
    way = {"oneOf": [{"properties": {"a": text, "b": text}}, {"properties": {"a": text, "cD": text}}]}
    shown = blocks(sheet(schema={"type": "object", "properties": {"way": way}}))
    options = shown[f"/way/{contract.VARIANT}"]["element"]["options"]
    assert [option["text"]["text"] for option in options] == ["1: B", "2: C D"]


def test_a_list_that_no_window_opens_for_is_text_that_says_why_and_what_to_write() -> None:
    port = {"type": "object", "properties": {"number": {"type": "integer"}, "public": {"type": "boolean"}}}
    schema = {"type": "object", "properties": {"ports": {"type": "array", "items": port}}}
    chain = tuple((f"/{name * 400}", 0) for name in "abcde")
    deep = Sheet(Filled(schema), About(chain=chain), "It", "entry", "Done", Draft(), trail=tuple("abcde"))
    _, block = deep.view()["blocks"]
    assert block["element"]["type"] == "plain_text_input"
    assert "Slack keeps no more of where an entry belongs" in block["hint"]["text"]
    assert "“- ”" in block["hint"]["text"]
    assert "number, public" in block["hint"]["text"]
    read = deep.filled.read({"/ports": {"answer": {"value": "- number: 1\n- number: [2"}}}, {"/ports"}, 0)
    assert "line 2, column" in read.unread[0].detail
    read = deep.filled.read(
        {"/ports": {"answer": {"value": "- number: 1\n- number: 2\n  public: true"}}}, {"/ports"}, 0
    )
    assert read.answers == {"ports": [{"number": 1}, {"number": 2, "public": True}]}


class Ways(Form):
    """What may be a list, a map, yes or no, or something else."""

    names: str | list[str]
    ports: int | list[Address] = 80
    on: bool | Literal["auto"] = "auto"
    labels: dict[str, str] | str | None = None
    limits: dict[str, int] = Field(default={})
    mix: list[int | Address] = Field(default=[])


WAYS = Ways.model_json_schema()


def test_what_may_be_a_list_or_a_map_too_is_a_choice_and_then_its_own_element() -> None:
    names, labels = f"/names/{contract.VARIANT}", f"/labels/{contract.VARIANT}"
    ports, on = f"/ports/{contract.VARIANT}", f"/on/{contract.VARIANT}"
    shown = blocks(sheet(schema=WAYS))
    options = {
        name: [option["text"]["text"] for option in shown[name]["element"]["options"]]
        for name in (names, ports, on, labels)
    }
    assert options == {
        names: ["Text", "A list"],
        ports: ["A whole number", "A list"],
        on: ["True or false", "Auto"],
        labels: ["Names with values", "Text"],
    }
    chosen = sheet({}, {names: "A list", ports: "A list", labels: "Names with values"}, WAYS)
    shown = blocks(chosen)
    assert "One on each line" in shown["/names/x-frontdesk-value"]["hint"]["text"]
    assert "One name=value on each line" in shown["/labels/x-frontdesk-value"]["hint"]["text"]
    assert any(str(block.get("block_id")).startswith("add-") for block in chosen.view()["blocks"])


def test_lists_maps_and_entries_of_several_kinds_come_back_as_they_were() -> None:
    for answer in (
        {"names": "a"},
        {"names": ["a", "b"], "ports": [{"host": "h", "port": 1}], "on": True, "labels": {"a": "b"}},
        {"names": [], "ports": 5, "on": False, "labels": "none", "limits": {"cpu": 4}, "mix": [1, {"host": "h"}]},
    ):
        form = sheet(answer, schema=WAYS)
        assert not any("⚠️" in str(block) for block in form.view()["blocks"])
        read = form.filled.read(inputs.values(form.view()), form.blocks(), 0)
        wanted = contract.with_defaults(WAYS, answer)
        assert {name: each for name, each in read.answers.items() if each is not None} == {
            name: each for name, each in wanted.items() if each is not None
        }
        assert Ways.model_validate_json(json.dumps(read.answers))
        assert Filled(WAYS, form.filled.open_base()).answers == form.filled.answers


def test_an_entry_that_is_a_value_or_an_object_says_which_and_goes_back_into_its_list() -> None:
    draft = Draft({"names": "a", "mix": [1, {"host": "h", "port": 2}]})
    question = list_of(draft.open(WAYS), "/mix")
    assert [summary(question, each) for each in entries_of(draft.open(WAYS), question)] == ["1", "Host: h · Port: 2"]
    value, thing, new = (draft.open(WAYS, (("/mix", at),)) for at in range(3))
    assert [each.answers for each in (value, thing)] == [1, {"host": "h", "port": 2}]
    shown = blocks(Sheet(new, About(), "It", "entry", "Done", Draft()))
    assert list(shown) == [f"/{contract.VARIANT}"]
    seven = next(each.key for each in value.questions if each.kind == "integer")
    draft = draft.close(WAYS, (("/mix", 0),), replace(value, entered={seven: 7}).answers)
    draft = draft.close(WAYS, (("/mix", 2),), thing.answers)
    assert draft.open(WAYS).answers["mix"] == [7, {"host": "h", "port": 2}, {"host": "h", "port": 2}]


def test_a_map_of_numbers_is_read_line_by_line_and_says_what_is_wrong_by_its_name() -> None:
    filled = Filled(WAYS)
    read = filled.read({"/limits": {"answer": {"value": "cpu=4\nmemory = 16"}}}, {"/limits"}, 0)
    assert read.answers["limits"] == {"cpu": 4, "memory": 16}
    wrong = filled.read({"/limits": {"answer": {"value": "cpu=4\nmemory=much"}}}, {"/limits"}, 0)
    assert [each.detail for each in wrong.unread] == ["memory: Has to be a whole number; got “much”."]


def test_a_map_whose_values_may_be_objects_is_asked_for_as_what_holds_both() -> None:
    value = {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/It"}]}
    schema = {
        "type": "object",
        "properties": {"limits": {"type": "object", "additionalProperties": value}},
        "$defs": {"It": {"type": "object", "properties": {"port": {"type": "integer"}}}},
    }
    hint = blocks(sheet(schema=schema))["/limits"]["hint"]["text"]
    assert hint == "YAML or JSON."
    read = Filled(schema).read({"/limits": {"answer": {"value": "cpu: 4\nweb: {port: 80}"}}}, {"/limits"}, 0)
    assert read.answers["limits"] == {"cpu": 4, "web": {"port": 80}}
    assert not read.unread


def test_a_map_of_objects_or_nothing_says_what_stands_under_each_name() -> None:
    port = {"type": "object", "properties": {"number": {"type": "integer"}, "open": {"type": "boolean"}}}
    ports = {"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Port"}, {"type": "null"}]}}
    schema = {"type": "object", "properties": {"ports": ports}, "$defs": {"Port": port}}
    hint = blocks(sheet(schema=schema))["/ports"]["hint"]["text"]
    assert hint == "YAML or JSON. Each line is “name: {number: …, open: …}”."
    text = "web: {number: 80, open: true}\ndb: {number: 5432, open: false}"
    read = Filled(schema).read({"/ports": {"answer": {"value": text}}}, {"/ports"}, 0)
    assert read.answers["ports"] == {"web": {"number": 80, "open": True}, "db": {"number": 5432, "open": False}}


class Backup(Form):
    keep: int | Literal["for ever"] | Address
    where: str | SocketFile | None = None
    how: int | Address = 3


BACKUP = Backup.model_json_schema()
KEEP = f"/keep/{contract.VARIANT}"


def test_a_value_or_an_object_is_a_choice_by_kind_and_then_its_fields() -> None:
    shown = blocks(sheet(schema=BACKUP))
    options = [option["text"]["text"] for option in shown[KEEP]["element"]["options"]]
    assert options == ["A whole number", "For ever", "Address"]
    assert [option["value"] for option in shown[f"/where/{contract.VARIANT}"]["element"]["options"]] == [
        "Text",
        "Socket file",
    ]
    number = blocks(sheet({}, {KEEP: "A whole number"}, BACKUP))
    assert number["/keep/x-frontdesk-value"]["element"]["type"] == "number_input"
    assert "/keep/host" in blocks(sheet({}, {KEEP: "Address"}, BACKUP))


def test_a_value_in_place_of_an_object_comes_back_as_it_was() -> None:
    for answer in (
        {"keep": 5},
        {"keep": "for ever", "where": "there"},
        {"keep": {"host": "a", "port": 1}, "where": {"path": "/x"}, "how": {"host": "b", "port": 2}},
    ):
        form = sheet(answer, schema=BACKUP)
        assert not any("⚠️" in str(block) for block in form.view()["blocks"])
        read = form.filled.read(inputs.values(form.view()), form.blocks(), 0)
        assert read.answers == contract.with_defaults(BACKUP, answer)
        assert Backup.model_validate_json(json.dumps(read.answers))
        assert Filled(BACKUP, form.filled.open_base()).answers == form.filled.answers


def test_of_a_value_or_an_object_nothing_said_is_told_at_the_choice() -> None:
    form = sheet(schema=BACKUP)
    texts, _ = form.errors([Problem("/keep", "Missing.")], form.blocks())
    assert texts == {KEEP: "keep: Missing."}
    assert form.filled.answers.get("where") is None
    assert form.filled.answers["how"] == 3
