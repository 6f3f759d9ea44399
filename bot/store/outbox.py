"""What must be said: cards that are re-rendered from state, and deliveries that go out once.

Both are written in the transaction of what they tell of, and claimed like steps: owner, epoch, lease.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from bot.store import involved, reads, rows, tables
from bot.store.database import Tx
from bot.store.records import CardRecord, request_number

_TURNS = {"edited", "approved", "rejected", "withdrawn", "expired", "cancelled", "fulfilled", "failed"}
#: Events that the requester hears of in a direct message.
TOLD = frozenset({"submitted", "retried", "parked", "resumed", "commented", "escalated", *_TURNS})
#: Events that the card's thread says in a note.
NOTED = frozenset(
    {"approval_given", "task_opened", "task_done", "task_refused", "retried", "parked", "resumed", *_TURNS}
    | {"commented", "noticed", "troubled", "recovered"}
    | {"reminded", "escalated", "renewed"}
)
#: Lanes of what Slack limits for all channels together; they rest for every process.
POSTING, UPDATING = "every post", "every update"
#: Events that resources hear of (`bot.handler.Event`).
FOLLOWED = frozenset(_TURNS)
#: The kind of delivery that is for those who look after the platform.
ALARM = "alarm"


@dataclass(frozen=True)
class ClaimedDelivery:
    """A delivery that this process may send now."""

    id: int
    epoch: int
    kind: str
    lane: str
    payload: dict[str, Any]
    request_id: int | None
    card: CardRecord | None
    attempts: int
    created_at: datetime
    #: An attempt before this one ended without an outcome: it may be there already.
    unsure: bool = False
    #: When it was claimed, by this process's own clock that only goes forward (seconds).
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class ClaimedCard:
    """A card that this process may post or update now."""

    card: CardRecord
    epoch: int
    wanted: int
    attempts: int
    #: Nothing shows it yet, or nothing that stands where it belongs.
    anew: bool = False
    #: An attempt before this one ended without an outcome: it may be there already.
    unsure: bool = False
    #: When it was claimed, by this process's own clock that only goes forward (seconds).
    at: float = field(default_factory=time.monotonic)


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
    event = _event(tx, request, name, person_id, data or {})
    touch(tx, tables.stored(request.id))
    involved.renew(tx, tables.stored(request.id), name)
    _say(tx, request, name, event)
    if name in FOLLOWED:
        _follow(tx, request, name, event)
    tx.told = True
    return event


def begin(tx: Tx, request: Subject, place: str) -> None:
    """The card of a request that has just become a row, its first event, and the word to its requester."""
    card = rows.add(tx, tables.Card, request_id=request.id, audience="team", place=place, run_at=tx.now)
    event = _event(tx, request, "submitted", request.requester_id, {})
    _tell(tx, request, event, card)


def _event(tx: Tx, request: Subject, name: str, person_id: int | None, data: dict[str, Any]) -> int:
    told = {"request_id": request.id, "instance_id": request.instance_id, "person_id": person_id}
    return rows.add(tx, tables.Event, name=name, data=data, at=tx.now, **told)


def _tell(tx: Tx, request: Subject, event: int, card_id: int | None) -> None:
    payload = {"event": event, "person": request.requester_id}
    _add(tx, f"person:{request.requester_id}", "message", payload, request.id, card_id)


def touch(tx: Tx, request_id: int) -> None:
    """The cards of this request show something that is no longer so."""
    rows.change(tx, tables.Card, {"request_id": request_id}, wanted=rows.ONE_MORE, dirty=True, run_at=tx.now)
    tx.told = True


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
    _add(tx, f"post:{channel}", "post", {"channel": channel, "text": text}, request_id)


def remind(tx: Tx, request: Subject, event: int) -> None:
    """Ask whoever has not decided, each of them: the door finds out who that is (`remind_each`)."""
    _add(tx, f"reminders:{request.id}", "reminders", {"event": event}, request.id)


def remind_each(tx: Tx, request_id: int, event: int, people: Iterable[int]) -> None:
    """A message about this event for each of these people, once."""
    card = _team_card(tx, request_id)
    for person in people:
        payload = {"event": event, "person": person}
        once(tx, f"reminder {event} {person}", f"person:{person}", "reminder", payload, request_id, card)


def tell(tx: Tx, request: Subject, event: int, person_id: int, kind: str = "message") -> None:
    """Let one more person hear of an event. A `warning` says that their instance ends."""
    payload = {"event": event, "person": person_id, "instance": request.instance_id}
    _add(tx, f"person:{person_id}", kind, payload, request.id)


def notice(tx: Tx, person_id: int, request_id: int, text: str) -> None:
    """Plain words for one person, outside the story of the request."""
    _add(tx, f"person:{person_id}", "notice", {"person": person_id, "text": text}, request_id)


def alarm(tx: Tx, key: str, text: str, request_id: int | None = None) -> bool:
    """Plain words for those who look after the platform, once for each `key`; whether these are the first.

    They go to PLATFORM_CHANNEL, where one is set, and into the log: what happened, to what, why, and what to do next.
    """
    return once(tx, key, "platform", ALARM, {"text": text}, request_id)


def blocked(tx: Tx, system: str, reason: str) -> None:
    """The platform's people have to mend something before anything of that system goes on: told once a day."""
    next_step = "Nothing is lost and nothing is concluded from it: what needs it waits, and goes on by itself once it is mended."
    alarm(tx, f"blocked {system} {tx.now:%Y-%m-%d}", f"{reason}\n{next_step}")


def once(
    tx: Tx, key: str, lane: str, kind: str, payload: dict[str, Any], request_id: int | None, card_id: int | None = None
) -> bool:
    """A delivery that there is one of for ever, by `key`; whether it is new."""
    tx.queue(f"delivery {key}")
    if rows.equal(tx, tables.Delivery, key=key):
        return False
    _add(tx, lane, kind, payload, request_id, card_id, key)
    return True


def _say(tx: Tx, request: Subject, name: str, event: int) -> None:
    if name not in TOLD | NOTED:
        return
    card = next(iter(rows.equal(tx, tables.Card, request_id=request.id, audience="team")), None)
    if name in TOLD:
        _tell(tx, request, event, card.id if card else None)
    if name in NOTED and card:
        _add(tx, f"post:{card.place}", "note", {"event": event}, request.id, card.id)


def _follow(tx: Tx, request: Subject, name: str, event: int) -> None:
    if (request.kind, name) == ("delete", "fulfilled"):
        return  # taking the resource back has told it
    for step in _followers(tx, request):
        payload = {"event": event, "instance": request.instance_id, "step": step}
        _add(tx, f"follow:{request.instance_id}/{step}", "follow", payload, request.id)


def _followers(tx: Tx, request: Subject) -> list[str]:
    """Steps whose resource is there or on its way; what begins later is built from what the request is by then."""
    steps = rows.equal(tx, tables.Step, request_id=request.id, follows=True)
    return [step.name for step in steps if step.early or step.epoch or step.action == "delete"]


def _team_card(tx: Tx, request_id: int) -> int | None:
    card = next(iter(rows.equal(tx, tables.Card, request_id=request_id, audience="team")), None)
    return card.id if card else None


def _add(
    tx: Tx,
    lane: str,
    kind: str,
    payload: dict[str, Any],
    request_id: int | None,
    card_id: int | None = None,
    key: str | None = None,
) -> None:
    rows.add(
        tx,
        tables.Delivery,
        key=key,
        lane=lane,
        kind=kind,
        payload=payload,
        request_id=request_id,
        card_id=card_id,
        run_at=tx.now,
        created_at=tx.now,
    )
    tx.told = True


# Claiming


def claim_delivery(tx: Tx, owner: str, lease: timedelta, kinds: Sequence[str]) -> ClaimedDelivery | None:
    """The next delivery that is due: the first of its lane, its lane free, its card posted or given up."""
    if at_rest(tx, POSTING):
        kinds = [kind for kind in kinds if kind == "follow"]
    this, older = tables.Delivery, aliased(tables.Delivery)
    query = (
        select(this, tables.Card)
        .outerjoin(tables.Card, col(this.card_id) == tables.Card.id)
        .outerjoin(tables.Lane, col(this.lane) == tables.Lane.name)
        .where(
            this.state == "waiting",
            col(this.kind).in_(kinds),
            this.run_at <= tx.now,
            or_(col(this.lease_until).is_(None), col(this.lease_until) <= tx.now),
            or_(col(tables.Lane.next_at).is_(None), col(tables.Lane.next_at) <= tx.now),
            or_(col(this.card_id).is_(None), col(tables.Card.ts).is_not(None), col(tables.Card.error).is_not(None)),
            ~exists().where(col(older.lane) == this.lane, col(older.state) == "waiting", col(older.id) < col(this.id)),
        )
        .order_by(col(this.run_at), col(this.id))
        .limit(1)
    )
    found = tx.exec(query.with_for_update(skip_locked=True, of=this)).first()
    if found is None:
        return None
    row, card = found
    unsure = row.lease_until is not None
    row.owner, row.epoch, row.lease_until = owner, row.epoch + 1, tx.now + lease
    row.run_at = row.lease_until  # due again for whoever finds the lease over
    row.attempts += 1
    tx.add(row)
    tx.told = True  # there may be more, for another thread
    return ClaimedDelivery(
        tables.stored(row.id),
        row.epoch,
        row.kind,
        row.lane,
        row.payload,
        row.request_id,
        reads.card(card) if card else None,
        row.attempts,
        row.created_at,
        unsure,
    )


def claim_card(tx: Tx, owner: str, lease: timedelta) -> ClaimedCard | None:
    """The next card that shows less than it should; one of a place at a time, so that its rate is kept."""
    tx.queue("cards")
    this, other = tables.Card, aliased(tables.Card)
    resting = [col(this.ts).is_not(None)] if at_rest(tx, POSTING) else []
    resting += [col(this.ts).is_(None)] if at_rest(tx, UPDATING) else []
    taken = exists().where(col(other.place) == this.place, col(other.id) != this.id, col(other.lease_until) > tx.now)
    query = (
        select(this)
        .outerjoin(tables.Lane, col(tables.Lane.name) == "card:" + col(this.place))
        .where(
            col(this.dirty),
            col(this.run_at) <= tx.now,
            col(this.error).is_(None),
            or_(col(this.lease_until).is_(None), col(this.lease_until) <= tx.now),
            or_(col(tables.Lane.next_at).is_(None), col(tables.Lane.next_at) <= tx.now),
            ~taken,
            *resting,
        )
        .order_by(col(this.run_at), col(this.id))
        .limit(1)
    )
    row = tx.exec(query.with_for_update(skip_locked=True, of=this)).first()
    if row is None:
        return None
    unsure = row.lease_until is not None
    row.owner, row.epoch, row.lease_until = owner, row.epoch + 1, tx.now + lease
    row.run_at = row.lease_until  # due again for whoever finds the lease over
    row.attempts += 1
    tx.add(row)
    tx.told = True  # there may be more, for another thread
    return ClaimedCard(reads.card(row), row.epoch, row.wanted, row.attempts, row.shown == 0, unsure)


# After sending. `lease_until` stays set where nobody knows the outcome, as it does when a sender dies.


def delivered(
    tx: Tx, delivery: ClaimedDelivery, pace: timedelta, channel: str | None = None, ts: str | None = None
) -> None:
    """It is out, where it stands; the lane rests for `pace`."""
    if _settle(tx, delivery, state="sent", lease_until=None, error=None, channel=channel, ts=ts):
        rest(tx, delivery.lane, tx.now + pace)
    tx.told = True


def postpone(tx: Tx, delivery: ClaimedDelivery, delay: timedelta, error: str, *, unsure: bool = False) -> None:
    """It could not go out now; its lane waits with it, so that the order is kept."""
    lease = tx.now if unsure else None
    _settle(tx, delivery, run_at=tx.now + delay, lease_until=lease, error=error)


def give_up(tx: Tx, delivery: ClaimedDelivery, error: str) -> None:
    """It can never go out; what comes after it may."""
    if failed(tx, delivery, error) and delivery.kind != ALARM:
        what = (
            f"Delivery {delivery.id} ({delivery.kind}, {delivery.lane}){of(delivery.request_id)} is given up: {error}"
        )
        undeliverable(tx, delivery.lane, what, delivery.request_id)


def failed(tx: Tx, delivery: ClaimedDelivery, error: str) -> bool:
    """It does not go out, and nobody hears of that from here; whether it was still ours."""
    tx.told = True
    return _settle(tx, delivery, state="failed", lease_until=None, error=error)


def card_shown(tx: Tx, claimed: ClaimedCard, channel: str, ts: str, link: str | None, pace: timedelta) -> None:
    """The message shows what was wanted when it was claimed; it stays dirty if more has happened since."""
    card = tables.Card
    mine = (col(card.id) == claimed.card.id, col(card.epoch) == claimed.epoch)
    # Where it stands is written once: the channel may have got another id meanwhile.
    stands = {} if ts == claimed.card.ts else {"channel": channel, "ts": ts, "link": link}
    dirty = col(card.wanted) > claimed.wanted
    done = update(card).where(*mine).values(shown=claimed.wanted, dirty=dirty, lease_until=None, attempts=0, **stands)
    tx.exec(done)
    rest(tx, f"card:{claimed.card.place}", tx.now + pace)
    tx.told = True


def card_postponed(tx: Tx, claimed: ClaimedCard, delay: timedelta, *, unsure: bool = False) -> None:
    """It could not be shown now."""
    card = tables.Card
    mine = (col(card.id) == claimed.card.id, col(card.epoch) == claimed.epoch)
    lease = tx.now if unsure else None
    tx.exec(update(card).where(*mine).values(run_at=tx.now + delay, lease_until=lease))
    tx.told = True


def rest(tx: Tx, lane: str, until: datetime) -> None:
    """Nothing goes out on this lane before `until`."""
    tx.queue(f"lane {lane}")
    row = tx.get(tables.Lane, lane)
    if row is None:
        tx.add(tables.Lane(name=lane, next_at=until))
    elif row.next_at < until:
        row.next_at = until
        tx.add(row)


def at_rest(tx: Tx, lane: str) -> bool:
    """Whether nothing may go out on this lane now."""
    row = tx.get(tables.Lane, lane)
    return row is not None and row.next_at > tx.now


def last_channel(session: Session, place: str) -> str | None:
    """The id of the channel that was found the last time something was said in `place`: it stays when a name goes."""
    sent, card = tables.Delivery, tables.Card
    for query in (
        select(sent.channel)
        .where(sent.lane == f"post:{place}", sent.state == "sent", col(sent.channel).is_not(None))
        .order_by(col(sent.id).desc()),
        select(card.channel).where(card.place == place, col(card.channel).is_not(None)).order_by(col(card.id).desc()),
    ):
        if found := session.exec(query.limit(1)).first():
            return found
    return None


def hurry(tx: Tx, lane: str) -> None:
    """What waits on this lane can go out now."""
    rows.change(tx, tables.Delivery, {"lane": lane, "state": "waiting"}, run_at=tx.now)


def next_due(session: Session, since: datetime) -> datetime | None:
    """The first moment after `since` when a delivery, a card or a lane comes due, if there is one.

    What was due at `since` and could not be claimed waits for a commit, and that wakes.
    """
    delivery, card, lane = tables.Delivery, tables.Card, tables.Lane
    moments = [
        session.exec(query).first()
        for query in (
            select(func.min(delivery.run_at)).where(delivery.state == "waiting", delivery.run_at > since),
            select(func.min(card.run_at)).where(col(card.dirty), col(card.run_at) > since),
            # What happened to its request since it was claimed has made it due, and its claim is not over.
            select(func.min(card.lease_until)).where(col(card.dirty), col(card.lease_until) > since),
            select(func.min(lane.next_at)).where(lane.next_at > since),
        )
    ]
    return min((moment for moment in moments if moment), default=None)


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


def _settle(tx: Tx, delivery: ClaimedDelivery, **values: Any) -> bool:
    row = tables.Delivery
    mine = (col(row.id) == delivery.id, col(row.epoch) == delivery.epoch, col(row.state) == "waiting")
    return tx.exec(update(row).where(*mine).values(**values)).rowcount == 1
