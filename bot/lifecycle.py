"""The states of requests, steps and instances, and what may happen in each. Pure.

A request:

    awaiting_approval -> approved      every rule has its approvals (or there is no rule)
    awaiting_approval -> rejected      one approver says no
    awaiting_approval -> withdrawn     the requester changes their mind
    awaiting_approval -> expired       nobody decided in time
    approved          -> fulfilling    its first step after approval runs
    fulfilling        -> fulfilled     its last step is done and the promised outputs are there
    approved, fulfilling -> failed     a step failed
    approved, fulfilling -> cancelled  the requester or the platform stops it
    failed            -> fulfilling    somebody retries, from the failed step
    (open)            -> parked -> back   it needs a person of the platform (an unknown step, a crash loop)

A step: `waiting -> running -> done`; `pending` is not ready and is asked again or waits for a person's answer;
`failed` waits for a Retry; `skipped` never ran because the request ended.
An instance: `pending -> ready -> (changing -> ready) -> deleting -> deleted`; `failed` can be deleted too.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RequestState(StrEnum):
    """Where a request stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PARKED = "parked"


class StepState(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"
    SKIPPED = "skipped"


class InstanceState(StrEnum):
    """Where an instance stands."""

    PENDING = "pending"
    READY = "ready"
    CHANGING = "changing"
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"


@dataclass(frozen=True)
class Move:
    """One transition of a request: the event it records, from where, to where."""

    event: str
    sources: frozenset[RequestState]
    target: RequestState


def _move(event: str, target: RequestState, *sources: RequestState) -> Move:
    return Move(event, frozenset(sources), target)


_S = RequestState
APPROVE = _move("approved", _S.APPROVED, _S.AWAITING_APPROVAL)
REJECT = _move("rejected", _S.REJECTED, _S.AWAITING_APPROVAL)
WITHDRAW = _move("withdrawn", _S.WITHDRAWN, _S.AWAITING_APPROVAL)
EXPIRE = _move("expired", _S.EXPIRED, _S.AWAITING_APPROVAL)
START = _move("started", _S.FULFILLING, _S.APPROVED)
FULFIL = _move("fulfilled", _S.FULFILLED, _S.APPROVED, _S.FULFILLING)
FAIL = _move("failed", _S.FAILED, _S.APPROVED, _S.FULFILLING)
CANCEL = _move("cancelled", _S.CANCELLED, _S.APPROVED, _S.FULFILLING, _S.FAILED, _S.PARKED)
RETRY = _move("retried", _S.FULFILLING, _S.FAILED)
PARK = _move("parked", _S.PARKED, _S.AWAITING_APPROVAL, _S.APPROVED, _S.FULFILLING)

#: A request in one of these is over; `failed` is not: it can be retried or cancelled.
ENDED = frozenset({_S.FULFILLED, _S.REJECTED, _S.WITHDRAWN, _S.EXPIRED, _S.CANCELLED})
OPEN = frozenset(RequestState) - ENDED

#: What the instance becomes when its request makes this move.
INSTANCE_AFTER: dict[tuple[str, str], InstanceState] = {
    ("create", "fulfilled"): InstanceState.READY,
    ("create", "rejected"): InstanceState.DELETED,
    ("create", "withdrawn"): InstanceState.DELETED,
    ("create", "expired"): InstanceState.DELETED,
    ("create", "cancelled"): InstanceState.FAILED,
    ("create", "failed"): InstanceState.FAILED,
    ("create", "retried"): InstanceState.PENDING,
    ("delete", "approved"): InstanceState.DELETING,
    ("delete", "fulfilled"): InstanceState.DELETED,
    ("delete", "failed"): InstanceState.FAILED,
    ("delete", "cancelled"): InstanceState.FAILED,
    ("delete", "retried"): InstanceState.DELETING,
}


@dataclass(frozen=True)
class ApprovalRule:
    """An approval as it is stored with a request: it stays what it was at submission."""

    who: tuple[str, ...]
    count: int = 1
    requester_may: bool = False

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {"who": list(self.who), "count": self.count, "requester_may": self.requester_may}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "ApprovalRule":
        """Back from the stored form."""
        return cls(tuple(stored["who"]), stored["count"], stored["requester_may"])

    def __str__(self) -> str:
        who = " or ".join(self.who)
        return who if self.count == 1 else f"{self.count} of {who}"


@dataclass(frozen=True)
class Approve:
    """One person's approval; `rules` are the indices of the rules that it counts for."""

    person: int
    rules: Collection[int]


def missing(rules: Sequence[ApprovalRule], approvals: Iterable[Approve]) -> list[int]:
    """How many more people each rule needs, in the order of `rules`; all zero: approved."""
    given = list(approvals)
    return [
        max(0, rule.count - len({approval.person for approval in given if index in approval.rules}))
        for index, rule in enumerate(rules)
    ]
