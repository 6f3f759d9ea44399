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

JSON = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """Who may use the API, with which token."""

    id: str
    name: str
    email: str = ""
    token: str = ""


@dataclass(frozen=True)
class Status:
    """A column of a project's board. `category`: `new`, `indeterminate` or `done`."""

    id: str
    name: str
    category: str


@dataclass(frozen=True)
class Transition:
    """A way from one of `sources` (empty: from everywhere) to a status; `screen` is asked on it."""

    id: str
    name: str
    to: str
    sources: tuple[str, ...] = ()
    screen: Mapping[str, JSON] = field(default_factory=dict)


@dataclass
class Project:
    """Its workflow starts in the first status. `screen` are the fields that may be set on creation."""

    key: str
    id: str
    name: str
    statuses: tuple[Status, ...]
    transitions: tuple[Transition, ...]
    screen: dict[str, JSON]
    types: Mapping[str, str] = field(default_factory=lambda: {"10001": "Task", "10002": "Bug"})
    numbered: int = 0

    def status(self, name: str) -> Status:
        return next(status for status in self.statuses if status.name == name)


@dataclass
class Comment:
    id: str
    author: Account
    body: str
    at: float
    public: bool = True


@dataclass
class Issue:
    """`fields` are those that people set; status, creator and times stand beside them."""

    id: str
    key: str
    project: Project
    type: str
    creator: Account
    status: Status
    created: float
    updated: float
    fields: JSON
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    old_keys: list[str] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    archived: bool = False


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
        self.log: list[Received] = []
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
            return issue

    def comment(self, issue: Issue, author: Account, body: str, *, public: bool = True) -> Comment:
        with self.lock:
            made = Comment(self.number(), author, body, self.clock(), public)
            issue.comments.append(made)
            return made

    # -- what people do in Jira itself

    def transition(self, id_or_key: str, status: str) -> None:
        """Somebody drags the issue to a status."""
        with self.lock:
            issue = self.issues[self._known(id_or_key).id]
            issue.status, issue.updated = issue.project.status(status), self.clock()

    def move(self, id_or_key: str, project: str) -> None:
        """To another project: a new key and another workflow, the same id."""
        with self.lock:
            issue, target = self._known(id_or_key), self.projects[project]
            target.numbered += 1
            issue.old_keys.append(issue.key)
            issue.key, issue.project = f"{target.key}-{target.numbered}", target
            issue.status, issue.updated = target.statuses[0], self.clock()

    def archive(self, id_or_key: str) -> None:
        with self.lock:
            self._known(id_or_key).archived = True

    def remove(self, id_or_key: str) -> None:
        with self.lock:
            del self.issues[self._known(id_or_key).id]

    def _known(self, id_or_key: str) -> Issue:
        issue = self.find(id_or_key)
        if issue is None:
            raise KeyError(id_or_key)
        return issue


def moment(seconds: float) -> str:
    """A time as Jira writes it: `2026-11-22T06:00:00.000+0000`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
