"""What a platform team writes: an offering is a contract, an approval rule and a few steps.

Pure. A step is a function from a request to a resource; nothing here makes anything real.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from types import NoneType
from typing import Any, Generic, Literal, Self, TypeVar, cast, get_args, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from bot import contract
from bot.contract import Contract, Look, Schema
from bot.deadlines import Deadline, Renewal
from bot.errors import Misconfigured
from bot.handler import Outputs, Resource, Secret

Kind = Literal["create", "update", "delete"]


class Form(BaseModel):
    """The questions of an offering. Answers are strict (a `"5"` is no number) and nothing extra is allowed."""

    # No input in the text of an error: it may be a secret, and errors are logged.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def looks(cls) -> Mapping[str, Look]:
        """How its fields are shown where the offering says nothing else: an overlay, by field path."""
        return {}


class _Reference(str):
    """A string with a picker of its own in Slack; elsewhere it is typed. `name` is for people to read."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, value: str, name: str = "") -> Self:
        reference = super().__new__(cls, value)
        reference.name = name or value
        return reference

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(min_length=2))

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": cls.__name__.lower()}


class Person(_Reference):
    """Somebody: an e-mail address, or a Slack id where no address is known."""

    __slots__ = ()


class Channel(_Reference):
    """A channel: `#name`, or a Slack id."""

    __slots__ = ()


class Group(_Reference):
    """A user group: `@handle`, or a Slack id."""

    __slots__ = ()


#: What `File.content` is called, as a secret: `file/FILE-1a2b`.
FILE = "file/"


class File(BaseModel):
    """A file that somebody chose: a reference. In Slack it stays there, else it was uploaded first (`POST /v1/files`).

    `size` is in bytes, at most 10 MiB; `type` is a media type. Neither the name nor the type says what is in it.
    """

    # What stands above is for authors; who is asked reads the field's own description.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", json_schema_extra={"format": "file", "description": ""}
    )

    id: str = Field(pattern=r"^(F|FILE-)[A-Za-z0-9]{2,40}$")
    name: str = Field(max_length=255)
    size: int = Field(ge=1, le=10 * 1024 * 1024)
    type: str = Field("application/octet-stream", max_length=255)

    @property
    def content(self) -> Secret:
        """What is in it, as Base64, for a resource: it is read where the step runs, and never stored or shown."""
        return Secret(FILE + self.id)


#: What a person can choose: values, or values with labels.
Offered = Iterable[str | tuple[str, str]]
#: Where the options of a field come from: a function of the person and the form so far, which may lack anything; with
#: the text too it searches itself.
Options = Callable[[Person, Mapping[str, Any]], Offered] | Callable[[Person, Mapping[str, Any], str], Offered]

F = TypeVar("F", bound=Form)
O = TypeVar("O", bound=Outputs)  # noqa: E741 - reads as "of outputs" beside F for form


@dataclass(frozen=True, init=False)
class Approval:
    """A rule: `count` different people of `who` (`"@group"`, e-mail address or Slack id) have to approve."""

    who: tuple[str, ...]
    count: int
    #: Whether the requester's own approval counts.
    requester_may: bool

    def __init__(self, *who: str, count: int = 1, requester_may: bool = False) -> None:
        if not who or count < 1:
            raise ValueError("An approval names at least one approver, and a count of at least 1.")
        object.__setattr__(self, "who", who)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "requester_may", requester_may)


class NotYet(LookupError):
    """A step read the outputs of `step`, which has not run."""

    def __init__(self, step: str) -> None:
        super().__init__(f"The step {step!r} has not run yet, so its outputs are not known.")
        self.step = step


class NotGiven(LookupError):
    """A step named a secret that was not given."""


@dataclass(frozen=True)
class Request(Generic[F]):
    """What a step sees of a request: plain data, not the stored row."""

    number: str
    kind: Kind
    form: F
    requester: Person
    #: Whose the instance is: the requester of the create request.
    owner: Person
    instance: str = ""
    reason: str | None = None
    #: Outputs of the steps that have run, by step name; read them with `of`.
    outputs: Mapping[str, Any] = field(default_factory=dict)
    #: An update: the answers as they are today, if they still fit the form.
    before: F | None = None
    #: For an `always` step: why the request failed or who cancelled it; None while all is well.
    failure: str | None = None

    def of(self, step: "Step[Any, O]") -> O:
        """The outputs of another step, which this one then waits for. Raises NotYet when that step has not run."""
        try:
            return cast("O", self.outputs[step.name])
        except KeyError:
            raise NotYet(step.name) from None

    def secret(self, *path: str | int) -> Secret:
        """An answer that is a secret, by name, for a resource: `request.secret("password")`, `("users", 0, "token")`.

        Its value is read where the step runs, and is gone when the request ends. Raises NotGiven.
        """
        answers = self.form.model_dump(mode="json", warnings=False)
        given = contract.secrets(type(self.form).model_json_schema(), answers)
        if path not in given and _at(answers, path) != secret_name(self.number, path):  # one by the overlay reads so
            names = ", ".join(contract.pointer(each) for each in given) or "none"
            raise NotGiven(f"There is no secret at {contract.pointer(path)}. Given: {names}.")
        return Secret(secret_name(self.number, path))


def secret_name(number: str, path: tuple[str | int, ...]) -> str:
    """`REQ-12/password`."""
    return number + contract.pointer(path)


def _at(answers: Any, path: tuple[str | int, ...]) -> Any:
    try:
        return contract.at(answers, path)
    except (LookupError, TypeError):
        return None


Rule = Callable[[Request[F]], Sequence[Approval]]
Patience = Deadline | Callable[[Request[F]], Deadline | None] | None
Expiry = timedelta | Callable[[Request[F]], timedelta | date | None]


@dataclass(frozen=True)
class Step(Generic[F, O]):
    """One named function from a request to a resource. Calling it builds the resource and touches nothing."""

    name: str
    build: Callable[[Request[F]], Resource[O]]
    #: Runs at submission, before anybody has approved.
    early: bool = False
    #: The steps that it waits for; None: all that are defined before it.
    after: tuple[str, ...] | None = None
    #: Runs last, also when the request has failed or was cancelled at work.
    always: bool = False
    #: How long it may take, from its start to its end.
    limit: timedelta | None = None

    def __call__(self, request: Request[F]) -> Resource[O]:
        return self.build(request)

    @cached_property
    def description(self) -> str:
        """What the requester reads while it runs: the function's docstring, or its name."""
        return inspect.getdoc(self.build) or self.name.replace("_", " ").capitalize()

    @property
    def where(self) -> str:
        """`file:line` of the function."""
        return f"{self.build.__code__.co_filename}:{self.build.__code__.co_firstlineno}"

    @cached_property
    def resources(self) -> tuple[type[Resource[Any]], ...]:
        """The kinds of resource that it can return, from its annotation. Raises Misconfigured without one."""
        try:
            hints = get_type_hints(self.build)
        except NameError as error:
            raise Misconfigured(f"the step {self.name!r} names an unknown type: {error}", where=self.where) from error
        answer = hints.get("return")
        kinds = tuple(kind for kind in (get_args(answer) or (answer,)) if kind is not NoneType)
        found = tuple(kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Resource))
        if not found or len(found) != len(kinds):
            raise Misconfigured(
                f"the step {self.name!r} does not say what it returns.",
                where=self.where,
                hint="Annotate it with a resource, for example -> jira.Issue.",
            )
        return found

    @cached_property
    def outputs(self) -> type[Outputs]:
        """The model of what it leaves for later steps."""
        for base in self.resources[0].__mro__:
            for argument in getattr(base, "__pydantic_generic_metadata__", {}).get("args", ()):
                if inspect.isclass(argument) and issubclass(argument, Outputs):
                    return argument
        return Outputs


_USUAL = Deadline()


class Offering(Generic[F]):
    """What people can ask for. Construct it at the top level of a file in the offerings folder."""

    def __init__(
        self,
        name: str,
        form: type[F],
        *,
        owner: str,
        notify: str,
        version: str = "v1",
        title: str | None = None,
        description: str | None = None,
        tags: Sequence[str] = (),
        approval: "Approval | Sequence[Approval] | Rule[F] | None" = None,
        deadline: "Patience[F]" = _USUAL,
        outputs: type[Outputs] | None = None,
        expires: "Expiry[F] | None" = None,
        renew: Renewal | None = None,
        public: Sequence[str] | None = None,
        options: Mapping[str, Options] | None = None,
        overlay: Mapping[str, Look] | None = None,
        review: bool = False,
        at_once: int | None = None,
    ) -> None:
        """Declare an offering.

        `owner` is the team that answers for it (`"@group"`, e-mail address or Slack id), `notify` the channel of its
        cards (`"#name"` or an id). `outputs` is what the owner of an instance will get. `expires` is a duration, or a
        function of the request that gives a duration, a date or None; `renew` is how the owner may extend it (default:
        not). `public` names the fields that a card in a channel may show (default: all that are not secret). `approval`
        may be a function of the request; delete requests follow the same rule unless that function says otherwise.
        `deadline` is how long a decision is waited for (default: two weeks; None: for ever), or a function of the
        request. `options` says by field path where options come from, `overlay` how a field is shown: both are no part
        of the contract. What was chosen from options is checked once more on submit. `review`: people look at all of it
        once more before they send it.
        `at_once`: how many of its steps may run at the same time, over all workers.
        """
        frame = sys._getframe(1)  # noqa: SLF001 - the author's file and line, for every later complaint
        self.module = str(frame.f_globals.get("__name__", ""))
        self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.name, self.form, self.owner, self.notify, self.version = name, form, owner, notify, version
        self.tags, self.approval, self.outputs, self.expires = tuple(tags), approval, outputs, expires
        self.deadline, self.renew = deadline, renew
        self.public = None if public is None else tuple(public)
        self.options: Mapping[str, Options] = dict(options or {})
        self.overlay: Mapping[str, Look] = dict(overlay or {})
        self.review, self.at_once = review, at_once
        if at_once is not None and at_once < 1:
            raise Misconfigured(
                f"{name} could never run: at_once is {at_once}.", where=self.where, hint="Set 1 or more."
            )
        self.steps: dict[str, Step[F, Any]] = {}
        doc = inspect.cleandoc(frame.f_globals.get("__doc__") or "").partition("\n")
        self.title = title or doc[0].rstrip(".") or name
        self.description = description if description is not None else doc[2].strip()

    def __repr__(self) -> str:
        return f"<Offering {self.name} {self.version} from {self.where}>"

    @cached_property
    def contract(self) -> Contract:
        """All that a front door knows: the JSON Schemas of form and outputs under the version."""
        return Contract(
            name=self.name,
            version=self.version,
            form=self.form.model_json_schema(),
            outputs=self.outputs.model_json_schema() if self.outputs else None,
        )

    @cached_property
    def presented(self) -> Schema:
        """The form as people see it: the contract's, and what is no part of it. Raises NoSuchField, ValueError."""
        return contract.presented(self.contract.form, tuple(self.options), self._looks)

    @cached_property
    def guarded(self) -> Schema:
        """The form as it is checked: the contract's, with what the overlay alone says is a secret."""
        secret: dict[str, Look] = {path: {"secret": True} for path, look in self._looks.items() if look.get("secret")}
        return contract.presented(self.contract.form, (), secret)

    @property
    def _looks(self) -> dict[str, Look]:
        """How fields are shown: as the form wants it, but where the offering says otherwise."""
        looks = self.form.looks()
        return {**looks, **{path: {**looks.get(path, {}), **look} for path, look in self.overlay.items()}}

    @property
    def takes_secrets(self) -> bool:
        """Whether its form may hold a secret."""
        return contract.asks_for_secrets(self.guarded)

    @overload
    def step(self, build: Callable[[Request[F]], Resource[O]], /) -> Step[F, O]: ...

    @overload
    def step(
        self,
        /,
        *,
        early: bool = False,
        after: "Sequence[Step[F, Any]] | None" = None,
        always: bool = False,
        limit: timedelta | None = None,
    ) -> Callable[[Callable[[Request[F]], Resource[O]]], Step[F, O]]: ...

    def step(
        self,
        build: Callable[[Request[F]], Resource[O]] | None = None,
        /,
        *,
        early: bool = False,
        after: "Sequence[Step[F, Any]] | None" = None,
        always: bool = False,
        limit: timedelta | None = None,
    ) -> Any:
        """Add a step: `@offering.step`, or with how it stands to the others.

        `early`: runs at submission. `after`: waits for these steps only (and for those whose outputs it reads), not for
        all before it, so that steps run side by side. `always`: runs last, also when the request has failed or was
        cancelled at work (a clean-up, a notice; `request.failure` says which). `limit`: it fails when it takes longer.
        """

        def add(build: Callable[[Request[F]], Resource[O]]) -> Step[F, O]:
            names = None if after is None else tuple(s.name for s in after)
            step = Step(build.__name__, build, early, names, always, limit)
            if step.name in self.steps:
                raise Misconfigured(f"{self.name!r} has two steps called {step.name!r}.", where=step.where)
            if early and always:
                raise Misconfigured(f"the step {step.name!r} cannot be both first and last.", where=step.where)
            self.steps[step.name] = step
            return step

        return add if build is None else add(build)

    def approvals(self, request: Request[F]) -> list[Approval]:
        """Who has to approve this request; empty: nobody."""
        if self.approval is None:
            return []
        if isinstance(self.approval, Approval):
            return [self.approval]
        if callable(self.approval):
            return list(self.approval(request))
        return list(self.approval)

    def ends_on_a_date(self, request: Request[F]) -> bool:
        """Whether its instance ends on a day that was asked for, not some time after it was made."""
        return callable(self.expires) and not isinstance(self.expires(request), timedelta)

    def patience(self, request: Request[F]) -> Deadline | None:
        """How long a decision about this request is waited for; None: for ever."""
        return self.deadline(request) if callable(self.deadline) else self.deadline

    def renewable(self, renewals: int) -> Renewal | None:
        """How an instance that was renewed so often may be renewed once more, if at all."""
        return self.renew if self.renew and renewals < self.renew.most else None

    def ends(self, request: Request[F], now: datetime) -> datetime | None:
        """When the instance expires (a date: at its end, in UTC), or None."""
        ends = self.expires(request) if callable(self.expires) else self.expires
        if ends is None:
            return None
        if isinstance(ends, timedelta):
            return now + ends
        if isinstance(ends, datetime):
            return ends
        return datetime.combine(ends, datetime.min.time(), now.tzinfo) + timedelta(days=1)
