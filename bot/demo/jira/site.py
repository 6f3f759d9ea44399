"""The local stand-in for Jira: projects with workflows, issues, and the ways in which a real site is unpleasant.

`JiraStandIn` holds the state under one lock; `bot.demo.jira.api` is its REST API, `bot.demo.jira.server.build` puts
both on HTTP. What it imitates is Atlassian's documentation, not their servers.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.demo.jira.entities import JSON, Account, Change, Comment, Issue, Project

#: A person who works in this Jira, unless a caller names another.
SOMEBODY = Account("5b10a2844c20165700ede21g", "Mia Krystof", "mia@example.com")


@dataclass
class Received:
    """A request as it came, and what was answered. `path` is below `/rest/api/{version}/`."""

    method: str
    path: str
    version: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: Any
    base: str
    status: int = 0

    def first(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.query if key == name), default)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Sent as it is instead of `body`, as HTML.
    page: str | None = None
    #: The connection is reset instead of answering.
    cut: bool = False


@dataclass
class Fault:
    """Something goes wrong `times` times for requests that match. `path` is a regular expression."""

    method: str
    path: str
    times: int = 1
    #: Instead of the real answer.
    answer: Answer | None = None
    #: The work is done before the answer is replaced.
    commit: bool = False
    #: Seconds before anything is answered.
    delay: float = 0.0

    def meets(self, request: Received) -> bool:
        return self.times > 0 and self.method == request.method and re.fullmatch(self.path, request.path) is not None


@dataclass(frozen=True)
class Happened:
    """What a webhook tells: `event` and `kind` are Jira's names for it."""

    event: str
    kind: str
    issue: Issue
    by: Account
    at: float
    change: Change | None = None
    comment: Comment | None = None


class JiraStandIn:
    """One Jira site. All methods may be called from any thread; `clock` gives Unix seconds.

    Knobs: `cloud` (else Data Center), `lag` (seconds until the search shows a change), `expired` (no token is
    accepted any more), `keeps_properties` (of a creation), `faults`.
    """

    def __init__(self, *, cloud: bool = True, clock: Callable[[], float] = time.time) -> None:
        self.cloud, self.clock = cloud, clock
        self.lag = 0.0
        self.expired = False
        self.keeps_properties = True
        self.faults: list[Fault] = []
        self.accounts: list[Account] = []
        self.projects: dict[str, Project] = {}
        self.issues: dict[str, Issue] = {}
        #: What exists and the bot may not see.
        self.hidden: dict[str, Issue] = {}
        self.log: list[Received] = []
        #: Called with whatever happens, under the lock.
        self.listeners: list[Callable[[Happened], None]] = []
        self.lock = threading.RLock()
        self._numbers = 10_000

    def number(self) -> str:
        """A new id: a string of digits, as all of Jira's."""
        with self.lock:
            self._numbers += 1
            return str(self._numbers)

    def fail(
        self,
        method: str,
        path: str,
        answer: Answer | None = None,
        *,
        times: int = 1,
        commit: bool = False,
        delay: float = 0.0,
    ) -> None:
        """From now on, `times` requests that match go wrong in this way."""
        with self.lock:
            self.faults.append(Fault(method, path, times, answer, commit, delay))

    def received(self, method: str, path: str) -> list[Received]:
        """What came for a method and a path (a regular expression)."""
        with self.lock:
            return [one for one in self.log if one.method == method and re.fullmatch(path, one.path)]

    def find(self, id_or_key: str) -> Issue | None:
        """By id, key, or a key from before a move."""
        with self.lock:
            names = ((issue, {issue.id, issue.key, *issue.old_keys}) for issue in self.issues.values())
            return next((issue for issue, known in names if id_or_key in known), None)

    def create(self, project: Project, type_id: str, creator: Account, fields: JSON) -> Issue:
        with self.lock:
            project.numbered += 1
            now, number = self.clock(), self.number()
            key = f"{project.key}-{project.numbered}"
            issue = Issue(number, key, project, type_id, creator, project.statuses[0], now, now, fields)
            self.issues[number] = issue
            self._tell("jira:issue_created", "issue_created", issue, creator)
            return issue

    def comment(
        self, issue: Issue, author: Account, body: str, *, public: bool = True, role: str | None = None
    ) -> Comment:
        with self.lock:
            made = Comment(self.number(), author, body, self.clock(), public, role)
            issue.comments.append(made)
            issue.updated = made.at
            # Data Center tells of a comment twice: once with the issue, once without.
            if not self.cloud:
                self._tell("jira:issue_updated", "issue_commented", issue, author, comment=made)
            self._tell("comment_created", "", issue, author, comment=made)
            return made

    # -- what people do in Jira itself

    def transition(self, id_or_key: str, status: str, by: Account = SOMEBODY) -> None:
        """Somebody drags the issue to a status."""
        with self.lock:
            issue = self._known(id_or_key)
            old, issue.status = issue.status, issue.project.status(status)
            item = _item("status", (old.id, old.name), (issue.status.id, issue.status.name))
            self._changed(issue, by, "issue_generic", item)

    def assign(self, id_or_key: str, to: Account | None, by: Account = SOMEBODY) -> None:
        with self.lock:
            issue = self._known(id_or_key)
            old, issue.assignee = issue.assignee, to
            self._changed(issue, by, "issue_assigned", _item("assignee", _named(old), _named(to)))

    def edit(self, issue: Issue, fields: JSON, by: Account = SOMEBODY) -> None:
        with self.lock:
            items = [_item(name, ("", str(issue.fields.get(name))), ("", str(new))) for name, new in fields.items()]
            issue.fields.update(fields)
            self._changed(issue, by, "issue_updated", *items)

    def move(self, id_or_key: str, project: str, by: Account = SOMEBODY) -> None:
        """To another project: a new key and another workflow, the same id."""
        with self.lock:
            issue, target = self._known(id_or_key), self.projects[project]
            target.numbered += 1
            old, old_project = issue.key, issue.project
            issue.old_keys.append(old)
            issue.key, issue.project = f"{target.key}-{target.numbered}", target
            issue.status = target.statuses[0]
            projects = _item("project", (old_project.id, old_project.name), (target.id, target.name))
            self._changed(issue, by, "issue_moved", projects, _item("Key", ("", old), ("", issue.key)))

    def archive(self, id_or_key: str, *, archived: bool = True) -> None:
        """Jira tells nobody of it."""
        with self.lock:
            self._known(id_or_key).archived = archived

    def remove(self, id_or_key: str, by: Account = SOMEBODY) -> None:
        with self.lock:
            issue = self.issues.pop(self._known(id_or_key).id)
            self._tell("jira:issue_deleted", "", issue, by)

    def hide(self, id_or_key: str) -> None:
        """It goes where the bot may not look."""
        with self.lock:
            issue = self.issues.pop(self._known(id_or_key).id)
            self.hidden[issue.id] = issue

    def reveal(self, number: str) -> None:
        with self.lock:
            self.issues[number] = self.hidden.pop(number)

    def _known(self, id_or_key: str) -> Issue:
        issue = self.find(id_or_key)
        if issue is None:
            raise KeyError(id_or_key)
        return issue

    def _changed(self, issue: Issue, by: Account, kind: str, *items: JSON) -> None:
        issue.updated = self.clock()
        change = Change(self.number(), by, issue.updated, items)
        issue.history.append(change)
        self._tell("jira:issue_updated", kind, issue, by, change=change)

    def _tell(
        self,
        event: str,
        kind: str,
        issue: Issue,
        by: Account,
        *,
        change: Change | None = None,
        comment: Comment | None = None,
    ) -> None:
        for listener in self.listeners:
            listener(Happened(event, kind, issue, by, self.clock(), change, comment))


def _item(field_: str, old: tuple[str, str], new: tuple[str, str]) -> JSON:
    known = {"fieldId": field_} if field_ != "Key" else {}
    sides = {"from": old[0] or None, "fromString": old[1] or None, "to": new[0] or None, "toString": new[1] or None}
    return {"field": field_, "fieldtype": "jira", **known, **sides}


def _named(account: Account | None) -> tuple[str, str]:
    return (account.id, account.name) if account else ("", "")


def moment(seconds: float) -> str:
    """A time as Jira writes it: `2026-11-22T06:00:00.000+0000`."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000"
