"""Contracts that other people wrote, from public repositories.

Each imports; every page of its form is one that Slack takes; a valid answer goes into the form and comes back equal; an
answer with one field broken by a rule of its schema is refused at that field, or on top by its name.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot import contract
from bot.contract import Question, Schema, fields, maps
from bot.demo.slack import inputs
from bot.errors import Misconfigured, Problem
from bot.imports import Imported, form
from bot.imports.files import load
from bot.imports.imported import Findings
from bot.imports.normal import Dialect, normal
from bot.offering import Offering
from bot.slack.forms.about import About
from bot.slack.forms.entries import Chain, Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import is_list, page_of
from bot.slack.forms.pages import Sheet
from tests import sheets
from tests.schema_answers import answers
from tests.slack_rules import sendable_view

CORPUS = Path(__file__).parents[3] / "shared" / "schemas"
DOCUMENTS = sorted(CORPUS.glob("*/*.yaml"))
#: Kinds of reason for which a document has no contract.
NO_SCHEMA = ("has no versions", "no spec.api", "no schema.openAPIV3Schema", "no spec.parameters")
#: Of a form with more fields so many are broken, spread over all of it.
MOST_BROKEN = 40
#: Of its lists, and of what brings in other fields, so many are tried.
MOST_TRIED = 4

if not DOCUMENTS:
    pytest.skip("../shared/schemas is missing: schemas of other people, which are not copied", allow_module_level=True)


@cache
def read(path: Path) -> Imported | str:
    try:
        return load(path)
    except Misconfigured as error:
        if not any(reason in str(error) for reason in NO_SCHEMA):
            raise
        return error.what


def imported(path: Path) -> Imported:
    found = read(path)
    if isinstance(found, str):
        pytest.skip(f"it has no schema: {found}")
    return found


@cache
def presented(path: Path) -> Schema:
    """As people see it, with what its author wished."""
    return Offering("it", form(imported(path)), owner="@a", notify="#a").presented


def tried(strategy: st.SearchStrategy[Any], many: int) -> Any:
    """Decorates a test of an answer."""
    quiet = settings(
        max_examples=many, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return lambda test: quiet(given(strategy)(test))


@pytest.mark.no_cover  # the same lines for each document, which took twice as long
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

    def test_every_page_is_one_that_slack_takes_and_each_field_stands_on_one(self, path: Path) -> None:
        sheet = sheets.sheet(presented(path))
        asked = []
        for number in range(len(sheet.pages)):
            page = sheet.turned(number)
            view = page.view()
            sendable_view(view)
            asked += [each.key for each in page.page.questions if each.kind != "section"]
        assert sorted(asked) == sorted(each.key for each in sheet.filled.shown if each.kind != "section")

    def test_after_every_interaction_the_window_is_one_that_slack_takes(self, path: Path) -> None:
        walk = Walk(presented(path))
        for number in [*range(len(walk.sheet().pages)), *reversed(range(len(walk.sheet().pages)))]:
            walk.turn(number)
        for question, value in walk.choices():
            walk.choose(question, value)
        for question in walk.lists():
            walk.work_on(question)
        assert walk.looked_at >= 2

    def test_takes_a_valid_answer_and_gives_it_back_equal(self, path: Path) -> None:
        found = imported(path)
        made = form(found)

        def comes_back(answer: Any) -> None:
            assert contract.problems(found.schema, answer) == []
            assert made.model_validate_json(json.dumps(answer)).model_dump(mode="json") == answer

        tried(answers(found.schema), 3)(comes_back)()

    def test_a_valid_answer_goes_through_the_form_and_comes_back_equal(self, path: Path) -> None:
        schema = presented(path)

        def comes_back(given_: Any) -> None:
            answer = asked(schema, given_)
            if not contract.problems(imported(path).schema, answer):
                assert said(through_the_form(schema, answer), schema) == said(answer, schema)

        tried(answers(imported(path).schema), 5)(comes_back)()

    def test_an_answer_with_one_field_broken_is_refused_at_that_field(self, path: Path) -> None:
        schema = presented(path)

        def refused(answer: Any) -> None:
            for broken, pointer in breakages(schema, answer):
                problems = contract.problems(imported(path).schema, broken)
                if not problems and pointer in chooses(schema, answer):
                    continue  # without a choice no branch holds, and its field need not be there
                assert any(each.pointer == pointer for each in problems), (pointer, problems)
                told(schema, broken, [each for each in problems if each.pointer == pointer])

        tried(answers(imported(path).schema), 2)(refused)()


@dataclass
class Walk:
    """Somebody who turns pages, changes what brings in fields, and works on lists; looks at each window that comes."""

    schema: Schema
    draft: Draft = field(default_factory=Draft)
    about: About = field(default_factory=lambda: About("it", "v1", kept=True))
    looked_at: int = 0

    def sheet(self) -> Sheet:
        return Sheet(self.draft.open(self.schema), self.about, "It", "form", "Request", self.draft)

    def look(self, sheet: Sheet) -> Sheet:
        sendable_view(sheet.view())
        self.looked_at += 1
        return sheet

    def turn(self, number: int) -> None:
        """Next or Back: what stands on the page is kept."""
        view = self.sheet().view()
        shown = {block["block_id"] for block in view["blocks"] if "block_id" in block}
        self.draft = self.draft.keep(self.sheet().filled.read(inputs.values(view), shown, self.about.turn))
        self.about = self.look(self.sheet().turned(number)).about

    def choices(self) -> list[tuple[Question, Any]]:
        """What can be chosen where that brings in other fields."""
        filled = self.sheet().filled
        asked = [each for each in filled.questions if each.path in filled.applied.controls][:MOST_TRIED]
        booleans = [(each, value) for each in asked for value in (True, False) if each.kind == "boolean"]
        return booleans + [(each, choice.value) for each in asked for choice in each.choices[:MOST_TRIED]]

    def choose(self, question: Question, value: Any) -> None:
        entered = {**self.draft.entered.get("", {}), question.key: value}
        self.draft = replace(self.draft, entered={**self.draft.entered, "": entered})
        self.look(self.sheet().turned(page_of(self.sheet().pages, question)))

    def lists(self) -> list[Question]:
        return [each for each in self.sheet().filled.questions if is_list(each)][:MOST_TRIED]

    def work_on(self, question: Question) -> None:
        """Add an entry, and one to a list in it; finish both, add another one, move and remove it."""
        chain: Chain = ((question.key, 0),)
        inner = [each for each in self._open(chain).questions if is_list(each)]
        if inner:
            deeper = (*chain, (inner[0].key, 0))
            self._close(deeper, inner[0], "one")
            self._open(chain)
        for index in (0, 1):
            self._close(((question.key, index),), question, str(index))
            self._look_at(question)
        for verb in ("up", "down", "remove"):
            self.draft = self.draft.turn(self.schema, (), question.key, 1, verb)
            self._look_at(question)

    def _close(self, chain: Chain, question: Question, name: str) -> None:
        called = {maps.NAME: name} if maps.is_map(question.schema) else {}
        self.draft = self.draft.close(self.schema, chain, {**self._open(chain).answers, **called})

    def _open(self, chain: Chain) -> Filled:
        """The window of an entry, each of its pages."""
        filled, about = self.draft.open(self.schema, chain), replace(self.about, chain=chain)
        window = Sheet(filled, about, f"It {len(chain)}", "entry", "Done", self.draft)
        for number in range(len(window.pages)):
            self.look(window.turned(number))
        return filled

    def _look_at(self, question: Question) -> None:
        self.look(self.sheet().turned(page_of(self.sheet().pages, question)))


def _line(path: Path, found: Imported) -> str:
    """One row of the table: document, fields, pages, what was not carried over."""
    asked = sum(question.kind != "section" for question in fields(found.schema))
    pages = len(sheets.sheet(presented(path)).pages)
    left = "; ".join([*found.notes, *(f"! {each}" for each in found.warnings)])
    return f"\n{path.parent.name}/{path.stem:60} {asked:4} fields {pages:3} pages  {left}"


def through_the_form(schema: Schema, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a person submits who opened the form with this answer, looked at every page and changed nothing."""
    sheet = sheets.sheet(schema, answer)
    filled = sheet.filled
    for number in range(len(sheet.pages)):
        page = Sheet(filled, sheet.about, "It", "form", "Request", sheet.draft).turned(number)
        view = page.view()
        shown = {block["block_id"] for block in view["blocks"] if "block_id" in block}
        typed = inputs.values(view)
        for question in page.page.questions:  # a secret is typed again
            if question.holds_secret and question.kind != "section":
                _type(typed, page, question, filled.value(question))
        filled = filled.read(typed, shown, page.about.turn)
    return filled.answers


def _type(typed: dict[str, Any], page: Sheet, question: Question, value: Any) -> None:
    text = None if value is None else value if isinstance(value, str) else json.dumps(value)
    typed[page._block(question)] = {"answer": {"type": "plain_text_input", "value": text}}


def asked(schema: Schema, answer: dict[str, Any]) -> dict[str, Any]:
    """What of an answer a person can say in a form: what it asks, and no empty texts, for Slack sends none."""
    bare = _bare(answer)
    kept: dict[str, Any] = {}
    for question in Filled(schema, bare).questions:
        holder = _holder(bare, question.path)
        if question.kind != "section" and holder is not None and question.path[-1] in holder:
            into = kept
            for part in question.path[:-1]:
                into = into.setdefault(part, {})
            into[question.path[-1]] = holder[question.path[-1]]
    return kept


def said(answer: Any, schema: Schema) -> Any:
    """What an answer says: with its defaults, and without what stands empty, which is the same as nothing."""
    return _bare(contract.with_defaults(schema, answer))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _bare(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, {}, [], "", False)}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def breakages(schema: Schema, answer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The answer with one field broken, for each field and each rule that it has; and where."""
    found = [
        (question, broken)
        for question in Filled(schema, answer).shown
        if question.kind != "section" and _holder(answer, question.path) is not None
        for broken in _broken(question)
    ]
    for question, broken in found[:: max(1, len(found) // MOST_BROKEN)]:
        whole = copy.deepcopy(answer)
        holder = _holder(whole, question.path)
        assert holder is not None
        if broken is not MISSING:
            holder[question.path[-1]] = broken
        elif holder.pop(question.path[-1], None) is None:
            continue
        yield whole, question.pointer


def chooses(schema: Schema, answer: dict[str, Any]) -> set[str]:
    """The fields that choose between branches."""
    return {contract.pointer(path) for path in Filled(schema, answer).applied.controls}


MISSING = object()
WRONG_TYPE: dict[str, Any] = {
    "string": 7, "integer": "seven", "number": "seven", "boolean": "perhaps", "array": "list", "object": 7
}  # fmt: skip


def _broken(question: Question) -> Iterator[Any]:
    """Values that a field must not have, by its own rules."""
    schema, types = question.schema, question.types
    if len(types) == 1 and types[0] in WRONG_TYPE:
        yield WRONG_TYPE[types[0]]
    if "enum" in schema:
        yield "none of these"
    if question.must and question.default is None:
        yield MISSING
    if types == ("string",):
        yield from (each for each in ("", "~ /\n~") if "pattern" in schema and contract.problems(schema, each))
        yield "x" * (schema["maxLength"] + 1) if "maxLength" in schema else 7
        yield "x" * (schema["minLength"] - 1) if schema.get("minLength") else 7
    if types in {("integer",), ("number",)}:
        yield schema["minimum"] - 1 if "minimum" in schema else "seven"
        yield schema["maximum"] + 1 if "maximum" in schema else "seven"


def _holder(answer: Any, path: tuple[str, ...]) -> dict[str, Any] | None:
    for part in path[:-1]:
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer if isinstance(answer, dict) else None


def told(schema: Schema, broken: dict[str, Any], problems: list[Problem]) -> None:
    """The modal names the problem beside the field: there, or above the list that it is."""
    sheet = sheets.sheet(schema, broken)
    question = next(each for each in sheet.filled.shown if each.pointer == problems[0].pointer)
    page = sheet.turned(page_of(sheet.pages, question))
    view = page.view(problems)
    sendable_view(view)
    if is_list(question):
        assert problems[0].detail[:40] in json.dumps(view, ensure_ascii=False)
        return
    texts, there = page.errors(problems, page.blocks())
    assert list(texts) == [page._block(question)], problems
    assert there is page
    assert problems[0].detail in texts[page._block(question)]
