"""How the stand-in shows people, pages and issues, and what it says when it refuses: shared by its endpoints."""

import re
from collections.abc import Callable
from typing import Any

from bot.demo.jira.entities import JSON, Account, Change, Issue, Project
from bot.demo.jira.site import Answer, JiraStandIn, Received, moment

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
#: Writes to one issue: at most so many in so many seconds.
_WRITE_LIMITS = ((20, 2.0), (100, 30.0))

Endpoint = Callable[[JiraStandIn, Received, Account, tuple[str, ...]], Answer]
ROUTES: list[tuple[str, re.Pattern[str], Endpoint]] = []


def route(method: str, path: str) -> Callable[[Endpoint], Endpoint]:
    def add(endpoint: Endpoint) -> Endpoint:
        ROUTES.append((method, re.compile(path), endpoint))
        return endpoint

    return add


def problem(status: int, *messages: str, **fields: str) -> Answer:
    """Jira's ErrorCollection."""
    return Answer(status, {"errorMessages": list(messages), "errors": fields})


def person_json(jira: JiraStandIn, request: Received, account: Account) -> JSON:
    known = {"displayName": account.name, "emailAddress": account.email, "active": True}
    if jira.cloud:
        return known | {"self": f"{request.base}/rest/api/2/user?accountId={account.id}", "accountId": account.id}
    name = account.email.partition("@")[0]
    return known | {"self": f"{request.base}/rest/api/2/user?username={name}", "name": name, "key": name}


def project_of(jira: JiraStandIn, name: str) -> Project | None:
    return next((one for one in jira.projects.values() if name in {one.key, one.id}), None)


def page(request: Received, member: str, items: list[JSON]) -> JSON:
    start, size = int(request.first("startAt", "0")), int(request.first("maxResults", "50"))
    shown = items[start : start + size]
    page: JSON = {"startAt": start, "maxResults": size, "total": len(items), member: shown}
    return page | ({"isLast": start + len(shown) >= len(items)} if member == "values" else {})


def wrong_text(request: Received, value: Any) -> str:
    if request.version == "3" and isinstance(value, str):
        return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    if request.version != "3" and isinstance(value, dict):
        return "Operation value must be a string"
    too_long = isinstance(value, str) and len(value.encode("utf-16-le")) // 2 > 32_767
    return "The entered text is too long. It exceeds the allowed limit of 32,767 characters." if too_long else ""


def link_of(request: Received, issue: Issue) -> str:
    return f"{request.base}/rest/api/2/issue/{issue.id}"


def issue_json(jira: JiraStandIn, request: Received, issue: Issue) -> JSON:
    """`id`, `key`, `self` and the `fields` that were asked for."""
    fields: JSON = issue.fields | {
        "project": {"id": issue.project.id, "key": issue.project.key},
        "issuetype": {"id": issue.type, "name": issue.project.types.get(issue.type, "Task")},
        "status": status_json(request, issue),
        "creator": person_json(jira, request, issue.creator),
        "created": moment(issue.created),
        "updated": moment(issue.updated),
        "assignee": person_json(jira, request, issue.assignee) if issue.assignee else None,
        "archiveddate": moment(issue.updated) if issue.archived else None,
    }
    asked = {name for key, value in request.query if key == "fields" for name in value.split(",")}
    if asked and not asked & {"*all", "*navigable"}:
        fields = {name: value for name, value in fields.items() if name in asked}
    return {"id": issue.id, "key": issue.key, "self": link_of(request, issue), "fields": fields}


def change_json(jira: JiraStandIn, request: Received, change: Change) -> JSON:
    author = person_json(jira, request, change.author)
    return {"id": change.id, "author": author, "created": moment(change.at), "items": list(change.items)}


def status_json(request: Received, issue: Issue, name: str | None = None) -> JSON:
    status = issue.project.status(name) if name else issue.status
    return {
        "self": f"{request.base}/rest/api/2/status/{status.id}",
        "id": status.id,
        "name": status.name,
        "statusCategory": {"key": status.category},
    }


def writable(jira: JiraStandIn, name: str) -> Issue | Answer:
    """The issue, or why nobody may write to it now."""
    issue = jira.find(name)
    if issue is None:
        return problem(404, NO_ISSUE)
    if issue.archived:
        return problem(403, "You cannot edit an archived issue.")
    now = jira.clock()
    issue.writes = [at for at in issue.writes if now - at < 30] + [now]
    if any(sum(now - at < seconds for at in issue.writes) > most for most, seconds in _WRITE_LIMITS):
        return Answer(429, problem(429).body, {"Retry-After": "2", "RateLimit-Reason": "jira-per-issue-on-write"})
    issue.updated = now
    return issue
