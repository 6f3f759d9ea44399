"""Contracts that other people wrote, from public repositories: each imports, renders, and takes a valid answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bot import contract
from bot.contract import fields
from bot.errors import Misconfigured, Refused
from bot.imports import Imported, form
from bot.imports.files import load
from bot.imports.imported import Findings
from bot.imports.normal import Dialect, normal
from bot.slack.forms import modal as forms
from tests.schema_answers import answers

CORPUS = Path(__file__).parents[3] / "shared" / "schemas"
DOCUMENTS = sorted(CORPUS.glob("*/*.yaml"))
#: Kinds of reason for which a document has no contract.
NO_SCHEMA = ("has no versions", "no spec.api", "no schema.openAPIV3Schema", "no spec.parameters")

if not DOCUMENTS:
    pytest.skip("../shared/schemas is missing: schemas of other people, which are not copied", allow_module_level=True)


def imported(path: Path) -> Imported:
    try:
        return load(path)
    except Misconfigured as error:
        if not any(reason in str(error) for reason in NO_SCHEMA):
            raise
        pytest.skip(f"it has no schema: {error.what}")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
class TestEachDocument:
    def test_imports_without_faults_and_importing_what_came_out_changes_nothing(self, path: Path) -> None:
        found = imported(path)
        assert contract.faults(found.schema) == []
        assert normal(found.schema, Findings(), where="", dialect=Dialect()) == found.schema
        assert found.name
        assert found.title
        print(_line(path, found))  # noqa: T201 - the table that -s shows

    def test_keeps_every_field_of_the_document(self, path: Path) -> None:
        # The importers copy; what they leave out they say.
        found = imported(path)
        text = path.read_text(encoding="utf-8")
        assert all(name in text for question in fields(found.schema) for name in question.path)

    def test_renders_in_one_modal_or_says_that_it_needs_more(self, path: Path) -> None:
        found = imported(path)
        try:
            view = forms.modal(found.schema, title=found.title, callback_id="request")
        except Refused as refusal:
            assert "blocks" in str(refusal)  # noqa: PT017 - a modal that is too long is another suite's
        else:
            assert len(view["blocks"]) <= 100
            assert all(len(block.get("block_id", "")) <= 255 for block in view["blocks"])

    def test_takes_a_valid_answer_and_gives_it_back_equal(self, path: Path) -> None:
        found = imported(path)
        made = form(found)

        @settings(
            max_examples=3, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(answers(found.schema))
        def comes_back(answer: Any) -> None:
            assert contract.problems(found.schema, answer) == []
            assert made.model_validate_json(json.dumps(answer)).model_dump(mode="json") == answer

        comes_back()


def _line(path: Path, found: Imported) -> str:
    asked = sum(question.kind != "section" for question in fields(found.schema))
    told = "; ".join([*found.notes, *(f"! {each}" for each in found.warnings)])
    return f"\n{path.parent.name}/{path.stem:60} {asked:4} fields  {told}"
