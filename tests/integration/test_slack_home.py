"""The Home tab, against the workspace: what waits, what one has, what can be asked for, and acting there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack.client import Client
from tests.integration.office import Office, everything, opened


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path) as office:
        yield office


def reads(who: Client) -> str:
    home = who.home()
    return str(home.blocks) if home else ""


def see(office: Office, who: Client, *words: str) -> str:
    """Open the tab until it says all of that."""
    who.open_home()
    return office.until(lambda: text if all(word in (text := reads(who)) for word in words) else None)


def test_who_has_nothing_sees_what_they_can_ask_for_and_asks_there(office: Office) -> None:
    text = see(office, office.ada, "Nothing waits for you.", "You have nothing yet.", "*PostgreSQL*", "Owner:")
    assert text.index("Waits for you") < text.index("What you have") < text.index("What you can ask for")
    office.ada.press("request", "postgres||")
    view = office.until(office.ada.view)
    assert view.title == "PostgreSQL"
    office.ada.close_all()
    office.ada.press("catalogue")
    assert office.until(office.ada.view).title == "Platform catalogue"


def test_an_approver_decides_in_the_tab_and_it_is_drawn_anew(office: Office) -> None:
    number = office.ask(office.ada)
    see(office, office.ada, f"*{number}*", "1 open request")
    see(office, office.grace, f"*{number}*", "1 request waits for you.", "'action_id': 'approve'")
    office.grace.press("approve")
    office.told(office.ada, "approved by")
    office.until(lambda: "'action_id': 'approve'" not in reads(office.grace))
    see(office, office.grace, "'action_id': 'complete'")  # what comes next waits for her too
    office.grace.press("complete")
    assert office.until(office.grace.view).title == f"Finish {number}"


def test_a_click_on_what_is_over_is_answered_and_the_tab_says_what_is_so(office: Office) -> None:
    number = office.ask(office.ada)
    see(office, office.grace, "'action_id': 'approve'")
    office.process.service.approve(office.process.service.person(office.linus.me.id), number)
    office.grace.press("approve")
    office.until(lambda: [m for m in everything(office.grace) if number in m.text and "approved by" in m.text])
    office.until(lambda: "'action_id': 'approve'" not in reads(office.grace))


def test_the_messages_of_the_app_publish_nothing(office: Office) -> None:
    before = len(office.workspace.calls("views.publish"))
    see(office, office.ada, "What you can ask for")
    office.until(
        lambda: len(office.workspace.calls("views.publish")) > before
    )  # a tab is seen before its call is logged
    assert len(office.workspace.calls("views.publish")) == before + 1


def test_a_tab_that_slack_does_not_take_is_drawn_when_it_is_opened_again(office: Office) -> None:
    office.workspace.refuse("views.publish", retry_after=1)
    office.ada.open_home()
    office.until(lambda: [call for call in office.workspace.calls("views.publish") if call.status == 429])
    see(office, office.ada, "What you can ask for")
