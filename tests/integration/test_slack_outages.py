"""Slack, Jira or a system of somebody's is away, refuses or breaks the line: what people read, and that nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot import app, settings
from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.site import Answer, JiraStandIn
from bot.demo.server import Server
from bot.demo.server import build as build_workspace
from bot.demo.slack import population
from bot.demo.slack.entities import Message
from bot.store import people
from tests.conftest import file_at
from tests.integration.clicks import fill_in, give_reason, read
from tests.integration.office import ROOT, Office, buttons, everything, is_card, opened, text_of
from tests.integration.receiver import Reaction, Receiver, answer

ORDER = '''"""Order

Something that another system makes.
"""

from bot import Approval, Form, Offering, Outputs, Request
from bot.handlers import webhook


class Order(Form):
    name: str


class Made(Outputs):
    host: str


order = Offering("order", Order, outputs=Made, owner="@data-platform", notify="{place}", approval=Approval("@dba"))


@order.step
def make(request: Request[Order]) -> webhook.Call[Made]:
    """The other system makes it."""
    return webhook.Call(url="{url}", body={{"name": request.form.name}}, outputs=Made)
'''
ORDERED = "/platform request order name=orders"
MADE = answer(201, {"host": "orders.example.com"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.running():
        yield receiver


def offerings(folder: Path, url: str = "http://127.0.0.1:9", place: str = "#data-platform") -> Path:
    folder.mkdir()
    (folder / "order.py").write_text(ORDER.format(url=url, place=place))
    for path in (ROOT / "offerings").glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    return folder


def cards(office: Office, number: str, channel: str = "#data-platform") -> list[Message]:
    """The cards of a request in a channel: there should be one."""
    return [message for message in office.grace.sees(channel) if is_card(message, number)]


def direct(office: Office, who: Any) -> list[Message]:
    """The direct messages that somebody has from us."""
    return [m for m in everything(who) if not m.only_for]


# Places that cannot be written to


@pytest.mark.parametrize(
    ("place", "why"),
    [("#old-stuff", "is_archived"), ("#nowhere", "channel_not_found"), ("#secret-plans", "channel_not_found")],
)
def test_where_a_card_cannot_be_posted_the_approvers_get_it_in_person(
    tmp_path: Path, receiver: Receiver, place: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = receiver.script("/orders", MADE)
    with opened(tmp_path, offerings=offerings(tmp_path / "offerings", url, place)) as office:
        number = office.ask(office.ada, ORDERED)
        told = office.told(
            office.ada, f"Its card could not be posted in {place}, so the approvers were asked directly."
        )
        assert f"{number} · Order*: asked for" in told.text
        card = office.told(office.grace, f"{number} · Order")
        assert buttons(card) == ["approve", "reject"]
        assert office.told(office.linus, f"{number} · Order").channel != card.channel
        office.linus.click(
            card_of(office, office.linus, number).channel, card_of(office, office.linus, number).ts, "approve"
        )
        office.told(office.linus, f"You approved {number}.")
        office.until(lambda: buttons(card_of(office, office.grace, number)) == [])
        assert "Approved by <@U01LINUS>" in text_of(card_of(office, office.grace, number))
        office.told(office.ada, f"{number} · Order*: ready")
    assert why in caplog.text


def card_of(office: Office, who: Any, number: str) -> Message:
    """The card that somebody has got in person."""
    return next(m for m in everything(who) if is_card(m, number))


# Slack


@pytest.mark.parametrize(
    "trouble",
    [{"retry_after": 1}, {"status": 500}, {"error": "internal_error"}],
)
def test_what_slack_does_not_take_now_is_said_later_and_once(tmp_path: Path, trouble: Any) -> None:
    with opened(tmp_path) as office:
        office.workspace.refuse("chat.postMessage", times=2, **trouble)
        number = office.ask(office.ada)
        office.card(number)
        office.told(office.ada, f"{number} · PostgreSQL*: asked for")
        office.workspace.refuse("chat.update", **trouble)
        office.workspace.refuse("chat.postMessage", **trouble)
        office.press(office.grace, "approve", number)
        read(office, number, "Approved by <@U01GRACE>")
        office.told(office.ada, f"{number} · PostgreSQL*: approved by <@U01GRACE>")
        office.until(lambda: notes(office, number, "Approved by"))
        assert len(cards(office, number)) == 1
        assert len([m for m in direct(office, office.ada) if "asked for" in m.text]) == 1
        assert len([m for m in direct(office, office.ada) if "approved by" in m.text]) == 1
        assert len(notes(office, number, "Approved by")) == 1


def notes(office: Office, number: str, words: str) -> list[Message]:
    """What the thread of a card says."""
    card = office.card(number)
    return [m for m in office.grace.sees("#data-platform") if m.thread_ts == card.ts and words in m.text]


def test_messages_keep_their_order_although_one_had_to_wait(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.told(office.ada, f"{number} · PostgreSQL*: asked for")
        office.workspace.refuse("chat.postMessage", retry_after=1, times=3)
        office.press(office.grace, "approve", number)
        office.press(office.grace, "complete", number)
        fill_in(office, office.grace, host="db1.example.com")
        office.told(office.ada, f"{number} · PostgreSQL*: ready")
        texts = [m.text.partition(": ")[2][:8] for m in direct(office, office.ada)]
        assert texts == ["asked fo", "approved", "ready. I"]


@contextmanager
def without_slack(tmp_path: Path, *, socket_mode: bool) -> Iterator[tuple[Office, Server]]:
    """An office whose Slack is down; start the server to bring it up."""
    workspace, jira = population.populated(), jira_population.populate(JiraStandIn())
    slack, bot = Server(build_workspace(workspace)), Server()
    workspace.base_url = slack.url
    database = file_at(tmp_path / "frontdesk.db")
    with Server(jira_server.build(jira)) as site:
        given = {
            "DATABASE_URL": database,
            "OFFERINGS": str(ROOT / "offerings"),
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": population.BOT_TOKEN,
            "SLACK_SIGNING_SECRET": population.SIGNING_SECRET,
            "JIRA_URL": site.url,
            "JIRA_USER": jira_population.BOT.email,
            "JIRA_TOKEN": jira_population.BOT.token,
            "FRONTDESK_PACE": "0",
        }
        given |= {"SLACK_APP_TOKEN": population.APP_TOKEN} if socket_mode else {}
        process = app.build(settings.read(given))
        bot.application = process.web
        if not socket_mode:
            next(iter(workspace.apps.values())).request_url = f"{bot.url}/slack/events"
        try:
            with bot, app.working(process, worker=True):
                yield Office(workspace, jira, process, bot.url), slack
        finally:
            slack.stop()


@pytest.mark.parametrize("socket_mode", [False, True], ids=["signed HTTP", "Socket Mode"])
def test_a_bot_that_starts_before_slack_takes_requests_and_says_them_once_slack_is_there(
    tmp_path: Path, socket_mode: bool
) -> None:
    with without_slack(tmp_path, socket_mode=socket_mode) as (office, slack):
        process = office.process
        assert process.ready() == ("Socket Mode is not connected yet." if socket_mode else None)
        with process.database.write() as tx:
            ada = people.remember_email(tx, "ada@example.com")
        record, _ = process.service.submit(ada, "postgres", {"name": "orders"})
        office.until(lambda: office.jira.issues, 20)
        assert office.workspace.calls() == []
        slack.start()
        office.until(lambda: process.ready() is None, 30)
        office.until(lambda: cards(office, record.number), 30)
        office.until(lambda: [m for m in direct(office, office.ada) if "asked for" in m.text], 30)
        office.ada.type_command("#general", "/platform list")
        office.told(office.ada, record.number)
        assert len(cards(office, record.number)) == 1
        assert len([m for m in direct(office, office.ada) if "asked for" in m.text]) == 1


def test_a_slack_that_does_not_know_who_clicks_loses_no_form(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        # Asked once when the window is open, so that the submission need not; and by the submission if that failed.
        office.workspace.refuse("users.info", status=500, times=2)
        office.linus.type_command("#general", "/platform request postgres name=orders")
        office.until(lambda: office.linus.view() and office.workspace.calls("users.info"))
        office.linus.submit()
        assert "Slack could not say who that is" in office.linus.errors()["/name"]
        office.linus.submit()
        confirmation = office.linus.view()
        assert confirmation is not None
        assert confirmation.title == "REQ-1"


# Jira


def test_a_jira_that_is_down_holds_nobody_up_and_gets_its_issue_later(tmp_path: Path) -> None:
    jira = jira_population.populate(JiraStandIn())
    site = Server(jira_server.build(jira))  # has a port, and nobody listens yet
    with opened(tmp_path, JIRA_URL=site.url) as office:
        number = office.ask(office.ada)
        assert buttons(read(office, number, "Jira cannot be reached")) == ["approve", "reject"]
        office.press(office.grace, "approve", number)
        office.told(office.ada, f"{number} · PostgreSQL*: approved by <@U01GRACE>")
        with site:
            office.until(lambda: "/browse/DBA-1" in text_of(office.card(number)), 30)
            (issue,) = jira.issues.values()
            office.press(office.grace, "complete", number)
            fill_in(office, office.grace, host="db1.example.com")
            office.told(office.ada, f"{number} · PostgreSQL*: ready")
            office.until(lambda: issue.status.category == "done", 20)
            assert any("approved" in comment.body for comment in issue.comments)


def test_a_jira_that_breaks_down_while_it_creates_is_looked_at_before_it_is_asked_again(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.jira.fail("POST", "issue", Answer(503))
        number = office.ask(office.ada)
        assert buttons(read(office, number, "looking for the issue before another one is made")) == [
            "approve",
            "reject",
        ]
        office.press(office.grace, "reject", number)
        give_reason(office, office.grace, "No.")
        office.told(office.ada, f"{number} · PostgreSQL*: rejected")
        assert office.jira.issues == {}


def test_a_jira_that_refuses_is_told_on_the_card_and_tried_again_by_a_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as office:
        refusal = {"errorMessages": [], "errors": {"summary": "Summaries are short here."}}
        office.jira.fail("POST", "issue", Answer(400, refusal))
        number = office.ask(office.ada)
        shown = read(office, number, "Summaries are short here.")
        assert buttons(shown) == ["approve", "reject", "retry"]
        office.press(office.margaret, "retry", number)
        read(office, number, "/browse/DBA-1")
        office.press(office.grace, "approve", number)
        office.press(office.grace, "complete", number)
        fill_in(office, office.grace, host="db1.example.com")
        office.told(office.ada, f"{number} · PostgreSQL*: ready")
        (issue,) = office.jira.issues.values()
        office.until(lambda: issue.status.category == "done")
        assert any("approved" in comment.body for comment in issue.comments)


def test_a_request_whose_ticket_failed_can_be_approved_and_goes_on_after_retry(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.jira.fail("POST", "issue", Answer(400, {"errorMessages": ["No."], "errors": {}}))
        number = office.ask(office.ada)
        read(office, number, "No.")
        office.press(office.grace, "approve", number)
        office.until(lambda: "Approved by" in text_of(office.card(number)) and "retry" in buttons(office.card(number)))
        office.press(office.grace, "retry", number)
        office.press(office.grace, "complete", number)
        fill_in(office, office.grace, host="db1.example.com")
        office.told(office.ada, f"{number} · PostgreSQL*: ready")


def test_a_line_that_is_cut_after_the_issue_was_made_makes_no_second_one(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.jira.fail("POST", "issue", Answer(0, cut=True), commit=True)
        number = office.ask(office.ada)
        read(office, number, "/browse/DBA-1")
        assert len(office.jira.issues) == 1
        office.press(office.grace, "reject", number)
        give_reason(office, office.grace, "No.")
        (issue,) = office.jira.issues.values()
        office.until(lambda: issue.status.category == "done")


# A system of somebody's


def never(handler: Any) -> None:
    """No answer until the caller has hung up."""
    handler.connection.settimeout(30)
    handler.connection.recv(1)
    raise ConnectionError


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (answer(500), "answered 500"),
        (answer(429, retry_after="2"), "answered 429"),
        (Reaction(before=never), "no answer within 0.3 seconds"),
    ],
    ids=["500", "429", "never"],
)
def test_a_system_in_trouble_is_asked_again_and_the_card_says_why_it_waits(
    tmp_path: Path, receiver: Receiver, first: Reaction, why: str
) -> None:
    url = receiver.script("/orders", first, MADE)
    folder = offerings(tmp_path / "offerings", url)
    with opened(tmp_path, offerings=folder, WEBHOOK_TIMEOUT="0.3") as office:
        number = office.ask(office.ada, ORDERED)
        office.press(office.grace, "approve", number)
        read(office, number, why)
        told = office.until(lambda: next((m for m in direct(office, office.ada) if "*: ready" in m.text), None), 20)
        assert "`orders.example.com`" in told.text
        assert len({arrival.headers["idempotency-key"] for arrival in receiver.arrivals}) == 1
        assert len(receiver.arrivals) == 2


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (answer(301, location="/elsewhere"), "answered 301, a redirect that only GET can follow"),
        (answer(307, location="http://169.254.169.254/"), "points to another host"),
        (answer(400), "answered 400 Bad Request"),
        (answer(201, {"hostname": "x"}), "the answer is not as promised: 'host' is a required property"),
        (answer(200, b"<html>"), "the answer is not as promised"),
    ],
    ids=["301", "307", "400", "another answer", "HTML"],
)
def test_a_system_that_refuses_fails_the_step_which_a_person_tries_again(
    tmp_path: Path, receiver: Receiver, first: Reaction, why: str
) -> None:
    url = receiver.script("/orders", first, MADE)
    with opened(tmp_path, offerings=offerings(tmp_path / "offerings", url)) as office:
        number = office.ask(office.ada, ORDERED)
        office.press(office.grace, "approve", number)
        shown = read(office, number, why)
        assert buttons(shown)[0] == "retry"
        office.until(lambda: notes(office, number, why))
        office.told(office.ada, f"{number} · Order*: it could not be finished yet.")
        assert not any(why in m.text for m in direct(office, office.ada)), "why is the team's to know"
        office.press(office.grace, "retry", number)
        office.told(office.ada, f"{number} · Order*: ready")
        office.until(lambda: buttons(office.card(number)) == [])


def test_a_failed_request_is_cancelled_by_its_team(tmp_path: Path, receiver: Receiver) -> None:
    url = receiver.script("/orders", answer(400))
    with opened(tmp_path, offerings=offerings(tmp_path / "offerings", url)) as office:
        number = office.ask(office.ada, ORDERED)
        office.press(office.grace, "approve", number)
        office.press(office.margaret, "cancel", number)
        assert buttons(read(office, number, "*Cancelled* by <@U01MARGARET>")) == []
        office.told(office.ada, f"{number} · Order*: cancelled by <@U01MARGARET>.")


def test_an_issue_that_is_being_made_when_the_request_ends_is_closed_too(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.jira.fail("POST", "issue", delay=1.5)  # it answers, late
        number = office.ask(office.ada)
        office.press(office.grace, "reject", number)
        give_reason(office, office.grace, "No budget")
        issue = office.until(lambda: next(iter(office.jira.issues.values()), None))
        office.until(lambda: issue.status.category == "done" or None)
        assert len(office.jira.issues) == 1
        assert any("No budget" in comment.body for comment in issue.comments)
