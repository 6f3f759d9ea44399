"""The story of a request, made once from what is recorded; each door only draws it. Pure.

Everything here is plain text without moments and without the names of people: how those read is a door's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.lifecycle import ENDED, RequestState, StepState
from bot.store.records import (
    DecisionRecord,
    EventRecord,
    InstanceRecord,
    PersonRecord,
    RequestRecord,
    StepRecord,
    UnsaidRecord,
)


@dataclass(frozen=True)
class StepStory:
    """Where one step stands: `says` what, why and how often it was tried; `since` when and `until` when."""

    step: StepRecord
    says: str
    since: datetime | None
    #: When it is looked at or tried again; while it runs, when another worker takes it over; None: somebody else's turn.
    until: datetime | None


@dataclass(frozen=True)
class Turn:
    """One thing that happened: who did what. `person` None is Frontdesk itself, or somebody `elsewhere` (in Jira)."""

    event: EventRecord
    says: str
    #: How the system that they did it in calls them.
    elsewhere: str | None = None

    @property
    def at(self) -> datetime:
        """When."""
        return self.event.at

    @property
    def person(self) -> PersonRecord | None:
        """Who."""
        return self.event.person


@dataclass(frozen=True)
class Story:
    """All that can be told of a request."""

    record: RequestRecord
    steps: Sequence[StepStory]
    turns: Sequence[Turn]
    #: What it consists of or led to; None where nobody looked.
    instance: InstanceRecord | None = None
    #: What should have been said of it and was not.
    unsaid: Sequence[UnsaidRecord] = ()


def of(record: RequestRecord, instance: InstanceRecord | None = None, unsaid: Sequence[UnsaidRecord] = ()) -> Story:
    """The whole story."""
    return Story(
        record,
        [_step(record, step) for step in record.steps],
        [turn(record, e) for e in record.events],
        instance,
        unsaid,
    )


def when(at: datetime) -> str:
    """For people who read it outside Slack."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"


#: The events that may have brought a request into its state.
_LED_TO = {"awaiting_approval": ("submitted", "edited"), "fulfilling": ("retried", "approved", "submitted")}


def stands(record: RequestRecord) -> str:
    """One sentence: where the request stands, since when and by whom."""
    names = _LED_TO.get(record.state, (str(record.state),))
    event = next((e for e in reversed(record.events) if e.name in names), None)
    state = str(record.state).replace("_", " ")
    if event is None:
        return f"{record.number} is {state}."
    by = f" by {event.person.label}" if event.person and event.name not in ("submitted", "edited") else ""
    if event.name == record.state:
        return f"{record.number} was {event.name}{by} on {when(event.at)}."
    until = f" A decision is waited for until {when(record.decide_by)}." if record.decide_by else ""
    return f"{record.number} is {state}: {event.name}{by} on {when(event.at)}.{until}"


# Steps

#: What began the time that a step is in now, by its state.
_BEGAN = {
    StepState.RUNNING: ("step_started", "step_taken_over"),
    StepState.PENDING: ("task_opened", "step_waits"),
    StepState.WAITING: ("step_waits", "retried", "step_retried", "resumed"),
    StepState.FAILED: ("step_failed",),
    StepState.PARKED: ("parked",),
}


def _step(record: RequestRecord, step: StepRecord) -> StepStory:
    tried = _tried(step)
    says = _stands(record, step) + (f" ({tried})" if tried else "")
    return StepStory(step, says, _since(record, step), _until(step))


#: A step's state in words, where nothing else has to be asked.
_IS = {
    StepState.RUNNING: "runs",
    StepState.PENDING: "waits",
    StepState.FAILED: "failed",
    StepState.PARKED: "needs a person of the platform",
}


def _stands(record: RequestRecord, step: StepRecord) -> str:
    if step.state is StepState.WAITING:
        return _waits(record, step)
    if step.state is StepState.PENDING and step.ask:
        return f"waits for {step.ask['group']} to do it"
    if step.state in _IS:
        return _joined(_IS[step.state], step.reason or "")
    return "left out" if step.state is StepState.SKIPPED else "done"


def _waits(record: RequestRecord, step: StepRecord) -> str:
    if step.run_at is not None:
        return _joined("is tried again", step.reason or "") if step.reason else "is next"
    if record.state is RequestState.AWAITING_APPROVAL and not step.early:
        return "comes after the approval"
    if record.state in ENDED and not step.always:
        return "is left out"
    return "runs whatever happens, at the end" if step.always else "comes after the steps that it waits for"


def _joined(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def _since(record: RequestRecord, step: StepRecord) -> datetime | None:
    if step.state in (StepState.DONE, StepState.SKIPPED):
        return step.ended_at
    names = _BEGAN[step.state]
    told = [e.at for e in record.events if e.name in names and e.data.get("step") == step.name]
    return told[-1] if told else step.started_at


def _until(step: StepRecord) -> datetime | None:
    if step.state is StepState.RUNNING:
        return step.lease_until
    return step.run_at if step.state in (StepState.WAITING, StepState.PENDING) else None


def _tried(step: StepRecord) -> str:
    """`3 attempts, taken over once, asked 12 times`; nothing where there is nothing to say."""
    parts = [
        f"{step.attempts} attempts" if step.attempts > 1 else "",
        f"taken over {_times(step.crashes)}" if step.crashes else "",
        f"asked {_times(step.polls)}" if step.polls else "",
    ]
    return ", ".join(filter(None, parts))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


# Turns

#: What happened, by event; what is not here is its name in words.
_HAPPENED = {
    "submitted": "asked for it",
    "edited": "changed {fields}",
    "approval_given": "approved; more approvals are needed",
    "approved": "approved",
    "rejected": "rejected it",
    "withdrawn": "withdrew it",
    "reminded": "reminded whoever has not decided",
    "escalated": "asked {who} too: nobody had decided in time",
    "expired": "ended it: nobody decided in time",
    "ending": "warned its owner that it ends",
    "renewed": "extended its time",
    "started": "began the work",
    "fulfilled": "finished it",
    "failed": "could not go on after {step}",
    "cancelled": "cancelled it",
    "retried": "tried {step} again",
    "step_retried": "tried {step} again",
    "parked": "parked it at {step}",
    "step_parked": "parked {step} too",
    "resumed": "went on with {step}",
    "step_started": "began {step}",
    "step_taken_over": "took {step} over from {worker}, which was heard of no more",
    "step_done": "finished {step}",
    "step_waits": "waits with {step}",
    "step_failed": "failed at {step}",
    "task_opened": "asked people to do {step}",
    "task_done": "did {step}",
    "task_refused": "cannot do {step}",
    "troubled": "can no longer work with what {step} made",
    "recovered": "can work again with what {step} made",
    "undeliverable": "could not post the card in {place}: {error}",
}


def turn(record: RequestRecord, event: EventRecord) -> Turn:
    """One event in words, with the reason that somebody gave."""
    if event.data.get("did"):
        return Turn(event, _joined(str(event.data["did"]), str(event.data.get("quote") or "")), str(event.data["by"]))
    named = {"step": "a step", "worker": "a worker", "place": "its channel", "error": "it is not known why"}
    named |= {"who": " and ".join(str(who) for who in event.data.get("who", ())) or "others"}
    named |= {"fields": ", ".join(str(name) for name in event.data.get("fields", ())) or "nothing"}
    named |= {name: str(event.data[name]) for name in ("step", "worker", "place", "error") if event.data.get(name)}
    unknown = event.name.replace("_", " ") + (f" ({named['step']})" if event.data.get("step") else "")
    said = _HAPPENED[event.name].format_map(named) if event.name in _HAPPENED else unknown
    return Turn(event, _joined(said, _reason(record, event)))


def _reason(record: RequestRecord, event: EventRecord) -> str:
    if event.data.get("reason"):
        return str(event.data["reason"])
    decided = next((d for d in record.decisions if _is_of(d, event)), None)
    return (decided.reason or "") if decided else ""


def _is_of(decision: DecisionRecord, event: EventRecord) -> bool:
    if event.name not in ("approved", "approval_given", "rejected") or event.person is None:
        return False
    return decision.person.id == event.person.id and decision.at == event.at


# What was not said

_WHAT = {
    "card": "The card in {to}",
    "note": "A note in the thread of its card ({to})",
    "message": "A message to {to}",
    "notice": "A message to {to}",
    "post": "A message to {to}",
    "follow": "The news for {to}",
    "alarm": "An alarm for the platform's team",
    "reminders": "Reminders of whoever has not decided",
    "reminder": "A reminder for {to}",
    "warning": "A warning to {to} that it ends",
}


def unsaid(record: UnsaidRecord) -> str:
    """A sentence without its end: `A message to Ada is given up after 3 attempts: the person has left`."""
    what = _WHAT.get(record.kind, f"{record.kind} to {{to}}").format(to=record.to or "nowhere")
    how = "is given up" if record.given_up else "could not be delivered so far"
    attempts = f" after {record.attempts} attempt{'s' if record.attempts > 1 else ''}" if record.attempts else ""
    return f"{what} {how}{attempts}: {record.error or 'it is not known why'}"
