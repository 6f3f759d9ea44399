"""The stand-in's endpoints about what happens to an issue: comments and transitions."""

from bot.demo.jira.entities import JSON, Account, Issue, Transition
from bot.demo.jira.site import Answer, JiraStandIn, Received, moment
from bot.demo.jira.views import (
    NO_ISSUE,
    change_json,
    link_of,
    page,
    person_json,
    problem,
    route,
    status_json,
    writable,
    wrong_text,
)


@route("GET", r"issue/([^/]+)/comment")
def _comments(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, NO_ISSUE)
    newest_first = request.first("orderBy") == "-created"
    comments = list(reversed(issue.comments)) if newest_first else issue.comments
    shown = [_comment(jira, request, issue, comment.id) for comment in comments]
    return Answer(200, page(request, "comments", shown))


@route("POST", r"issue/([^/]+)/comment")
def _add_comment(jira: JiraStandIn, request: Received, account: Account, names: tuple[str, ...]) -> Answer:
    issue = writable(jira, names[0])
    if isinstance(issue, Answer):
        return issue
    text = (request.body or {}).get("body")
    if request.version == "3" or not isinstance(text, str) or not text.strip():
        return problem(400, comment="Comment body is not valid!")
    if wrong := wrong_text(request, text):
        return problem(400, comment=wrong)
    internal = {"key": "sd.public.comment", "value": {"internal": True}}
    made = jira.comment(issue, account, text, public=internal not in (request.body.get("properties") or []))
    return Answer(201, _comment(jira, request, issue, made.id))


def _comment(jira: JiraStandIn, request: Received, issue: Issue, number: str) -> JSON:
    comment = next(one for one in issue.comments if one.id == number)
    return {
        "self": f"{link_of(request, issue)}/comment/{comment.id}",
        "id": comment.id,
        "body": comment.body,
        "author": person_json(jira, request, comment.author),
        "created": moment(comment.at),
        "updated": moment(comment.at),
        "jsdPublic": comment.public,
    } | ({"visibility": {"type": "role", "value": comment.role}} if comment.role else {})


@route("GET", r"issue/([^/]+)/changelog")
def _changelog(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if not jira.cloud:
        return problem(404, "null for uri: " + request.path)
    if issue is None:
        return problem(404, NO_ISSUE)
    return Answer(200, page(request, "values", [change_json(jira, request, one) for one in issue.history]))


def _ways(issue: Issue) -> list[Transition]:
    return [way for way in issue.project.transitions if not way.sources or issue.status.name in way.sources]


@route("GET", r"issue/([^/]+)/transitions")
def _transitions(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    issue = jira.find(names[0])
    if issue is None:
        return problem(404, NO_ISSUE)
    with_fields = "transitions.fields" in request.first("expand")
    shown = [
        {
            "id": way.id,
            "name": way.name,
            "to": status_json(request, issue, way.to),
            "hasScreen": bool(way.screen),
            "isGlobal": not way.sources,
            "isAvailable": True,
        }
        | ({"fields": dict(way.screen)} if with_fields else {})
        for way in _ways(issue)
    ]
    return Answer(200, {"transitions": shown})


@route("POST", r"issue/([^/]+)/transitions")
def _transition(jira: JiraStandIn, request: Received, account: Account, names: tuple[str, ...]) -> Answer:
    issue = writable(jira, names[0])
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
    issue.fields.update(fields)
    jira.transition(issue.id, way.to, account)
    return Answer(204)
