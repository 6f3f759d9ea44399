"""People go back and forth in a form, make mistakes, close it and come back: no answer is ever lost or changed.

The person is played by the workspace's own reading of views; Slack by its worst: every state that was ever seen comes
along again with each click.
"""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.contract import Question, problems
from bot.demo.slack import inputs
from bot.errors import Problem
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft, entries_of, list_of
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from bot.slack.forms.states import read_blocks
from bot.slack.rules.limits import view_problems

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12).filter(str.strip)
PORT = {"properties": {"name": {"type": "string"}, "port": {"type": "integer"}}, "required": ["name"]}
FIELDS: dict[str, Any] = {
    "title": {"type": "string"},
    "count": {"type": "integer", "default": 3},
    "size": {"enum": ["small", "large"], "default": "small"},
    "level": {"enum": [1, 2, 3, 4, 5, 6, 7]},
    "on": {"type": "boolean", "default": True},
    "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "many": {"type": "array", "items": {"enum": ["x", "y", "z"]}},
    "day": {"type": "string", "format": "date"},
    "limits": {"type": "object", "additionalProperties": {"type": ["integer", "string"]}},
    "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "boolean"}]},
}
BRANCHES = [
    {"properties": {"kind": {"const": "db"}, "engine": {"type": "string"}, "same": {"type": "string"}}},
    {"properties": {"kind": {"const": "web"}, "engine": {"type": "integer"}, "same": {"type": "string"}}},
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "about": {"oneOf": BRANCHES},
        "ports": {"type": "array", "items": PORT},
        "secret": {"type": "string", "format": "password"},
        **{f"group{at}": {"type": "object", "properties": copy.deepcopy(FIELDS)} for at in range(9)},
        "must": {"type": "object", "properties": FIELDS, "required": ["title", "level"]},
    },
    "required": ["name", "about", "must"],
    "if": {"properties": {"name": {"const": "long"}}, "required": ["name"]},
    "then": {"properties": {"why": {"type": "string"}}},
}


class Walk(RuleBasedStateMachine):
    """`entered` is what the person means to have said, by key of the question."""

    def __init__(self) -> None:
        super().__init__()
        self.draft, self.about = Draft(), About("it", "v1")
        self.entered: dict[str, Any] = {}
        self.secret: Any = None
        self.ports: list[dict[str, Any]] = []
        self.seen: dict[str, Any] = {}

    @initialize()
    def open(self) -> None:
        self._show(Sheet(self.draft.open(SCHEMA), replace(self.about, page=0), "It", "form", "Request", self.draft))

    def _show(self, sheet: Sheet, problems: tuple[Problem, ...] = ()) -> None:
        """Slack shows a view: what was typed stays in blocks of the same id."""
        view = sheet.view(problems)
        assert view_problems(view) == []
        before = getattr(self, "values", {}) if sheet.about.turn == self.about.turn else {}
        self.sheet, self.about, self.view, self.values = sheet, sheet.about, view, inputs.values(view, before)

    def _state(self) -> dict[str, Any]:
        """All states that were ever seen, and those of this view."""
        return {**self.seen, **copy.deepcopy(self.values)}

    def _read(self, draft: Draft) -> Filled:
        shown = {block["block_id"] for block in self.view["blocks"] if "block_id" in block}
        return draft.open(SCHEMA).read(self._state(), shown, self.about.turn)

    def _keep(self) -> Sheet:
        self.draft = Draft.from_json(self.draft.keep(self._read(self.draft)).to_json())
        self.seen.update(copy.deepcopy(self.values))
        return replace(self.sheet, filled=self.draft.open(SCHEMA), draft=self.draft)

    def _fields(self) -> list[tuple[Question, dict[str, Any], dict[str, Any]]]:
        asked = {each.key: each for each in self.sheet.filled.questions}
        blocks = {block["block_id"]: block for block in self.view["blocks"] if block["type"] == "input"}
        return [
            (question, blocks[name], blocks[name]["element"])
            for question in asked.values()
            if (name := self.sheet._block(question)) in blocks
        ]

    @rule(data=st.data())
    def type(self, data: st.DataObject) -> None:
        question, block, element = data.draw(st.sampled_from(self._fields()))
        state = inputs.state_of(element, data.draw(_values(question, element)))
        self.values[block["block_id"]][element["action_id"]] = state
        value = read_blocks([question], self.values, self.about.turn)[question.key]
        if question.secret:
            self.secret = value
            return
        self.entered[question.key] = value
        if block.get("dispatch_action"):
            self._show(self._keep())

    @rule(data=st.data())
    def turn(self, data: st.DataObject) -> None:
        sheet = self._keep()
        self._show(sheet.turned(data.draw(st.integers(0, len(sheet.pages) - 1))))
        self.secret = None

    @rule()
    def fail(self) -> None:
        """Submit with what cannot be, and be shown where."""
        shown = {block["block_id"] for block in self.view["blocks"] if "block_id" in block}
        sheet = replace(self.sheet, filled=self._read(self.draft))
        found = (*problems(SCHEMA, sheet.filled.answers), Problem("/group3/count", "Is too much."))
        errors, there = sheet.errors(found, shown)
        if errors:
            assert set(errors) <= {block["block_id"] for block in self.view["blocks"] if block["type"] == "input"}
            return
        kept = self._keep()
        if there.about.turn != self.about.turn:
            self.secret = None
        self._show(replace(kept, about=there.about), found)

    @rule()
    def close_and_come_back(self) -> None:
        self._keep()
        self.values, self.seen, self.about, self.secret = {}, {}, About("it", "v1"), None
        self.open()

    @rule(name=TEXTS, port=st.none() | st.integers(0, 9), at=st.integers(0, 4))
    def put_an_entry(self, name: str, port: int | None, at: int) -> None:
        at = min(at, len(self.ports))
        self._keep()
        chain = (("/ports", at),)
        entry = Filled(self.draft.open(SCHEMA, chain).schema, {}, {"/name": name, "/port": port})
        self.draft = self.draft.close(SCHEMA, chain, entry.answers)
        self.ports[at : at + 1] = [{"name": name} if port is None else {"name": name, "port": port}]
        self._show(replace(self.sheet, filled=self.draft.open(SCHEMA), draft=self.draft))

    @precondition(lambda self: self.ports)
    @rule(verb=st.sampled_from(["up", "down", "remove"]), at=st.integers(0, 4))
    def turn_an_entry(self, verb: Any, at: int) -> None:
        at = min(at, len(self.ports) - 1)
        self._keep()
        self.draft = self.draft.turn(SCHEMA, (), "/ports", at, verb)
        if verb == "remove":
            del self.ports[at]
        else:
            other = max(0, at - 1) if verb == "up" else min(len(self.ports) - 1, at + 1)
            self.ports[at], self.ports[other] = self.ports[other], self.ports[at]
        self._show(replace(self.sheet, filled=self.draft.open(SCHEMA), draft=self.draft))

    @invariant()
    def everything_is_as_it_was_entered(self) -> None:
        if not hasattr(self, "sheet"):
            return
        for question, _, _ in self._fields():
            found = read_blocks([question], self.values, self.about.turn)[question.key]
            if not question.secret and question.key in self.entered:
                assert found == self.entered[question.key], question.key
        filled = self._read(self.draft)
        for question in filled.questions:
            if question.key in self.entered:
                assert filled.value(question) == self.entered[question.key], question.key
        assert entries_of(filled, list_of(filled, "/ports")) == self.ports
        assert filled.answers.get("ports", []) == self.ports
        secret = next(question for question in filled.questions if question.secret)
        assert filled.value(secret) == self.secret
        assert secret.key not in self.draft.entered.get("", {})


def _values(question: Question, element: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = element["type"]
    if kind in {"static_select", "radio_buttons"}:
        return st.sampled_from(element["options"]) | st.none()
    if kind in {"checkboxes", "multi_static_select"}:
        return st.lists(st.sampled_from(element["options"]), unique_by=lambda option: str(option["value"]))
    if kind == "number_input":
        return st.none() | st.integers(-99, 99).map(str)
    if kind == "datepicker":
        return st.none() | st.dates().map(str)
    if question.named:
        return st.none() | st.just("a=b\nc = d") | TEXTS
    return st.none() | TEXTS | st.sampled_from(["long", "short"])


TestWalk = Walk.TestCase
TestWalk.pytestmark = [pytest.mark.no_cover]  # type: ignore[attr-defined] # the same lines at every step
TestWalk.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
