"""What Jira refuses, and what is asked again."""

import socket
from typing import Any

import pytest

from bot.demo.jira.site import Answer
from bot.errors import Blocked, Misconfigured, PermanentError, TemporaryError
from bot.handler import Done
from bot.handlers.jira import IssueHandler
from tests.integration.jira_handler.handling import CUT, HTML, ISSUE, OPS, connect, event, made, opened
from tests.integration.jira_site import Clock, Site, Step


def test_a_field_that_jira_refuses_fails_the_step_with_its_words_and_can_be_tried_again(site: Site) -> None:
    handler, step = connect(site), site.step()
    bad = ISSUE.model_copy(update={"fields": {"priority": {"name": "Urgent"}}})
    with pytest.raises(PermanentError) as caught:
        handler.apply(bad, step.context())
    assert "create an issue in project DBA" in str(caught.value)
    assert "priority: Specify a valid 'id' or 'name' for Priority" in str(caught.value)
    assert step.state == {}
    good = ISSUE.model_copy(update={"fields": {"Priority": {"name": "High"}}})
    assert isinstance(handler.apply(good, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_a_field_is_found_by_its_name(site: Site) -> None:
    opened(site, OPS.model_copy(update={"fields": {"team": "Daten"}}))
    assert site.jira.issues[next(iter(site.jira.issues))].fields["customfield_10050"] == "Daten"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"project": "NOPE"}, "project NOPE"),
        ({"type": "Epic"}, "has no issue type Epic. It has: Task, Bug"),
        ({"fields": {"Colour": "red"}}, "has no field Colour"),
    ],
)
def test_what_does_not_exist_is_named(site: Site, change: dict[str, Any], text: str) -> None:
    with pytest.raises(PermanentError, match=text):
        connect(site).apply(ISSUE.model_copy(update=change), site.step().context())
    assert site.jira.received("POST", "issue") == []


def test_a_create_screen_without_labels_is_refused_before_anything_is_made(site: Site) -> None:
    del site.jira.projects["DBA"].screen["labels"]
    with pytest.raises(PermanentError, match="no Labels field"):
        connect(site).apply(ISSUE, site.step().context())
    assert made(site) == []


def test_a_wrong_token_says_what_to_renew_and_shows_nothing_of_it(site: Site) -> None:
    with pytest.raises(Blocked, match="JIRA_TOKEN") as caught:
        connect(site, JIRA_TOKEN="wrong-token").apply(ISSUE, site.step().context())
    assert "wrong-token" not in str(caught.value)
    assert "Authorization" not in str(caught.value)


def test_a_missing_permission_says_so(site: Site) -> None:
    site.jira.fail("POST", "issue", Answer(403, {"errorMessages": ["You cannot create issues here."]}))
    with pytest.raises(PermanentError, match="You cannot create issues here"):
        connect(site).apply(ISSUE, site.step().context())


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"Retry-After": "7", "RateLimit-Reason": "jira-burst-based"}, 7),
        ({"Retry-After": "1847", "RateLimit-Reason": "jira-quota-global-based"}, 1847),
        ({"Retry-After": "999999", "RateLimit-Reason": "jira-quota-tenant-based"}, 3600),
        ({"Retry-After": "0.5", "RateLimit-Reason": "jira-per-issue-on-write"}, 1),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1),
        ({"Retry-After": "soon"}, 60),
        ({}, 60),
    ],
)
def test_too_many_requests_waits_as_long_as_jira_says(cloud: Site, headers: dict[str, str], delay: float) -> None:
    cloud.jira.fail("POST", "issue", Answer(429, {"errors": None, "errorMessages": None}, headers))
    handler, step = connect(cloud), cloud.step()
    with pytest.raises(TemporaryError) as caught:
        handler.apply(ISSUE, step.context())
    assert caught.value.delay == delay
    cloud.clock.forward(delay)
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(cloud) == ["DBA-1"]


def test_nothing_is_sent_twice_by_the_library(cloud: Site) -> None:
    cloud.jira.fail("GET", "serverInfo", Answer(503, None, {"Retry-After": "1"}), times=5)
    with pytest.raises(TemporaryError):
        opened(cloud)
    assert len(cloud.jira.received("GET", "serverInfo")) == 1


def test_an_expired_token_is_not_mistaken_for_an_empty_answer(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    site.jira.expired = True
    site.clock.forward(1000)
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.apply(ISSUE, step.context())
    assert "ref" in step.state
    site.jira.expired = False
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_an_expired_token_is_not_mistaken_for_an_issue_that_is_gone(site: Site) -> None:
    handler, step = opened(site)
    site.jira.expired = True
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.delete(ISSUE, step.context("REQ-14/ticket"))


def test_a_login_page_instead_of_data_is_tried_again(site: Site) -> None:
    site.jira.fail("GET", "issue/createmeta/.*", HTML)
    with pytest.raises(TemporaryError, match="login page"):
        connect(site).apply(ISSUE, site.step().context())


def test_a_redirect_is_not_followed(site: Site) -> None:
    site.jira.fail("POST", "issue", Answer(302, None, {"Location": f"{site.url}/rest/api/2/myself"}))
    with pytest.raises(PermanentError, match="JIRA_URL"):
        connect(site).apply(ISSUE, site.step().context())


def test_a_jira_that_is_down_makes_nothing_and_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    handler = IssueHandler({"JIRA_URL": f"http://127.0.0.1:{port}", "JIRA_TOKEN": "x"})
    step = Step(Clock())
    with pytest.raises(TemporaryError, match="cannot be reached"):
        handler.apply(ISSUE, step.context())
    assert step.saves == []


def test_an_address_that_is_none_stops_the_boot() -> None:
    with pytest.raises(Misconfigured, match="JIRA_URL"):
        IssueHandler({"JIRA_URL": "jira.example.com", "JIRA_TOKEN": "x"})
