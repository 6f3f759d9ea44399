"""Sending what must be said: claimed like steps (owner, epoch, lease), and what became of it.

`lease_until` stays set where nobody knows the outcome, as it does when a sender dies.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, column, exists, or_, text
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from bot.store import lanes, outbox, reads, rows, tables
from bot.store.database import Instant, Tx
from bot.store.records import CardRecord

_NEXT = """
    SELECT min(at) AS at FROM (
        SELECT min(run_at) AS at FROM delivery WHERE state = 'waiting' AND run_at > :since
        UNION ALL SELECT min(run_at) FROM card WHERE dirty = true AND run_at > :since
        -- What happened to its request since it was claimed has made it due, and its claim is not over.
        UNION ALL SELECT min(lease_until) FROM card WHERE lease_until > :since
        UNION ALL SELECT min(next_at) FROM lane WHERE next_at > :since
    ) AS moments
"""


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


def claim_delivery(tx: Tx, owner: str, lease: timedelta, found: Iterable[int]) -> ClaimedDelivery | None:
    """One of those that a look has found (`lanes.deliveries`), if it is still the first of its lane and can go out."""
    this, older, lane = tables.Delivery, aliased(tables.Delivery), tables.Lane
    still = (
        this.state == "waiting",
        this.run_at <= tx.now,
        or_(col(this.lease_until).is_(None), col(this.lease_until) <= tx.now),
        or_(col(lane.next_at).is_(None), col(lane.next_at) <= tx.now),
        ~exists().where(col(older.lane) == this.lane, col(older.state) == "waiting", col(older.id) < col(this.id)),
    )
    query = (
        select(this)
        .outerjoin(lane, col(this.lane) == lane.name)
        .where(*still)
        .with_for_update(skip_locked=True, of=this)
    )
    row = next((row for key in found if (row := tx.exec(query.where(this.id == key)).first())), None)
    if row is None:
        return None
    card = tx.get(tables.Card, row.card_id) if row.card_id else None
    unsure = _claimed(tx, row, owner, lease)
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


def claim_card(tx: Tx, owner: str, lease: timedelta, found: Iterable[Sequence[int]]) -> ClaimedCard | None:
    """One of those that a look has found (`lanes.cards`), if it still can be shown.

    One of a place at a time, so that its rate is kept.
    """
    tx.queue("cards")
    this, other, lane = tables.Card, aliased(tables.Card), tables.Lane
    still = (
        col(this.dirty),
        col(this.run_at) <= tx.now,
        col(this.error).is_(None),
        or_(col(lane.next_at).is_(None), col(lane.next_at) <= tx.now),
        ~exists().where(col(other.place) == this.place, col(other.lease_until) > tx.now),
    )
    query = select(this).outerjoin(lane, col(lane.name) == "card:" + col(this.place)).where(*still)
    first = query.order_by(col(this.run_at), col(this.id)).limit(1).with_for_update(skip_locked=True, of=this)
    row = next((row for keys in found if (row := tx.exec(first.where(col(this.id).in_(keys))).first())), None)
    if row is None:
        return None
    unsure = _claimed(tx, row, owner, lease)
    return ClaimedCard(reads.card(row), row.epoch, row.wanted, row.attempts, row.shown == 0, unsure)


def _claimed(tx: Tx, row: tables.Delivery | tables.Card, owner: str, lease: timedelta) -> bool:
    """It is ours for a while; whether somebody had it before and did not say what became of it."""
    unsure = row.lease_until is not None
    row.owner, row.epoch, row.lease_until = owner, row.epoch + 1, tx.now + lease
    row.run_at = row.lease_until  # due again for whoever finds the lease over
    row.attempts += 1
    tx.add(row)
    tx.told = True  # there may be more, for another thread
    return unsure


def delivered(
    tx: Tx, delivery: ClaimedDelivery, pace: timedelta, channel: str | None = None, ts: str | None = None
) -> None:
    """It is out, where it stands; the lane rests for `pace`."""
    if _settle(tx, delivery, state="sent", lease_until=None, error=None, channel=channel, ts=ts) and pace:
        lanes.rest(tx, delivery.lane, tx.now + pace)
    tx.told = True


def postpone(tx: Tx, delivery: ClaimedDelivery, delay: timedelta, error: str, *, unsure: bool = False) -> None:
    """It could not go out now; its lane waits with it, so that the order is kept."""
    lease = tx.now if unsure else None
    _settle(tx, delivery, run_at=tx.now + delay, lease_until=lease, error=error)


def give_up(tx: Tx, delivery: ClaimedDelivery, error: str) -> None:
    """It can never go out; what comes after it may."""
    if failed(tx, delivery, error) and delivery.kind != outbox.ALARM:
        what = f"Delivery {delivery.id} ({delivery.kind}, {delivery.lane}){outbox.of(delivery.request_id)} is given up: {error}"
        outbox.undeliverable(tx, delivery.lane, what, delivery.request_id)


def failed(tx: Tx, delivery: ClaimedDelivery, error: str) -> bool:
    """It does not go out, and nobody hears of that from here; whether it was still ours."""
    tx.told = True
    return _settle(tx, delivery, state="failed", lease_until=None, error=error)


def card_shown(tx: Tx, claimed: ClaimedCard, channel: str, ts: str, link: str | None, pace: timedelta) -> None:
    """The message shows what was wanted when it was claimed; it stays dirty if more has happened since."""
    card = tables.Card
    mine = (col(card.id) == claimed.card.id, col(card.epoch) == claimed.epoch)
    # Where it stands is written once: the channel may have got another id meanwhile.
    stands: dict[str, Any] = {} if ts == claimed.card.ts else {"channel": channel, "ts": ts, "link": link}
    shown = claimed.wanted
    if claimed.unsure and stands:  # perhaps it was found there, and shows what was so at the first attempt
        shown, stands["run_at"] = shown - 1, tx.now
    values = {"shown": shown, "dirty": col(card.wanted) > shown, "lease_until": None, "attempts": 0, **stands}
    tx.exec(update(card).where(*mine).values(**values))
    lanes.rest(tx, f"card:{claimed.card.place}", tx.now + pace)
    tx.told = True


def card_postponed(tx: Tx, claimed: ClaimedCard, delay: timedelta, *, unsure: bool = False) -> None:
    """It could not be shown now."""
    card = tables.Card
    mine = (col(card.id) == claimed.card.id, col(card.epoch) == claimed.epoch)
    lease = tx.now if unsure else None
    tx.exec(update(card).where(*mine).values(run_at=tx.now + delay, lease_until=lease))
    tx.told = True


def next_due(session: Session, since: datetime) -> datetime | None:
    """The first moment after `since` when a delivery, a card or a lane comes due, if there is one.

    What was due at `since` and could not be claimed waits for a commit, and that wakes.
    """
    moment: datetime | None = rows.asked(session, _next_moment, since=since)[0].at
    return moment


def _next_moment() -> Any:
    return text(_NEXT).bindparams(bindparam("since", type_=Instant)).columns(column("at", Instant))


def _settle(tx: Tx, delivery: ClaimedDelivery, **values: Any) -> bool:
    row = tables.Delivery
    mine = (col(row.id) == delivery.id, col(row.epoch) == delivery.epoch, col(row.state) == "waiting")
    return tx.exec(update(row).where(*mine).values(**values)).rowcount == 1
