"""One human who was kept as two: somebody whose address Slack did not show at first, and a token made by address."""

import logging
from typing import Any

from sqlalchemy import Table, delete
from sqlmodel import SQLModel, col, select, update

from bot.lifecycle import ApprovalRule, RequestState
from bot.store import outbox, tables
from bot.store.database import Tx

log = logging.getLogger(__name__)


def join(tx: Tx, gone: tables.Person, kept: tables.Person) -> None:
    """All that `gone` did and has becomes what `kept` did and has.

    Of two decisions about one request the first of `kept` stays; an approval that has become one of the requester's
    own counts no more, as it would not be taken today.
    """
    old, new = tables.stored(gone.id), tables.stored(kept.id)
    tx.flush()
    _make_room(tx, old, new)
    for table, name in _references():
        tx.execute(update(table).where(table.c[name] == old).values({name: new}))
    _redirect(tx, old, new)
    _drop_own_approvals(tx, new)
    tx.delete(gone)
    tx.flush()
    log.warning("person %s is person %s: Slack shows their address now", old, new)


def _references() -> list[tuple[Table, str]]:
    """Every column that names a person."""
    return [
        (table, column.name)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if any(key.target_fullname == "person.id" for key in column.foreign_keys)
    ]


def _make_room(tx: Tx, old: int, new: int) -> None:
    """There may be one of these for a person."""
    decision, request, draft = tables.Decision, tables.Request, tables.Draft
    theirs = select(decision.request_id, decision.revision).where(decision.person_id == new)
    for request_id, revision in tx.exec(theirs).all():
        mine = (col(decision.person_id) == old, col(decision.request_id) == request_id)
        tx.exec(delete(decision).where(*mine, col(decision.revision) == revision))
    keys = select(request.idempotency_key).where(request.requester_id == new, col(request.idempotency_key).is_not(None))
    tx.exec(
        update(request)
        .where(col(request.requester_id) == old, col(request.idempotency_key).in_(keys.scalar_subquery()))
        .values(idempotency_key=col(request.idempotency_key) + f" of person {old}")
    )
    tx.exec(delete(draft).where(col(draft.person_id) == old))  # of windows in Slack, where they had none


def _redirect(tx: Tx, old: int, new: int) -> None:
    """What is still to be said to them."""
    delivery = tables.Delivery
    for row in tx.exec(select(delivery).where(delivery.lane == f"person:{old}", delivery.state == "waiting")).all():
        row.lane, row.payload = f"person:{new}", row.payload | {"person": new}
        tx.add(row)


def _drop_own_approvals(tx: Tx, person_id: int) -> None:
    request, decision = tables.Request, tables.Decision
    waiting = request.state == RequestState.AWAITING_APPROVAL
    query = select(request, decision).join(decision).where(waiting, request.requester_id == person_id)
    for asked, given in tx.exec(query.where(decision.person_id == person_id)).all():
        rules = [ApprovalRule.from_json(rule) for rule in asked.rules]
        counts: list[Any] = [index for index in given.rules if rules[index].requester_may]
        if counts:
            given.rules = counts
            tx.add(given)
        else:
            tx.delete(given)
        outbox.touch(tx, tables.stored(asked.id))
