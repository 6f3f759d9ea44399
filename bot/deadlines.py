"""How long something is waited for, what is said before the end, and what comes then. Pure.

A countdown is one such wait as it is stored: its moments, so that a change of the offering leaves it as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

#: So long before an end people hear of it; of something short at its half and at its last quarter.
NOTICES = (timedelta(days=7), timedelta(days=1))
#: More of them in one wait are a nuisance that nobody reads.
MOST_REMINDERS = 10


@dataclass(frozen=True, init=False)
class Escalation:
    """Who may decide as well once a deadline has passed, and how much longer a decision is waited for."""

    who: tuple[str, ...]
    within: timedelta
    #: As of a Deadline.
    remind: tuple[timedelta, ...] | None

    def __init__(
        self, *who: str, within: timedelta = timedelta(days=7), remind: Sequence[timedelta] | None = None
    ) -> None:
        if not who:
            raise ValueError("An escalation names at least one person or group.")
        object.__setattr__(self, "who", who)
        object.__setattr__(self, "within", within)
        object.__setattr__(self, "remind", _checked(within, remind))

    def to_json(self) -> dict[str, Any]:
        """The stored form; lengths in seconds."""
        remind = None if self.remind is None else [each.total_seconds() for each in self.remind]
        return {"who": list(self.who), "within": self.within.total_seconds(), "remind": remind}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Back from the stored form."""
        remind = stored["remind"]
        # It may have been stored when there was no limit.
        lengths = None if remind is None else [timedelta(seconds=each) for each in remind[-MOST_REMINDERS:]]
        return cls(*stored["who"], within=timedelta(seconds=stored["within"]), remind=lengths)


@dataclass(frozen=True, init=False)
class Deadline:
    """How long a decision is waited for; then the request expires, or goes to other people as well."""

    within: timedelta
    #: So long before the end whoever has not decided is reminded; None: a week and a day, or what fits something short.
    remind: tuple[timedelta, ...] | None
    #: Who comes next, one after the other; after the last of them the request expires.
    escalate: tuple[Escalation, ...]

    def __init__(
        self,
        within: timedelta = timedelta(days=14),
        *,
        remind: Sequence[timedelta] | None = None,
        escalate: Escalation | Sequence[Escalation] = (),
    ) -> None:
        object.__setattr__(self, "within", within)
        object.__setattr__(self, "remind", _checked(within, remind))
        object.__setattr__(self, "escalate", (escalate,) if isinstance(escalate, Escalation) else tuple(escalate))


@dataclass(frozen=True)
class Renewal:
    """By how much the time of an instance is extended, and how often at the most."""

    by: timedelta
    most: int = 1

    def __post_init__(self) -> None:
        if self.by <= timedelta(0) or self.most < 1:
            raise ValueError("A renewal is for a while, and possible at least once.")


@dataclass(frozen=True)
class Countdown:
    """A wait: the notices that are still to come, the end, and who comes after it."""

    ends_at: datetime
    notices: tuple[datetime, ...] = ()
    later: tuple[Escalation, ...] = ()

    @property
    def due_at(self) -> datetime:
        """When something has to happen next."""
        return min((*self.notices, self.ends_at))

    def after(self, now: datetime) -> "Countdown":
        """What is left of it at `now`."""
        return replace(self, notices=tuple(each for each in self.notices if each > now))

    def escalated(self, now: datetime) -> "Countdown":
        """The wait for those who come next, from `now`."""
        first, *rest = self.later
        return _begun(now, first.within, first.remind, rest)

    def to_json(self) -> dict[str, Any]:
        """The stored form; moments in ISO 8601."""
        return {
            "ends_at": self.ends_at.isoformat(),
            "notices": [each.isoformat() for each in self.notices],
            "later": [each.to_json() for each in self.later],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Countdown":
        """Back from the stored form."""
        return cls(
            datetime.fromisoformat(stored["ends_at"]),
            tuple(datetime.fromisoformat(each) for each in stored["notices"]),
            tuple(Escalation.from_json(each) for each in stored["later"]),
        )


def decision(deadline: Deadline, now: datetime) -> Countdown:
    """The wait for a decision, from `now`."""
    return _begun(now, deadline.within, deadline.remind, deadline.escalate)


def life(now: datetime, ends_at: datetime) -> Countdown:
    """What is left of an instance's time, from `now`."""
    return Countdown(ends_at, notices(now, ends_at))


def notices(begin: datetime, end: datetime, before: Sequence[timedelta] | None = None) -> tuple[datetime, ...]:
    """When people hear that `end` comes, earliest first: so long `before`, by default as NOTICES says."""
    if before is None:
        before = [min(usual, (end - begin) / 2**part) for part, usual in enumerate(NOTICES, 1)]
    return tuple(sorted({end - each for each in before if begin < end - each < end}))


def _begun(
    now: datetime, within: timedelta, remind: Sequence[timedelta] | None, later: Sequence[Escalation]
) -> Countdown:
    return Countdown(now + within, notices(now, now + within, remind), tuple(later))


def _checked(within: timedelta, remind: Sequence[timedelta] | None) -> tuple[timedelta, ...] | None:
    if within <= timedelta(0):
        raise ValueError("A decision is waited for some time: `within` is more than nothing.")
    if remind is None:
        return None
    if not all(timedelta(0) < each < within for each in remind):
        raise ValueError("Reminders come so long before the end: each is more than nothing and less than `within`.")
    if len(remind) > MOST_REMINDERS:
        raise ValueError(f"People are reminded at most {MOST_REMINDERS} times in one wait; these are {len(remind)}.")
    return tuple(remind)
