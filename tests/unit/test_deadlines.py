"""How waits are laid out: when people hear of an end, what comes after it, and what an author may not say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import deadlines
from bot.deadlines import Countdown, Deadline, Escalation, Renewal

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LENGTHS = st.timedeltas(min_value=timedelta(minutes=1), max_value=timedelta(days=4000))


@pytest.mark.parametrize(
    ("length", "before"),
    [
        (90 * DAY, [7 * DAY, DAY]),
        (14 * DAY, [7 * DAY, DAY]),
        (4 * DAY, [2 * DAY, DAY]),
        (2 * DAY, [DAY, 12 * HOUR]),
        (4 * HOUR, [2 * HOUR, HOUR]),
    ],
)
def test_people_hear_a_week_and_a_day_before_or_at_half_and_three_quarters_of_something_short(
    length: timedelta, before: list[timedelta]
) -> None:
    assert [NOW + length - each for each in deadlines.notices(NOW, NOW + length)] == before


@given(LENGTHS)
def test_however_short_a_wait_is_people_hear_of_its_end_while_it_lasts(length: timedelta) -> None:
    found = deadlines.notices(NOW, NOW + length)
    assert found
    assert all(NOW < each < NOW + length for each in found)
    assert list(found) == sorted(found)


def test_what_is_over_already_gives_no_notice() -> None:
    assert deadlines.life(NOW, NOW - DAY) == Countdown(NOW - DAY)


def test_an_author_says_when_people_are_reminded() -> None:
    wait = deadlines.decision(Deadline(3 * DAY, remind=[HOUR, DAY]), NOW)
    assert wait.notices == (NOW + 2 * DAY, NOW + 3 * DAY - HOUR)
    assert deadlines.decision(Deadline(3 * DAY, remind=[]), NOW).notices == ()


def test_a_decision_is_waited_for_two_weeks_unless_an_author_says_otherwise() -> None:
    assert deadlines.decision(Deadline(), NOW).ends_at == NOW + 14 * DAY


def test_a_countdown_is_due_at_its_next_notice_and_at_last_at_its_end() -> None:
    wait = deadlines.decision(Deadline(14 * DAY), NOW)
    moments = []
    while wait.due_at < wait.ends_at:
        moments.append(wait.due_at)
        wait = wait.after(wait.due_at)
    assert [*moments, wait.due_at] == [NOW + 7 * DAY, NOW + 13 * DAY, NOW + 14 * DAY]


def test_after_a_downtime_the_notices_that_were_missed_are_one() -> None:
    wait = deadlines.decision(Deadline(14 * DAY), NOW)
    assert wait.after(NOW + 13 * DAY + HOUR).due_at == NOW + 14 * DAY


def test_those_who_come_next_have_their_own_time_from_when_they_are_asked() -> None:
    second = Escalation("cto@example.com", within=DAY)
    wait = deadlines.decision(Deadline(DAY, escalate=[Escalation("@leads", within=4 * DAY), second]), NOW)
    late = NOW + 30 * DAY
    assert wait.escalated(late) == Countdown(late + 4 * DAY, (late + 2 * DAY, late + 3 * DAY), (second,))
    assert wait.escalated(late).escalated(late).later == ()


@given(
    LENGTHS,
    st.none() | st.lists(st.integers(1, 59), max_size=3),
    st.lists(st.tuples(st.sampled_from(["@leads", "cto@example.com"]), LENGTHS), max_size=3),
)
def test_a_countdown_comes_back_as_it_was_stored(
    length: timedelta, seconds: list[int] | None, later: list[tuple[str, timedelta]]
) -> None:
    remind = None if seconds is None else [timedelta(seconds=each) for each in seconds]
    chain = [Escalation(who, within=within, remind=remind) for who, within in later]
    wait = deadlines.decision(Deadline(length, remind=remind, escalate=chain), NOW)
    assert Countdown.from_json(wait.to_json()) == wait


@pytest.mark.parametrize(
    "said",
    [
        lambda: Deadline(timedelta(0)),
        lambda: Deadline(DAY, remind=[DAY]),
        lambda: Deadline(DAY, remind=[timedelta(0)]),
        lambda: Deadline(DAY, remind=[timedelta(hours=each) for each in range(1, 12)]),
        Escalation,
        lambda: Escalation("@leads", within=-DAY),
        lambda: Renewal(timedelta(0)),
        lambda: Renewal(DAY, most=0),
    ],
)
def test_what_cannot_be_meant_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match=r"[.]$"):
        said()
