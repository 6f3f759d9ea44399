"""Time as people see it in Slack: reminders with buttons, escalations, warnings, Renew; against the workspace."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from bot.demo.slack.client import Client
from bot.demo.slack.entities import Message
from bot.slack import deliveries
from bot.store import tables
from bot.store.database import utc_now
from tests.integration.clicks import click_old, read
from tests.integration.office import Office, buttons, everything, opened, text_of

#: Everybody of the story in groups of its own; Grace is an approver, and so she hears nothing of her own request.
GROUPS = """
deciders = ["grace@example.com", "linus@example.com", "nobody@example.com"]
leads = ["margaret@example.com"]
"""

OFFERING = '''
"""A lease <!channel>"""
from datetime import datetime, timedelta
from bot import Approval, Deadline, Escalation, Field, Form, Offering, Renewal, Request
from bot.handlers import message

class Lease(Form):
    name: str = Field(pattern="^[a-z]+$")

lease = Offering(
    "lease", Lease, owner="@leads", notify="#data-platform",
    approval=Approval("@deciders", count=2),
    deadline=Deadline(timedelta(days=2), escalate=Escalation("@leads", within=timedelta(days=4))),
    expires=timedelta(days=30), renew=Renewal(timedelta(days=30), most=1),
)

free = Offering("free", Lease, owner="@leads", notify="#data-platform", title="Free",
                expires=timedelta(days=30), renew=Renewal(timedelta(days=30), most=1))

@lease.step
def told(request: Request[Lease]) -> message.Post:
    return message.Post(channel="#general", text="made")

@free.step
def given(request: Request[Lease]) -> message.Post:
    return message.Post(channel="#general", text="made")
'''


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    folder = tmp_path / "offerings"
    folder.mkdir()
    (folder / "lease.py").write_text(OFFERING)
    (folder / "groups.toml").write_text(GROUPS)
    with opened(tmp_path, offerings=folder) as office:
        yield office


class Time:
    """Moves the clock of the bot, and lets what is due happen now."""

    def __init__(self, office: Office) -> None:
        self.office, self.ahead = office, timedelta(0)
        office.process.database._clock = self.now
        office.workspace.clock = lambda: self.now().timestamp()  # Slack signs by the same time

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def forward(self, **by: float) -> None:
        self.office.until(self.all_is_said)  # a claim that a leap of days ends would be taken for a dead worker's
        self.ahead += timedelta(**by)
        self.office.process.service.sweep()

    def all_is_said(self) -> bool:
        with self.office.process.database.read() as session:
            waiting = session.exec(select(tables.Delivery).where(tables.Delivery.state == "waiting")).first()
            dirty = session.exec(select(tables.Card).where(col(tables.Card.dirty))).first()
        return waiting is None and dirty is None


@pytest.fixture
def time(office: Office) -> Time:
    return Time(office)


def heard(who: Client, words: str) -> list[Message]:
    return [message for message in everything(who) if words in text_of(message)]


def thread(office: Office, number: str) -> str:
    """What the thread of the card says."""
    card = office.card(number)
    return "\n".join(text_of(m) for m in office.grace.sees("#data-platform") if m.thread_ts == card.ts)


def live(office: Office, number: str = "INS-1") -> None:
    """Ada has something that needs no approval."""
    office.ask(office.ada, "/platform request free name=one")
    office.told(office.ada, f"ready. It is {number}")


def test_approvers_are_reminded_in_person_with_buttons_that_decide(office: Office, time: Time) -> None:
    number = office.ask(office.ada, "/platform request lease name=one")
    assert "until <!date^" in text_of(office.told(office.ada, "It waits for"))
    assert "*Waits for approval* by 2 of @deciders until <!date^" in text_of(read(office, number, "Waits for"))
    office.press(office.grace, "approve", number)
    read(office, number, "Approved so far")

    time.forward(days=1)
    reminder = office.told(office.linus, "waits for your decision until <!date^")
    assert buttons(reminder) == ["approve", "reject"]
    assert "&lt;!channel&gt;" in text_of(reminder)
    assert "<!channel>" not in text_of(reminder)
    assert "See its card" in text_of(reminder)
    office.until(lambda: "It still waits for a decision until" in thread(office, number))

    office.linus.click(reminder.channel, reminder.ts, "approve")
    office.told(office.ada, "approved by <@U01LINUS>")
    assert heard(office.grace, "waits for your decision") == [], "she has decided"
    click_old(office, office.linus, reminder, "approve")
    office.told(office.linus, "Nothing was changed.")


def test_more_people_than_can_be_told_one_by_one_are_reminded_together(
    office: Office, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_ONE_BY_ONE", 1)
    number = office.ask(office.ada, "/platform request lease name=one")
    time.forward(days=1)
    office.until(lambda: "2 of @deciders: it still waits for a decision until" in thread(office, number))
    office.until(time.all_is_said)
    assert "was reminded" not in thread(office, number)
    assert heard(office.linus, "waits for your decision") == []


def test_nobody_is_reminded_of_their_own_request(office: Office, time: Time) -> None:
    office.ask(office.grace, "/platform request lease name=one")
    time.forward(days=1)
    office.told(office.linus, "waits for your decision")
    assert heard(office.grace, "waits for your decision") == []


def test_a_reminder_that_comes_too_late_is_not_said(office: Office, time: Time) -> None:
    """Slack is away while reminders are due; by the time it is back, somebody has decided."""
    number = office.ask(office.ada, "/platform request lease name=one")
    office.card(number)
    office.until(time.all_is_said)
    service = office.process.service
    office.workspace.refuse("chat.postMessage", retry_after=1, times=3)
    time.ahead += timedelta(days=1)
    service.sweep()
    service.withdraw(service.person(office.ada.me.id), number)
    office.told(office.ada, "withdrawn by <@U01ADA>")
    office.until(time.all_is_said)
    assert heard(office.linus, "waits for your decision") == []


def test_an_escalation_asks_others_too_and_everybody_sees_it(office: Office, time: Time) -> None:
    number = office.ask(office.ada, "/platform request lease name=one")
    office.card(number)
    time.forward(days=2)
    asked = office.told(office.margaret, "nobody decided in time, so you are asked too")
    assert buttons(asked) == ["approve", "reject"]
    shown = text_of(read(office, number, "can decide too"))
    assert "2 of @deciders or @leads until <!date^" in shown
    office.told(office.ada, "nobody has decided yet, so @leads can decide too")
    office.until(lambda: "Nobody decided in time, so @leads can decide too" in thread(office, number))
    assert heard(office.linus, "you are asked too") == [], "he was asked before"

    office.margaret.click(asked.channel, asked.ts, "approve")
    office.press(office.grace, "approve", number)
    office.told(office.ada, "approved by")


def test_nobody_decides_and_everybody_hears_that_it_ended(office: Office, time: Time) -> None:
    number = office.ask(office.ada, "/platform request lease name=one")
    office.card(number)
    for _ in range(2):
        time.forward(days=4)
    office.told(office.ada, "nobody decided in time (2 of @deciders or @leads), so it ended")
    assert buttons(read(office, number, "*Expired*")) == []
    office.until(lambda: "so it ended" in thread(office, number))


def test_an_owner_is_warned_and_renews_in_the_message(office: Office, time: Time) -> None:
    live(office)
    time.forward(days=23)
    warning = office.told(office.ada, "INS-1 · Free* ends on <!date^")
    assert buttons(warning) == ["renew"]
    assert "You can renew it once more, each time by 30 days." in text_of(warning)
    office.ada.click(warning.channel, warning.ts, "renew")
    office.told(office.ada, "INS-1 is renewed until <!date^")
    office.until(lambda: "Renewed by <@U01ADA>: INS-1 stays until <!date^" in thread(office, "REQ-1"))
    click_old(office, office.ada, warning, "renew")
    office.told(office.ada, "Somebody has renewed INS-1 since you looked")

    time.forward(days=30)
    last = office.told(office.ada, "It cannot be renewed (any more)")
    assert buttons(last) == []
    time.forward(days=8)
    office.told(
        office.ada, "REQ-2 · End of Free*: INS-1 is taken back; nobody needs to approve that. Its time was over"
    )
    office.told(office.ada, "INS-1 is gone")


def test_the_list_says_until_when_and_renews(office: Office, time: Time) -> None:
    live(office)
    assert time.ahead == timedelta(0)
    office.ada.type_command("#general", "/platform list")
    listed = office.told(office.ada, "You have 1 instance")
    assert "until <!date^" in text_of(listed)
    assert "renew" in buttons(listed)
    office.ada.click("#general", listed.ts, "renew")
    office.told(office.ada, "INS-1 is renewed until <!date^")
    office.ada.type_command("#general", "/platform list")
    office.until(lambda: len(heard(office.ada, "You have 1 instance")) == 2)
    assert "renew" not in buttons(heard(office.ada, "You have 1 instance")[-1]), "the limit is reached"


def test_the_story_tells_what_time_did(office: Office, time: Time) -> None:
    number = office.ask(office.ada, "/platform request lease name=one")
    office.card(number)
    time.forward(days=1)
    time.forward(days=1)
    office.ada.type_command("#general", f"/platform show {number}")
    story = text_of(office.told(office.ada, "reminded whoever has not decided"))
    assert "asked @leads too: nobody had decided in time" in story
    assert "until <!date^" in story
