"""The story in Slack: real HTTP and sockets against the workspace, with an unchanged bot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.office import Office, buttons, opened, text_of


@pytest.fixture(params=["signed HTTP", "Socket Mode"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path, socket_mode=request.param == "Socket Mode") as office:
        yield office


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path) as office:
        yield office


def test_ada_asks_grace_approves_it_is_done_and_ada_is_told(office: Office) -> None:
    ada, grace = office.ada, office.grace
    ada.type_command("#general", "/platform")
    catalogue = office.until(ada.view)
    assert catalogue.title == "Platform catalogue"
    ada.fill({"offering": "PostgreSQL"})
    ada.submit()
    form = ada.view()
    assert form is not None
    assert form.title == "PostgreSQL"

    ada.fill({"/name": "Orders DB"})
    ada.submit()
    assert "/name" in ada.errors()
    ada.fill({"/name": "orders"})
    ada.submit()
    confirmation = ada.view()
    assert confirmation is not None
    assert confirmation.title == "REQ-1"
    ada.close()

    card = office.card("REQ-1")
    assert buttons(card) == ["approve", "reject"]
    assert "orders" in text_of(card)
    assert office.told(ada, "It waits for").text.count("See its card") == 1
    issue = office.until(lambda: next(iter(office.jira.issues.values()), None))
    assert issue.fields["summary"] == "PostgreSQL orders for Ada Lovelace"

    office.press(ada, "approve", "REQ-1")
    office.told(ada, "REQ-1 is for @dba to decide. Ask one of them.")
    office.press(grace, "approve", "REQ-1")
    office.until(lambda: "complete" in buttons(office.card("REQ-1")))
    assert "Approved by <@U01GRACE>" in text_of(office.card("REQ-1"))
    office.told(ada, "approved by <@U01GRACE>")

    office.press(grace, "complete", "REQ-1")
    report = office.until(grace.view)
    grace.fill({"/host": "db1.example.com"})
    grace.submit()
    assert grace.view() is None, report
    office.told(ada, "`db1.example.com`")
    office.until(lambda: buttons(office.card("REQ-1")) == [])
    office.until(lambda: issue.status.category == "done")
    assert any("approved" in comment.body.lower() for comment in issue.comments)

    ada.type_command("#general", "/platform list")
    assert "INS-1" in text_of(office.told(ada, "INS-1"))
