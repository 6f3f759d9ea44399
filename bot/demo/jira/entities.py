"""What a Jira consists of: people, projects with workflows, issues with their comments and their history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Change:
    """An entry of an issue's history; its items have `field`, `from`, `fromString`, `to`, `toString`."""

    id: str
    author: Account
    at: float
    items: tuple[JSON, ...]


@dataclass
class Comment:
    id: str
    author: Account
    body: str
    at: float
    public: bool = True
    #: The role that alone may read it.
    role: str | None = None


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
    assignee: Account | None = None
    history: list[Change] = field(default_factory=list)
