"""The stand-in's endpoints about issues themselves, and the search for them."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.demo.jira.entities import JSON, Account, Issue, Project
from bot.demo.jira.site import Answer, JiraStandIn, Received
from bot.demo.jira.views import (
    NO_ISSUE,
    change_json,
    issue_json,
    link_of,
    page,
    problem,
    project_of,
    route,
    writable,
    wrong_text,
)

_PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")


@route("POST", "issue")
def _create(jira: JiraStandIn, request: Received, account: Account, _: tuple[str, ...]) -> Answer:
    body = request.body if isinstance(request.body, dict) else {}
    fields = dict(body.get("fields") or {})
    project = project_of(jira, _reference(fields.get("project"), "key"))
    if project is None:
        return problem(400, project="valid project is required")
    kind = _reference(fields.get("issuetype"), "name")
    type_id = next((it for it, name in project.types.items() if kind in {it, name}), None)
    if type_id is None:
        return problem(400, issuetype="Specify a valid issue type")
    if wrong := _wrong(request, fields, project) | _missing(fields, project):
        return problem(400, **wrong)
    set_by_people = {name: value for name, value in fields.items() if name not in {"project", "issuetype"}}
    issue = jira.create(project, type_id, account, set_by_people)
    if jira.keeps_properties:
        issue.properties.update({one["key"]: one["value"] for one in body.get("properties") or []})
    return Answer(201, {"id": issue.id, "key": issue.key, "self": link_of(request, issue)})


def _reference(value: Any, name: str) -> str:
    return str(value.get("id") or value.get(name) or "") if isinstance(value, dict) else ""


def _missing(fields: JSON, project: Project) -> dict[str, str]:
    required = (name for name, meta in project.screen.items() if meta["required"] and not fields.get(name))
    return {name: f"{project.screen[name]['name']} is required." for name in required}


def _wrong(request: Received, fields: JSON, project: Project) -> dict[str, str]:
    """What Jira says about each field that it does not take."""
    off = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
    wrong = {name: off.format(name) for name in fields if name not in project.screen}
    checks = {"summary": _wrong_summary, "labels": _wrong_labels, "priority": _wrong_priority}
    told = {name: check(fields[name]) for name, check in checks.items() if name in fields and name not in wrong}
    told["description"] = wrong_text(request, fields.get("description"))
    return wrong | {name: text for name, text in told.items() if text}


def _wrong_summary(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        return "You must specify a summary of the issue."
    if "\n" in value or "\r" in value:
        return "The summary is invalid because it contains newline characters."
    return "Summary can't exceed 255 characters." if len(value.encode("utf-16-le")) // 2 > 255 else ""


def _wrong_labels(value: Any) -> str:
    if not isinstance(value, list):
        return "data was not an array"
    bad = next((label for label in value if " " in label or len(label) > 255), None)
    return f"The label '{bad}' contains spaces which is invalid." if bad else ""


def _wrong_priority(value: Any) -> str:
    known = isinstance(value, dict) and value.get("name") in _PRIORITIES
    return "" if known else "Specify a valid 'id' or 'name' for Priority"


@route("GET", r"issue/([^/]+)")
def _read(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, NO_ISSUE)
    shown = issue_json(jira, request, issue)
    wanted = [name for key, value in request.query if key == "properties" for name in value.split(",")]
    if wanted:
        shown["properties"] = {name: value for name, value in issue.properties.items() if name in wanted}
    if "changelog" in request.first("expand"):
        shown["changelog"] = {"histories": [change_json(jira, request, change) for change in issue.history]}
    return Answer(200, shown)


@route("POST", "issue/bulkfetch")
def _read_many(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    """What is not found, or may not be seen, is left out without a word."""
    body = request.body or {}
    names = body.get("issueIdsOrKeys") or []
    if not jira.cloud:
        return problem(404, "null for uri: " + request.path)
    if not 1 <= len(names) <= 100:
        return problem(400, "issueIdsOrKeys must hold 1 to 100 issues.")
    asked = replace(request, query=[("fields", name) for name in body.get("fields") or []])
    found = {issue.id: issue for name in names if (issue := jira.find(name))}
    issues = [issue_json(jira, asked, issue) for _, issue in sorted(found.items(), key=lambda one: int(one[0]))]
    return Answer(200, {"issues": issues, "issueErrors": []})


@route("PUT", r"issue/([^/]+)")
def _edit(jira: JiraStandIn, request: Received, account: Account, names: tuple[str, ...]) -> Answer:
    issue = writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    fields = dict((request.body or {}).get("fields") or {})
    if wrong := _wrong(request, fields, issue.project):
        return problem(400, **wrong)
    jira.edit(issue, fields, account)
    return Answer(204)


@route("GET", r"issue/([^/]+)/editmeta")
def _edit_fields(jira: JiraStandIn, _: Received, __: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, NO_ISSUE)
    fixed = {"project", "issuetype"}
    return Answer(200, {"fields": {name: meta for name, meta in issue.project.screen.items() if name not in fixed}})


@route("GET", "search/jql")
def _search_cloud(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    if not jira.cloud:
        return problem(404, "null for uri: " + request.path)
    found = _query(jira, request.first("jql"))
    if isinstance(found, Answer):
        return found
    asked = request if request.first("fields") else None
    issues = [issue_json(jira, asked, issue) if asked else {"id": issue.id} for issue in found]
    return Answer(200, {"issues": issues[: int(request.first("maxResults", "50"))], "isLast": True})


@route("GET", "search")
def _search_data_center(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    if jira.cloud:
        removed = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
        return problem(410, removed)
    found = _query(jira, request.first("jql"))
    if isinstance(found, Answer):
        return found
    return Answer(200, page(request, "issues", [issue_json(jira, request, issue) for issue in found]))


_CLAUSES: dict[str, Callable[[Issue, str], bool]] = {
    "labels": lambda issue, value: value in issue.fields.get("labels", []),
    "project": lambda issue, value: value in {issue.project.key, issue.project.id},
    "key": lambda issue, value: value == issue.key,
    "id": lambda issue, value: value == issue.id,
}


def _query(jira: JiraStandIn, jql: str) -> list[Issue] | Answer:
    """`field = value` joined by AND. The index shows an issue as late as `jira.lag` says."""
    if not jql.strip():
        return problem(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    clauses = [re.fullmatch(r'\s*(\w+)\s*=\s*"?([^"]+?)"?\s*', part) for part in re.split(r"\bAND\b", jql)]
    known = [(match[1], match[2]) for match in clauses if match and match[1] in _CLAUSES]
    if len(known) < len(clauses):
        return problem(400, f"Error in the JQL Query: {jql}")
    seen = jira.clock() - jira.lag
    issues = (one for one in jira.issues.values() if one.created <= seen and not one.archived)
    return [one for one in issues if all(_CLAUSES[name](one, value) for name, value in known)]
