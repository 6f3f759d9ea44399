"""Other ways for what cannot be said where it belongs, and the way back.

A card whose place is out of order keeps its row, with the reason; cards of their own for the places in its stead (the
platform's channel, or people) stand beside it until the place works again.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import aliased
from sqlmodel import col, select, update

from bot.lifecycle import ENDED, OPEN
from bot.store import outbox, rows, sending, tables
from bot.store.database import Tx
from bot.store.sending import ClaimedCard, ClaimedDelivery

#: A place that is out of order is tried again after so long, if nothing tells earlier that it works.
PROBED = timedelta(hours=1)
#: The audience of the card that belongs to the offering's own channel.
TEAM = "team"


def card_failed(tx: Tx, claimed: ClaimedCard, error: str, instead: Sequence[str]) -> None:
    """It cannot be shown there; each place in `instead` gets a card of its own. What Slack holds of it stays known."""
    card = tables.Card
    mine = (col(card.id) == claimed.card.id, col(card.epoch) == claimed.epoch)
    if tx.exec(update(card).where(*mine).values(**_out_of_order(tx, error))).rowcount:
        _move(tx, claimed.card.request_id, claimed.card.audience, claimed.card.place, error, instead)


def delivery_failed(tx: Tx, delivery: ClaimedDelivery, error: str, instead: Sequence[str]) -> None:
    """It cannot be said there: a note goes below the cards that stand in for its own, a post to `instead`."""
    if not sending.failed(tx, delivery, error):
        return
    if delivery.kind == "note" and delivery.card:
        _note_elsewhere(tx, delivery, error, instead)
    elif delivery.kind == "post":
        place = delivery.payload["channel"]
        _tell(tx, delivery.request_id, f"A message{outbox.of(delivery.request_id)}", place, error, instead)
        said = {"belongs": place, **delivery.payload}
        for place in instead:
            key = f"post {delivery.id} {place}"
            outbox.once(tx, key, f"post:{place}", "post", said | {"channel": place}, delivery.request_id)


def work_again(tx: Tx) -> int:
    """Something says that a place may work again: every card that is out of order is tried; how many."""
    card = tables.Card
    tx.told = True
    return tx.exec(update(card).where(text(tables.ASTRAY)).values(error=None, run_at=tx.now, lease_until=None)).rowcount


def probe(tx: Tx) -> int:
    """Try one card of each place that has been out of order for a while; how many. The rest follows if it works."""
    card, request = tables.Card, tables.Request
    query = select(card.id, card.place, request.state).join(request, col(request.id) == col(card.request_id))
    found = tx.exec(query.where(text(tables.ASTRAY), col(card.run_at) <= tx.now)).all()
    over = [key for key, _, state in found if state in ENDED]
    if over:  # nobody waits for it any more
        tx.exec(update(card).where(col(card.id).in_(over)).values(dirty=False))
    chosen = {place: key for key, place, state in found if state not in ENDED}
    if chosen:
        tx.exec(update(card).where(col(card.id).in_(chosen.values())).values(error=None, run_at=tx.now))
        tx.told = True
    return len(chosen)


def works(tx: Tx, claimed: ClaimedCard) -> None:
    """A card has come to where it belongs: so do others of the place, and what stood in for it says so."""
    card = tables.Card
    waiting = (text(tables.ASTRAY), col(card.place) == claimed.card.place)
    tx.exec(update(card).where(*waiting).values(error=None, run_at=tx.now))
    if claimed.card.audience == TEAM:
        others = (col(card.request_id) == claimed.card.request_id, col(card.audience) != TEAM)
        tx.exec(update(card).where(*others).values(wanted=col(card.wanted) + 1, dirty=True, run_at=tx.now))


def close(tx: Tx, channel: str) -> None:
    """Nothing can be said in this channel any more: the cards of open requests look for another place now."""
    card, request = tables.Card, tables.Request
    open_ones = select(request.id).where(col(request.state).in_([str(state) for state in OPEN]))
    there = (col(card.request_id).in_(open_ones), col(card.channel) == channel)
    tx.exec(update(card).where(*there).values(wanted=col(card.wanted) + 1, dirty=True, run_at=tx.now))
    tx.told = True


def replace(tx: Tx, old: str, new: str) -> None:
    """The channel has another id; what could not be said in the old one can be."""
    card = tables.Card
    tx.exec(update(card).where(col(card.channel) == old).values(channel=new, error=None, run_at=tx.now))
    tx.told = True


def places_of(tx: Tx, channel: str) -> set[str]:
    """How offerings have called the channel of this id, as far as cards of open requests tell."""
    card, request = tables.Card, tables.Request
    query = select(card.place).join(request, col(request.id) == col(card.request_id)).distinct()
    return set(tx.exec(query.where(col(request.state).in_([*map(str, OPEN)]), card.channel == channel)).all())


def _out_of_order(tx: Tx, error: str) -> dict[str, object]:
    """Dirty until it is shown after all; nobody claims it before it is probed."""
    return {"error": error, "dirty": True, "shown": 0, "lease_until": None, "run_at": tx.now + PROBED}


def _move(tx: Tx, request_id: int, audience: str, place: str, error: str, instead: Sequence[str]) -> None:
    for reference in instead:
        outbox.open_card(tx, request_id, reference, reference)
    request = tx.get(tables.Request, request_id)
    if audience != TEAM or request is None:
        return
    said = rows.equal(tx, tables.Event, request_id=request_id, name="undeliverable")
    if not any((event.data["place"], event.data["error"]) == (place, error) for event in said):
        outbox.record(tx, request, "undeliverable", data={"place": place, "error": error})
    _tell(tx, request_id, f"The card{outbox.of(request_id)}", place, error, instead)


def _tell(tx: Tx, request_id: int | None, what: str, place: str, error: str, instead: Sequence[str]) -> None:
    outbox.undeliverable(
        tx,
        place,
        f"{what} cannot be shown in {place or 'no channel'}: {error} What belongs there goes to "
        f"{', '.join(instead) or 'nobody'} until it works again; another channel is named with notify= in the file of "
        "the offering.",
        request_id,
    )


def _note_elsewhere(tx: Tx, delivery: ClaimedDelivery, error: str, instead: Sequence[str]) -> None:
    card = delivery.card
    if card is None:
        return
    if card.error is None:  # the thread is the first to notice
        rows.change(tx, tables.Card, {"id": card.id}, **_out_of_order(tx, error))
        _move(tx, card.request_id, card.audience, card.place, error, instead)
    other = aliased(tables.Card)
    query = select(other).where(
        other.request_id == card.request_id, other.audience != TEAM, other.id != card.id, col(other.error).is_(None)
    )
    for each in tx.exec(query).all():
        lane, key = f"post:{each.place}", f"note {delivery.payload['event']} {each.id}"
        outbox.once(tx, key, lane, "note", delivery.payload, delivery.request_id, tables.stored(each.id))
