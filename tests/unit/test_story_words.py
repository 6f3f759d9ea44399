"""The story of a request: what each step stands at and why, who did what, what could not be said; and its pages in Slack."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import story
from bot.lifecycle import InstanceState, RequestState, StepState
from bot.offering import Offering
from bot.slack import stories
from bot.slack.text import parts
from bot.store.records import EventRecord, InstanceRecord, RequestRecord, StepRecord, UnsaidRecord
from tests.unit import records
from tests.unit.records import ADA, EVE, GRACE, HOSTILE, NOW, decision, event, instance, request, step
from tests.unit.test_messages import (
    actions,
    assert_nothing_live,
    assert_sendable,
    assert_slack_says_so_too,
    shown,
    words_of,
)

LATER = NOW + timedelta(minutes=30)
ASK = {"group": "@dba", "instructions": "Create it", "outputs": None}


def at(minutes: int, name: str, person: Any = None, **data: Any) -> EventRecord:
    return EventRecord(minutes, name, person, NOW + timedelta(minutes=minutes), data)


def one(step_: StepRecord, *events: EventRecord, **given: Any) -> story.StepStory:
    (found,) = story.of(request(steps=[step_], events=list(events), **given)).steps
    return found


# Steps

STANDS: list[tuple[dict[str, Any], str]] = [
    ({"state": StepState.WAITING}, "comes after the approval"),
    ({"state": StepState.WAITING, "early": True}, "comes after the steps that it waits for"),
    ({"state": StepState.WAITING, "early": True, "always": True}, "runs whatever happens, at the end"),
    ({"state": StepState.WAITING, "run_at": LATER}, "is next"),
    ({"state": StepState.WAITING, "run_at": LATER, "reason": "Jira is down."}, "is tried again: Jira is down."),
    ({"state": StepState.RUNNING}, "runs"),
    ({"state": StepState.RUNNING, "reason": "half way"}, "runs: half way"),
    ({"state": StepState.PENDING, "ask": ASK}, "waits for @dba to do it"),
    ({"state": StepState.PENDING, "reason": "The ticket is open."}, "waits: The ticket is open."),
    ({"state": StepState.FAILED, "reason": "No room."}, "failed: No room."),
    ({"state": StepState.PARKED, "reason": "Unknown."}, "needs a person of the platform: Unknown."),
    ({"state": StepState.SKIPPED}, "left out"),
    ({"state": StepState.DONE}, "done"),
]


@pytest.mark.parametrize(("given_", "says"), STANDS)
def test_each_step_says_where_it_stands_and_why(given_: dict[str, Any], says: str) -> None:
    assert one(step(**given_)).says == says


def test_a_step_says_how_often_it_was_tried_taken_over_and_asked() -> None:
    assert one(step(state=StepState.PENDING, attempts=3, crashes=1, polls=12)).says == (
        "waits (3 attempts, taken over once, asked 12 times)"
    )


def test_what_waits_after_the_approval_waits_for_the_steps_before_it() -> None:
    assert one(step(), state=RequestState.FULFILLING).says == "comes after the steps that it waits for"
    assert one(step(), state=RequestState.REJECTED).says == "is left out"


def test_a_step_knows_since_when_and_until_when() -> None:
    pending = step(state=StepState.PENDING, reason="open", run_at=LATER, started_at=NOW)
    told = one(
        pending, at(1, "step_started", step="work"), at(2, "step_waits", step="work"), at(3, "step_waits", step="x")
    )
    assert (told.since, told.until) == (NOW + timedelta(minutes=2), LATER)
    running = step(state=StepState.RUNNING, started_at=NOW, lease_until=LATER)
    assert (one(running).since, one(running).until) == (NOW, LATER)
    taken = one(running, at(5, "step_taken_over", step="work", worker="one"))
    assert taken.since == NOW + timedelta(minutes=5)
    done = step(state=StepState.DONE, run_at=LATER, ended_at=LATER)
    assert (one(done).since, one(done).until) == (LATER, None)


# Turns


def said(happened: EventRecord, **given_: Any) -> str:
    return story.turn(request(**given_), happened).says


def test_a_decision_is_told_with_its_reason() -> None:
    approved = event("approved", GRACE)
    given_ = [decision(GRACE, reason="older", current=False), decision(GRACE, reason="fine", at=approved.at)]
    assert said(approved, decisions=given_) == "approved: fine"
    assert said(approved, decisions=[decision(EVE, reason="mine", at=approved.at)]) == "approved"
    assert said(event("rejected", GRACE, reason="No budget")) == "rejected it: No budget"


def test_each_turn_names_its_step_and_why() -> None:
    assert said(event("step_failed", step="ticket", reason="No room.")) == "failed at ticket: No room."
    taken = event("step_taken_over", step="ticket", worker="host:1:ab")
    assert said(taken) == "took ticket over from host:1:ab, which was heard of no more"
    assert said(event("edited", ADA, fields=["size", "name"])) == "changed size, name"
    assert said(event("undeliverable", place="#data", error="archived")) == "could not post the card in #data: archived"


def test_what_somebody_did_in_another_system_is_theirs() -> None:
    happened = event("said", by="Eve in Jira", did="commented on DBA-1", quote="why?", step="ticket")
    told = story.turn(request(), happened)
    assert (told.elsewhere, told.person, told.says) == ("Eve in Jira", None, "commented on DBA-1: why?")
    assert "Eve in Jira: commented" in shown(stories.page(story.of(request(events=[happened])), words_of(None)))


def test_an_event_that_the_story_does_not_know_is_told_by_its_name() -> None:
    assert said(event("owner_reminded", step="ticket", reason="It is late.")) == "owner reminded (ticket): It is late."


def test_what_people_typed_is_no_template() -> None:
    assert said(event("step_failed", step="{0}", reason="{by} %s")) == "failed at {0}: {by} %s"


def test_what_was_not_said_is_told_with_what_becomes_of_it() -> None:
    unsaid = UnsaidRecord("message", "Ada", "the person has left", given_up=True, attempts=3, since=NOW, again_at=None)
    assert story.unsaid(unsaid) == "A message to Ada is given up after 3 attempts: the person has left"
    later = replace(unsaid, kind="card", to="#data", given_up=False, attempts=1, error=None, again_at=LATER)
    assert story.unsaid(later) == (
        "The card in #data could not be delivered so far after 1 attempt: it is not known why"
    )


def test_a_request_says_where_it_stands() -> None:
    assert story.stands(request()).startswith("REQ-12 is awaiting approval: submitted on 2026-11-22")
    rejected = request(state=RequestState.REJECTED, events=[event("rejected", GRACE)])
    assert story.stands(rejected) == "REQ-12 was rejected by Grace on 2026-11-22 at 10:00 UTC."
    assert story.stands(request(events=[])) == "REQ-12 is awaiting_approval.".replace("_", " ")


# Pages

UNSAID = st.builds(
    UnsaidRecord,
    kind=st.sampled_from(["card", "message", "post", "follow", "alarm", "news"]),
    to=records.TEXTS,
    error=st.none() | records.TEXTS,
    given_up=st.booleans(),
    attempts=st.integers(0, 9),
    since=st.none() | st.just(NOW),
    again_at=st.none() | st.just(LATER),
)


@settings(max_examples=60, deadline=None)
@given(
    records.REQUESTS, records.OFFERINGS, st.none() | records.INSTANCES, st.lists(UNSAID, max_size=3), st.integers(-1, 9)
)
def test_whatever_a_request_holds_each_page_of_its_story_can_be_sent(
    record: RequestRecord, offering: Offering[Any] | None, instance_: InstanceRecord | None, unsaid: Any, number: int
) -> None:
    message = stories.page(story.of(record, instance_, unsaid), words_of(offering), number)
    assert_sendable(message)


def pages(record: RequestRecord, **more: Any) -> list[Any]:
    """Every page, turned as somebody turns them."""
    found = []
    for number in range(1, 1000):
        message = stories.page(story.of(record, **more), words_of(records.offering()), number)
        found.append(message)
        if "story_more" not in actions(message):
            return found
    raise AssertionError("it has no last page")


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
def test_nothing_that_people_wrote_is_cut(text: str) -> None:
    long = text * (9000 // len(text) + 1)
    record = request(
        form={"name": long, "owner": "ada@example.com"}, reason=long, steps=[step(state=StepState.FAILED, reason=long)]
    )
    found = pages(record)
    assert len(found) > 2
    read = "".join(shown(message) for message in found)
    escaped = long.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert len("".join(read.split())) >= 3 * len("".join(escaped.split()))
    for message in found:
        assert_sendable(message)
    assert_slack_says_so_too(found[0])


def test_a_short_story_has_one_page_with_all_that_there_is() -> None:
    record = request(
        state=RequestState.FULFILLED,
        outputs={"host": "db`1", "port": 5432},
        steps=[step(state=StepState.DONE, ended_at=LATER, outputs={"url": "https://x.example/1", "key": "DBA-1"})],
        events=[event("submitted", ADA), event("step_started", step="work"), event("fulfilled")],
    )
    unsaid = UnsaidRecord("message", "Ada", "the person has left", given_up=True, attempts=1, since=NOW, again_at=None)
    (message,) = pages(record, instance=instance(state=InstanceState.READY, expires_at=LATER), unsaid=[unsaid])
    read = shown(message)
    for words in (
        "REQ-12 · PostgreSQL",
        "*Name*\norders",
        "• *work* –",  # noqa: RUF001 - a dash is meant
        "DBA-1",
        "done, since <!date^",
        "• host: `db\N{MODIFIER LETTER GRAVE ACCENT}1`",
        "INS-7 is ready, until <!date^",
        "*Not said:* A message to Ada is given up",
        "<@U01ADA>: asked for it",
        "Frontdesk: began work",
        "Frontdesk: finished it",
    ):
        assert words in read
    assert "Page" not in read


def test_a_page_has_the_buttons_of_what_can_be_done_and_of_the_pages_beside_it() -> None:
    first, *_, last = pages(request(reason="word " * 6000))
    assert actions(first) == ["approve", "reject", "story_more"]
    assert actions(last) == ["approve", "reject", "story_back"]
    assert "Page 1 of" in first.text


def test_a_page_that_is_not_there_any_more_is_the_nearest() -> None:
    record = request()
    assert stories.page(story.of(record), words_of(None), 7) == stories.page(story.of(record), words_of(None))


@settings(deadline=None)
@given(st.text(alphabet="ab &<>\n", max_size=400), st.integers(30, 60))
def test_a_text_in_parts_is_whole_and_no_part_ends_within_an_escape(text: str, most: int) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = parts(escaped, most)
    assert "".join(found) == escaped
    assert all(len(each) <= most for each in found)
    assert "".join(each.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for each in found) == text


def test_a_hostile_name_in_a_turn_is_not_live() -> None:
    record = request(events=[event("approved", EVE), event("step_failed", step="<!channel>", reason="<!here>")])
    assert_nothing_live(stories.page(story.of(record), words_of(None)))
