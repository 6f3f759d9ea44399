"""The stand-in's REST API: `answer` takes a request and gives what Jira would say. No HTTP here.

Paths and JSON are those of API v2; v3 differs in refusing plain strings where it wants documents.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from bot.demo.jira import JSON, Account, Answer, Fault, Issue, JiraStandIn, Project, Received, Transition, moment

_ANONYMOUS = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}
_NO_ISSUE = "Issue does not exist or you do not have permission to see it."
_PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
#: Writes to one issue: at most so many in so many seconds.
_WRITE_LIMITS = ((20, 2.0), (100, 30.0))

Endpoint = Callable[[JiraStandIn, Received, Account, tuple[str, ...]], Answer]
_ROUTES: list[tuple[str, re.Pattern[str], Endpoint]] = []


def _route(method: str, path: str) -> Callable[[Endpoint], Endpoint]:
    def add(endpoint: Endpoint) -> Endpoint:
        _ROUTES.append((method, re.compile(path), endpoint))
        return endpoint

    return add


def problem(status: int, *messages: str, **fields: str) -> Answer:
    """Jira's ErrorCollection."""
    return Answer(status, {"errorMessages": list(messages), "errors": fields})


def answer(jira: JiraStandIn, request: Received) -> tuple[Answer, float]:
    """What to answer, after how many seconds. The request is kept in `jira.log`."""
    with jira.lock:
        jira.log.append(request)
        fault = _fault(jira, request)
        given = fault.answer if fault else None
        if given is None or (fault and fault.commit):
            real = _dispatch(jira, request)
            given = given or real
        request.status = 0 if given.cut else given.status
        return given, fault.delay if fault else 0.0


def _fault(jira: JiraStandIn, request: Received) -> Fault | None:
    fault = next((fault for fault in jira.faults if fault.meets(request)), None)
    if fault:
        fault.times -= 1
    return fault


def _dispatch(jira: JiraStandIn, request: Received) -> Answer:
    account = _account(jira, request)
    if account is None:
        return _anonymous(request)
    for method, path, endpoint in _ROUTES:
        match = path.fullmatch(request.path)
        if match and method == request.method:
            return endpoint(jira, request, account, tuple(unquote(group) for group in match.groups()))
    return problem(404, "null for uri: " + request.path)


def _account(jira: JiraStandIn, request: Received) -> Account | None:
    """Cloud takes e-mail and API token, Data Center a personal access token."""
    if jira.expired:
        return None
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and not jira.cloud:
        return next((one for one in jira.accounts if one.token == value), None)
    if kind.lower() != "basic":
        return None
    user, _, token = base64.b64decode(value).decode().partition(":")
    return next((one for one in jira.accounts if (one.email, one.token) == (user, token)), None)


def _anonymous(request: Received) -> Answer:
    """A token that has expired makes the caller anonymous: what is open to everybody answers, with nothing in it."""
    if request.method == "GET" and request.path.startswith("search"):
        return Answer(200, {"issues": [], "isLast": True, "total": 0}, _ANONYMOUS)
    if request.method == "GET" and request.path.endswith(("/issuetypes", "/transitions", "/comment")):
        return Answer(200, {"issueTypes": [], "transitions": [], "comments": [], "total": 0}, _ANONYMOUS)
    if request.method == "GET" and request.path.startswith("issue/"):
        return Answer(404, problem(404, _NO_ISSUE).body, _ANONYMOUS)
    return Answer(
        401, {"message": "Client must be authenticated to access this resource.", "status-code": 401}, _ANONYMOUS
    )


# -- the site and its projects


@_route("GET", "serverInfo")
def _server_info(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    numbers, kind = ([1001, 0, 0], "Cloud") if jira.cloud else ([10, 3, 5], "Server")
    version = ".".join(map(str, numbers))
    info = {"baseUrl": request.base, "version": version, "versionNumbers": numbers, "deploymentType": kind}
    return Answer(200, info)


@_route("GET", "myself")
def _myself(jira: JiraStandIn, request: Received, account: Account, _: tuple[str, ...]) -> Answer:
    return Answer(200, _person(jira, request, account) | {"timeZone": "America/New_York"})


def _person(jira: JiraStandIn, request: Received, account: Account) -> JSON:
    known = {"displayName": account.name, "emailAddress": account.email, "active": True}
    if jira.cloud:
        return known | {"self": f"{request.base}/rest/api/2/user?accountId={account.id}", "accountId": account.id}
    name = account.email.partition("@")[0]
    return known | {"self": f"{request.base}/rest/api/2/user?username={name}", "name": name, "key": name}


@_route("GET", r"project/([^/]+)")
def _project(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    project = _project_of(jira, names[0])
    if project is None:
        return problem(404, f"No project could be found with key '{names[0]}'.")
    link = f"{request.base}/rest/api/2/project/{project.id}"
    types = _types(request, project)
    return Answer(200, {"self": link, "id": project.id, "key": project.key, "name": project.name, "issueTypes": types})


def _project_of(jira: JiraStandIn, name: str) -> Project | None:
    return next((one for one in jira.projects.values() if name in {one.key, one.id}), None)


def _types(request: Received, project: Project) -> list[JSON]:
    link = f"{request.base}/rest/api/2/issuetype"
    return [{"self": f"{link}/{it}", "id": it, "name": name, "subtask": False} for it, name in project.types.items()]


@_route("GET", r"issue/createmeta/([^/]+)/issuetypes")
def _create_types(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    project = _project_of(jira, names[0])
    if project is None:
        return problem(404, f"No project could be found with key '{names[0]}'.")
    return Answer(200, _page(request, "issueTypes" if jira.cloud else "values", _types(request, project)))


@_route("GET", r"issue/createmeta/([^/]+)/issuetypes/([^/]+)")
def _create_fields(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    project = _project_of(jira, names[0])
    if project is None or names[1] not in project.types:
        return problem(404, "The issue type was not found.")
    fields = [
        {"fieldId": field, "key": field, "hasDefaultValue": False, "operations": ["set"]} | meta
        for field, meta in project.screen.items()
    ]
    return Answer(200, _page(request, "fields" if jira.cloud else "values", fields))


def _page(request: Received, member: str, items: list[JSON]) -> JSON:
    start, size = int(request.first("startAt", "0")), int(request.first("maxResults", "50"))
    shown = items[start : start + size]
    page: JSON = {"startAt": start, "maxResults": size, "total": len(items), member: shown}
    return page | ({"isLast": start + len(shown) >= len(items)} if member == "values" else {})


# -- issues


@_route("POST", "issue")
def _create(jira: JiraStandIn, request: Received, account: Account, _: tuple[str, ...]) -> Answer:
    body = request.body if isinstance(request.body, dict) else {}
    fields = dict(body.get("fields") or {})
    project = _project_of(jira, _reference(fields.get("project"), "key"))
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
    return Answer(201, {"id": issue.id, "key": issue.key, "self": _link(request, issue)})


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
    told["description"] = _wrong_text(request, fields.get("description"))
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


def _wrong_text(request: Received, value: Any) -> str:
    if request.version == "3" and isinstance(value, str):
        return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    if request.version != "3" and isinstance(value, dict):
        return "Operation value must be a string"
    too_long = isinstance(value, str) and len(value.encode("utf-16-le")) // 2 > 32_767
    return "The entered text is too long. It exceeds the allowed limit of 32,767 characters." if too_long else ""


def _link(request: Received, issue: Issue) -> str:
    return f"{request.base}/rest/api/2/issue/{issue.id}"


@_route("GET", r"issue/([^/]+)")
def _read(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, _NO_ISSUE)
    shown = _shown(jira, request, issue)
    wanted = [name for key, value in request.query if key == "properties" for name in value.split(",")]
    if wanted:
        shown["properties"] = {name: value for name, value in issue.properties.items() if name in wanted}
    return Answer(200, shown)


def _shown(jira: JiraStandIn, request: Received, issue: Issue) -> JSON:
    """`id`, `key`, `self` and the `fields` that were asked for."""
    fields: JSON = issue.fields | {
        "project": {"id": issue.project.id, "key": issue.project.key},
        "issuetype": {"id": issue.type, "name": issue.project.types.get(issue.type, "Task")},
        "status": _status(request, issue),
        "creator": _person(jira, request, issue.creator),
        "created": moment(issue.created),
        "updated": moment(issue.updated),
    }
    asked = {name for key, value in request.query if key == "fields" for name in value.split(",")}
    if asked and not asked & {"*all", "*navigable"}:
        fields = {name: value for name, value in fields.items() if name in asked}
    return {"id": issue.id, "key": issue.key, "self": _link(request, issue), "fields": fields}


def _status(request: Received, issue: Issue, name: str | None = None) -> JSON:
    status = issue.project.status(name) if name else issue.status
    return {
        "self": f"{request.base}/rest/api/2/status/{status.id}",
        "id": status.id,
        "name": status.name,
        "statusCategory": {"key": status.category},
    }


def _writable(jira: JiraStandIn, name: str) -> Issue | Answer:
    """The issue, or why nobody may write to it now."""
    issue = jira.find(name)
    if issue is None:
        return problem(404, _NO_ISSUE)
    if issue.archived:
        return problem(403, "You cannot edit an archived issue.")
    now = jira.clock()
    issue.writes = [at for at in issue.writes if now - at < 30] + [now]
    if any(sum(now - at < seconds for at in issue.writes) > most for most, seconds in _WRITE_LIMITS):
        return Answer(429, problem(429).body, {"Retry-After": "2", "RateLimit-Reason": "jira-per-issue-on-write"})
    issue.updated = now
    return issue


@_route("PUT", r"issue/([^/]+)")
def _edit(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = _writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    fields = dict((request.body or {}).get("fields") or {})
    if wrong := _wrong(request, fields, issue.project):
        return problem(400, **wrong)
    issue.fields.update(fields)
    return Answer(204)


@_route("GET", r"issue/([^/]+)/editmeta")
def _edit_fields(jira: JiraStandIn, _: Received, __: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, _NO_ISSUE)
    fixed = {"project", "issuetype"}
    return Answer(200, {"fields": {name: meta for name, meta in issue.project.screen.items() if name not in fixed}})


# -- search


@_route("GET", "search/jql")
def _search_cloud(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    if not jira.cloud:
        return problem(404, "null for uri: " + request.path)
    found = _query(jira, request.first("jql"))
    if isinstance(found, Answer):
        return found
    asked = request if request.first("fields") else None
    issues = [_shown(jira, asked, issue) if asked else {"id": issue.id} for issue in found]
    return Answer(200, {"issues": issues[: int(request.first("maxResults", "50"))], "isLast": True})


@_route("GET", "search")
def _search_data_center(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    if jira.cloud:
        removed = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
        return problem(410, removed)
    found = _query(jira, request.first("jql"))
    if isinstance(found, Answer):
        return found
    return Answer(200, _page(request, "issues", [_shown(jira, request, issue) for issue in found]))


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


# -- comments


@_route("GET", r"issue/([^/]+)/comment")
def _comments(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, _NO_ISSUE)
    newest_first = request.first("orderBy") == "-created"
    comments = list(reversed(issue.comments)) if newest_first else issue.comments
    shown = [_comment(jira, request, issue, comment.id) for comment in comments]
    return Answer(200, _page(request, "comments", shown))


@_route("POST", r"issue/([^/]+)/comment")
def _add_comment(jira: JiraStandIn, request: Received, account: Account, names: tuple[str, ...]) -> Answer:
    issue = _writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    text = (request.body or {}).get("body")
    if request.version == "3" or not isinstance(text, str) or not text.strip():
        return problem(400, comment="Comment body is not valid!")
    if wrong := _wrong_text(request, text):
        return problem(400, comment=wrong)
    internal = {"key": "sd.public.comment", "value": {"internal": True}}
    made = jira.comment(issue, account, text, public=internal not in (request.body.get("properties") or []))
    return Answer(201, _comment(jira, request, issue, made.id))


def _comment(jira: JiraStandIn, request: Received, issue: Issue, number: str) -> JSON:
    comment = next(one for one in issue.comments if one.id == number)
    return {
        "self": f"{_link(request, issue)}/comment/{comment.id}",
        "id": comment.id,
        "body": comment.body,
        "author": _person(jira, request, comment.author),
        "created": moment(comment.at),
        "updated": moment(comment.at),
        "jsdPublic": comment.public,
    }


# -- transitions


def _ways(issue: Issue) -> list[Transition]:
    return [way for way in issue.project.transitions if not way.sources or issue.status.name in way.sources]


@_route("GET", r"issue/([^/]+)/transitions")
def _transitions(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, _NO_ISSUE)
    with_fields = "transitions.fields" in request.first("expand")
    shown = [
        {
            "id": way.id,
            "name": way.name,
            "to": _status(request, issue, way.to),
            "hasScreen": bool(way.screen),
            "isGlobal": not way.sources,
            "isAvailable": True,
        }
        | ({"fields": dict(way.screen)} if with_fields else {})
        for way in _ways(issue)
    ]
    return Answer(200, {"transitions": shown})


@_route("POST", r"issue/([^/]+)/transitions")
def _transition(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = _writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    body = request.body or {}
    number, fields = str((body.get("transition") or {}).get("id")), body.get("fields") or {}
    way = next((one for one in _ways(issue) if one.id == number), None)
    if way is None:
        return problem(
            400, f"It seems that you have tried to perform a workflow operation ({number}) that is not valid."
        )
    off = {name: "It is not on the appropriate screen, or unknown." for name in fields if name not in way.screen}
    missing = {name: f"{meta['name']} is required." for name, meta in way.screen.items() if name not in fields}
    if off | missing:
        return problem(400, **(off | missing))
    issue.status = issue.project.status(way.to)
    issue.fields.update(fields)
    return Answer(204)


# -- properties and links


@_route("GET", r"issue/([^/]+)/properties/(.+)")
def _property(jira: JiraStandIn, _: Received, __: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None or names[1] not in issue.properties:
        return problem(404, f"The property {names[1]} does not exist.")
    return Answer(200, {"key": names[1], "value": issue.properties[names[1]]})


@_route("PUT", r"issue/([^/]+)/properties/(.+)")
def _set_property(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = _writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    if len(json.dumps(request.body)) > 32_768:
        return problem(400, "The property value is too long.")
    status = 200 if names[1] in issue.properties else 201
    issue.properties[names[1]] = request.body
    return Answer(status, {})


@_route("POST", r"issue/([^/]+)/remotelink")
def _remote_link(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = _writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    link = request.body or {}
    if not (link.get("object") or {}).get("title"):
        return problem(400, title="'title' is required.")
    name = link.get("globalId") or jira.number()
    status = 200 if name in issue.links else 201
    number = issue.links.get(name, {}).get("id") or jira.number()
    issue.links[name] = link | {"id": number}
    return Answer(status, {"id": int(number), "self": f"{_link(request, issue)}/remotelink/{number}"})
