"""The tables. Every row that waits says when it is due; every row that is worked on says by whom and until when."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from bot.store.database import Instant


def _instant(**options: Any) -> Any:
    return Field(sa_type=Instant, **options)


def _json(**options: Any) -> Any:
    return Field(sa_column=Column(JSON(none_as_null=True), nullable=options.pop("nullable", False)), **options)


def _text(**options: Any) -> Any:
    kind: type[TypeEngine[str]] = Text
    return Field(sa_type=kind, **options)


def _later(**options: Any) -> Any:
    """A column that came later and is never empty: an older process that writes beside us does not name it."""
    return Field(sa_column_kwargs={"server_default": text(str(options["default"]).lower())}, **options)


#: Of partial indexes, as the queries say it.
_OPEN, _HERE = "open_instance_id IS NOT NULL", "state != 'deleted'"
ALIVE, TROUBLED = "state IN ('ready', 'changing')", "trouble IS NOT NULL AND deleted_at IS NULL"
STOPPED = "state IN ('failed', 'parked')"
FULFILLED_CREATE = "state = 'fulfilled' AND kind = 'create'"
DIRTY, UNSENT = "dirty = true", "(state = 'waiting' OR state = 'failed')"
#: What is to be shown for the first time, and anew: each one expression, for which SQLite can take no other index.
NEW_CARD = "(dirty AND error IS NULL AND ts IS NULL) = true"
OLD_CARD = "(dirty AND error IS NULL AND ts IS NOT NULL) = true"
#: What cannot be shown where it belongs, of requests that are not over.
ASTRAY = "(dirty AND error IS NOT NULL) = true"


def _part(name: str, *columns: str, where: str) -> Index:
    """An index of those rows only; a query that is to use it says the same."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Person(SQLModel, table=True):
    """One human, whatever door they come through."""

    __table_args__: ClassVar[Any] = (UniqueConstraint("team_id", "slack_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str | None = None
    slack_id: str | None = Field(default=None, index=True)
    email: str | None = Field(default=None, unique=True)  # in lower case
    name: str | None = None
    tz: str | None = None
    created_at: datetime = _instant()
    refreshed_at: datetime | None = _instant(default=None)


class Token(SQLModel, table=True):
    """A bearer token of one person; only its SHA-256 is kept."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    hash: str = Field(unique=True)
    created_at: datetime = _instant()
    revoked_at: datetime | None = _instant(default=None)


class Instance(SQLModel, table=True):
    """What people live with; it exists from submission."""

    __table_args__: ClassVar[Any] = (
        Index("ix_instance_owner", "owner_id", "id"),
        # Of those that are not gone, for what somebody lives with.
        _part("ix_instance_here", "owner_id", "id", where=_HERE),
        # Of those that end some day, for what ends soon.
        _part("ix_instance_alive_expires_at", "expires_at", where=ALIVE),
    )

    id: int | None = Field(default=None, primary_key=True)
    offering: str
    version: str
    owner_id: int = Field(foreign_key="person.id")
    state: str
    form: dict[str, Any] = _json()
    outputs: dict[str, Any] | None = _json(default=None, nullable=True)
    expires_at: datetime | None = _instant(default=None)
    #: How often its time was extended.
    renewals: int = _later(default=0)
    created_at: datetime = _instant()
    updated_at: datetime = _instant()


class InstanceResource(SQLModel, table=True):
    """One thing that an instance consists of: all that is needed to take it back."""

    __tablename__ = "instance_resource"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("instance_id", "step"),
        _part("ix_instance_resource_reference", "handler", "reference", where="reference IS NOT NULL"),
        _part("ix_instance_resource_handler_look_at", "handler", "look_at", where="look_at IS NOT NULL"),
        _part("ix_instance_resource_trouble", "id", where=TROUBLED),
    )

    id: int | None = Field(default=None, primary_key=True)
    instance_id: int = Field(foreign_key="instance.id")
    step: str
    position: int
    #: The steps that it was built upon; None: all that stand before it.
    after: list[str] | None = _json(default=None, nullable=True)
    handler: str
    #: Whether its handler wants to hear how requests about the instance go on.
    follows: bool = False
    description: str = _text()
    resource: dict[str, Any] = _json()
    state: dict[str, Any] = _json()
    outputs: dict[str, Any] = _json()
    #: What the system that it stands in calls it (an issue's id), for news that come from there.
    reference: str | None = None
    #: When its handler should look at it again, unasked.
    look_at: datetime | None = _instant(default=None)
    #: What its handler saw there, for the next look.
    seen: dict[str, Any] | None = _json(default=None, nullable=True)
    #: Why nobody can work with it any more.
    trouble: str | None = _text(default=None)
    deleted_at: datetime | None = _instant(default=None)


class Request(SQLModel, table=True):
    """One order: create, update or delete."""

    __table_args__: ClassVar[Any] = (
        UniqueConstraint("requester_id", "idempotency_key"),
        Index("ix_request_offering_state", "offering", "state", "id"),
        _part("ix_request_usual", "offering", "ended_at", where=FULFILLED_CREATE),
        Index("ix_request_offering", "offering", "id"),
        Index("ix_request_requester", "requester_id", "id"),
        # Who has asked for most of all requests may have few of one offering or state.
        Index("ix_request_requester_offering", "requester_id", "offering", "state", "id"),
        Index("ix_request_requester_state", "requester_id", "state", "id"),
        _part("ix_request_owner", "owner_id", "id", where="owner_id IS NOT NULL"),
        _part("ix_request_owner_offering", "owner_id", "offering", "state", "id", where="owner_id IS NOT NULL"),
        _part("ix_request_owner_state", "owner_id", "state", "id", where="owner_id IS NOT NULL"),
        Index("ix_request_state", "state", "id"),
        _part("ix_request_open", "requester_id", "id", where=_OPEN),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    offering: str
    version: str
    instance_id: int = Field(foreign_key="instance.id", index=True)
    #: The instance while the request is open, else NULL: unique, so one open request for each instance.
    open_instance_id: int | None = Field(default=None, unique=True)
    requester_id: int = Field(foreign_key="person.id")
    #: Whose the instance is, where somebody else asks.
    owner_id: int | None = Field(default=None, foreign_key="person.id")
    form: dict[str, Any] = _json()
    #: An update: the instance's answers as its requester saw them.
    before: dict[str, Any] | None = _json(default=None, nullable=True)
    reason: str | None = _text(default=None)
    rules: list[Any] = _json()
    state: str
    #: Where a parked request returns to.
    parked_from: str | None = None
    #: Counts edits: a button of an older card is refused.
    revision: int = 1
    outputs: dict[str, Any] | None = _json(default=None, nullable=True)
    idempotency_key: str | None = None
    #: Of the answers that came with the key: the same key with others is a mistake.
    body_hash: str | None = None
    #: Of the trace that it was asked in (W3C Trace Context).
    traceparent: str | None = None
    created_at: datetime = _instant()
    updated_at: datetime = _instant()
    ended_at: datetime | None = _instant(default=None)


class Decision(SQLModel, table=True):
    """One person's approve or reject. `revision` is the form they saw; an edit leaves older ones behind."""

    __table_args__: ClassVar[Any] = (
        UniqueConstraint("request_id", "person_id", "revision"),
        Index("ix_decision_person", "person_id", "request_id"),
        Index("ix_decision_offering", "person_id", "offering", "request_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id")
    person_id: int = Field(foreign_key="person.id")
    revision: int
    verdict: str
    reason: str | None = _text(default=None)
    rules: list[Any] = _json()
    #: Of its request; empty where an older process wrote it.
    offering: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    at: datetime = _instant()


class Involved(SQLModel, table=True):
    """Whom a request involves: who decides (step empty), for as long as it is kept, and whom a step asks just now."""

    __table_args__: ClassVar[Any] = (
        Index("ix_involved_who", "is_group", "who", "waits", "request_id"),
        # Who decides most of all requests may see few of one offering.
        Index("ix_involved_offering", "is_group", "who", "offering", "request_id"),
    )

    request_id: int = Field(foreign_key="request.id", primary_key=True)
    step: str = Field(primary_key=True)
    #: A group as it is written; a person's e-mail address or Slack id in lower case.
    who: str = Field(primary_key=True)
    is_group: bool
    #: Whether it waits for them.
    waits: bool
    #: Of its request; empty where an older process wrote it.
    offering: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    #: The requester, who may not decide.
    not_for: int | None = Field(default=None, foreign_key="person.id")


class Step(SQLModel, table=True):
    """One step of one request. Runnable once `run_at` is set; held by `owner` under `epoch` until `lease_until`."""

    __table_args__: ClassVar[Any] = (
        UniqueConstraint("request_id", "name"),
        _part("ix_step_state_run_at", "state", "run_at", where="run_at IS NOT NULL"),
        Index("ix_step_queue", "state", "queue", "run_at"),
        _part("ix_step_stopped", "request_id", "id", where=STOPPED),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id")
    #: For a request that an offering makes of other offerings: the step that waits for it.
    parent_step_id: int | None = Field(default=None, foreign_key="step.id")
    #: Of its request.
    offering: str | None = None
    #: Where it waits: its offering and handler, for limits and for fairness (bot.store.queues).
    queue: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    name: str
    position: int
    early: bool = False
    #: The steps that it waits for; None: all that stand before it.
    after: list[str] | None = _json(default=None, nullable=True)
    #: Runs also when the request has failed or was cancelled.
    always: bool = _later(default=False)
    #: `apply` or `delete`.
    action: str
    #: Whether its handler wants to hear how the request goes on.
    follows: bool = False
    description: str = _text()
    state: str
    handler: str | None = None
    #: As built; stored before the effect, so a crash repeats the same thing.
    resource: dict[str, Any] | None = _json(default=None, nullable=True)
    #: An update: the resource as it was before this request.
    previous: dict[str, Any] | None = _json(default=None, nullable=True)
    #: What the handler needs to find it again.
    handler_state: dict[str, Any] = _json()
    outputs: dict[str, Any] | None = _json(default=None, nullable=True)
    #: Whom a pending step waits for: `{group, instructions, outputs}`.
    ask: dict[str, Any] | None = _json(default=None, nullable=True)
    #: Why it waits or failed, for people of the platform.
    reason: str | None = _text(default=None)
    attempts: int = 0
    crashes: int = 0
    #: How often it was asked since it is pending.
    polls: int = _later(default=0)
    #: How often it was begun anew after its end (an `always` step, by a Retry).
    reruns: int = _later(default=0)
    run_at: datetime | None = _instant(default=None)
    owner: str | None = None
    epoch: int = 0
    lease_until: datetime | None = _instant(default=None)
    started_at: datetime | None = _instant(default=None)
    #: When it has taken too long.
    deadline_at: datetime | None = _instant(default=None)
    ended_at: datetime | None = _instant(default=None)


class Event(SQLModel, table=True):
    """A recorded fact. `data` holds ids, field names, hashes and reasons, never answers."""

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id", index=True)
    instance_id: int = Field(foreign_key="instance.id")
    name: str
    #: None: Frontdesk itself.
    person_id: int | None = Field(default=None, foreign_key="person.id")
    data: dict[str, Any] = _json()
    at: datetime = _instant()


class Card(SQLModel, table=True):
    """The one message about a request for one audience; dirty while wanted > shown."""

    __table_args__: ClassVar[Any] = (
        UniqueConstraint("request_id", "audience"),
        _part("ix_card_dirty_run_at", "run_at", where=DIRTY),
        # Place by place (bot.store.lanes).
        _part("ix_card_new", "place", "run_at", "id", where=NEW_CARD),
        _part("ix_card_old", "place", "run_at", "id", where=OLD_CARD),
        _part("ix_card_lease_until", "lease_until", where="lease_until IS NOT NULL"),
        _part("ix_card_astray", "place", "id", where=ASTRAY),
        # Which channel a place was, for the day on which its name is gone.
        _part("ix_card_channel", "place", "id", where="channel IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id")
    #: `team` (the offering's channel), or a person's Slack id or e-mail address.
    audience: str
    #: Where it should go, as the offering says: `#name` or an id.
    place: str
    channel: str | None = None
    ts: str | None = None
    link: str | None = None
    wanted: int = 1
    shown: int = 0
    dirty: bool = True
    #: Why it cannot be posted there, once that is certain.
    error: str | None = _text(default=None)
    attempts: int = 0
    run_at: datetime | None = _instant(default=None)
    owner: str | None = None
    epoch: int = 0
    lease_until: datetime | None = _instant(default=None)


class Delivery(SQLModel, table=True):
    """Something to say once: a note, a direct message, a handler's post, or an event for a handler to follow.

    Deliveries of one `lane` go out in their order.
    """

    __table_args__: ClassVar[Any] = (
        _part("ix_delivery_state_run_at", "state", "run_at", where=UNSENT),
        Index("ix_delivery_state_lane", "state", "lane", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    #: What is said once for ever, or once a day, by name.
    key: str | None = Field(default=None, unique=True, index=True)
    lane: str
    kind: str
    request_id: int | None = Field(default=None, foreign_key="request.id", index=True)
    #: Waits until this card is posted (a note in its thread, a message with its link), or cannot be.
    card_id: int | None = Field(default=None, foreign_key="card.id")
    payload: dict[str, Any] = _json()
    #: `waiting`, `sent`, `failed`.
    state: str = "waiting"
    #: Where it was posted.
    channel: str | None = None
    ts: str | None = None
    attempts: int = 0
    error: str | None = _text(default=None)
    run_at: datetime = _instant()
    owner: str | None = None
    epoch: int = 0
    lease_until: datetime | None = _instant(default=None)
    created_at: datetime = _instant()


class Lane(SQLModel, table=True):
    """When a channel may be written to next: a row, so that several workers keep Slack's rate together."""

    name: str = Field(primary_key=True)
    next_at: datetime = _instant(index=True)


class Timer(SQLModel, table=True):
    """Something to do at a moment: a reminder, an escalation, the end of a request. Gone once it is done."""

    id: int | None = Field(default=None, primary_key=True)
    #: There is one of a name: `remind REQ-12`.
    name: str = Field(unique=True, index=True)
    kind: str
    request_id: int | None = Field(default=None, foreign_key="request.id", index=True)
    instance_id: int | None = Field(default=None, foreign_key="instance.id", index=True)
    due_at: datetime = _instant(index=True)
    data: dict[str, Any] = _json()


class Incoming(SQLModel, table=True):
    """What came in from another system, by the name that it gave: what is sent again is recognised."""

    #: `slack:Ev123`, `jira:7f3c...`.
    key: str = Field(primary_key=True)
    at: datetime = _instant(index=True)


class Process(SQLModel, table=True):
    """One running process, for those who look after the platform."""

    #: As it claims steps: host, process id, and a few letters.
    owner: str = Field(primary_key=True)
    #: `web`, `worker`, or `web and worker`.
    parts: str
    version: str
    started_at: datetime = _instant()
    seen_at: datetime = _instant(index=True)


class Secret(SQLModel, table=True):
    """An answer that is a secret, until its request ends. What stands in the form is only a mask."""

    __table_args__: ClassVar[Any] = (UniqueConstraint("request_id", "pointer"),)

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="request.id")
    #: Of the answer (RFC 6901).
    pointer: str
    #: What bot.safe gave for it: a ciphertext, or where to find it.
    kept: str = _text()
    created_at: datetime = _instant()


class File(SQLModel, table=True):
    """A file that is somebody's answer. In Slack it stays there: then only its id is known here."""

    __table_args__: ClassVar[Any] = (Index("ix_file_used", "used", "created_at"),)

    id: str = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    name: str
    size: int
    #: A media type.
    type: str
    content: bytes | None = None
    #: When it came, or was last checked as an answer.
    created_at: datetime = _instant()
    #: A request has it, so it stays.
    used: bool = _later(default=False)


class Draft(SQLModel, table=True):
    """Answers of a form that is not submitted yet. Secrets are never in it."""

    __table_args__: ClassVar[Any] = (UniqueConstraint("person_id", "offering", "instance_id"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    #: Or a request that is edited, `REQ-12`; or a step whose outputs are reported, `REQ-12/database`.
    offering: str
    version: str
    instance_id: int | None = Field(default=None, foreign_key="instance.id")
    answers: dict[str, Any] = _json()
    updated_at: datetime = _instant()


def stored(key: int | None) -> int:
    """The id of a stored row: SQLModel types a primary key as optional, for rows that are not stored yet."""
    if key is None:
        raise ValueError("a row that is not stored has no id")
    return key
