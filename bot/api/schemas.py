"""The shapes of the HTTP door, made from records. Moments are ISO 8601 in UTC; numbers are `REQ-12` and `INS-7`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from bot import offering as author
from bot import story
from bot.lifecycle import InstanceState, RequestState, StepState
from bot.service import Offered, Planned
from bot.store import records
from bot.store.files import FileRecord

JSON = dict[str, Any]
Reason = Annotated[str | None, Field(max_length=3000, description="People who look at the request read it")]


class Body(BaseModel):
    """What clients send: strictly typed, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Submission(Body):
    """A request for an offering."""

    form: JSON = Field(description="The answers, as the offering's contract asks for them")
    reason: Reason = None
    version: str | None = Field(None, description="Of the contract; without it the newest")


class Answers(Body):
    """Answers without asking for anything (a plan), or instead of earlier ones."""

    form: JSON


class Change(Body):
    """Other answers for an instance: JSON Merge Patch (RFC 7396) over those of today; null takes one away."""

    form: JSON
    reason: Reason = None
    version: str | None = Field(None, description="Of the contract; without it the instance's")


class Act(Body):
    """What may be said with a decision. `revision` guards against deciding about answers that were edited."""

    reason: Reason = None
    revision: int | None = None


class Completion(Body):
    """What a step asked people to report."""

    outputs: JSON = Field(default_factory=dict)


class Renew(Body):
    """`renewals` guards against renewing twice: how often it had been renewed when you looked."""

    renewals: int | None = Field(None, ge=0)


class Refusal(Body):
    """Why it cannot be done."""

    reason: str = Field(max_length=3000)


class Person(BaseModel):
    """Somebody."""

    name: str
    email: str | None
    slack_id: str | None

    @classmethod
    def of(cls, person: records.PersonRecord) -> Self:
        """From the record."""
        return cls(name=person.label, email=person.email, slack_id=person.slack_id)


class File(BaseModel):
    """An answer that is a file. `size` is in bytes, `type` a media type."""

    id: str
    name: str
    size: int
    type: str

    @classmethod
    def of(cls, file: FileRecord) -> Self:
        """From the record."""
        return cls(id=file.id, name=file.name, size=file.size, type=file.type)


class Rule(BaseModel):
    """`count` different people of `who` have to approve."""

    who: Sequence[str]
    count: int
    requester_may: bool


class Ask(BaseModel):
    """What a step waits for a person to do, and the JSON Schema of what they report."""

    group: str
    instructions: str
    outputs: JSON | None


class Step(BaseModel):
    """One step."""

    name: str
    description: str
    action: str
    state: StepState
    reason: str | None = Field(description="Why it waits or failed")
    ask: Ask | None = Field(description="While it waits for a person")
    says: str = Field(description="Where it stands, in words")
    since: datetime | None = Field(description="Since when it stands there")
    until: datetime | None = Field(
        description="When it is looked at or tried again; while it runs, when another worker takes it over"
    )
    deadline: datetime | None = Field(description="When it has taken too long")
    attempts: int
    crashes: int = Field(description="How many workers stopped while they ran it")
    polls: int = Field(description="How often it was asked since it is pending")
    worker: str | None = Field(description="Who runs it, or ran it last")
    outputs: JSON | None
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, told: story.StepStory) -> Self:
        """From the story."""
        step = told.step
        return cls(
            name=step.name,
            description=step.description,
            action=step.action,
            state=step.state,
            reason=step.reason,
            ask=_ask(step),
            says=told.says,
            since=told.since,
            until=told.until,
            deadline=step.deadline_at,
            attempts=step.attempts,
            crashes=step.crashes,
            polls=step.polls,
            worker=step.worker,
            outputs=_plain(step.outputs),
            started_at=step.started_at,
            ended_at=step.ended_at,
        )


class Decision(BaseModel):
    """One person's approve or reject; `current` is false for one about answers that were edited since."""

    by: Person
    verdict: str
    reason: str | None
    at: datetime
    current: bool


class Event(BaseModel):
    """One recorded fact; `by` null is Frontdesk itself, or somebody `elsewhere`."""

    id: int
    name: str
    by: Person | None
    elsewhere: str | None = Field(description="Who did it, as the system that they did it in calls them")
    at: datetime
    says: str = Field(description="What they did, in words")
    data: JSON


class Unsaid(BaseModel):
    """Something that could not be said: `to` a place, a person or a step."""

    kind: str
    to: str
    says: str
    error: str | None
    given_up: bool
    attempts: int
    since: datetime | None
    again_at: datetime | None = Field(description="The next attempt; null: there is none")

    @classmethod
    def of(cls, record: records.UnsaidRecord) -> Self:
        """From the record."""
        return cls(says=story.unsaid(record), **asdict(record))


class Request(BaseModel):
    """One order: what was asked, who decided, its steps and what happened."""

    id: str = Field(examples=["REQ-12"])
    offering: str
    version: str
    kind: str
    form: JSON
    before: JSON | None = Field(description="Of an update: the answers that these replace")
    state: RequestState
    says: str = Field(description="Where it stands, since when and by whom, in a sentence")
    reason: str | None
    requester: Person
    owner: Person
    revision: int
    rules: Sequence[Rule]
    steps: Sequence[Step]
    decisions: Sequence[Decision]
    events: Sequence[Event]
    outputs: JSON | None
    instance: str = Field(examples=["INS-7"])
    created_at: datetime
    ended_at: datetime | None
    decide_by: datetime | None = Field(description="Until when a decision is waited for; null: for ever, or none is")

    @classmethod
    def of(cls, record: records.RequestRecord) -> Self:
        """From the record."""
        return cls(**_request(story.of(record)))


class Story(Request):
    """One request with its whole story."""

    instance_state: InstanceState | None
    expires_at: datetime | None = Field(description="When its instance ends")
    unsaid: Sequence[Unsaid] = Field(description="What should have been said of it and was not")

    @classmethod
    def told(cls, told: story.Story) -> Self:
        """From the story."""
        instance = told.instance
        return cls(
            **_request(told),
            instance_state=instance.state if instance else None,
            expires_at=instance.expires_at if instance else None,
            unsaid=[Unsaid.of(each) for each in told.unsaid],
        )


def _request(told: story.Story) -> JSON:
    record = told.record
    return {
        "id": record.number,
        "offering": record.offering,
        "version": record.version,
        "kind": record.kind,
        "form": dict(record.form),
        "before": _plain(record.before),
        "state": record.state,
        "says": story.stands(record),
        "reason": record.reason,
        "requester": Person.of(record.requester),
        "owner": Person.of(record.owner),
        "revision": record.revision,
        "rules": [Rule(who=rule.who, count=rule.count, requester_may=rule.requester_may) for rule in record.rules],
        "steps": [Step.of(step) for step in told.steps],
        "decisions": [_decision(decision) for decision in record.decisions],
        "events": [_event(turn) for turn in told.turns],
        "outputs": _plain(record.outputs),
        "instance": record.instance,
        "created_at": record.created_at,
        "ended_at": record.ended_at,
        "decide_by": record.decide_by,
    }


class Instance(BaseModel):
    """What people live with. `open_request` is about it and not over yet; it may be renewed `renewals_left` times more."""

    id: str = Field(examples=["INS-7"])
    offering: str
    version: str
    owner: Person
    state: InstanceState
    form: JSON
    outputs: JSON | None
    open_request: str | None
    created_at: datetime
    expires_at: datetime | None
    renewals: int
    renewals_left: int

    @classmethod
    def of(cls, record: records.InstanceRecord, renewals_left: int) -> Self:
        """From the record."""
        return cls(
            id=record.number,
            offering=record.offering,
            version=record.version,
            owner=Person.of(record.owner),
            state=record.state,
            form=dict(record.form),
            outputs=_plain(record.outputs),
            open_request=records.request_number(record.open_request) if record.open_request else None,
            created_at=record.created_at,
            expires_at=record.expires_at,
            renewals=record.renewals,
            renewals_left=renewals_left,
        )


class Offering(BaseModel):
    """One line of the catalogue. `usual_seconds` is the median of its last requests; null while there are few."""

    name: str
    version: str
    title: str
    description: str
    tags: Sequence[str]
    owner: str
    usual_seconds: float | None

    @classmethod
    def of(cls, offered: Offered) -> Self:
        """From the catalogue."""
        usual = offered.usual.total_seconds() if offered.usual else None
        return cls(**_said(offered.offering), usual_seconds=usual)


class OfferingContract(BaseModel):
    """One offering with its contract: the JSON Schemas of what is asked and of what the owner will get."""

    name: str
    version: str
    title: str
    description: str
    tags: Sequence[str]
    owner: str
    form: JSON
    outputs: JSON | None

    @classmethod
    def of(cls, offering: author.Offering[Any]) -> Self:
        """From the catalogue."""
        return cls(**_said(offering), form=offering.contract.form, outputs=offering.contract.outputs)


class PlannedStep(BaseModel):
    """What one step would ask for; `resource` is null where that depends on an earlier step."""

    step: str
    description: str
    kind: str
    resource: JSON | None

    @classmethod
    def of(cls, planned: Planned) -> Self:
        """From the service."""
        return cls(
            step=planned.step,
            description=planned.description,
            kind=planned.kind,
            resource=_plain(planned.resource),
        )


Item = TypeVar("Item")


class Listing(BaseModel, Generic[Item]):
    """A page; `next` goes into `cursor` for the page after it, null: there is none."""

    items: Sequence[Item]
    next: str | None


class FieldProblem(BaseModel):
    """One thing that is wrong. `pointer` is a JSON pointer into the body (RFC 6901)."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: Sequence[FieldProblem]


def _said(offering: author.Offering[Any]) -> JSON:
    names = ("name", "version", "title", "description", "tags", "owner")
    return {name: getattr(offering, name) for name in names}


def _ask(step: records.StepRecord) -> Ask | None:
    if step.ask is None or step.state is not StepState.PENDING:
        return None
    return Ask(group=step.ask["group"], instructions=step.ask["instructions"], outputs=step.ask.get("outputs"))


def _decision(record: records.DecisionRecord) -> Decision:
    by = Person.of(record.person)
    return Decision(by=by, verdict=record.verdict, reason=record.reason, at=record.at, current=record.current)


def _event(turn: story.Turn) -> Event:
    by, event = Person.of(turn.person) if turn.person else None, turn.event
    return Event(
        id=event.id, name=event.name, by=by, elsewhere=turn.elsewhere, at=turn.at, says=turn.says, data=dict(event.data)
    )


def _plain(value: Mapping[str, Any] | None) -> JSON | None:
    return None if value is None else dict(value)
