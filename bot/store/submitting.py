"""Requests come to be: all of one, or of many that come together, in one transaction, once for each key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import select

from bot import lifecycle, telemetry
from bot.deadlines import Deadline
from bot.lifecycle import ApprovalRule, InstanceState, RequestState, StepState
from bot.store import involved, outbox, queues, rows, sealed, tables, timers
from bot.store.database import Tx
from bot.store.progress import advance, instance_after, locked, move


class Busy(Exception):
    """Another request about the same instance is open."""

    def __init__(self, request_id: int) -> None:
        super().__init__(f"request {request_id} is open")
        self.request_id = request_id


class KeyReused(Exception):
    """The same idempotency key came with other answers than those of this request."""

    def __init__(self, request_id: int) -> None:
        super().__init__(f"the key made request {request_id}")
        self.request_id = request_id


@dataclass(frozen=True)
class NewStep:
    """A step as it is laid down at submission."""

    name: str
    description: str
    early: bool = False
    #: The steps that it waits for; None: all before it.
    after: Sequence[str] | None = None
    always: bool = False
    follows: bool = False
    action: str = "apply"
    handler: str | None = None
    #: The handler's name where the step says it before it is built.
    made_by: str | None = None
    resource: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class NewRequest:
    """A request as a use case lays it down; everything in it has been checked."""

    kind: str
    offering: str
    version: str
    requester_id: int
    form: Mapping[str, Any]
    rules: Sequence[ApprovalRule]
    steps: Sequence[NewStep]
    #: The channel of its card.
    place: str
    reason: str | None = None
    instance_id: int | None = None
    #: An update: the instance's answers so far.
    before: Mapping[str, Any] | None = None
    key: str | None = None
    body_hash: str | None = None
    #: What is kept of its secrets, by JSON pointer.
    secrets: Mapping[str, str] = field(default_factory=dict)
    #: How long a decision is waited for; None: for ever.
    deadline: Deadline | None = None
    #: Of the trace that it is asked in: another thread may write it down.
    traceparent: str | None = field(default_factory=telemetry.traceparent)


def submit(tx: Tx, new: NewRequest) -> tuple[int, bool]:
    """Store a request; its id, and False when the same key had made it before. Raises KeyReused, Busy."""
    return submit_all(tx, [new])[0]


def submit_all(tx: Tx, news: Sequence[NewRequest]) -> list[tuple[int, bool]]:
    """Store requests, table by table: what `submit` says of each.

    Raises what it raises for one of them; or DBAPIError where two of them have one key, or are about one instance.
    """
    known = _by_key(tx, news)
    made = iter(_begin(tx, [new for new, there in zip(news, known, strict=True) if there is None]))
    return [(there, False) if there is not None else (next(made), True) for there in known]


def _begin(tx: Tx, news: Sequence[NewRequest]) -> list[int]:
    for new in news:
        if new.instance_id is not None:
            _refuse_busy(tx, new.instance_id)
    begun = [(new, *_beginning(new)) for new in news]
    laid = _lay_down(tx, begun)
    outbox.begin(tx, [(each, new.place) for each, new in zip(laid, news, strict=True)])
    timers.begin(tx, {each.id: new.deadline for each, new in zip(laid, news, strict=True) if new.rules})
    for each, (new, state, _) in zip(laid, begun, strict=True):
        if not new.rules:  # with rules, an approval takes it further
            _begin_work(tx, new, each, state)
    return [each.id for each in laid]


def _beginning(new: NewRequest) -> tuple[RequestState, list[str]]:
    """The state that a request begins in, and its steps that are due then. With rules, an approval takes it further."""
    steps = [_Begun(step) for step in new.steps]
    state = RequestState.AWAITING_APPROVAL if new.rules else RequestState.APPROVED
    due = lifecycle.runnable(steps, state)
    if state is RequestState.APPROVED and not all(step.early for step in steps if step.name in due):
        state = RequestState.FULFILLING
    return state, due


def _begin_work(tx: Tx, new: NewRequest, laid: "_Laid", state: RequestState) -> None:
    """Of a request that nobody needs to approve."""
    instance_after(tx, laid, lifecycle.APPROVE.event)
    if state is RequestState.FULFILLING:
        outbox.note(tx, laid, lifecycle.START.event, {})
    if not new.steps:
        advance(tx, locked(tx, laid.id))


@dataclass(frozen=True)
class _Begun:
    """A new step as `lifecycle` sees it."""

    step: NewStep
    state: str = StepState.WAITING

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def early(self) -> bool:
        return self.step.early

    @property
    def always(self) -> bool:
        return self.step.always

    @property
    def after(self) -> Sequence[str] | None:
        return self.step.after


@dataclass(frozen=True)
class _Laid:
    """A request that has just become a row."""

    id: int
    kind: str
    instance_id: int
    requester_id: int


#: A new request, the state that it begins in, and its steps that are due then.
_New = tuple[NewRequest, RequestState, Sequence[str]]


def _lay_down(tx: Tx, begun: Sequence[_New]) -> list[_Laid]:
    """The rows of the requests and their steps."""
    opened = iter(_open_instances(tx, [new for new, *_ in begun if new.instance_id is None]))
    instances = [new.instance_id if new.instance_id is not None else next(opened) for new, *_ in begun]
    ids = rows.add_each(
        tx, tables.Request, [_row(tx, new, key, state) for (new, state, _), key in zip(begun, instances, strict=True)]
    )
    keyed = list(zip(ids, begun, strict=True))
    rows.add_all(tx, tables.Step, [row for key, new in keyed for row in _steps(tx, key, new)])
    tx.due = tx.due or any(due for *_, due in begun)
    for key, (new, *_) in keyed:
        sealed.add(tx, key, new.secrets)
    involved.begin(tx, [(key, new.offering, new.requester_id, new.rules) for key, (new, *_) in keyed])
    return [
        _Laid(key, new.kind, instance, new.requester_id)
        for (key, (new, *_)), instance in zip(keyed, instances, strict=True)
    ]


def _row(tx: Tx, new: NewRequest, instance_id: int, state: RequestState) -> dict[str, Any]:
    return {
        "kind": new.kind,
        "offering": new.offering,
        "version": new.version,
        "instance_id": instance_id,
        "open_instance_id": instance_id,
        "requester_id": new.requester_id,
        "owner_id": _other_owner(tx, new),
        "form": dict(new.form),
        "before": dict(new.before) if new.before is not None else None,
        "reason": new.reason,
        "rules": [rule.to_json() for rule in new.rules],
        "state": str(state),
        "idempotency_key": new.key,
        "body_hash": new.body_hash,
        "traceparent": new.traceparent,
        "created_at": tx.now,
        "updated_at": tx.now,
    }


def _other_owner(tx: Tx, new: NewRequest) -> int | None:
    instance = rows.equal(tx, tables.Instance, id=new.instance_id) if new.instance_id is not None else ()
    return next((row.owner_id for row in instance if row.owner_id != new.requester_id), None)


def _by_key(tx: Tx, news: Sequence[NewRequest]) -> list[int | None]:
    """Of each, what its key has made before."""
    keys = [(new.requester_id, new.key) for new in news if new.key is not None]
    for person, key in keys:
        tx.queue(f"key {person} {key}")
    wheres = [{"requester_id": person, "idempotency_key": key} for person, key in keys]
    found = {(row.requester_id, row.idempotency_key): row for row in rows.of_any(tx, tables.Request, wheres)}
    return [_the_same(found.get((new.requester_id, new.key)), new) for new in news]


def _the_same(found: Any, new: NewRequest) -> int | None:
    if found is None:
        return None
    if found.body_hash != new.body_hash:
        raise KeyReused(found.id)
    key: int = found.id
    return key


def _open_instances(tx: Tx, news: Sequence[NewRequest]) -> list[int]:
    return rows.add_each(
        tx,
        tables.Instance,
        [
            {
                "offering": new.offering,
                "version": new.version,
                "owner_id": new.requester_id,
                "state": InstanceState.PENDING,
                "form": dict(new.form),
                "created_at": tx.now,
                "updated_at": tx.now,
            }
            for new in news
        ],
    )


def _refuse_busy(tx: Tx, instance_id: int) -> None:
    tx.queue(f"instance {instance_id}")
    found = tx.exec(select(tables.Request.id).where(tables.Request.open_instance_id == instance_id)).first()
    if found is None:
        return
    row = locked(tx, found)
    if row.state in lifecycle.ENDED:  # in this moment
        return
    if row.state != RequestState.FAILED:
        raise Busy(row.id)
    # A failed request is still open, for a retry; asking for something else gives that up.
    move(tx, row, lifecycle.CANCEL, None, {"reason": "another request about the same instance was made"})


def _steps(tx: Tx, request_id: int, begun: _New) -> list[dict[str, Any]]:
    new, _, due = begun
    rows_of = [_step(request_id, position, new, step) for position, step in enumerate(new.steps)]
    return [row | {"run_at": tx.now if row["name"] in due else None} for row in rows_of]


def _step(request_id: int, position: int, request: NewRequest, new: NewStep) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "offering": request.offering,
        "queue": queues.name(request.offering, new.handler or new.made_by),
        "name": new.name,
        "position": position,
        "early": new.early,
        "after": list(new.after) if new.after is not None else None,
        "always": new.always,
        "follows": new.follows,
        "action": new.action,
        "description": new.description,
        "state": StepState.WAITING,
        "handler": new.handler,
        "resource": dict(new.resource) if new.resource is not None else None,
        "handler_state": dict(new.state or {}),
    }
