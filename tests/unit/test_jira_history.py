"""Which of an issue's history and comments are news."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.handlers.jira.history import OVERLAP, Entry, changes, comments, moment, unseen
from bot.handlers.jira.markup import plain
from bot.handlers.jira.turns import FOOTER, signed

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ME = "557058:me"
TOM = {"accountId": "5b10ac", "displayName": "Tom\n*Tester*"}


def entry(number: int, at: float) -> Entry:
    """One made `at` seconds after the start."""
    made = NOW + timedelta(seconds=at)
    return comments([{"id": str(number), "author": TOM, "created": made.isoformat(), "body": "x"}], ME, "DBA-1")[0]


def keys(found: tuple[list[Any], Any]) -> list[str]:
    return [note.key for note in found[0]]


def test_a_moment_is_read_as_jira_writes_it() -> None:
    assert moment("2026-11-22T10:00:00.123+0100") == NOW + timedelta(milliseconds=123)


def test_what_becomes_visible_late_is_told_all_the_same_and_once() -> None:
    late, early = entry(1, 0), entry(2, 300)
    found, seen = unseen([early], {}, NOW)
    assert [note.key for note in found] == ["comment 2"]
    found, seen = unseen([early, late], seen, NOW)
    assert [note.key for note in found] == ["comment 1"]
    assert keys(unseen([early, late], seen, NOW)) == []


def test_what_was_there_long_before_the_first_look_is_no_news() -> None:
    assert keys(unseen([entry(1, -90_000), entry(2, -80_000)], {}, NOW)) == ["comment 2"]


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=30), st.lists(st.integers(1, 5), max_size=30))
def test_however_looks_and_entries_fall_each_is_told_once(times: list[float], steps: list[int]) -> None:
    """Looks come in any rhythm; each sees what was made so far."""
    entries = [entry(number, at) for number, at in enumerate(sorted(times))]
    told: list[str] = []
    seen: dict[str, Any] = {}
    visible = 0
    for step in [*steps, len(entries)]:
        visible = min(len(entries), visible + step)
        found, seen = unseen(entries[:visible], seen, NOW)
        told += [note.key for note in found]
        assert len(seen["told"]) <= sum(one.at >= moment(seen["since"]) - OVERLAP for one in entries[:visible])
    assert told == [f"comment {number}" for number in range(len(entries))]


def test_a_name_is_one_line_and_said_to_be_jiras() -> None:
    ((note,),) = [entry(1, 0).notes]
    assert note.by == "Tom *Tester* (Jira)"
    nobody = comments([{"id": "1", "author": None, "created": NOW.isoformat(), "body": ""}], ME, "DBA-1")
    assert nobody[0].notes[0].by == "Somebody (Jira)"


@pytest.mark.parametrize(
    ("item", "did"),
    [
        ({"field": "status", "fromString": "To Do", "toString": "Done"}, "moved DBA-1 from To Do to Done"),
        ({"field": "assignee", "fromString": None, "toString": "Mia"}, "assigned DBA-1 to Mia"),
        ({"field": "assignee", "fromString": "Mia", "toString": None}, "took DBA-1 from Mia: nobody has it now"),
        (
            {"field": "Key", "fromString": "OPS-3", "toString": "DBA-1"},
            "moved OPS-3 to another project: it is DBA-1 now",
        ),
        ({"field": "Zugewiesen", "fieldId": "assignee", "toString": "Mia"}, "assigned DBA-1 to Mia"),
    ],
)
def test_changes_that_matter_are_told_in_words(item: dict[str, Any], did: str) -> None:
    about = {"id": "7", "author": TOM, "created": NOW.isoformat(), "items": [{"field": "rank"}, item]}
    (found,) = changes([about], ME, "DBA-1")
    assert [note.did for note in found.notes] == [did]
    assert changes([about | {"author": {"accountId": ME}}], ME, "DBA-1")[0].notes == ()


def test_our_footer_is_known_in_whatever_account_it_stands() -> None:
    text = "\n\n".join(signed("*REQ-1 approved*", "0123456789ab"))
    about = {"id": "7", "author": TOM, "created": NOW.isoformat(), "body": text}
    assert comments([about], ME, "DBA-1")[0].notes == ()
    assert comments([about | {"body": f"{text}\nreally?"}], ME, "DBA-1")[0].notes != ()
    assert FOOTER


def test_a_very_long_comment_is_cut_with_a_mark() -> None:
    about = {"id": "7", "author": TOM, "created": NOW.isoformat(), "body": "long " * 5000}
    ((note,),) = [one.notes for one in comments([about], ME, "DBA-1")]
    assert len(note.quote) <= 2000
    assert note.quote.endswith("[…]")


def test_markup_that_only_jira_shows_is_left_out() -> None:
    assert plain("{color:#707070}Hi{color} [~accountid:5b:10-a2] and [~tom]\r\n{quote}x{quote}") == "Hi @… and @…\nx"
