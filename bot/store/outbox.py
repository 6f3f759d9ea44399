"""What must be said: cards that are re-rendered from state, and deliveries that go out once.

Both are written in the transaction of what they tell of. How they go out is `bot.store.sending`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bot.store import involved, rows, tables
from bot.store.database import Session, Tx
from bot.store.records import request_number

_TURNS = {"edited", "approved", "rejected", "withdrawn", "expired", "cancelled", "fulfilled", "failed"}
#: Events that the requester hears of in a direct message.
TOLD = frozenset({"submitted", "retried", "parked", "resumed", "commented", "escalated", *_TURNS})
#: Events that the card's thread says in a note.
NOTED = frozenset(
    {"approval_given", "task_opened", "task_done", "task_refused", "retried", "parked", "resumed", *_TURNS}
    | {"commented", "noticed", "troubled", "recovered"}
    | {"reminded", "escalated", "renewed"}
)
#: Events that resources hear of (`bot.handler.Event`).
FOLLOWED = frozenset(_TURNS)
#: The kind of delivery that is for those who look after the platform.
ALARM = "alarm"
#: The kind of delivery that has it looked whether requests have somebody left to approve them.
APPROVERS = "approvers"


class Subject(Protocol):
    """The request that an event is about: a row, or what has just become one."""

    @property
    def id(self) -> int | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def instance_id(self) -> int: ...
    @property
    def requester_id(self) -> int: ...


def record(
    tx: Tx, request: Subject, name: str, person_id: int | None = None, data: dict[str, Any] | None = None
) -> int:
    """Append an event and mark all that must be said of it; its id."""
    tx.flush()
    event = rows.add(tx, tables.Event, **_event(tx, request, name, person_id, data or {}))
    touch(tx, tables.stored(request.id))
    involved.renew(tx, tables.stored(request.id), name)
    _say(tx, request, name, event)
    if name in FOLLOWED:
        _follow(tx, request, name, event)
    tx.told = True
    return event


def note(tx: Tx, request: Subject, name: str, data: Mapping[str, Any]) -> None:
    """Append an event that only the card shows: nobody is told of it, and it asks nobody else for anything."""
    rows.add_all(tx, tables.Event, [_event(tx, request, name, None, data)])
    touch(tx, tables.stored(request.id))


def begin(tx: Tx, laid: Sequence[tuple[Subject, str]]) -> None:
    """Of requests that have just become rows: the card, in this place, the first event, and the word to the requester."""
    cards = rows.add_each(
        tx,
        tables.Card,
        [{"request_id": each.id, "audience": "team", "place": place, "run_at": tx.now} for each, place in laid],
    )
    tx.touched.update(tables.stored(each.id) for each, _ in laid)
    submitted = [_event(tx, each, "submitted", each.requester_id, {}) for each, _ in laid]
    events = rows.add_each(tx, tables.Event, submitted)
    told = zip(laid, events, cards, strict=True)
    _send(tx, [_told(tx, each, event, card) for (each, _), event, card in told])


def _event(tx: Tx, request: Subject, name: str, person_id: int | None, data: Mapping[str, Any]) -> dict[str, Any]:
    about = {"request_id": request.id, "instance_id": request.instance_id, "person_id": person_id}
    return about | {"name": name, "data": dict(data), "at": tx.now}


def _told(tx: Tx, request: Subject, event: int, card_id: int | None) -> dict[str, Any]:
    payload = {"event": event, "person": request.requester_id}
    return _delivery(tx, f"person:{request.requester_id}", "message", payload, request.id, card_id)


def touch(tx: Tx, request_id: int) -> None:
    """The cards of this request show something that is no longer so."""
    tx.told = True
    if request_id not in tx.touched:
        rows.change(tx, tables.Card, {"request_id": request_id}, wanted=rows.ONE_MORE, dirty=True, run_at=tx.now)
        tx.touched.add(request_id)


def open_card(tx: Tx, request_id: int, audience: str, place: str) -> int:
    """The card for one audience, made if there is none; its id."""
    known = rows.equal(tx, tables.Card, request_id=request_id, audience=audience)
    tx.told = True
    if known:
        key: int = known[0].id
        return key
    return rows.add(tx, tables.Card, request_id=request_id, audience=audience, place=place, run_at=tx.now)


def post(tx: Tx, request_id: int | None, channel: str, text: str) -> None:
    """A handler's message to a channel or person."""
    _send(tx, [_delivery(tx, f"post:{channel}", "post", {"channel": channel, "text": text}, request_id)])


def remind(tx: Tx, request: Subject, event: int) -> None:
    """Ask whoever has not decided, each of them: the door finds out who that is (`remind_each`)."""
    _send(tx, [_delivery(tx, f"reminders:{request.id}", "reminders", {"event": event}, request.id)])


def remind_each(tx: Tx, request_id: int, event: int, people: Iterable[int]) -> None:
    """A message about this event for each of these people, once."""
    card = _team_card(tx, request_id)
    for person in people:
        payload = {"event": event, "person": person}
        once(tx, f"reminder {event} {person}", f"person:{person}", "reminder", payload, request_id, card)


def tell(tx: Tx, request: Subject, event: int, person_id: int, kind: str = "message") -> None:
    """Let one more person hear of an event. A `warning` says that their instance ends."""
    payload = {"event": event, "person": person_id, "instance": request.instance_id}
    _send(tx, [_delivery(tx, f"person:{person_id}", kind, payload, request.id)])


def notice(tx: Tx, person_id: int, request_id: int | None, text: str) -> None:
    """Plain words for one person, outside the story of a request."""
    _send(tx, [_delivery(tx, f"person:{person_id}", "notice", {"person": person_id, "text": text}, request_id)])


def alarm(tx: Tx, key: str, text: str, request_id: int | None = None) -> bool:
    """Plain words for those who look after the platform, once for each `key`; whether these are the first.

    They go to PLATFORM_CHANNEL, where one is set, and into the log: what happened, to what, why, and what to do next.
    """
    return once(tx, key, "platform", ALARM, {"text": text}, request_id)


def look_for_stuck(tx: Tx, key: str) -> None:
    """Have it looked, once for each `key`, whether somebody is left to approve each request that waits for it."""
    once(tx, f"{APPROVERS} {key}", f"{APPROVERS}:the platform's people", APPROVERS, {}, None)


def blocked(tx: Tx, system: str, reason: str) -> None:
    """The platform's people have to mend something before anything of that system goes on: told once a day."""
    next_step = "Nothing is lost and nothing is concluded from it: what needs it waits, and goes on by itself once it is mended."
    alarm(tx, f"blocked {system} {tx.now:%Y-%m-%d}", f"{reason}\n{next_step}")


def once(
    tx: Tx, key: str, lane: str, kind: str, payload: dict[str, Any], request_id: int | None, card_id: int | None = None
) -> bool:
    """A delivery that there is one of for ever, by `key`; whether it is new."""
    tx.queue(f"delivery {key}")
    if is_known(tx, key):
        return False
    _send(tx, [_delivery(tx, lane, kind, payload, request_id, card_id, key)])
    return True


def is_known(session: Session, key: str) -> bool:
    """Whether there was a delivery of this key."""
    return bool(rows.equal(session, tables.Delivery, key=key))


def hurry(tx: Tx, lane: str) -> None:
    """What waits on this lane can go out now."""
    rows.change(tx, tables.Delivery, {"lane": lane, "state": "waiting"}, run_at=tx.now)


def undeliverable(tx: Tx, lane: str, what: str, request_id: int | None) -> None:
    """An alarm for a place and day: where one message cannot go, the next ones cannot either."""
    next_step = (
        "Mend what refuses it; `frontdesk doctor` lists all that could not be said, today without another alarm."
    )
    place = lane.removeprefix("post:").removeprefix("card:")
    alarm(tx, f"undeliverable {place} {tx.now:%Y-%m-%d}", f"{what}\n{next_step}", request_id)


def of(request_id: int | None) -> str:
    """` of REQ-12`, where there is a request."""
    return f" of {request_number(request_id)}" if request_id else ""


def _say(tx: Tx, request: Subject, name: str, event: int) -> None:
    if name not in TOLD | NOTED:
        return
    card = next(iter(rows.equal(tx, tables.Card, request_id=request.id, audience="team")), None)
    if name in TOLD:
        _send(tx, [_told(tx, request, event, card.id if card else None)])
    if name in NOTED and card:
        _send(tx, [_delivery(tx, f"post:{card.place}", "note", {"event": event}, request.id, card.id)])


def _follow(tx: Tx, request: Subject, name: str, event: int) -> None:
    if (request.kind, name) == ("delete", "fulfilled"):
        return  # taking the resource back has told it
    for step in _followers(tx, request):
        payload = {"event": event, "instance": request.instance_id, "step": step}
        _send(tx, [_delivery(tx, f"follow:{request.instance_id}/{step}", "follow", payload, request.id)])


def _followers(tx: Tx, request: Subject) -> list[str]:
    """Steps whose resource is there or on its way; what begins later is built from what the request is by then."""
    steps = rows.equal(tx, tables.Step, request_id=request.id, follows=True)
    return [step.name for step in steps if step.early or step.epoch or step.action == "delete"]


def _team_card(tx: Tx, request_id: int) -> int | None:
    card = next(iter(rows.equal(tx, tables.Card, request_id=request_id, audience="team")), None)
    return card.id if card else None


def _delivery(
    tx: Tx,
    lane: str,
    kind: str,
    payload: dict[str, Any],
    request_id: int | None,
    card_id: int | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    row = {"key": key, "lane": lane, "kind": kind, "payload": payload, "request_id": request_id, "card_id": card_id}
    return row | {"run_at": tx.now, "created_at": tx.now}


def _send(tx: Tx, deliveries: Sequence[Mapping[str, Any]]) -> None:
    rows.add_all(tx, tables.Delivery, deliveries)
    tx.told = True
