"""What should have been said and was not: cards and deliveries that failed, or that are tried again."""

from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col, select

from bot.store import reads, tables
from bot.store.records import UnsaidRecord


def of_request(session: Session, request_id: int) -> list[UnsaidRecord]:
    """What could not be said of this request so far, or ever."""
    card, delivery = tables.Card, tables.Delivery
    cards = session.exec(
        select(card).where(card.request_id == request_id, or_(col(card.error).is_not(None), _trying(card)))
    ).all()
    deliveries = session.exec(
        select(delivery).where(
            delivery.request_id == request_id,
            or_(
                col(delivery.state) == "failed",
                (col(delivery.state) == "waiting") & col(delivery.error).is_not(None),
            ),
        )
    ).all()
    return [*map(card_record, cards), *(delivery_record(session, row) for row in deliveries)]


def _trying(card: type[tables.Card]) -> Any:
    return col(card.dirty) & (col(card.attempts) > 0) & col(card.ts).is_(None) & (col(card.lease_until).is_(None))


def card_record(row: tables.Card) -> UnsaidRecord:
    """What a card's row says to people."""
    again = None if row.error else row.run_at
    return UnsaidRecord("card", row.place, row.error, row.error is not None, row.attempts, None, again)


def delivery_record(session: Session, row: tables.Delivery) -> UnsaidRecord:
    """What a delivery's row says to people."""
    failed = row.state == "failed"
    again = None if failed else row.run_at
    return UnsaidRecord(row.kind, _to(session, row), row.error, failed, row.attempts, row.created_at, again)


def _to(session: Session, row: tables.Delivery) -> str:
    """A person, a place, or a step: whatever its lane leads to."""
    if row.payload.get("person"):
        person = reads.person_by_id(session, int(row.payload["person"]))
        return person.label if person else "somebody who is not known any more"
    if row.payload.get("step"):
        return f"the step {row.payload['step']}"
    return str(row.payload.get("channel") or row.lane.partition(":")[2])
