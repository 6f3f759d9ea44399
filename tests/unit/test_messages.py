"""Cards, notes, direct messages and listings: Slack takes them, nothing that people typed is live, and they say it all."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lifecycle import ApprovalRule, InstanceState, RequestState, StepState
from bot.offering import Offering
from bot.service import Offered
from bot.slack import home, listings, messages, words
from bot.slack.buttons import Target
from bot.slack.messages import Message
from bot.slack.rules.limits import message_problems, view_problems
from bot.slack.text import cut
from bot.slack.words import Words
from bot.store.outbox import NOTED, TOLD
from bot.store.records import CardRecord, EventRecord, InstanceRecord, PersonRecord, RequestRecord
from tests.slack_rules import validator
from tests.unit import records
from tests.unit.records import ADA, EVE, GRACE, HOSTILE, NOW, decision, event, instance, request, step

#: All that may be live: people, channels and groups that Slack knows, times, links of ours and of a step's outputs.
ALLOWED = re.compile(
    r"<@(U01ADA|U02GRACE|W123)>"
    r"|<#[CG][A-Z0-9]+>"
    r"|<!subteam\^S0DBA>"
    r"|<!date\^\d+\^\{date_short\} at \{time\}\|[^<>|]+ UTC>"
    r"|<https://slack\.example/[^<>| ]*\|See its card>"
    r"|<https://x\.example/[^<>| ]*\|[^<>]*>"
    r"|^>",  # a quotation
    re.MULTILINE,
)
MENTIONS = {"@dba": "<!subteam^S0DBA>"}


def words_of(offering: Offering[Any] | None) -> Words:
    return Words(offering, MENTIONS.get)


def mrkdwn(value: Any) -> Iterator[str]:
    """All texts that Slack would interpret."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for each in value.values():
            yield from mrkdwn(each)
    elif isinstance(value, list):
        for each in value:
            yield from mrkdwn(each)


def shown(message: Message) -> str:
    """All that somebody reads in the blocks."""
    return "\n".join(text["text"] for text in texts(message.blocks))


def texts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def assert_fit(message: Message) -> None:
    assert message_problems(message.blocks, message.text) == []
    assert message.text.strip()
    assert len(message.text) <= 4000  # Slack's advice; more is cut where nobody sees it


def assert_slack_says_so_too(message: Message) -> None:
    """The published schema takes long, so not everywhere."""
    assert [error.message for error in validator("message-blocks").iter_errors(message.blocks)] == []


def assert_nothing_live(message: Message) -> None:
    for text in [message.text, *mrkdwn(message.blocks)]:
        assert "<" not in ALLOWED.sub("", text), text
        assert ">" not in ALLOWED.sub("", text), text


def assert_sendable(message: Message) -> None:
    assert_fit(message)
    assert_nothing_live(message)


ANYTHING = settings(max_examples=60, deadline=None)


@ANYTHING
@given(records.REQUESTS, records.OFFERINGS)
def test_whatever_a_request_holds_its_card_and_story_can_be_sent(
    record: RequestRecord, offering: Offering[Any] | None
) -> None:
    assert_sendable(messages.card(record, words_of(offering)))


@ANYTHING
@given(records.REQUESTS, records.OFFERINGS, records.CARDS, records.PEOPLE, records.TEXTS, st.data())
def test_whatever_happened_it_can_be_told(
    record: RequestRecord,
    offering: Offering[Any] | None,
    card: CardRecord | None,
    person: PersonRecord,
    reason: str,
    data: st.DataObject,
) -> None:
    step = data.draw(st.sampled_from([one.name for one in record.steps] or ["gone"]))
    for name in sorted(TOLD):
        happened = event(name, person, reason=reason, step=step, by=reason, did=reason, quote=reason)
        assert_sendable(messages.told(record, happened, words_of(offering), card))
    for name in sorted(NOTED):
        happened = event(name, person, reason=reason, step=step, fields=[reason], by=reason, did=reason, quote=reason)
        assert_sendable(messages.note(record, happened, words_of(offering)))


@ANYTHING
@given(st.lists(records.REQUESTS, max_size=3), st.lists(records.INSTANCES, max_size=3), records.OFFERINGS)
def test_whatever_somebody_has_its_list_can_be_sent(
    asked: list[RequestRecord], instances: list[InstanceRecord], offering: Offering[Any] | None
) -> None:
    asked = [replace(record, id=number) for number, record in enumerate(asked)]
    instances = [replace(one, id=number) for number, one in enumerate(instances)]
    title = offering.title if offering else "gone"
    assert_sendable(listings.mine(instances, asked, lambda _name, _version: title, lambda _record: words_of(offering)))
    assert_sendable(listings.waiting(asked, lambda _record: words_of(offering)))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_in_any_place_of_a_request_is_live_or_too_long(text: str) -> None:
    ask = {"group": text, "instructions": text}
    record = request(
        form={"name": text, "size": text, "owner": text, "place": text, "team": text},
        reason=text,
        requester=replace(EVE, name=text),
        steps=[
            step("one", description=text, reason=text, state=StepState.FAILED),
            step("two", ask=ask, state=StepState.PENDING, description=text),
            step("three", outputs={"url": f"https://x.example/{text}", "key": text}, state=StepState.DONE),
        ],
        outputs={text: text, "host": [text, {text: text}]},
        rules=[ApprovalRule((text, "@dba"), 2)],
        decisions=[decision(replace(EVE, id=i, name=text), reason=text) for i in range(3)],
        events=[event("submitted", EVE), event("failed", EVE, reason=text, step=text)],
        state=RequestState.FAILED,
    )
    offered = words_of(records.offering(title=text or "x"))
    assert_fit(messages.card(record, offered))
    assert_slack_says_so_too(messages.card(record, offered))
    happened = event("failed", replace(EVE, name=text), reason=text, step="one")
    assert_fit(messages.note(record, happened, offered))
    assert_fit(messages.told(record, replace(happened, name="fulfilled"), offered, records.card(place=text)))
    many = [replace(record, id=number) for number in range(30)]
    mine = [instance(id=number, outputs=record.outputs) for number in range(30)]
    assert_fit(listings.waiting(many, lambda _record: offered))
    assert_fit(listings.mine(mine, many, lambda *_: text, lambda _record: offered))


# What they say


def test_a_card_says_what_who_when_and_what_to_do() -> None:
    record = request(reason="for the *launch*")
    message = messages.card(record, words_of(records.offering()))
    read = shown(message)
    assert "REQ-12 · PostgreSQL" in read
    assert f"Asked for by <@U01ADA> on {words.moment(NOW)}" in read
    assert "*Name*\norders" in read
    assert "*Reason:* for the *launch*" in read
    assert "*Waits for approval* by <!subteam^S0DBA>." in read
    assert actions(message) == ["approve", "reject"]
    assert "REQ-12 · PostgreSQL" in message.text
    assert "Waits for approval" in message.text


def actions(message: Message) -> list[str]:
    return [one["action_id"] for block in message.blocks if block["type"] == "actions" for one in block["elements"]]


def test_a_card_shows_only_what_is_public_and_never_a_secret() -> None:
    record = request(form={"name": "orders", "size": "large", "owner": "ada@example.com"})
    read = shown(messages.card(record, words_of(records.offering(public=["name"]))))
    assert "orders" in read
    assert "large" not in read
    assert "large" not in shown(messages.card(record, words_of(None)))
    assert ("size", "large") in words_of(None).all_answers(record)


DECIDED: dict[RequestState, tuple[list[EventRecord], str]] = {
    RequestState.APPROVED: ([event("approved", GRACE)], "*Approved* by <@U02GRACE> on <!date^"),
    RequestState.REJECTED: ([event("rejected", GRACE, reason="No <budget>")], "UTC>: No &lt;budget&gt;"),
    RequestState.WITHDRAWN: ([event("withdrawn", ADA)], "*Withdrawn* by <@U01ADA>"),
    RequestState.EXPIRED: ([event("expired")], "*Expired* on <!date^"),
    RequestState.CANCELLED: ([event("cancelled", ADA, reason="no need")], "*Cancelled* by <@U01ADA>"),
    RequestState.FULFILLED: ([event("fulfilled")], "*Done* on <!date^"),
    RequestState.FAILED: ([event("failed")], "*Failed* on <!date^"),
    RequestState.FULFILLING: ([], "*In work*"),
    RequestState.PARKED: ([event("parked")], "*Needs a person of the platform* on <!date^"),
}


@pytest.mark.parametrize("state", DECIDED)
def test_a_headline_says_the_state_who_brought_it_there_and_when(state: RequestState) -> None:
    events, said = DECIDED[state]
    record = request(state=state, events=events, decisions=[decision(reason="fine")])
    read = words.headline(record, words_of(records.offering()))
    assert said in read
    assert "Approved by <@U02GRACE> on <!date^" in read
    assert "(fine)" in read
    assert actions(messages.card(record, words_of(None))) == []


def test_a_headline_says_whose_approval_is_there_already() -> None:
    record = request(decisions=[decision(), decision(EVE, current=False)], rules=[ApprovalRule(("@dba",), 2)])
    assert words.headline(record, words_of(None)) == (
        "*Waits for approval* by 2 of <!subteam^S0DBA>. Approved so far by <@U02GRACE>."
    )


def test_a_failed_step_says_why_and_can_be_retried_or_cancelled() -> None:
    failed = step(state=StepState.FAILED, reason="There is no project DBA.\nAsk Jira's team.")
    message = messages.card(request(state=RequestState.FAILED, steps=[failed]), words_of(None))
    assert "There is no project DBA." in shown(message)
    assert actions(message) == ["retry", "cancel"]


def test_an_early_step_that_failed_is_retried_before_the_approval() -> None:
    message = messages.card(request(steps=[step(state=StepState.FAILED)]), words_of(None))
    assert actions(message) == ["approve", "reject", "retry"]
    over = messages.card(request(state=RequestState.CANCELLED, steps=[step(state=StepState.FAILED)]), words_of(None))
    assert actions(over) == []


def test_a_task_says_whose_it_is_and_what_to_do() -> None:
    asking = step(state=StepState.PENDING, ask={"group": "@dba", "instructions": "Create `orders`"}, reason="waiting")
    message = messages.card(request(state=RequestState.FULFILLING, steps=[asking]), words_of(None))
    read = shown(message)
    assert "Waiting for <!subteam^S0DBA>" in read
    assert "*To do for <!subteam^S0DBA>*\nCreate `orders`" in read
    assert actions(message) == ["complete", "refuse"]
    assert target(message, "complete") == Target("REQ-12", 1, "work")


def target(message: Message, action: str) -> Target:
    values = [
        one["value"]
        for block in message.blocks
        if block["type"] == "actions"
        for one in block["elements"]
        if one["action_id"] == action
    ]
    return Target.read(values[0])


def test_a_step_with_an_address_links_to_it() -> None:
    done = step(state=StepState.DONE, reason=None, outputs={"url": "https://x.example/DBA-1", "key": "DBA-1"})
    line = words.step_line(done, words_of(None))
    assert line.endswith("<https://x.example/DBA-1|DBA-1>")
    archived = words.step_line(replace(done, reason="DBA-1 was <archived>."), words_of(None))
    assert archived == f"{line}\n    DBA-1 was &lt;archived&gt;."
    assert "<" not in words.step_line(replace(done, outputs={"url": "javascript:alert(1)"}), words_of(None))


@pytest.mark.parametrize("name", sorted(TOLD))
def test_the_requester_hears_of_each_turn_and_what_comes_next(name: str) -> None:
    record = request(outputs={"host": "db1"} if name == "fulfilled" else None)
    message = messages.told(
        record, event(name, GRACE, reason="No budget"), words_of(records.offering()), records.card()
    )
    assert message.text.startswith("*REQ-12 · PostgreSQL*: ")
    assert message.text.endswith("|See its card>")
    if name in ("rejected", "approved", "withdrawn", "cancelled", "retried"):
        assert "<@U02GRACE>" in message.text
    if name in ("rejected", "withdrawn", "cancelled"):
        assert "No budget" in message.text


def test_while_it_waits_the_requester_can_edit_or_withdraw_it() -> None:
    submitted = event("submitted", ADA)
    assert actions(messages.told(request(), submitted, words_of(None), None)) == ["edit", "withdraw"]
    assert actions(messages.told(request(kind="delete"), submitted, words_of(None), None)) == ["withdraw"]
    assert actions(messages.told(request(state=RequestState.APPROVED), submitted, words_of(None), None)) == ["cancel"]
    assert actions(messages.told(request(state=RequestState.FULFILLED), submitted, words_of(None), None)) == []


def test_the_card_of_a_change_shows_first_what_differs_and_how() -> None:
    before = {"name": "orders", "size": "small", "owner": "ada@example.com"}
    changed = request(kind="update", before=before, form=before | {"size": "large"})
    read = shown(messages.card(changed, words_of(records.offering())))
    assert "Change of PostgreSQL" in read
    assert read.index("small → *large*") < read.index("orders")


def test_a_parked_request_can_be_retried_or_cancelled_on_its_card() -> None:
    stands = request(state=RequestState.PARKED, steps=[step(state=StepState.PARKED, reason="No handler.")])
    assert actions(messages.card(stands, words_of(None))) == ["retry", "cancel"]


def test_a_request_that_needs_no_approval_says_so() -> None:
    message = messages.told(request(rules=[]), event("submitted", ADA), words_of(None), None)
    assert "under way: nobody needs to approve it" in message.text


def test_a_card_that_could_not_be_posted_is_said() -> None:
    lost = records.card(link=None, error="is_archived", place="#old <team>")
    message = messages.told(request(), event("submitted", ADA), words_of(None), lost)
    assert "Its card could not be posted in #old &lt;team&gt;, so the approvers were asked directly." in message.text


def test_the_end_of_a_delete_names_what_is_gone() -> None:
    message = messages.told(request(kind="delete"), event("fulfilled"), words_of(records.offering()), None)
    assert message.text == "*REQ-12 · End of PostgreSQL*: INS-7 is gone."


@pytest.mark.parametrize("name", sorted(NOTED))
def test_the_thread_says_each_turn(name: str) -> None:
    asking = step(
        ask={"group": "@dba", "instructions": "Create it"}, state=StepState.PENDING, reason="The disk is full."
    )
    happened = event(name, GRACE, reason="No budget", step="work", fields=["size"])
    text = messages.note(request(steps=[asking]), happened, words_of(None)).text
    assert "{" not in text
    for part in {"task_opened": ["<!subteam^S0DBA>: Create it"], "edited": ["<@U02GRACE> changed size"]}.get(name, []):
        assert part in text
    if name in ("rejected", "task_refused"):
        assert "No budget" in text
    if name == "failed":
        assert "Failed at Somebody works on it. The disk is full." in text


def test_a_task_that_was_answered_before_its_note_went_out_is_said_to_be() -> None:
    text = messages.note(request(), event("task_opened", step="work"), words_of(None)).text
    assert text == "A task was opened, and has been answered already."
    assert messages.note(request(steps=[]), event("task_done", GRACE, step="gone"), words_of(None)).text.endswith(
        "a step"
    )


# Cut, and said so


@pytest.mark.parametrize("character", ["x", "&", "<", "é", "👩"])
def test_what_is_cut_ends_in_an_ellipsis_at_every_length(character: str) -> None:
    long = character * 3000
    message = messages.told(request(), event("rejected", GRACE, reason=long), words_of(None), None)
    assert "…" in message.text
    assert "…" in words.shortened(long, 100)
    assert len(words.shortened(long, 100)) <= 100
    assert words.shortened("short", 100) == "short"


@given(records.TEXTS, st.integers(20, 200))
def test_an_escape_is_never_cut_in_two(text: str, most: int) -> None:
    kept = words.shortened(text, most)
    assert len(kept) <= most
    assert not re.search(r"&(?!amp;|lt;|gt;)", kept)


@given(
    st.lists(st.sampled_from(["word ", "&amp;", "<@U01ADA>", "x" * 50, "<https://x.example/a|b>"])), st.integers(5, 300)
)
def test_a_text_with_live_parts_is_cut_between_them(parts: list[str], most: int) -> None:
    whole = "".join(parts)
    kept = cut(whole, most)
    assert len(kept) <= most
    assert kept == whole or kept.endswith("…")
    assert not re.search(r"<[^>]*$|&(?!amp;)", kept)


def test_more_answers_than_a_card_holds_are_counted() -> None:
    record = request(form={"name": "x"})
    many = [(f"Field {number}", "value") for number in range(200)]

    class Many(Words):
        def answers(self, record: RequestRecord) -> list[tuple[str, str]]:
            return many

    message = messages.card(record, Many(None))
    assert_fit(message)
    assert "80 more answers" in shown(message)


def test_a_card_with_many_tasks_at_once_still_fits() -> None:
    asks = [step(f"s{i}", ask={"group": "@dba", "instructions": "x"}, state=StepState.PENDING) for i in range(30)]
    message = messages.card(request(steps=asks, outputs={"a": "b"}), words_of(None))
    assert_fit(message)


# Words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "less than a minute"),
        (60, "about 1 minute"),
        (5400, "about 2 hours"),
        (3600, "about 1 hour"),
        (86400, "about 1 day"),
        (400000, "about 5 days"),
    ],
)
def test_a_duration_is_said_in_one_unit(seconds: int, said: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == said


def test_answers_read_as_people_say_them() -> None:
    form = {
        "name": "orders",
        "owner": "U02GRACE",
        "place": "C123",
        "team": "@dba",
        "ready": True,
        "tags": ["a", "b"],
    }
    answers = dict(words_of(records.offering()).answers(request(form=form)))
    assert answers == {
        "Name": "orders",
        "Owner": "<@U02GRACE>",
        "Place": "<#C123>",
        "Team": "<!subteam^S0DBA>",
        "Ready": "yes",
        "Tags": "a, b",
    }
    assert dict(words_of(records.offering()).answers(request(form={"place": "#a<b"}))) == {"Place": "#a&lt;b"}


def test_whoever_has_no_slack_is_named() -> None:
    assert words.person(None) == "Frontdesk"
    assert words.person(EVE) == "&lt;!channel&gt; &lt;@U01ADA&gt;"
    assert words.plain(None) == "–"  # noqa: RUF001 - a dash is meant


# Listings


def test_nothing_is_said_to_be_nothing() -> None:
    assert listings.mine([], [], lambda *_: "", lambda _: words_of(None)).text.startswith("You have nothing yet.")
    assert listings.waiting([], lambda _: words_of(None)).text == "Nothing waits for you."


def test_a_list_says_what_there_is_until_when_and_what_can_be_done() -> None:
    message = listings.mine(
        [instance(expires_at=NOW), instance(id=8, state=InstanceState.DELETING), instance(id=9, open_request=3)],
        [request()],
        lambda name, _version: name.title(),
        lambda _record: words_of(records.offering()),
    )
    read = shown(message)
    assert message.text == "You have 3 instances and 1 open request."
    assert "*INS-7* · Postgres · ready, until <!date^" in read
    assert "• host: `db1`" in read
    assert "*REQ-12* · PostgreSQL · asked for by <@U01ADA>" in read
    assert actions(message) == ["change", "delete"]
    assert target(message, "delete") == Target("INS-7")


def test_a_long_list_says_how_much_more_there_is() -> None:
    message = listings.mine(
        [instance(id=i) for i in range(40)],
        [request(id=i) for i in range(20)],
        lambda *_: "x",
        lambda _: words_of(None),
    )
    assert_fit(message)
    assert "28 more instances" in shown(message)
    assert "8 more open requests" in shown(message)
    waiting = listings.waiting([request(id=i) for i in range(15)], lambda _: words_of(None))
    assert_fit(waiting)
    assert (waiting.text, "3 more requests" in shown(waiting)) == ("15 requests wait for you.", True)


def test_what_waits_can_be_decided_or_done_right_there() -> None:
    asking = step(ask={"group": "@dba", "instructions": "x"}, state=StepState.PENDING)
    waiting = [request(), request(id=13, state=RequestState.FULFILLING, steps=[asking])]
    message = listings.waiting(waiting, lambda _: words_of(None))
    assert actions(message) == ["approve", "reject", "complete", "refuse"]
    assert listings.waiting(waiting[:1], lambda _: words_of(None)).text == "1 request waits for you."


# Buttons


@given(st.text() | st.from_regex(r"REQ-[0-9]{1,3}\|[0-9]{0,2}\|[a-z]*", fullmatch=True))
def test_whatever_a_button_holds_is_read(value: str) -> None:
    read = Target.read(value)
    assert isinstance(read.number, str)


@given(
    st.integers(1, 10**6), st.none() | st.integers(1, 99), st.none() | st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
)
def test_a_button_says_what_it_is_about(number: int, revision: int | None, named: str | None) -> None:
    about = Target(f"REQ-{number}", revision, named)
    assert Target.read(str(about)) == about


def test_each_button_has_a_label_for_screen_readers_that_says_what_it_is_about() -> None:
    labels: Mapping[str, str] = {
        one["action_id"]: one["accessibility_label"]
        for block in messages.card(request(), words_of(None)).blocks
        if block["type"] == "actions"
        for one in block["elements"]
    }
    assert labels == {"approve": "Approve REQ-12", "reject": "Reject REQ-12"}


# The Home tab


def test_a_home_tab_holds_as_much_as_slack_takes_and_says_how_much_more_there_is() -> None:
    asking = [step(name=f"s{i}", ask={"group": "@dba", "instructions": "x"}, state=StepState.PENDING) for i in range(4)]
    waiting = listings.waiting(
        [request(id=i, steps=asking) for i in range(30)], lambda _: words_of(records.offering()), room=home.ROOM
    )
    mine = listings.mine(
        [instance(id=i) for i in range(40)],
        [request(id=i) for i in range(20)],
        lambda *_: "x",
        lambda _: words_of(None),
        room=home.ROOM,
    )
    tab = home.home(waiting, mine, [Offered(records.offering(), None) for _ in range(60)])
    assert view_problems(tab) == []
    assert "27 more requests" in shown(waiting)
    assert "29 more instances" in shown(mine)
