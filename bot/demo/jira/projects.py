"""The stand-in's endpoints about the site, people and projects."""

from bot.demo.jira.entities import JSON, Account, Project
from bot.demo.jira.site import Answer, JiraStandIn, Received
from bot.demo.jira.views import page, person_json, problem, project_of, route


@route("GET", "serverInfo")
def _server_info(jira: JiraStandIn, request: Received, _: Account, __: tuple[str, ...]) -> Answer:
    numbers, kind = ([1001, 0, 0], "Cloud") if jira.cloud else ([10, 3, 5], "Server")
    version = ".".join(map(str, numbers))
    info = {"baseUrl": request.base, "version": version, "versionNumbers": numbers, "deploymentType": kind}
    return Answer(200, info)


@route("GET", "myself")
def _myself(jira: JiraStandIn, request: Received, account: Account, _: tuple[str, ...]) -> Answer:
    return Answer(200, person_json(jira, request, account) | {"timeZone": "America/New_York"})


def _types(request: Received, project: Project) -> list[JSON]:
    link = f"{request.base}/rest/api/2/issuetype"
    return [{"self": f"{link}/{it}", "id": it, "name": name, "subtask": False} for it, name in project.types.items()]


@route("GET", r"issue/createmeta/([^/]+)/issuetypes")
def _create_types(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    project = project_of(jira, names[0])
    if project is None:
        return problem(404, f"No project could be found with key '{names[0]}'.")
    return Answer(200, page(request, "issueTypes" if jira.cloud else "values", _types(request, project)))


@route("GET", r"issue/createmeta/([^/]+)/issuetypes/([^/]+)")
def _create_fields(jira: JiraStandIn, request: Received, _: Account, names: tuple[str, ...]) -> Answer:
    project = project_of(jira, names[0])
    if project is None or names[1] not in project.types:
        return problem(404, "The issue type was not found.")
    fields = [
        {"fieldId": field, "key": field, "hasDefaultValue": False, "operations": ["set"]} | meta
        for field, meta in project.screen.items()
    ]
    return Answer(200, page(request, "fields" if jira.cloud else "values", fields))
