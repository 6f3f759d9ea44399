"""The story in a real browser, with the demo's workspace and an unchanged bot as a process: what each person reads.

FRONTDESK_PICTURES names a folder that keeps the screenshots.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.jira.site import Answer
from bot.demo.stage import Stage, staged

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser: {CHROMIUM} is missing")
expect: Any = playwright.expect
#: The bot says one thing a second in a channel, as Slack wants; several tests share its channel.
PATIENCE = 15_000


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Workspace, Jira and bot, for all of these tests: each goes by the number of its own request."""
    with staged(os.environ) as stage:
        yield stage


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        expect.set_options(timeout=PATIENCE)
        yield browser
        expect.set_options(timeout=None)
        browser.close()


class Window:
    """The page as one person has it open."""

    def __init__(self, page: Any, url: str, picture: Callable[[Any, str], None]) -> None:
        self.page, self._url, self._picture = page, url, picture

    def enter(self, where: str) -> None:
        """Go to a channel."""
        self.page.goto(f"{self._url}/{where}")

    def write(self, text: str) -> None:
        """Type a message or a command, and send it."""
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def modal(self, name: str) -> Any:
        """The open modal of that name."""
        modal = self.page.get_by_role("dialog", name=name, exact=True)
        expect(modal).to_be_visible()
        return modal

    def press(self, name: str) -> None:
        """Press a button of a message. A card has it once, and so has what only they see."""
        self.page.get_by_role("log").get_by_role("button", name=name, exact=True).last.click()

    def sees_button(self, name: str) -> None:
        """It is there to be pressed."""
        expect(self.page.get_by_role("button", name=name, exact=True).first).to_be_visible()

    def sees_no_button(self, *names: str) -> None:
        """None of them is there, or no longer."""
        for name in names:
            expect(self.page.get_by_role("button", name=name, exact=True)).to_have_count(0)

    def card(self, number: str) -> Any:
        """The card of a request in the open channel."""
        heading = self.page.get_by_role("heading", name=re.compile(rf"^{number} · "))
        return self.page.get_by_role("log").get_by_role("article").filter(has=heading).first

    def reads(self, *texts: str) -> Any:
        """The message that has all these texts, once it is there."""
        found = self.page.get_by_role("log").get_by_role("article")
        for text in texts:
            found = found.filter(has_text=text)
        expect(found.last).to_be_visible()
        return found.last

    def is_told(self, *texts: str) -> Any:
        """An answer that only they see."""
        return self.reads("Only visible to you", *texts)

    def direct(self) -> None:
        """Open the direct messages with the bot."""
        self.page.get_by_role("link", name=re.compile("^Frontdesk")).click()
        expect(self.page.get_by_role("heading", name="Frontdesk", level=1)).to_be_visible()

    def picture(self, name: str) -> None:
        """Keep what the window shows."""
        self._picture(self.page, name)


Enter = Callable[..., Window]


@pytest.fixture
def enter(browser: Any, stage: Stage, tmp_path: Path) -> Iterator[Enter]:
    """Opens the page as somebody, somewhere; at the end nothing may have gone wrong in any window."""
    pages: list[Any] = []
    trouble: list[str] = []

    def picture(page: Any, name: str) -> None:
        taken = tmp_path / f"{name}.png"
        page.screenshot(path=taken)
        if folder := os.environ.get("FRONTDESK_PICTURES"):
            shutil.copy(taken, folder)

    def opened(who: str, where: str = "general") -> Window:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda line: trouble.append(line.text) if line.type in {"error", "warning"} else None)
        window = Window(page, f"{stage.page_url}/as/{who}", picture)
        window.enter(where)
        return window

    yield opened
    for page in pages:
        page.close()
    with stage.workspace.changing():  # a modal stays open for a person, whatever becomes of the window
        stage.workspace.stacks.clear()
    assert trouble == []
    assert stage.workspace.complaints() == []
    assert "Traceback" not in stage.log.read_text()


def ask(window: Window, name: str) -> str:
    """Ask for a database; the request's number."""
    window.write(f"/platform request postgres name={name} size=small")
    window.modal("PostgreSQL").get_by_role("button", name="Request", exact=True).click()
    return confirmed(window)


def confirmed(window: Window) -> str:
    """The number on the confirmation, which is closed."""
    modal = window.page.get_by_role("dialog", name=re.compile(r"^REQ-\d+$"))
    expect(modal).to_be_visible()
    number = str(modal.get_by_role("heading").inner_text())
    modal.get_by_role("button", name="Close").last.click()
    expect(modal).to_be_hidden()
    return number


def approved(ada: Window, grace: Window, name: str) -> str:
    """A request of Ada's that Grace has approved; Grace looks at its card, with the task open."""
    number = ask(ada, name)
    grace.press(f"Approve {number}")
    grace.sees_button(f"Done {number}")
    return number


def done(grace: Window, number: str, host: str) -> None:
    """Grace says Done, and where it is."""
    grace.press(f"Done {number}")
    modal = grace.modal(f"Finish {number}")
    modal.get_by_label("Host").fill(host)
    modal.get_by_role("button", name="Done", exact=True).click()
    expect(modal).to_be_hidden()


def issue(stage: Stage, summary: str) -> Any:
    """The one issue in Jira about it."""

    def look() -> list[Any]:
        return [each for each in stage.jira.issues.values() if summary in each.fields["summary"]]

    found = stage.workspace.until(look, 10)
    assert len(found) == 1
    return found[0]


def test_ada_asks_grace_approves_it_is_done_and_ada_is_told(enter: Enter, stage: Stage) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    picks_from_the_catalogue(ada)
    number = fills_in(ada)
    sees_the_card(grace, number, stage.jira_url)
    cannot_decide(ada, number)
    decides(grace, number)
    refusal = f"{number} is for @dba to decide. Ask one of them."  # others' stories leave refusals of their own
    expect(grace.page.get_by_text(refusal)).to_have_count(0)
    expect(ada.page.get_by_text(refusal)).to_be_visible()
    finishes(grace, number)
    has_it(ada, number)

    kept = issue(stage, "story")
    stage.workspace.until(lambda: kept.status.name == "Done", 10)
    assert kept.fields["summary"] == "PostgreSQL story for Ada Lovelace"
    assert any("Grace Hopper" in comment.body for comment in kept.comments)


def picks_from_the_catalogue(ada: Window) -> None:
    ada.write("/platform")
    modal = ada.modal("Platform catalogue")
    for offered in ("Access to a system", "Announcement", "PostgreSQL"):
        expect(modal.get_by_text(offered, exact=True)).to_be_visible()
    expect(modal.get_by_text("A database for one team, with backups, on the shared cluster.")).to_be_visible()
    expect(modal.get_by_text("Owner: @security")).to_be_visible()
    ada.picture("catalogue")
    what = modal.get_by_label("What do you need?")
    what.click()
    expect(ada.page.get_by_role("option")).to_have_count(3)
    ada.page.keyboard.type("postg")
    expect(ada.page.get_by_role("option")).to_have_count(1)
    ada.page.keyboard.press("Enter")
    expect(what).to_have_value("PostgreSQL")
    modal.get_by_role("button", name="Continue").click()


def fills_in(ada: Window) -> str:
    modal = ada.modal("PostgreSQL")
    name, large = modal.get_by_label("Name"), modal.get_by_role("radio", name="large")
    expect(modal.get_by_role("radio", name="small")).to_be_checked()
    name.fill("Story DB")
    large.check()
    modal.get_by_role("button", name="Request").click()
    expect(name).to_have_accessible_description(re.compile("Does not match .*Lower case, no spaces"))
    expect(name).to_have_value("Story DB")
    expect(large).to_be_checked()
    ada.picture("error")
    name.fill("story")
    modal.get_by_role("button", name="Request").click()

    confirmation = ada.page.get_by_role("dialog", name=re.compile(r"^REQ-\d+$"))
    expect(confirmation.get_by_text("PostgreSQL was asked for. It waits for @dba")).to_be_visible()
    ada.picture("confirmation")
    return confirmed(ada)


def sees_the_card(grace: Window, number: str, jira: str) -> None:
    card = grace.card(number)
    expect(card).to_contain_text(f"{number} · PostgreSQL")
    expect(card).to_contain_text("Asked for by @Ada Lovelace on ")
    expect(card).to_contain_text(re.compile(r"Name\s*story\s*Size\s*large"))
    expect(card).to_contain_text("Waits for approval by @dba")
    ticket = card.get_by_role("link", name=re.compile(r"^DBA-\d+$"))
    expect(ticket).to_have_attribute("href", re.compile(f"^{re.escape(jira)}"))
    grace.picture("card")


def cannot_decide(ada: Window, number: str) -> None:
    ada.direct()
    ada.reads(f"{number} · PostgreSQL: asked for. It waits for @dba").get_by_role("link", name="See its card").click()
    linked = ada.page.locator(".message.linked")
    expect(linked).to_contain_text(f"{number} · PostgreSQL")
    ada.press(f"Approve {number}")
    ada.is_told(f"{number} is for @dba to decide. Ask one of them.")
    ada.picture("not-hers")


def decides(grace: Window, number: str) -> None:
    card = grace.card(number)
    grace.press(f"Approve {number}")
    grace.sees_button(f"Done {number}")
    grace.sees_no_button(f"Approve {number}", f"Reject {number}")
    expect(card).to_contain_text(re.compile(r"In work\s*Approved by @Grace Hopper on \w{3} \d+, \d{4} at \d\d:\d\d"))
    expect(card).to_contain_text(
        "Waiting for @data-platform \N{EN DASH} Somebody on the data platform creates the database."
    )
    expect(card).to_contain_text(re.compile(r"To do for @data-platform\s*Create story, large \(DBA-\d+\)"))
    card.get_by_role("link", name="2 replies").click()
    thread = grace.page.get_by_role("complementary", name="Thread")
    expect(thread.get_by_text("Approved by @Grace Hopper.", exact=True)).to_be_visible()
    expect(thread.get_by_text("Press Done or Can't do on the card above.")).to_be_visible()
    grace.picture("thread")
    thread.get_by_role("link", name="Close the thread").click()
    expect(thread).to_be_hidden()


def finishes(grace: Window, number: str) -> None:
    card = grace.card(number)
    grace.press(f"Done {number}")
    modal = grace.modal(f"Finish {number}")
    modal.get_by_label("Port").fill("70000")
    modal.get_by_role("button", name="Done").click()
    expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    expect(modal.get_by_text("Must be no more than 65535.")).to_be_visible()
    expect(modal.get_by_label("Port")).to_have_value("70000")
    grace.picture("outputs")
    modal.get_by_label("Host").fill("story.db.example.com")
    modal.get_by_label("Port").fill("6432")
    modal.get_by_role("button", name="Done").click()
    expect(modal).to_be_hidden()
    expect(card).to_contain_text("Done \N{EN DASH} Somebody on the data platform creates the database.")
    grace.sees_no_button(f"Done {number}", f"Can't do {number}")
    grace.picture("fulfilled")


def has_it(ada: Window, number: str) -> None:
    ada.direct()
    ada.reads(f"{number} · PostgreSQL: approved by @Grace Hopper. It is under way.")
    told = ada.reads(f"{number} · PostgreSQL: ready.", "host: story.db.example.com", "port: 6432")
    instance = re.search(r"INS-\d+", told.inner_text())
    assert instance
    ada.write("/platform list")
    ada.is_told(f"{instance[0]} · PostgreSQL · ready", "host: story.db.example.com")
    ada.picture("list")
    ada.write(f"/platform show {number}")
    ada.is_told("Outputs", "@Grace Hopper: approved", "@Grace Hopper: did database", "Frontdesk: finished it")
    ada.picture("show")


def test_a_rejection_asks_for_a_reason_that_the_requester_reads(enter: Enter) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    number = ask(ada, "refused")
    grace.press(f"Reject {number}")
    modal = grace.modal(f"Reject {number}")
    modal.get_by_role("button", name="Reject").click()
    expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    modal.get_by_label("Why is it rejected?").fill("No budget & <no> room")
    grace.picture("reject")
    modal.get_by_role("button", name="Reject").click()
    expect(grace.card(number)).to_contain_text(re.compile(r"Rejected by @Grace Hopper on .*: No budget & <no> room"))
    grace.sees_no_button(f"Approve {number}", f"Reject {number}")
    grace.picture("rejected")
    ada.direct()
    ada.reads(f"{number} · PostgreSQL: rejected by @Grace Hopper. No budget & <no> room")


def test_the_requester_withdraws_it_where_she_was_told_of_it(enter: Enter) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    number = ask(ada, "withdrawn")
    expect(grace.card(number)).to_be_visible()
    ada.direct()
    ada.press(f"Withdraw {number}")
    asked = ada.page.get_by_role("dialog", name="Withdraw it?")
    expect(asked).to_contain_text(f"{number} ends, and nobody needs to decide.")
    asked.get_by_role("button", name="Withdraw").click()
    ada.reads(f"{number} · PostgreSQL: withdrawn by @Ada Lovelace.")
    expect(grace.card(number)).to_contain_text("Withdrawn by @Ada Lovelace on ")
    grace.sees_no_button(f"Approve {number}", f"Reject {number}")
    ada.press(f"Withdraw {number}")
    asked.get_by_role("button", name="Withdraw").click()
    ada.is_told(f"{number} was withdrawn by Ada Lovelace on ", "Nothing was changed.")
    ada.picture("withdrawn")


def test_what_somebody_cannot_do_fails_and_is_tried_again(enter: Enter) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    number = approved(ada, grace, "crowded")
    grace.press(f"Can't do {number}")
    modal = grace.modal(f"Can't do {number}")
    modal.get_by_label("Why can't it be done?").fill("The cluster is full")
    modal.get_by_role("button", name="Can't do").click()
    grace.sees_button(f"Retry {number}")
    expect(grace.card(number)).to_contain_text("Failed \N{EN DASH} Somebody on the data platform creates the database.")
    expect(grace.card(number)).to_contain_text("cannot do it: The cluster is full")
    grace.sees_no_button(f"Done {number}", f"Can't do {number}")
    grace.picture("failed")
    ada.direct()
    ada.reads(f"{number} · PostgreSQL: it could not be finished yet.")
    ada.enter("data-platform")
    ada.press(f"Retry {number}")
    ada.is_told(f"{number} is looked after by @data-platform")

    grace.press(f"Retry {number}")
    grace.sees_button(f"Done {number}")
    done(grace, number, "crowded.db.example.com")
    ada.direct()
    ada.reads(f"{number} · PostgreSQL: @Grace Hopper tries again.")
    ada.reads(f"{number} · PostgreSQL: ready.", "crowded.db.example.com")


def test_what_jira_refuses_is_said_on_the_card_and_goes_on_from_there(enter: Enter, stage: Stage) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    refusal = {"errorMessages": ["Field 'Cost centre' is required."], "errors": {}}
    stage.jira.fail("POST", "issue", Answer(400, refusal))
    number = ask(ada, "unticketed")
    grace.sees_button(f"Retry {number}")
    expect(grace.card(number)).to_contain_text("Failed \N{EN DASH} A ticket keeps track of it.")
    expect(grace.card(number)).to_contain_text("Field 'Cost centre' is required.")
    grace.picture("refused-by-jira")
    grace.press(f"Retry {number}")
    expect(grace.card(number)).to_contain_text(re.compile(r"Done . A ticket keeps track of it\. DBA-\d+"))
    grace.press(f"Approve {number}")
    grace.sees_button(f"Done {number}")
    stage.workspace.until(lambda: issue(stage, "unticketed").comments, 10)


def test_a_prefilled_value_that_cannot_be_used_is_named_above_its_field_and_shown_there(enter: Enter) -> None:
    ada = enter("ada")
    ada.write("/platform request postgres name=Pre_filled size=huge colour=red")
    modal = ada.modal("PostgreSQL")
    expect(modal.get_by_text("colour: Unknown field.")).to_be_visible()
    expect(modal.get_by_text(re.compile("Name: Does not match"))).to_be_visible()
    expect(modal.get_by_label("Name")).to_have_value("Pre_filled")
    expect(modal.get_by_text("Size: Has to be one of small, large; got “huge”.")).to_be_visible()
    ada.picture("prefilled")
    modal.get_by_label("Name").fill("prefilled")
    modal.get_by_role("radio", name="large").check()
    modal.get_by_role("button", name="Request").click()
    assert confirmed(ada)
    ada.enter("data-platform")
    ada.reads("prefilled", "large", "Waits for approval")


def test_an_admin_is_let_in_until_a_day_once_two_people_approve(enter: Enter) -> None:
    ada, grace, margaret = enter("ada"), enter("grace", "access"), enter("margaret", "access")
    until = datetime.now(UTC).date() + timedelta(days=30)
    ada.write("/platform request access role=admin")
    modal = ada.modal("Access to a system")
    expect(modal.get_by_role("radio", name="admin")).to_be_checked()
    modal.get_by_role("radio", name="billing").check()
    modal.get_by_label("Member").click()
    ada.page.keyboard.type("lin")
    ada.page.get_by_role("option", name="Linus").click()
    modal.get_by_label("Until").fill(until.isoformat())
    modal.get_by_label("Reason").fill("On call over the holidays")
    ada.picture("access")
    modal.get_by_role("button", name="Request").click()
    number = confirmed(ada)

    card = grace.card(number)
    expect(card).to_contain_text("Waits for approval by 2 of @security or @data-platform")
    expect(card).to_contain_text(re.compile(rf"Member\s*linus@example.com.*Until\s*{until}", re.DOTALL))
    grace.press(f"Approve {number}")
    expect(card).to_contain_text("Approved so far by @Grace Hopper.")
    grace.press(f"Approve {number}")
    grace.is_told(f"You have approved {number} already")
    grace.picture("access-card")
    margaret.press(f"Approve {number}")
    margaret.sees_button(f"Done {number}")
    expect(card).to_contain_text(re.compile("Approved by @Grace Hopper on .* and @Margaret Hamilton on "))
    expect(card).to_contain_text("Add linus@example.com to billing as admin")
    margaret.press(f"Done {number}")
    expect(card).to_contain_text("Done \N{EN DASH} The security team adds the member.")
    ada.write("/platform list")
    ada.is_told(f"Access to a system · ready, until {until:%b} {until.day}, {until.year} at 23:59")


def test_nobody_approves_their_own(enter: Enter) -> None:
    grace, linus = enter("grace"), enter("linus", "data-platform")
    number = ask(grace, "for-grace")
    grace.enter("data-platform")
    grace.press(f"Approve {number}")
    grace.is_told(f"You asked for {number} yourself, so somebody else of @dba has to decide")
    linus.press(f"Approve {number}")
    linus.press(f"Done {number}")
    linus.is_told("is for @data-platform to do")


def test_whoever_has_to_act_sees_what_waits_and_acts_there(enter: Enter) -> None:
    ada, grace, linus = enter("ada"), enter("grace"), enter("linus")
    number = ask(ada, "waited-for")
    grace.write("/platform waiting")
    waiting = grace.is_told(f"{number} · PostgreSQL · asked for by @Ada Lovelace", "for you.")
    expect(waiting).to_contain_text("Name: waited-for · Size: small")
    waiting.get_by_role("button", name=f"Approve {number}", exact=True).click()
    grace.is_told(f"You approved {number}.")
    grace.picture("waiting")
    grace.enter("data-platform")
    grace.sees_button(f"Done {number}")
    grace.write("/platform waiting")
    to_do = grace.is_told(number, "for you.", "Create waited-for, small")
    to_do.get_by_role("button", name=f"Done {number}", exact=True).click()
    grace.modal(f"Finish {number}").get_by_role("button", name="Cancel").click()
    linus.write("/platform waiting")
    expect(linus.is_told("for you.")).not_to_contain_text(number)
    ada.write("/platform waiting")
    ada.is_told("Nothing waits for you.")


def test_an_announcement_needs_nobody(enter: Enter, stage: Stage) -> None:
    ada, linus = enter("ada"), enter("linus", "announcements")
    ada.write("/platform request notice title=“Quiet hours”")
    modal = ada.modal("Announcement")
    modal.get_by_label("Text").fill("Deploys rest from Friday. <!channel> & @dba stay what they are: text.")
    modal.get_by_role("button", name="Request").click()
    expect(ada.page.get_by_text("It is under way: nobody needs to approve it.")).to_be_visible()
    number = confirmed(ada)
    linus.reads("Information: Quiet hours", "Deploys rest from Friday. <!channel> & @dba stay what they are: text.")
    expect(linus.card(number)).to_contain_text("Done \N{EN DASH} The status page shows it.")
    linus.picture("announcement")
    ada.direct()
    ada.reads(f"{number} · Announcement: ready.")


def test_what_somebody_has_is_given_back_from_the_list(enter: Enter) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    first = approved(ada, grace, "given-back")
    done(grace, first, "given-back.db.example.com")
    ada.direct()
    ready = ada.reads(f"{first} · PostgreSQL: ready.")
    instance = re.search(r"INS-\d+", ready.inner_text())
    assert instance
    ada.write("/platform list")
    ada.is_told(f"{instance[0]} · PostgreSQL · ready")
    ada.press(f"Delete {instance[0]}")
    ada.page.get_by_role("dialog", name="Delete it?").get_by_role("button", name="Delete").click()
    told = ada.is_told(f"asks for the end of {instance[0]}. It waits for @dba.")
    ending = re.search(r"REQ-\d+", told.inner_text())
    assert ending
    grace.press(f"Approve {ending[0]}")
    grace.sees_button(f"Done {ending[0]}")
    expect(grace.card(ending[0])).to_contain_text("End of PostgreSQL")
    expect(grace.card(ending[0])).to_contain_text("Take this back: Create given-back, small")
    grace.picture("end")
    grace.press(f"Done {ending[0]}")
    ada.reads(f"{ending[0]} · End of PostgreSQL: {instance[0]} is gone.")
    ada.write("/platform list")
    expect(ada.is_told("You have ")).not_to_contain_text(instance[0])


def test_the_catalogue_says_how_long_it_usually_takes_once_that_is_known(enter: Enter, stage: Stage) -> None:
    ada_token, grace_token = stage.token("ada@example.com"), stage.token("grace@example.com")
    for at in range(3):
        number = over_http(stage, ada_token, "offerings/postgres/requests", form={"name": f"usual-{at}"})["id"]
        over_http(stage, grace_token, f"requests/{number}/approve")
        stage.workspace.until(partial(asks, stage, grace_token, number), 10)
        over_http(stage, grace_token, f"requests/{number}/steps/database/complete", outputs={"host": "usual"})
    ada = enter("ada")
    ada.write("/platform")
    expect(ada.modal("Platform catalogue").get_by_text("It usually takes less than a minute.")).to_have_count(1)


def over_http(stage: Stage, token: str, path: str, **body: Any) -> Any:
    """The same desk through its other door."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{stage.bot_url}/v1/{path}", json=body or None, headers=headers, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def asks(stage: Stage, token: str, number: str) -> bool:
    """Whether a step of the request waits for somebody."""
    headers = {"Authorization": f"Bearer {token}"}
    steps = httpx.get(f"{stage.bot_url}/v1/requests/{number}", headers=headers, trust_env=False).json()["steps"]
    return any(step["ask"] for step in steps)
