"""What a person does to an issue by hand, on its page."""

from collections.abc import Callable, Mapping

from bot.demo.jira.entities import Account, Issue
from bot.demo.jira.site import JiraStandIn

Act = Callable[[JiraStandIn, Issue, Account, str], None]


def act(jira: JiraStandIn, key: str, said: Mapping[str, str]) -> str | None:
    """Do the act `said["act"]` as the person `said["as"]`, with what is said under the act's name.

    The issue's key afterwards; None: it is gone.
    What makes no sense (an empty comment, a project that is none) is left undone.
    """
    with jira.lock:
        issue = jira.find(key)
        what = said.get("act", "")
        by = next((one for one in jira.accounts if one.id == said.get("as") and not one.token), None)
        done = ACTS.get(what)
        if issue is None:
            return None
        if by and done and (not issue.archived or done is _archive):
            done(jira, issue, by, said.get(what, "").strip())
        return issue.key if issue.id in jira.issues else None


def _comment(jira: JiraStandIn, issue: Issue, by: Account, text: str) -> None:
    if text:
        jira.comment(issue, by, text)


def _move(jira: JiraStandIn, issue: Issue, by: Account, status: str) -> None:
    if any(one.name == status for one in issue.project.statuses):
        jira.transition(issue.id, status, by)


def _assign(jira: JiraStandIn, issue: Issue, by: Account, to: str) -> None:
    jira.assign(issue.id, next((one for one in jira.accounts if one.id == to), None), by)


def _relocate(jira: JiraStandIn, issue: Issue, by: Account, project: str) -> None:
    if project in jira.projects and project != issue.project.key:
        jira.move(issue.id, project, by)


def _archive(jira: JiraStandIn, issue: Issue, _: Account, __: str) -> None:
    jira.archive(issue.id, archived=not issue.archived)


def _delete(jira: JiraStandIn, issue: Issue, by: Account, _: str) -> None:
    jira.remove(issue.id, by)


ACTS: dict[str, Act] = {
    "comment": _comment,
    "status": _move,
    "assign": _assign,
    "move": _relocate,
    "archive": _archive,
    "delete": _delete,
}
