"""What the handler leaves undone while Jira asks for it: everything, an endpoint, or one issue."""

from collections.abc import Iterator

import pytest

from bot.demo.jira.site import Answer
from bot.errors import TemporaryError
from bot.handler import Done, Event
from bot.handlers.jira import Issue, IssueHandler
from tests.integration.jira_site import START, Server, Site, Step

ISSUE = Issue(project="DBA", summary="PostgreSQL orders for Ada")
APPROVED = Event(name="approved", request="REQ-13", kind="create", at=START, by="Grace")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def site(server: Server) -> Site:
    return server.site()


def opened(site: Site, handler: IssueHandler, identity: str = "INS-7/ticket") -> Step:
    step = site.step()
    step.identity = identity
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Done)
    return step


def too_many(reason: str, **headers: str) -> Answer:
    return Answer(429, {"errorMessages": None, "errors": None}, {"RateLimit-Reason": reason, **headers})


def test_a_used_up_quota_stops_every_call_until_it_is_there_again(site: Site) -> None:
    handler = site.handler()
    step = opened(site, handler)
    site.jira.fail("GET", r"issue/\d+", too_many("jira-quota-tenant-based", **{"Retry-After": "1200"}))
    with pytest.raises(TemporaryError) as first:
        handler.follow(ISSUE, step.context(), APPROVED)
    assert first.value.delay == 1200
    asked = len(site.jira.log)
    site.clock.forward(200)
    with pytest.raises(TemporaryError, match="Jira asked us to wait") as second:
        handler.apply(ISSUE, site.step().context())
    assert second.value.delay == 1000
    assert len(site.jira.log) == asked
    site.clock.forward(1000)
    handler.follow(ISSUE, step.context(), APPROVED)


def test_a_burst_stops_its_endpoint_and_no_other(site: Site) -> None:
    handler = site.handler()
    one, other = opened(site, handler), opened(site, handler, "INS-8/ticket")
    site.jira.fail("POST", "issue/.*/comment", too_many("jira-burst-based", **{"Retry-After": "30"}))
    for step in (one, other):
        with pytest.raises(TemporaryError):
            handler.follow(ISSUE, step.context(), APPROVED)
    assert len(site.jira.received("POST", "issue/.*/comment")) == 1
    opened(site, handler, "INS-9/ticket")
    site.clock.forward(30)
    handler.follow(ISSUE, other.context(), APPROVED)


def test_too_many_writes_to_one_issue_stop_writes_to_that_one_alone(site: Site) -> None:
    handler = site.handler()
    one, other = opened(site, handler), opened(site, handler, "INS-8/ticket")
    site.jira.fail("POST", f"issue/{one.state['id']}/comment", too_many("jira-per-issue-on-write"))
    for _ in range(2):
        with pytest.raises(TemporaryError):
            handler.follow(ISSUE, one.context(), APPROVED)
    assert len(site.jira.received("POST", f"issue/{one.state['id']}/comment")) == 1
    handler.follow(ISSUE, other.context(), APPROVED)
    site.clock.forward(60)
    handler.follow(ISSUE, one.context(), APPROVED)


def test_a_503_that_asks_for_time_gets_it_and_one_that_does_not_stops_nothing(site: Site) -> None:
    handler = site.handler()
    step = opened(site, handler)
    site.jira.fail("GET", r"issue/\d+", Answer(503, None, {"Retry-After": "90"}))
    with pytest.raises(TemporaryError) as caught:
        handler.follow(ISSUE, step.context(), APPROVED)
    assert caught.value.delay == 90
    with pytest.raises(TemporaryError, match="asked us to wait"):
        opened(site, handler, "INS-8/ticket")
    site.clock.forward(90)
    site.jira.fail("GET", r"issue/\d+", Answer(503, page="<html>Down for maintenance</html>"))
    with pytest.raises(TemporaryError):
        handler.follow(ISSUE, step.context(), APPROVED)
    handler.follow(ISSUE, step.context(), APPROVED)
