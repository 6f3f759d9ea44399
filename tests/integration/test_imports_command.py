"""`frontdesk import` and the offering file that it writes: through check, the service, HTTP's description and the modal."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from typer.testing import CliRunner, Result

from bot import app, catalogue, contract
from bot.api.openapi import GENERIC, with_offerings
from bot.catalogue import Catalogue
from bot.cli import cli
from bot.engine import request_of
from bot.errors import Invalid, Misconfigured
from bot.imports.files import load
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.settings import read
from bot.store.database import Database
from tests import sheets as forms

PROMISE = """
apiVersion: platform.kratix.io/v1alpha1
kind: Promise
metadata: {name: redis}
spec:
  workflows: {resource: {configure: []}}
  api:
    kind: CustomResourceDefinition
    spec:
      names: {kind: Redis}
      versions:
        - name: v1
          served: true
          schema:
            openAPIV3Schema:
              properties:
                spec:
                  required: [name]
                  properties:
                    name: {type: string, pattern: "^[a-z]+$"}
                    size: {type: string, pattern: "^(small|large)$", default: small}
                    replicas: {type: integer, default: many}
"""


@pytest.fixture
def promise(tmp_path: Path) -> Path:
    path = tmp_path / "promise.yaml"
    path.write_text(PROMISE, encoding="utf-8")
    return path


def call(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def checked(folder: Path) -> list[str]:
    return app.check(read({"OFFERINGS": str(folder), "PATH": os.defpath}))


def test_a_promise_becomes_an_offering_that_passes_check(promise: Path, tmp_path: Path) -> None:
    result = call("import", promise, "--out", tmp_path / "offerings", "--owner", "@data", "--notify", "#data")
    assert result.exit_code == 0
    assert "Not carried over: /spec/workflows: stays with Kratix" in result.output
    assert "Look: /properties/replicas: its default “many” is refused by its own schema" in result.output
    text = (tmp_path / "offerings" / "redis.py").read_text(encoding="utf-8")
    assert "# - /spec/workflows: stays with Kratix" in text
    assert text.splitlines()[0] == '"""Redis'
    assert len(text.splitlines()) < 45
    [line] = checked(tmp_path / "offerings")
    assert line.startswith("redis v1: Redis. Steps: fulfil (Task).")


def test_what_is_there_is_not_written_over_unless_forced(promise: Path, tmp_path: Path) -> None:
    out = tmp_path / "offerings"
    call("import", promise, "--out", out, "--name", "cache")
    before = (out / "cache.py").read_text(encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"cache\.py: is there already, and nothing was written\."):
        call("import", promise, "--out", out, "--name", "cache", "--owner", "@other")
    assert (out / "cache.py").read_text(encoding="utf-8") == before
    assert call("import", promise, "--out", out, "--name", "cache", "--owner", "@other", "--force").exit_code == 0
    assert '"@other"' in (out / "cache.py").read_text(encoding="utf-8")


def offered(promise: Path, folder: Path) -> Catalogue:
    call("import", promise, "--out", folder)
    return catalogue.load(folder, {})


def test_every_door_takes_it(promise: Path, tmp_path: Path, sqlite_url: str) -> None:
    loaded = offered(promise, tmp_path / "offerings")
    [offering] = loaded.newest()
    with_schema = offering.contract.form
    database = Database(sqlite_url)
    service = Service(database, loaded, Groups(NoDirectory()))
    ada = service.person_by_token(service.create_token("ada@example.com"))
    assert ada is not None
    with pytest.raises(Invalid) as caught:
        service.check(offering, {"name": "A", "size": "medium", "sise": 1})
    assert [problem.pointer for problem in caught.value.problems] == ["/name", "/sise", "/size"]
    answers = {"name": "orders", "replicas": 2}
    assert [step.step for step in service.plan(ada, "redis", answers)] == ["fulfil"]
    record, _ = service.submit(ada, "redis", answers)
    assert record.form == answers
    seen = request_of(offering, record, []).form
    assert (seen.name, seen.size, seen.replicas) == ("orders", "small", 2)
    blocks = forms.modal(with_schema)["blocks"]
    assert [block["element"]["type"] for block in blocks if block["type"] == "input"] == [
        "plain_text_input",
        "radio_buttons",
        "number_input",
    ]
    typed, wrong = contract.typed(with_schema, [("name", "orders"), ("replicas", "2")])
    assert (typed, wrong) == (answers, [])
    database.close()


def test_http_publishes_it(promise: Path, tmp_path: Path) -> None:
    loaded = offered(promise, tmp_path / "offerings")
    generic = {
        "post": {
            "parameters": [{"in": "path", "name": "name", "required": True, "schema": {"type": "string"}}],
            "responses": {"200": {"description": "Yes"}},
        }
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {GENERIC: generic},
    }
    made = with_offerings(document, loaded)
    validate(made)
    assert made["components"]["schemas"]["redis.v1"]["required"] == ["name"]


def test_an_imported_contract_is_recorded_and_a_breaking_change_is_refused(promise: Path, tmp_path: Path) -> None:
    out = tmp_path / "offerings"
    call("import", promise, "--out", out)
    settings = read({"OFFERINGS": str(out), "PATH": os.defpath})
    app.record_contracts(settings)
    promise.write_text(PROMISE.replace("(small|large)", "(small|huge)"), encoding="utf-8")
    call("import", promise, "--out", out, "--force")
    catalogue.forget()
    with pytest.raises(Misconfigured, match="removed value"):
        app.check(settings)


OFFERING = '''
"""A thing"""

from bot import ImportedForm, Offering, Request
from bot.handlers import manual


class Thing(ImportedForm, schema=SCHEMA):
    pass


thing = Offering("thing", Thing, owner="@a", notify="#a")


@thing.step
def fulfil(request: Request[Thing]) -> manual.Task:
    return manual.Task(group="@a", instructions="Do it")
'''


def an_offering(folder: Path, schema: str) -> Path:
    folder.mkdir()
    (folder / "thing.py").write_text(OFFERING.replace("SCHEMA", schema), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ('{"type": "string", "default": 5}', "/a: its default is refused: Has to be text"),
        ('{"type": "string", "pattern": "("}', "/a: the pattern ( does not compile"),
        ('{"type": "text"}', "/properties/a/type: 'text' is not valid"),
        ('{"$ref": "#/$defs/gone"}', "/a: #/$defs/gone points at nothing"),
    ],
)
def test_check_stops_at_a_contract_that_is_broken_with_file_and_place(tmp_path: Path, field: str, told: str) -> None:
    folder = an_offering(tmp_path / "offerings", f'{{"type": "object", "properties": {{"a": {field}}}}}')
    with pytest.raises(Misconfigured) as caught:
        checked(folder)
    assert f"{folder}/thing.py:12: the contract of thing, its form: {told}" in str(caught.value)
    assert "Mend it" in str(caught.value)


def test_check_tells_what_is_only_odd(tmp_path: Path) -> None:
    fields = '{"a": {"type": "array"}, "password": {"type": "string"}}'
    folder = an_offering(tmp_path / "offerings", f'{{"type": "object", "properties": {fields}, "required": ["b"]}}')
    told = "\n".join(checked(folder))
    assert "thing v1, worth a look: /: requires b, which it does not declare" in told
    assert "thing v1, worth a look: /a: a list that does not say of what" in told
    assert "thing v1, worth a look: /password: looks like a secret" in told


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(Misconfigured, match=r"large\.yaml: has 30,000,000 bytes; a contract has at most 5,000,000\."):
        load(large)
    (tmp_path / "ten.yaml").write_text("# " + "x" * 10_000_000, encoding="utf-8")
    with pytest.raises(Misconfigured, match="has 10,000,002"):
        load(tmp_path / "ten.yaml")


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match=r"image\.yaml: is no text in UTF-8\."):
        load(tmp_path / "image.yaml")
    with pytest.raises(Misconfigured, match=r"gone\.yaml: is not there\."):
        load(tmp_path / "gone.yaml")


def test_a_folder_is_a_terraform_module_and_a_chart_is_named_after_its_folder(tmp_path: Path) -> None:
    module, chart = tmp_path / "my-module", tmp_path / "my-chart"
    module.mkdir()
    chart.mkdir()
    (module / "variables.tf").write_text('variable "a" { type = string }', encoding="utf-8")
    (module / "main.tf").write_text('resource "x" "y" {}', encoding="utf-8")
    (chart / "values.schema.json").write_text(json.dumps({"properties": {"a": {"type": "string"}}}), encoding="utf-8")
    assert (load(module).name, load(module / "variables.tf").name) == ("my-module", "my-module")
    assert (load(chart / "values.schema.json").name, load(chart / "values.schema.json").source) == (
        "my-chart",
        "Helm values",
    )
    with pytest.raises(Misconfigured, match=r"holds no \.tf file"):
        load(chart)
