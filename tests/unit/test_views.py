"""The modals that are not an offering's form: what they say, and that Slack takes them whatever stands in them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.errors import Conflict
from bot.lifecycle import ApprovalRule
from bot.offering import Offering
from bot.service import Offered
from bot.slack import views
from bot.slack.forms import about as abouts
from bot.slack.forms.about import About
from bot.slack.messages import Message
from bot.slack.outgoing import Unsendable, checked_message, checked_view
from bot.slack.rules.limits import view_problems
from bot.slack.words import Words
from bot.store.records import RequestRecord
from tests.slack_rules import validator
from tests.unit import records
from tests.unit.records import HOSTILE, offering, request
from tests.unit.test_messages import mrkdwn, texts


def read(view: dict[str, Any]) -> str:
    return "\n".join(text["text"] for text in texts(view))


def assert_sendable(view: dict[str, Any]) -> None:
    assert view_problems(view) == []
    View(**view).validate_json()


def offered(count: int, **given: Any) -> list[Offered]:
    made = [offering(**{"title": f"Title {number}"} | given) for number in range(count)]
    for number, one in enumerate(made):
        one.name = f"name-{number}"
    return [Offered(one, None) for one in made]


def test_the_catalogue_says_what_whose_and_how_long_it_takes() -> None:
    view = views.catalogue([Offered(offering(), timedelta(hours=2)), *offered(1, title="Access", description="")])
    said = read(view)
    assert "*PostgreSQL*\nA database." in said
    assert "Owner: @data-platform" in said
    assert "It usually takes about 2 hours." in said
    assert said.count("usually") == 1
    assert [option["value"] for option in select_of(view)["options"]] == ["postgres", "name-0"]
    assert_sendable(view)
    assert [error.message for error in validator("modal-view").iter_errors(view)] == []


def select_of(view: dict[str, Any]) -> dict[str, Any]:
    element: dict[str, Any] = next(block["element"] for block in view["blocks"] if block["type"] == "input")
    return element


@pytest.mark.parametrize("count", [1, 40, 41, 100, 101, 350])
def test_a_catalogue_of_any_size_fits_and_all_of_it_can_be_chosen(count: int) -> None:
    view = views.catalogue(offered(count, description="x" * 700))
    assert_sendable(view)
    select = select_of(view)
    options = select.get("options") or [one for group in select["option_groups"] for one in group["options"]]
    assert len(options) == count
    assert ("more are in the list above" in read(view)) == (count > 40)


def test_what_was_asked_for_and_is_not_there_is_said_above_the_catalogue() -> None:
    view = views.catalogue(offered(2), "There is no offering called <!channel>. There is: postgres.")
    assert view["blocks"][0]["text"] == {
        "type": "plain_text",
        "text": "There is no offering called <!channel>. There is: postgres.",
    }
    assert_sendable(view)


@settings(max_examples=60, deadline=None)
@given(st.lists(records.OFFERINGS.filter(bool), min_size=1, max_size=3), records.TEXTS)
def test_whatever_offerings_say_the_catalogue_can_be_sent(made: list[Offering[Any]], problem: str) -> None:
    for number, one in enumerate(made):
        one.name = f"name-{number}"
    view = views.catalogue([Offered(one, None) for one in made], problem)
    assert_sendable(view)
    for text in mrkdwn(view):
        assert "<" not in text


@settings(max_examples=60, deadline=None)
@given(records.REQUESTS, records.OFFERINGS)
def test_whatever_was_asked_for_its_confirmation_can_be_sent(
    record: RequestRecord, offering: Offering[Any] | None
) -> None:
    view = views.confirmation(record, Words(offering))
    assert_sendable(view)
    for text in mrkdwn(view):
        assert "<" not in text


def test_a_confirmation_says_the_number_who_decides_and_where_to_look() -> None:
    usual = views.usual(Offered(offering(), timedelta(days=1)))
    said = read(views.confirmation(request(rules=[ApprovalRule(("@dba",), 2)]), Words(offering()), usual=usual))
    assert "*REQ-12*: PostgreSQL was asked for. It waits for 2 of @dba." in said
    assert "It usually takes about 1 day. Its story: /platform show REQ-12" in said
    free = read(views.confirmation(request(rules=[]), Words(offering())))
    assert "It is under way: nobody needs to approve it." in free
    assert views.usual(None) == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_reason_and_a_message_can_be_sent_with_anything_in_them(text: str) -> None:
    about = About(number="REQ-12", revision=2, step=text[:200])
    view = views.reason(abouts.REJECT, about, title=text, question=text, submit="Reject")
    assert_sendable(view)
    assert About.read(view) == about
    assert_sendable(views.message(text, text))
    assert ("…" in read(views.message("x", text))) == (len(text.strip()) > 3000)


@given(st.builds(About, st.text(max_size=20), st.text(max_size=5), st.text(max_size=9), st.none() | st.integers(1)))
def test_what_a_modal_is_about_is_read_back(about: About) -> None:
    assert About.read({"private_metadata": str(about)}) == about


@pytest.mark.parametrize("metadata", ["", "{}"])
def test_a_modal_that_is_about_nothing_is_read(metadata: str) -> None:
    assert About.read({"private_metadata": metadata}) == About()


@pytest.mark.parametrize("metadata", ["no JSON", "[]", '{"revision": "x"}', "null"])
def test_a_modal_that_is_not_ours_is_refused_in_words(metadata: str) -> None:
    with pytest.raises(Conflict, match="Copy what you need and start with /platform"):
        About.read({"private_metadata": metadata})


def test_a_view_that_slack_would_refuse_is_never_sent() -> None:
    view = views.message("Title", "Text")
    assert checked_view(view) is view
    with pytest.raises(Unsendable, match="Slack would refuse the view message: /title/text"):
        checked_view(view | {"title": {"type": "plain_text", "text": "x" * 25}})


def test_a_message_that_slack_would_refuse_goes_out_as_its_text(caplog: pytest.LogCaptureFixture) -> None:
    good = Message("All of it", [{"type": "divider"}])
    assert checked_message(good) is good
    assert checked_message(Message("All of it", [{"type": "divide"}])) == Message("All of it")
    assert "it goes out in plain words" in caplog.text
