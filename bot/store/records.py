"""What the store tells: plain, frozen, without a session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.lifecycle import ApprovalRule, Approve, InstanceState, RequestState, StepState, missing
from bot.offering import Person


@dataclass(frozen=True)
class PersonRecord:
    """One human."""

    id: int
    slack_id: str | None
    email: str | None
    name: str | None
    team_id: str | None = None
    #: IANA's name of their time zone.
    tz: str | None = None
    #: When a directory was asked for all of this; None: never.
    refreshed_at: datetime | None = None

    @property
    def label(self) -> str:
        """For people to read."""
        return self.name or self.email or self.slack_id or f"person {self.id}"

    @property
    def reference(self) -> str:
        """An e-mail address where one is known, else a Slack id: what forms hold."""
        return self.email or self.slack_id or ""

    def as_person(self) -> Person:
        """As a step sees them."""
        return Person(self.reference, self.label)


@dataclass(frozen=True)
class DecisionRecord:
    """One person's approve or reject; `current` is false for one about an older edit."""

    person: PersonRecord
    verdict: str
    reason: str | None
    rules: Sequence[int]
    at: datetime
    current: bool


@dataclass(frozen=True)
class StepRecord:
    """One step as people see it."""

    name: str
    description: str
    action: str
    early: bool
    always: bool
    #: The steps that it waits for; None: all before it.
    after: Sequence[str] | None
    state: StepState
    #: Why it waits or failed.
    reason: str | None
    ask: Mapping[str, Any] | None
    attempts: int
    run_at: datetime | None
    outputs: Mapping[str, Any] | None
    started_at: datetime | None
    ended_at: datetime | None
    #: How many workers stopped while they ran it, and how often it was asked since it is pending.
    crashes: int = 0
    polls: int = 0
    #: Who runs it or ran it last, and until when that counts.
    worker: str | None = None
    lease_until: datetime | None = None
    #: When it has taken too long.
    deadline_at: datetime | None = None


@dataclass(frozen=True)
class UnsaidRecord:
    """Something about a request that could not be said: a card or a delivery, `to` a place, a person or a step."""

    kind: str
    to: str
    error: str | None
    given_up: bool
    attempts: int
    #: None: nobody wrote down since when.
    since: datetime | None
    #: The next attempt.
    again_at: datetime | None


@dataclass(frozen=True)
class EventRecord:
    """One recorded fact; `person` None is Frontdesk itself."""

    id: int
    name: str
    person: PersonRecord | None
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True)
class InstanceRecord:
    """What people live with."""

    id: int
    offering: str
    version: str
    owner: PersonRecord
    state: InstanceState
    form: Mapping[str, Any]
    outputs: Mapping[str, Any] | None
    expires_at: datetime | None
    created_at: datetime
    #: The open request about it, if there is one.
    open_request: int | None
    #: How often its time was extended.
    renewals: int = 0

    @property
    def ends(self) -> bool:
        """Whether its time runs."""
        return self.expires_at is not None and self.state in (InstanceState.READY, InstanceState.CHANGING)

    @property
    def number(self) -> str:
        """`INS-7`."""
        return instance_number(self.id)


@dataclass(frozen=True)
class RequestRecord:
    """One order, with its whole story."""

    id: int
    kind: str
    offering: str
    version: str
    state: RequestState
    revision: int
    form: Mapping[str, Any]
    #: An update: the answers that these replace.
    before: Mapping[str, Any] | None
    reason: str | None
    requester: PersonRecord
    owner: PersonRecord
    instance_id: int
    rules: Sequence[ApprovalRule]
    decisions: Sequence[DecisionRecord]
    steps: Sequence[StepRecord]
    events: Sequence[EventRecord]
    outputs: Mapping[str, Any] | None
    created_at: datetime
    ended_at: datetime | None
    #: Until when a decision is waited for; None: for ever, or none is waited for.
    decide_by: datetime | None = None

    @property
    def number(self) -> str:
        """`REQ-12`."""
        return request_number(self.id)

    @property
    def instance(self) -> str:
        """`INS-7`."""
        return instance_number(self.instance_id)

    @property
    def undecided(self) -> Sequence[ApprovalRule]:
        """The rules that still need somebody's approval."""
        given = [Approve(d.person.id, d.rules) for d in self.decisions if d.current and d.verdict == "approve"]
        return [rule for rule, count in zip(self.rules, missing(self.rules, given), strict=True) if count]

    def may_wait_for(self, person_id: int) -> bool:
        """Whether this person, if they are an approver, has still to decide: nobody does for their own request."""
        decided = {d.person.id for d in self.decisions if d.current}
        return self.state is RequestState.AWAITING_APPROVAL and person_id not in {*decided, self.requester.id}

    @property
    def asking(self) -> Sequence[StepRecord]:
        """Steps that wait for a person's answer."""
        return [step for step in self.steps if step.state is StepState.PENDING and step.ask]


@dataclass(frozen=True)
class CardRecord:
    """Where the message about a request stands."""

    id: int
    request_id: int
    audience: str
    place: str
    channel: str | None
    ts: str | None
    link: str | None
    error: str | None


def request_number(request_id: int) -> str:
    """`REQ-12`."""
    return f"REQ-{request_id}"


def instance_number(instance_id: int) -> str:
    """`INS-7`."""
    return f"INS-{instance_id}"


def parse_number(prefix: str, number: str) -> int | None:
    """12 from `REQ-12`, `req-12` or `12`; None when it is none."""
    digits = number.strip().upper().removeprefix(prefix + "-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
