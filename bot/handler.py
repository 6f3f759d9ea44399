"""The plug-in contract: what a handler gets, and what it answers.

A step describes a resource; a handler makes it real. A plug-in sees this module and `bot.errors` only. The engine
calls `apply` and `delete` at least once, possibly again after a crash with the same `context.key`: both must find
what an earlier call made.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict
from typing_extensions import TypeVar

from bot.errors import FrontdeskError

JSON = dict[str, Any]


class Outputs(BaseModel):
    """Typed values that a step leaves for later steps, and that an offering promises to the owner."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


O_co = TypeVar("O_co", bound=Outputs, covariant=True, default=Outputs)


def schema_of(outputs: type[Outputs] | JSON | None) -> JSON | None:
    """The JSON Schema of promised outputs, given as a class or as that schema."""
    return outputs.model_json_schema() if isinstance(outputs, type) else outputs


def unkept(outputs: Mapping[str, Any], schema: JSON) -> str | None:
    """What does not fit a promise, by its field and never with its value, which may be a password."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - offerings are read without it
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above
    from referencing import Registry  # noqa: PLC0415 - as above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as above

    # The registry fetches nothing, whatever a schema refers to.
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry())
    try:
        error = best_match(validator.iter_errors(dict(outputs)))
    except Unresolvable as missing:
        return f"it cannot be checked, as its schema refers to {missing.ref}"
    if error is None:
        return None
    field_ = "/".join(map(str, error.absolute_path))
    what = error.message if error.validator == "required" else f"not {error.validator} {error.validator_value!r}"
    return f"{field_}: {what}" if field_ else what


def promised(found: JSON, schema: JSON | None) -> JSON:
    """Of what was answered, what was promised; without a promise all of it. Raises ValueError with what does not fit."""
    if schema is None:
        return found
    kept = {name: found[name] for name in schema.get("properties", found) if name in found}
    if problem := unkept(kept, schema):
        raise ValueError(problem)
    return kept


#: A resource's field for the outputs that it promises. Written as a class, kept as its JSON Schema: what was stored
#: and loaded again equals what the step built.
Promised = Annotated[type[O_co] | JSON | None, AfterValidator(schema_of)]


class Resource(BaseModel, Generic[O_co]):
    """What a step asks for: plain data, stored as JSON, compared by value. The type parameter is its outputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Resource[Any])


@dataclass(frozen=True)
class Secret:
    """A reference to a secret by name. The handler resolves it; the value is never stored, planned or shown."""

    name: str


@dataclass(frozen=True)
class Ask:
    """A person has to do something: who (a group's handle, an e-mail address or a Slack id), what, and what to report.

    `outputs` is the JSON Schema of what they are asked for when they say Done.
    """

    group: str
    instructions: str
    outputs: JSON | None = None


@dataclass(frozen=True)
class Posting:
    """A message that goes out in the transaction of the checkpoint: `channel` is a `#name` or an id."""

    channel: str
    text: str


@dataclass(frozen=True)
class Done:
    """It is real. `outputs` are for later steps, `state` is what `delete` and a later update need to find it.

    `reference` is what the system that it stands in calls it (an issue's id), for a handler that `Looks`.
    """

    outputs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    posts: Sequence[Posting] = ()
    reference: str | None = None


@dataclass(frozen=True)
class Pending:
    """Not yet. Asked again after `delay` seconds; with `ask` and no delay, a person's answer ends it.

    `reference` as in `Done`: news about it make the step ask again at once.
    """

    reason: str
    delay: float | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    posts: Sequence[Posting] = ()
    ask: Ask | None = None
    reference: str | None = None


Answer = Done | Pending


EventName = Literal["edited", "approved", "rejected", "withdrawn", "cancelled", "expired", "fulfilled", "failed"]


@dataclass(frozen=True)
class Event:
    """The request moved on; `kind` is `create`, `update` or `delete`.

    `by` and `reason` are a person's, in clear text; `outputs` come with `fulfilled`.
    """

    name: EventName
    request: str
    kind: str
    at: datetime
    by: str | None = None
    reason: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What surrounds one call of a handler."""

    #: `REQ-13/ticket`: this operation; the same over retries and take-overs, so use it as an idempotency key.
    key: str
    #: `INS-7/ticket`: the thing for its whole life; an update or a delete finds by it what the create made.
    identity: str
    #: What the last answer, or the last `save`, left. Empty at first.
    state: Mapping[str, Any]
    #: Now, in UTC.
    now: datetime
    #: Stores `state` durably at once: before an effect whose outcome a crash could hide.
    save: Callable[[Mapping[str, Any]], None]
    #: Progress, shown on the card while the step runs.
    say: Callable[[str], None]
    #: The value of a secret by its name. Raises PermanentError for an unknown name.
    secret: Callable[[str], str]
    #: True once the request was cancelled or the lease is gone: stop.
    cancelled: Callable[[], bool]
    #: The resource as it was last applied (an update, a delete), else None.
    previous: Resource[Any] | None = None
    #: Where a person can read the request, if that is known.
    url: str | None = None


class Handler(ABC, Generic[R]):
    """Makes one kind of resource real, and takes it back.

    Built once per process and called from several threads. `settings` names the environment variables that must be
    set as soon as an offering in the catalogue uses this handler; `options` names those that may be.
    """

    name: ClassVar[str]
    resource: ClassVar[type[Resource[Any]]]
    settings: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ()
    #: How many of its steps may run at once, over all workers; None: as many as there are.
    at_once: ClassVar[int | None] = None

    def __init__(self, settings: Mapping[str, str]) -> None:
        """`settings` holds the declared variables and no others."""

    @abstractmethod
    def apply(self, resource: R, context: Context) -> Answer:
        """Make it real, or say what it waits for. Raises TemporaryError (Blocked) or PermanentError."""

    @abstractmethod
    def delete(self, resource: R, context: Context) -> Answer:
        """Take it back; Done when it is gone, also when it never was. Raises like `apply`."""


@runtime_checkable
class Follows(Protocol):
    """A handler that wants to hear how the request went on."""

    def follow(self, resource: Any, context: Context, event: Event) -> None:
        """Tell the resource (comment a ticket, move it). Called at least once for each event, in their order."""


@runtime_checkable
class Reaches(Protocol):
    """A handler that can say whether the system behind it answers and knows us."""

    def reach(self) -> str:
        """In a few words, who we are there. Raises TemporaryError while it is away, Blocked when it refuses us."""
        ...


@runtime_checkable
class Plans(Protocol):
    """A handler that can say what it would change."""

    def plan(self, resource: Any, context: Context) -> str:
        """One paragraph; touches nothing."""
        ...


@dataclass(frozen=True)
class Thing(Generic[R]):
    """A resource that exists, where people may change it."""

    #: What the system that it stands in calls it.
    reference: str
    resource: R
    #: What the last answer, or the last look, left.
    state: Mapping[str, Any]
    #: What the last look wanted to know next time. Empty at first.
    seen: Mapping[str, Any]
    #: Now, in UTC.
    now: datetime


@dataclass(frozen=True)
class Note:
    """What a person did to a thing, for the thread of its card. `by` and `quote` are theirs, in clear text."""

    #: What the system calls it, unique for the thing: the same is shown once. `comment 10023`.
    key: str
    by: str
    #: After the name: `commented on DBA-1`.
    did: str
    #: Their own words; the requester hears of those too.
    quote: str = ""


@dataclass(frozen=True)
class News:
    """What a look found. Without anything new only `seen` and `again` are said."""

    #: For the next look (JSON).
    seen: Mapping[str, Any]
    #: Seconds until the next look; None: only when the system calls.
    again: float | None
    notes: Sequence[Note] = ()
    #: A step that waits for it is asked at once.
    wake: bool = False
    #: What the state and the outputs are now; None: as they were.
    state: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None
    #: Why nobody can work with it any more, and what to do; None: all is well.
    trouble: str | None = None


@runtime_checkable
class Looks(Protocol):
    """A handler whose resources stand in a system where people change them. Its answers have a `reference`."""

    def look(self, things: Sequence[Thing[Any]]) -> Sequence[News | FrontdeskError]:
        """See what became of them: news for each, in their order, or why just that one could not be seen.

        Raises TemporaryError while the system is away: all wait. Raises Blocked where a person of the platform has to
        mend something (a token): they are told, nothing is concluded, and it is tried again.
        """
        ...


@dataclass(frozen=True)
class Heard:
    """A call of the system, understood. It is a hint: whatever it says, the things are looked at."""

    #: What the system calls this call, the same when it is sent again.
    key: str
    #: The things that it is about; empty: nothing to us.
    references: Sequence[str] = ()


@runtime_checkable
class Hears(Protocol):
    """A handler that `Looks`, and whose system calls `POST /NAME/events` when something happened."""

    def hear(self, headers: Mapping[str, str], body: bytes) -> Heard:
        """Prove who calls, and understand it. Names of `headers` are in lower case. Raises Unproven."""
        ...
