"""Moments in a person's own zone: typed, picked and shown there, kept in UTC."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.contract import fields, mapped, moments, typed
from bot.demo.slack import inputs
from bot.slack.forms.about import About
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.slack_rules import sendable_view

BERLIN = ZoneInfo("Europe/Berlin")
MOMENT = {"type": "string", "format": "date-time"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": MOMENT,
        "day": {"type": "string", "format": "date"},
        "all": {"type": "array", "items": MOMENT},
        "runs": {"type": "array", "items": {"type": "object", "properties": {"at": MOMENT, "who": {"type": "string"}}}},
    },
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-07-01 10:30", "2026-07-01T08:30:00Z"),
        ("2026-12-01T10:30:15", "2026-12-01T09:30:15Z"),
        ("2026-12-01T10:30:00+05:30", "2026-12-01T05:00:00Z"),
        ("2026-12-01T10:30:00Z", "2026-12-01T10:30:00Z"),
        ("2026-12-01t10:30:00.5z", "2026-12-01t10:30:00.5z"),
    ],
)
def test_what_is_typed_is_of_the_persons_clocks_unless_it_says_otherwise(text: str, kept: str) -> None:
    assert moments.read(f" {text} ", BERLIN) == kept


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("2026-12-01 10:30", None, "Has to be a date and time with its offset"),
        ("tomorrow", BERLIN, "by the clocks of Europe/Berlin"),
        ("2026-13-01 10:30", BERLIN, "by the clocks of Europe/Berlin"),
        ("2026-03-29 02:30", BERLIN, "There is no such time in Europe/Berlin"),
        ("2026-10-25 02:30", BERLIN, r"say 2026-10-25T02:30:00\+02:00 or 2026-10-25T02:30:00\+01:00"),
    ],
)
def test_what_is_no_moment_or_could_be_two_is_refused(text: str, zone: ZoneInfo | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        moments.read(text, zone)


def test_pairs_of_a_command_are_read_so_too_and_a_date_stays_a_date() -> None:
    answers, wrong = typed(
        SCHEMA, [("at", "2026-07-01 10:30"), ("day", "2026-07-01"), ("all", "2026-07-01 00:10")], BERLIN
    )
    assert (answers, wrong) == (
        {"at": "2026-07-01T08:30:00Z", "day": "2026-07-01", "all": ["2026-06-30T22:10:00Z"]},
        [],
    )
    _, wrong = typed(SCHEMA, [("at", "2026-07-01 10:30")])
    assert "with its offset" in wrong[0].detail


def view(answers: dict[str, Any]) -> tuple[Filled, dict[str, Any]]:
    filled = Filled(SCHEMA, answers, zone=BERLIN)
    made = Sheet(filled, About(), "It", "form", "Request", Draft()).view()
    sendable_view(made)
    return filled, {block["block_id"]: block for block in made["blocks"] if block["type"] == "input"}


def test_a_picker_shows_the_moment_and_gives_it_back_in_utc() -> None:
    filled, blocks = view({"at": "2026-12-01T10:30:00Z"})
    assert blocks["/at"]["element"]["initial_date_time"] == 1796121000
    state = {"/at": {"answer": {"type": "datetimepicker", "selected_date_time": 1796124600}}}
    assert filled.read(state, {"/at"}, 0).answers["at"] == "2026-12-01T11:30:00Z"


def test_a_moment_that_nobody_touched_stays_as_it_was_written() -> None:
    for text in (
        "2026-12-01T11:30:00+01:00",
        "2026-12-01T10:30Z",
        "2026-12-01T10:30:00.500000Z",
        "1969-12-01T10:30:00Z",
    ):
        filled, blocks = view({"at": text, "all": [text]})
        state = inputs.values({"blocks": list(blocks.values())})
        assert filled.read(state, set(blocks), 0).entered == {}, text


def test_a_text_input_shows_and_reads_the_persons_clocks() -> None:
    filled, blocks = view({"all": ["2026-12-01T10:30:00Z", "2026-07-01T10:30:00Z"], "at": "1969-12-01T10:30:00Z"})
    element = blocks["/all"]["element"]
    assert element["initial_value"] == "2026-12-01 11:30:00+01:00\n2026-07-01 12:30:00+02:00"
    assert "Europe/Berlin" in blocks["/all"]["hint"]["text"]
    assert blocks["/at"]["element"]["initial_value"] == "1969-12-01 11:30:00+01:00"
    state = {"/all": {"answer": {"type": "plain_text_input", "value": "2026-12-01 11:30\n2026-12-02 11:30"}}}
    read = filled.read(state, {"/all"}, 0)
    assert read.answers["all"] == ["2026-12-01T10:30:00Z", "2026-12-02T10:30:00Z"]
    wrong = filled.read({"/all": {"answer": {"type": "plain_text_input", "value": "2026-03-29 02:30"}}}, {"/all"}, 0)
    assert [(each.pointer, each.detail[:21]) for each in wrong.unread] == [("/all", "There is no such time")]


def test_every_answer_is_looked_at_beside_its_question_also_in_entries() -> None:
    answers = {
        "at": "2026-12-01T11:30:00+01:00",
        "all": ["2026-12-01T11:30:00+01:00"],
        "runs": [{"at": "2026-12-01T11:30:00+01:00", "who": "ada"}, {"who": "2026-12-01T11:30:00+01:00"}],
        "free": {"at": 1},
    }
    seen: list[tuple[Any, ...]] = []

    def look(question: Any, value: Any, place: tuple[str | int, ...]) -> Any:
        seen.append(place)
        return moments.in_utc(value) if question.kind == "datetime" else value

    made = mapped(SCHEMA, answers, look)
    assert made == {
        "at": "2026-12-01T10:30:00Z",
        "all": ["2026-12-01T10:30:00Z"],
        "runs": [{"at": "2026-12-01T10:30:00Z", "who": "ada"}, {"who": "2026-12-01T11:30:00+01:00"}],
        "free": {"at": 1},
    }
    assert seen == [("at",), ("all", 0), ("runs", 0, "at"), ("runs", 0, "who"), ("runs", 1, "who")]
    assert [each.name for each in fields(SCHEMA)] == ["at", "day", "all", "runs"]
