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
`failed` and `parked` wait for a Retry; `skipped` never ran because the request ended. Steps that do not wait for each
other run side by side; an `always` one also runs once the request has failed or was cancelled at work.
An instance: `pending -> ready -> (changing -> ready) -> deleting -> deleted`; `failed` can be changed and deleted too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


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


def resume(parked_from: str) -> Move:
    """A parked request goes back to where it was."""
    return _move("resumed", _S(parked_from), _S.PARKED)


#: A request in one of these is over; `failed` is not: it can be retried or cancelled.
ENDED = frozenset({_S.FULFILLED, _S.REJECTED, _S.WITHDRAWN, _S.EXPIRED, _S.CANCELLED})
OPEN = frozenset(RequestState) - ENDED
#: Its work goes on.
AT_WORK = frozenset({_S.APPROVED, _S.FULFILLING})

#: What the instance becomes when its request makes this move.
INSTANCE_AFTER: dict[tuple[str, str], InstanceState] = {
    ("create", "fulfilled"): InstanceState.READY,
    ("create", "rejected"): InstanceState.DELETED,
    ("create", "withdrawn"): InstanceState.DELETED,
    ("create", "expired"): InstanceState.DELETED,
    ("create", "cancelled"): InstanceState.FAILED,
    ("create", "failed"): InstanceState.FAILED,
    ("create", "retried"): InstanceState.PENDING,
    ("update", "approved"): InstanceState.CHANGING,
    ("update", "fulfilled"): InstanceState.READY,
    ("update", "failed"): InstanceState.FAILED,
    ("update", "cancelled"): InstanceState.FAILED,
    ("update", "retried"): InstanceState.CHANGING,
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


class Placed(Protocol):
    """A step, as far as its place among the others goes."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def early(self) -> bool: ...
    @property
    def always(self) -> bool: ...
    @property
    def after(self) -> Sequence[str] | None: ...


def waits_for(steps: Sequence[Placed]) -> dict[str, frozenset[str]]:
    """The names that each step waits for, of steps in the order of their definition.

    Where it does not say (`after` is None): an early step for the early ones before it, an `always` one for all that
    are not and for those before it, any other for all before it that are not `always`.
    """
    names = {step.name for step in steps}
    found: dict[str, frozenset[str]] = {}
    for position, step in enumerate(steps):
        before = steps[:position]
        if step.after is not None:
            wanted = {name for name in step.after if name in names}
        elif step.always:
            wanted = {other.name for other in steps if not other.always} | {other.name for other in before}
        else:
            wanted = {other.name for other in before if not other.always and (other.early or not step.early)}
        found[step.name] = frozenset(wanted)
    return found


def runnable(steps: Sequence[Placed], state: RequestState) -> list[str]:
    """The waiting steps that may begin, given where their request stands."""
    over = state in (RequestState.FAILED, RequestState.CANCELLED)
    if not (over or state in AT_WORK or state is RequestState.AWAITING_APPROVAL):
        return []
    states, needed = {step.name: step.state for step in steps}, waits_for(steps)
    always = {step.name for step in steps if step.always}

    def may_begin(step: Placed) -> bool:
        if step.state != StepState.WAITING:
            return False
        if over:  # what stopped will not go on, so nobody waits for it
            return step.always and not any(_is_at_work(states[name], name in always) for name in needed[step.name])
        allowed = step.early or state in AT_WORK
        return allowed and all(states[name] == StepState.DONE for name in needed[step.name])

    return [step.name for step in steps if may_begin(step)]


def _is_at_work(state: str, always: bool) -> bool:
    return state == StepState.RUNNING or (always and state in (StepState.WAITING, StepState.PENDING))


def would_wait_for_itself(steps: Sequence[Placed], name: str, other: str) -> bool:
    """Whether `other` waits, at whatever distance, for `name`: then `name` cannot wait for it."""
    return name in _all_of(waits_for(steps), other)


def _all_of(needed: Mapping[str, Collection[str]], name: str) -> set[str]:
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            ahead += needed.get(one, ())
    return seen
