"""The stand-in's REST API: `answer` takes a request and gives what Jira would say. No HTTP here.

Paths and JSON are those of API v2; v3 differs in refusing plain strings where it wants documents.
"""

import base64
from urllib.parse import unquote

# The endpoints register themselves where they are imported.
from bot.demo.jira import activity as jira_activity
from bot.demo.jira import issues as jira_issues
from bot.demo.jira import projects as jira_projects
from bot.demo.jira.entities import Account
from bot.demo.jira.site import Answer, Fault, JiraStandIn, Received
from bot.demo.jira.views import NO_ISSUE, ROUTES, problem

ENDPOINT_MODULES = (jira_activity, jira_issues, jira_projects)
_ANONYMOUS = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}


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
    for method, path, endpoint in ROUTES:
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
        return next((one for one in jira.accounts if value and one.token == value), None)
    if kind.lower() != "basic":
        return None
    user, _, token = base64.b64decode(value).decode().partition(":")
    return next((one for one in jira.accounts if token and (one.email, one.token) == (user, token)), None)


def _anonymous(request: Received) -> Answer:
    """A token that has expired makes the caller anonymous: what is open to everybody answers, with nothing in it."""
    if request.method == "GET" and request.path.startswith("search"):
        return Answer(200, {"issues": [], "isLast": True, "total": 0}, _ANONYMOUS)
    if request.method == "GET" and request.path.endswith(("/issuetypes", "/transitions", "/comment")):
        return Answer(200, {"issueTypes": [], "transitions": [], "comments": [], "total": 0}, _ANONYMOUS)
    if request.path == "issue/bulkfetch":
        return Answer(200, {"issues": [], "issueErrors": []}, _ANONYMOUS)
    if request.method == "GET" and request.path.startswith("issue/"):
        return Answer(404, problem(404, NO_ISSUE).body, _ANONYMOUS)
    return Answer(
        401, {"message": "Client must be authenticated to access this resource.", "status-code": 401}, _ANONYMOUS
    )
