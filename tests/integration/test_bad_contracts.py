"""Contracts that lie or break, at the command line: what is said of each, where, and what to do.

What is broken stops `frontdesk import` and `frontdesk check`; what is only odd is a warning, and the form still renders.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import catalogue
from bot.cli import main
from tests.slack_rules import sendable_view

PROMISE = """
apiVersion: platform.kratix.io/v1alpha1
kind: Promise
metadata: {name: redis}
spec:
  api:
    spec:
      names: {kind: Redis}
      versions: [{name: v1, served: true, schema: {openAPIV3Schema: {properties: {spec: SPEC}}}}]
"""
BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
RECURSIVE = json.dumps({"type": "object", "properties": {"a": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": NODE}})


def promise(spec: str) -> str:
    return PROMISE.replace("SPEC", spec)


BROKEN = {
    "no versions": (
        PROMISE.partition("      versions:")[0],
        "redis has no versions, so it has no schema. Give it one under versions.",
    ),
    "none is served": (
        promise("{}").replace("served: true", "served: false"),
        "redis serves none of its versions.",
    ),
    "no API": (
        "apiVersion: platform.kratix.io/v1alpha1\nkind: Promise\nspec: {}",
        "the Promise without a name has no spec.api, so it asks for nothing. Import the Promise that people use.",
    ),
    "two Promises": (
        f"{promise('{}')}\n---\n{promise('{}').replace('name: redis', 'name: other')}",
        "holds 2 contracts: Promise redis, Promise other. Put each in a file of its own.",
    ),
    "recursive": (
        RECURSIVE,
        """#/$defs/Node contains itself, at /$defs/Node/properties/next: a form that never ends cannot be filled in. \
Write out as many levels as people need, or make that field free-form (an object without properties).""",
    ),
    "10 MB": (
        "# " + "x" * 10_000_000,
        "has 10,000,002 characters; a contract has at most 5,000,000. Import the contract alone.",
    ),
    "a YAML bomb": (BOMB, "has aliases that stand for more than fits into memory. Write out what they stand for."),
    "no YAML": ("a: [", ":2: is neither JSON nor YAML"),
    "no contract": ("apiVersion: v1\nkind: Secret", "is none of these: a Kratix Promise, "),
    "no object": ('{"type": "array"}', "is none of these"),
}

ODD = {
    "a default that is refused": (
        "{properties: {size: {type: string, default: {}}}}",
        "/properties/size: its default “{}” is refused by its own schema, and is left out: Has to be text",
    ),
    "a pattern of Go": (r'{properties: {day: {type: string, pattern: "^((?i)sun|mon)day$"}}}', ""),
    "a pattern that Python has no words for": (
        r'{properties: {day: {type: string, pattern: "^\\p{L}+$"}}}',
        r"/properties/day: the pattern ^\p{L}+$: Python has no \p",
    ),
    "required names nothing": (
        "{required: [ghost], properties: {day: {type: string}}}",
        "/: requires ghost, which it does not declare; not required here",
    ),
    "required names nothing, where nothing is": (
        "{required: [ghost]}",
        "/: requires ghost, which it does not declare; not required here",
    ),
    "objects without type": ("{properties: {network: {properties: {cidr: {type: string}}}}}", ""),
    "arrays without items": (
        "{properties: {tags: {type: array}}}",
        "/tags: a list that does not say of what is written as YAML",
    ),
    "no fields at all": ("{type: object}", "/: asks for nothing: people only confirm"),
    "nothing where the fields should be": ("null", "/: asks for nothing: people only confirm"),
    "bounds that exclude each other": (
        "{properties: {size: {type: integer, minimum: 5, maximum: 1}, name: {type: string, minLength: 9, maxLength: 2}}}",
        "/size: accepts nothing: its minimum 5 is more than its maximum 1",
    ),
    "no values to choose from": (
        "{properties: {size: {type: string, enum: []}}}",
        "/size: accepts nothing: its enum is empty",
    ),
    "a schema that is none": (
        "{properties: {size: {type: text, title: 7}}}",
        '/properties/size/type: "text" is no JSON Schema here, and is left out',
    ),
    "a pattern that takes for ever": (
        '{properties: {name: {type: string, pattern: "^(?:[a-z0-9]+)*$"}}}',
        "/name: its pattern repeats a repetition: answers that take it too long are refused",
    ),
    "a pattern that repeats something with a sign between": (
        '{properties: {name: {type: string, pattern: "^[a-z0-9]+(-[a-z0-9]+)*$"}}}',
        "",
    ),
    "a list whose entries hold secrets": (
        "{properties: {users: {type: array, items: {properties: {key: {type: string, writeOnly: true}}}}}}",
        "/users: its entries hold secrets, so people write all of them in one text, as YAML",
    ),
    "a map whose entries hold secrets": (
        "{properties: {users: {additionalProperties: {properties: {key: {type: string, writeOnly: true}}}}}}",
        "/users: its entries hold secrets, so people write all of them in one text, as YAML",
    ),
    "a name that looks secret": ("{properties: {password: {type: string}}}", "/password: looks like a secret"),
}


@dataclass
class Shell:
    """Commands as people type them."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code, and all that is read on the terminal."""
        self.patch.setenv("OFFERINGS", str(self.folder))
        self.patch.setattr(sys, "argv", ["frontdesk", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        told = self.capture.readouterr()
        return code, told.out + told.err


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("PATH", os.defpath)
    catalogue.forget()
    return Shell(tmp_path / "offerings", monkeypatch, capsys)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_refused_with_file_reason_and_what_to_do_and_nothing_is_written(
    shell: Shell, tmp_path: Path, case: str
) -> None:
    text, told = BROKEN[case]
    document = tmp_path / "contract.yaml"
    document.write_text(text, encoding="utf-8")
    code, said = shell.run("import", str(document))
    assert code == 1, said
    assert said.startswith(str(document))
    assert told in said
    assert not shell.folder.exists()


OFFERING = '''
"""A thing"""

from bot import ImportedForm, Offering, Request
from bot.handlers import manual


class Thing(ImportedForm, file="contract.yaml"):
    pass


thing = Offering("thing", Thing, owner="@a", notify="#a")


@thing.step
def fulfil(request: Request[Thing]) -> manual.Task:
    return manual.Task(group="@a", instructions="Do it")
'''


@pytest.mark.parametrize("case", BROKEN)
def test_an_offering_file_that_reads_it_stops_check_with_the_same_words(shell: Shell, case: str) -> None:
    text, told = BROKEN[case]
    shell.folder.mkdir()
    (shell.folder / "thing.py").write_text(OFFERING, encoding="utf-8")
    (shell.folder / "contract.yaml").write_text(text, encoding="utf-8")
    code, said = shell.run("check")
    assert code == 1, said
    assert str(shell.folder / "contract.yaml") in said
    assert told in said
    assert "Traceback" not in said


@pytest.mark.parametrize("case", ODD)
def test_what_is_only_odd_is_told_and_still_becomes_a_form(shell: Shell, tmp_path: Path, case: str) -> None:
    spec, told = ODD[case]
    document = tmp_path / "contract.yaml"
    document.write_text(promise(spec), encoding="utf-8")
    code, said = shell.run("import", str(document))
    assert code == 0, said
    assert told in said
    assert ("Look: " in said or "Not carried over: " in said) == bool(told)
    assert told.partition(":")[2] in " ".join((shell.folder / "redis.py").read_text().replace("\n#  ", "").split())
    code, said = shell.run("check")
    assert code == 0, said
    assert said.startswith("redis v1: Redis. Steps: fulfil (Task).")
    code, said = shell.run("preview", "redis", "--json")
    assert code == 0, said
    for view in json.loads(said)["redis"]:
        sendable_view(view)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("a: int = 'many'", "/a: its default is refused: Has to be a whole number"),
        ("a: Annotated[str, Field(pattern='^((?i)x)$')] | int", "/a: the pattern ^((?i)x)$ does not compile"),
        ("a: Annotated[str, Field(pattern='^((?i)x)$')]", "/a: the pattern ^((?i)x)$ does not compile"),
        ("a: list[Annotated[str, Field(pattern='^((?i)x)$')]]", "/a/*: the pattern ^((?i)x)$ does not compile"),
        ("a: dict[str, Annotated[str, Field(pattern='^((?i)x)$')]]", "/a/*: the pattern ^((?i)x)$ does not compile"),
        ("a: 'Thing | None' = None", "/a: #/$defs/Thing contains itself, and a form that never ends cannot be filled in"),
    ],
)  # fmt: skip
def test_a_pydantic_form_that_lies_stops_check_with_file_line_place_and_what_to_do(
    shell: Shell, field: str, told: str
) -> None:
    shell.folder.mkdir()
    imports = "from typing import Annotated\n\nfrom bot import Field, Form, Offering, Request"
    text = OFFERING.replace("from bot import ImportedForm, Offering, Request", imports)
    text = text.replace('ImportedForm, file="contract.yaml"', "Form").replace("    pass", f"    {field}")
    (shell.folder / "thing.py").write_text(text, encoding="utf-8")
    code, said = shell.run("check")
    assert code == 1, said
    assert f"{shell.folder}/thing.py:" in said
    assert told in said
    assert "Traceback" not in said
