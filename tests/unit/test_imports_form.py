"""A form whose contract is a schema: what a step reads of it, and that its answers stay what they were."""

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError

from bot import Form, ImportedForm, Offering, Request
from bot.contract import Schema
from bot.errors import Misconfigured
from bot.handlers import manual
from bot.imports import form, read
from bot.imports.writing import offering_file
from bot.offering import Person

SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "size": {"enum": ["s", "l"], "default": "s"},
        "network": {
            "type": "object",
            "properties": {"cidr": {"type": "string"}, "mtu": {"type": "integer", "default": 1500}},
        },
        "nodes": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "copy": {"type": "string"},
        "_hidden": {"type": "string"},
        "model_config": {"type": "integer"},
        "key": {"type": "string", "writeOnly": True, "minLength": 9},
    },
    "additionalProperties": False,
    "$defs": {"Node": {"type": "object", "properties": {"zone": {"type": "string", "default": "a"}}}},
}
ANSWERS: dict[str, Any] = {
    "network": {"cidr": "10.0.0.0/8"}, "nodes": [{}, {"zone": "b"}], "copy": "c", "_hidden": "h", "model_config": 3,
}  # fmt: skip


class Cluster(ImportedForm, schema=SCHEMA):
    """A cluster."""


def test_the_contract_is_the_schema_itself() -> None:
    offering = Offering("cluster", Cluster, owner="@a", notify="#a")
    assert Cluster.model_json_schema() is SCHEMA
    assert offering.contract.form is SCHEMA
    assert issubclass(Cluster, Form)


def test_answers_are_attributes_with_declared_defaults_at_every_depth() -> None:
    answers = Cluster.model_validate(ANSWERS)
    assert (answers.size, answers.network.cidr, answers.network.mtu) == ("s", "10.0.0.0/8", 1500)
    assert [node.zone for node in answers.nodes] == ["a", "b"]
    assert answers.key is None
    assert (answers["copy"], answers["_hidden"], answers["model_config"]) == ("c", "h", 3)
    assert "copy" in answers
    assert "key" not in answers


def test_what_was_answered_comes_back_equal_and_no_more() -> None:
    answers = Cluster.model_validate_json(json.dumps(ANSWERS))
    assert answers.model_dump(mode="json") == ANSWERS
    assert json.loads(answers.model_dump_json()) == ANSWERS
    assert answers == Cluster(**ANSWERS) == copy.deepcopy(answers)
    assert json.dumps(answers.network) == '{"cidr": "10.0.0.0/8", "mtu": 1500}'


def test_a_misspelt_name_is_an_error_that_says_the_right_one() -> None:
    answers = Cluster.model_validate(ANSWERS)
    with pytest.raises(AttributeError, match="There is no answer called 'netwrk'. Did you mean 'network'?"):
        _ = answers.netwrk
    with pytest.raises(AttributeError, match="Did you mean 'cidr'?"):
        _ = answers.network.cdir
    with pytest.raises(KeyError):
        _ = answers["key"]


def test_wrong_answers_are_refused_without_repeating_a_secret() -> None:
    with pytest.raises(ValidationError, match="/size: Has to be one of s, l"):
        Cluster(size="m")
    with pytest.raises(ValidationError) as caught:
        Cluster(key="hunter2")
    assert "/key: Too short" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_answers_do_not_change() -> None:
    answers = Cluster(size="l")
    with pytest.raises(ValidationError):
        answers.size = "s"  # type: ignore[attr-defined] # what is read, is not set


def test_a_step_reads_them() -> None:
    offering = Offering("cluster", Cluster, owner="@a", notify="#a")

    @offering.step
    def make(request: Request[Cluster]) -> manual.Task:
        return manual.Task(group="@a", instructions=f"Size {request.form.size}, MTU {request.form.network.mtu}")

    request = Request("REQ-1", "create", Cluster.model_validate(ANSWERS), Person("a@b.co"), Person("a@b.co"))
    assert make(request) == manual.Task(group="@a", instructions="Size s, MTU 1500")


def test_a_form_of_what_was_imported_remembers_what_did_not_come_along() -> None:
    found = read({"s.json": '{"type": "object", "properties": {"a": {"type": "string", "default": 1}}}'})
    made = form(found)
    assert made.imported is found
    assert made.model_json_schema() is found.schema
    assert form(SCHEMA).imported is None


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"gone\.json: is not there"):

        class Gone(ImportedForm, file="gone.json"):
            pass


@pytest.mark.parametrize(
    ("name", "file", "variable"),
    [
        ("my-app", "my_app.py", "my_app = Offering("),
        ("class", "class_.py", "class_ = Offering("),
        ("3scale", "_3scale.py", "_3scale = Offering("),
        ("manual", "manual.py", "manual_offering = Offering("),
        ("offering", "offering.py", "class OfferingForm(ImportedForm"),
        ("Été!", "t.py", "t = Offering("),
    ],
)
def test_an_offering_file_is_python_whatever_the_name(name: str, file: str, variable: str) -> None:
    words = 'Says """quotes""", a \\ and {braces} $and ' + "is long " * 40
    found = read({"s.json": json.dumps({"type": "object", "title": words, "description": words})})
    texts = offering_file(found, name=name, document="s.json", owner="@a", notify="#a")
    assert [*texts] == [file, file.replace(".py", ".schema.json")]
    assert variable in texts[file]
    compile(texts[file], file, "exec")
    assert "# - /: asks for nothing: people only confirm" in texts[file]
