"""What the tests of the Jira handler do to it, and see in Jira."""

from typing import Any

from bot.demo.jira.population import BOT
from bot.demo.jira.site import Answer
from bot.handler import Done, Event
from bot.handlers.jira import Issue, IssueHandler
from tests.integration.jira_site import START, Site, Step

ISSUE = Issue(project="DBA", summary="PostgreSQL orders for Ada", description="size *small*\n[~accountid:123]")
OPS = Issue(project="OPS", summary="Einmal bitte")
CUT = Answer(0, cut=True)
HTML = Answer(200, page="<html>Log in</html>")


def connect(site: Site, **settings: str) -> IssueHandler:
    user = BOT.email if site.jira.cloud else ""
    return site.handler(JIRA_USER=user, **settings)


def made(site: Site) -> list[str]:
    return [issue.key for issue in site.jira.issues.values()]


def event(name: Any, *, kind: Any = "create", request: str = "REQ-13", **more: Any) -> Event:
    return Event(name=name, request=request, kind=kind, at=START, **more)


def opened(site: Site, issue: Issue = ISSUE) -> tuple[IssueHandler, Step]:
    handler, step = connect(site), site.step()
    assert isinstance(step.keep(handler.apply(issue, step.context())), Done)
    return handler, step


def status(site: Site, key: str) -> str:
    issue = site.jira.find(key)
    assert issue is not None
    return issue.status.name


def bodies(site: Site, key: str) -> list[str]:
    issue = site.jira.find(key)
    assert issue is not None
    return [comment.body for comment in issue.comments]
