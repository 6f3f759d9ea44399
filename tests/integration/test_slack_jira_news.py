"""What people do in Jira arrives in Slack: the whole office over real HTTP, with Jira's webhook set up."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.demo.jira.population import PEOPLE
from bot.demo.jira.webhooks import Hook, Webhooks
from bot.demo.slack.entities import Message
from tests.integration.office import Office, opened, text_of

MIA, TOM = PEOPLE
SECRET = "It's a Secret to Everybody"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path, JIRA_WEBHOOK_SECRET=SECRET, PLATFORM_CHANNEL="#general") as office:
        webhooks = Webhooks(office.jira, office.process.settings.environment["JIRA_URL"])
        webhooks.hooks.append(Hook(f"{office.url}/jira/events", SECRET))
        with webhooks.sending():
            yield office


def thread(office: Office, number: str) -> list[Message]:
    card = office.card(number)
    return [m for m in office.grace.sees("#data-platform") if m.thread_ts == card.ts and m.ts != card.ts]


def noted(office: Office, number: str, words: str) -> str:
    """What the card's thread says with these words, once it does."""
    return office.until(lambda: next((text_of(m) for m in thread(office, number) if words in text_of(m)), None))


def asked(office: Office) -> str:
    number = office.ask(office.ada)
    office.until(lambda: "DBA-1" in text_of(office.card(number)))
    return number


def act(office: Office, key: str, **said: str) -> httpx.Response:
    """A person uses the issue's page."""
    site = office.process.settings.environment["JIRA_URL"]
    return httpx.post(f"{site}/browse/{key}", data=said, headers={"Origin": site}, trust_env=False)


def test_a_comment_is_quoted_in_the_cards_thread_and_told_to_the_requester_as_plain_text(office: Office) -> None:
    number = asked(office)
    answer = act(office, "DBA-1", **{"as": TOM.id, "act": "comment", "comment": "<!channel> & *which* size?\nSmall?"})
    assert answer.status_code == 303
    said = noted(office, number, "Tom Tester")
    assert "*Tom Tester (Jira)* commented on DBA-1:" in said
    assert "\n>&lt;!channel&gt; &amp; *which* size?\n>Small?" in said
    assert said.endswith("/browse/DBA-1|See it there>")
    assert "Tom Tester (Jira)" in text_of(office.told(office.ada, "commented on DBA-1"))


def test_a_reassignment_and_a_move_are_noted_and_the_card_leads_to_the_new_place(office: Office) -> None:
    number = asked(office)
    act(office, "DBA-1", **{"as": MIA.id, "act": "assign", "assign": TOM.id})
    assert "*Mia Krystof (Jira)* assigned DBA-1 to Tom Tester" in noted(office, number, "assigned")
    act(office, "DBA-1", **{"as": MIA.id, "act": "move", "move": "OPS"})
    assert "it is OPS-1 now" in noted(office, number, "another project")
    office.until(lambda: "/browse/OPS-1|OPS-1>" in text_of(office.card(number)))


def test_an_issue_that_is_archived_is_shown_on_the_card_and_alarms_the_platform(office: Office) -> None:
    number = asked(office)
    office.jira.archive("DBA-1")
    office.jira.comment(office.jira.issues[next(iter(office.jira.issues))], TOM, "gone")  # Jira tells of nothing else
    assert "Restore it in Jira" in noted(office, number, "archived")
    office.until(lambda: "archived in Jira" in text_of(office.card(number)))
    office.until(lambda: any("INS-1/ticket" in text_of(m) for m in office.ada.sees("#general")))


def test_the_issues_page_does_nothing_for_other_pages_and_nothing_senseless(office: Office) -> None:
    asked(office)
    site = office.process.settings.environment["JIRA_URL"]
    said = {"as": TOM.id, "act": "delete"}
    forged = httpx.post(f"{site}/browse/DBA-1", data=said, headers={"Origin": "http://evil.example"}, trust_env=False)
    assert forged.status_code == 403
    nobody = office.jira.accounts[0].id  # the bot has no hands
    for senseless in (
        {"as": nobody, "act": "delete"},
        {"as": TOM.id, "act": "comment", "comment": " "},
        {"as": TOM.id, "act": "status", "status": "Nowhere"},
        {"as": TOM.id, "act": "move", "move": "NOPE"},
        {"as": TOM.id, "act": "explode"},
    ):
        act(office, "DBA-1", **senseless)
    issue = office.jira.find("DBA-1")
    assert issue is not None
    assert (issue.history, issue.comments) == ([], [])
    assert act(office, "DBA-1", **said).headers["location"] == "/"
    assert act(office, "DBA-1", **said).headers["location"] == "/"
