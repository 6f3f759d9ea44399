"""Forms that take more than one page, and what keeps them from more than Slack holds."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.contract import Question
from bot.errors import Problem
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft, fitting, summary
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import ref, search
from bot.slack.forms.pages import Sheet, welcome_back
from bot.slack.rules.limits import view_problems
from tests.slack_rules import validator

SHARED = Path(__file__).parents[3] / "shared"
TEXT = {"type": "string"}


def obj(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def sheet(schema: dict[str, Any], entered: dict[str, Any] | None = None, **about: Any) -> Sheet:
    draft = Draft({}, {"": entered or {}})
    return Sheet(draft.open(schema), About("it", "v1", **about), "It", "form", "Request", draft)


def fields_of(view: dict[str, Any]) -> list[str]:
    return [block["block_id"].partition("~")[0] for block in view["blocks"] if block["type"] == "input"]


def question(form: Sheet, name: str) -> Question:
    return next(each for each in form.filled.questions if each.name == name)


WIDE = obj(
    {**{f"f{at}": TEXT for at in range(200)}, "must": TEXT, "key": {"format": "password"}}, "f150", "must", "key"
)


def test_a_form_of_one_plain_page_has_nothing_but_its_fields() -> None:
    schema = obj({"a": TEXT, "b": obj({"c": {"type": "boolean"}}), "d": {"enum": [1, 2]}}, "a")
    one = sheet(schema)
    assert one.is_plain
    view = one.view()
    assert view["notify_on_close"] is True
    assert [block["type"] for block in view["blocks"]] == ["input", "header", "context", "input", "input"]
    assert fields_of(view) == ["/a", "/b/c", "/d"]


def test_what_must_be_answered_comes_first_and_secrets_last() -> None:
    form = sheet(WIDE)
    pages = [page.tier for page in form.pages]
    assert pages == ["must", "more", "more", "more", "secret"]
    assert fields_of(form.view()) == ["/f150", "/must"]
    assert fields_of(form.turned(4).view()) == ["/key"]
    asked = [name for at in range(len(pages)) for name in fields_of(form.turned(at).view())]
    assert sorted(asked) == sorted(f"/{name}" for name in WIDE["properties"])
    assert "Secrets stand last" in json.dumps(form.turned(4).view())


def test_each_turn_makes_new_blocks_and_reads_no_others() -> None:
    form = sheet(WIDE).turned(1)
    name = fields_of(form.view())[0]
    state = {f"{name}~1": {"answer": {"value": "new"}}, name: {"answer": {"value": "old"}}}
    read = form.filled.read(state, form.blocks(), 1)
    assert read.entered == {name: "new"}
    assert form.filled.read(state, set(), 1).entered == {}


def test_a_field_is_found_by_title_path_and_description() -> None:
    schema = obj(
        {
            "network": obj({"cidr": {"type": "string", "title": "Range"}, "size": TEXT}),
            "size": {"type": "string", "description": "How large the network is"},
        }
    )
    questions = sheet(schema).filled.questions
    assert [each.name for each in search(questions, "network")] == ["network.cidr", "network.size", "size"]
    assert [each.name for each in search(questions, "size")] == ["network.size", "size"]
    assert [each.name for each in search(questions, "network size")] == ["network.size"]
    assert [each.name for each in search(questions, "RANGE")] == ["network.cidr"]


def test_problems_stand_here_or_turn_to_the_first_page_that_has_one() -> None:
    form = sheet(WIDE)
    far, near, nowhere = Problem("/f190", "Too far."), Problem("/must", "Missing."), Problem("", "Both cannot be.")
    assert form.errors([far, near], form.blocks()) == ({"/must": "Missing."}, form)
    errors, there = form.errors([far], form.blocks())
    assert errors == {}
    assert "/f190" in fields_of(there.view([far]))
    assert "F190: Too far." in json.dumps(there.view([far]))
    assert form.errors([nowhere], form.blocks())[0] == {"/f150": "Both cannot be."}
    assert form.errors([near], set()) == ({}, form)  # its field is not on the screen yet


def test_long_answers_are_spread_over_more_pages_and_many_notes_are_gathered() -> None:
    texts = obj({f"f{at}": TEXT for at in range(40)})
    form = sheet(texts, {f"/f{at}": "ü" * 3000 for at in range(40)})
    assert len(form.pages) > 1
    assert all(view_problems(form.turned(at).view()) == [] for at in range(len(form.pages)))
    numbers = obj({f"f{at}": {"type": "integer", "maximum": 3} for at in range(60)}, *(f"f{at}" for at in range(60)))
    view = sheet(numbers, {f"/f{at}": 1000 + at for at in range(60)}).view(
        [Problem(f"/f{at}", "x" * 90) for at in range(60)]
    )
    assert view_problems(view) == []
    assert "more, which submitting shows" in view["blocks"][0]["elements"][0]["text"]


def test_a_list_of_objects_is_text_where_slack_keeps_no_more_of_where_it_stands() -> None:
    deep = {"type": "array", "items": obj({"a": TEXT})}
    assert fields_of(sheet(obj({"it": deep})).view()) == []
    fifth = sheet(obj({"it": deep}), chain=tuple((f"/{name * 400}", 0) for name in "abcde"))
    assert fields_of(fifth.view()) == ["/it"]


def test_a_long_list_shows_some_of_its_entries_at_a_time() -> None:
    schema = obj({"it": {"type": "array", "items": obj({"a": TEXT})}})
    entries = [{"a": f"entry {at}"} for at in range(25)]
    first = json.dumps(sheet(schema, {"/it": entries}).view())
    assert ("entry 9" in first, "entry 10" in first, "Later ones" in first, "Earlier" in first) == (
        True,
        False,
        True,
        False,
    )
    name = sheet(schema).view()["blocks"][0]["block_id"].removeprefix("list-")
    last = json.dumps(sheet(schema, {"/it": entries}, listing=name, first=20).view())
    assert ("entry 24" in last, "Later ones" in last, "Earlier" in last) == (True, False, True)


def test_odd_places_show_a_page_that_slack_takes() -> None:
    schema = obj({**WIDE["properties"], "it": {"type": "array", "items": obj({"a": TEXT})}})
    name = ref(question(sheet(schema), "it"))
    for page, first in ((-5, -7), (999, 999), (2, 3)):
        form = sheet(
            schema, {"/it": [{"a": "x"}] * 12, "/f0": {"odd": [1]}}, page=page, listing=name, first=first, turn=-3
        )
        assert view_problems(form.view()) == []


def test_an_entry_is_told_by_its_first_answers() -> None:
    schema = obj(
        {"it": {"type": "array", "items": obj({"name": TEXT, "on": {"type": "boolean"}, "sub": obj({"a": TEXT})})}}
    )
    listed = question(sheet(schema), "it")
    assert summary(listed, {"name": "web", "on": True}) == "Name: web · On: Yes"
    assert summary(listed, {"sub": {"a": "x"}}) == 'sub: {"a": "x"}'
    assert summary(listed, {}) == "(empty)"
    assert summary(listed, "odd") == "odd"


def test_a_draft_of_an_older_form_keeps_what_fits_and_names_the_rest() -> None:
    draft = Draft({"old": 1}, {"": {"/a": "kept", "/gone/b": 3, "/gone/c": None}, "/list|0|": {"/x": 1}})
    kept, told = fitting(draft, obj({"a": TEXT, "list": {"type": "array", "items": obj({"x": TEXT})}}))
    assert kept.entered == {"": {"/a": "kept"}, "/list|0|": {"/x": 1}}
    assert told == ["gone.b (3)", "gone.c (left empty)"]
    notice = json.dumps(welcome_back(datetime(2026, 11, 22, tzinfo=UTC), told))
    assert "Continue where you left off" in notice
    assert "gone.b (3)" in notice


def test_secrets_are_never_written_down_however_deep_they_stand() -> None:
    inner = {"type": "array", "items": obj({"token": {"type": "string", "writeOnly": True}})}
    schema = obj({"key": {"format": "password"}, "many": inner, "name": TEXT})
    entered = {"/key": "canary", "/many": [{"token": "canary"}], "/name": "x"}
    filled = Filled(schema, {"key": "canary", "name": "y"}, entered)
    assert Draft().keep(filled).to_json() == {"base": {}, "entered": {"": {"/name": "x"}}}
    assert filled.open_base() == {"name": "y"}


# -- forms that other people wrote


def documents() -> list[Path]:
    return sorted((SHARED / "schemas").glob("*/*.y*ml"))


def spec(path: Path) -> dict[str, Any] | None:
    """The form of a Promise, an XRD or a template, as it stands; None: it has none."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for document in yaml.load_all(path.read_text(), Loader=loader):
        body = document.get("spec") or {} if isinstance(document, dict) else {}
        pages = body.get("parameters")
        if document.get("kind") == "Template" and pages:
            return {"type": "object", "allOf": pages if isinstance(pages, list) else [pages]}
        described = (body.get("api") or {}).get("spec") or body
        if described.get("versions"):
            found: dict[str, Any] | None = (
                described["versions"][0]["schema"]["openAPIV3Schema"].get("properties", {}).get("spec")
            )
            return found
    return None


@pytest.mark.skipif(not documents(), reason="no ../shared/schemas beside the repository")
def test_every_page_of_the_forms_that_other_people_wrote_is_one_that_slack_takes() -> None:
    strict = validator("modal-view")
    pages = {}
    for path in documents():
        schema = spec(path)
        if schema is None:
            continue
        form = sheet(schema)
        pages[path.name] = len(form.pages)
        for at in range(len(form.pages)):
            view = form.turned(at).view()
            assert view_problems(view) == [], (path.name, at)
            if at < 3:
                strict.validate(view)
    assert len(pages) > 80
    assert max(pages.values()) > 5


def test_a_list_has_its_name_in_bold_as_other_fields_do_and_its_description_below() -> None:
    ports = {"type": "array", "items": obj({"number": {"type": "integer"}}), "title": "Ports <b>", "description": "All"}
    head, below, _ = sheet(obj({"ports": ports}, "ports")).view()["blocks"]
    assert head["text"] == {"type": "mrkdwn", "text": "*Ports &lt;b&gt;*\nNone yet.", "verbatim": True}
    assert below["elements"][0]["text"] == "All"


def test_a_title_that_slack_has_no_room_for_is_told_in_full() -> None:
    long = "A network with everything that one can think of"
    form = replace(sheet(obj({"name": {"type": "string"}})), title=long)
    view = form.view()
    assert view["title"]["text"] == "A network with everythi…"
    assert view["blocks"][0]["text"]["text"] == f"*{long}*"
    assert form.stands_in(view)
    assert "title" not in [each.get("block_id") for each in replace(form, title="A network").view()["blocks"]]


def test_a_heading_has_whole_sentences_and_an_empty_default_is_no_words() -> None:
    inner = obj({"level": {"type": "string", "default": ""}}) | {"description": "Configures the agent"}
    _, below, level = sheet(obj({"agent": inner})).view()["blocks"]
    told = "Configures the agent. Optional: leave all of it empty to do without."
    assert below["elements"][0]["text"] == told
    assert "hint" not in level
    plain = sheet(obj({"level": {"type": "string", "default": ""}})).view()["blocks"][0]
    assert "hint" not in plain
