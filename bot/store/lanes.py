"""What is next to be said: lanes of deliveries and places of cards take turns, and rest as Slack's limits want it.

A look goes from lane to lane by an index that holds only what waits, and reads of each lane its first delivery: a
hundred thousand that wait for a channel which is closed keep nobody else waiting, and are no reason to read them. It
begins behind the lane that was served last and ends once it has found something, so that every lane has its turn.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Integer, bindparam, column, or_, text
from sqlmodel import Session, col, select

from bot.store import rows, tables
from bot.store.database import Instant, Tx

Found = TypeVar("Found")

#: Lanes of what Slack limits for all channels together; they rest for every process.
POSTING, UPDATING = "every post", "every update"
#: How many a look finds at the most: more than one, as others look at the same time.
_ENOUGH = 3
#: After a rest nobody needs its row; so many go at once.
_KEPT, _SWEPT = timedelta(days=1), 1_000

_DELIVERIES = """
    WITH RECURSIVE head(id) AS (
        SELECT (SELECT id FROM delivery WHERE state = 'waiting' AND lane > :after ORDER BY lane, id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT id FROM delivery
            WHERE state = 'waiting' AND lane > (SELECT this.lane FROM delivery AS this WHERE this.id = head.id)
            ORDER BY lane, id LIMIT 1
        )
        FROM head WHERE id IS NOT NULL
    )
    SELECT delivery.id FROM head JOIN delivery ON delivery.id = head.id
    LEFT JOIN card ON card.id = delivery.card_id LEFT JOIN lane ON lane.name = delivery.lane
    WHERE delivery.kind IN ({kinds}) AND delivery.run_at <= :now
    AND (delivery.lease_until IS NULL OR delivery.lease_until <= :now)
    AND (lane.next_at IS NULL OR lane.next_at <= :now)
    AND (delivery.card_id IS NULL OR card.ts IS NOT NULL OR card.error IS NOT NULL)
    LIMIT :enough
"""
#: `:posting` and `:updating` are 1 where Slack lets us.
_NEXT_PLACE = f"""
    SELECT min(place) FROM (
        SELECT min(place) AS place FROM card WHERE :posting = 1 AND {tables.NEW_CARD} AND place > {{0}}
        UNION ALL SELECT min(place) FROM card WHERE :updating = 1 AND {tables.OLD_CARD} AND place > {{0}}
    ) AS next
"""  # noqa: S608 - of our own words alone
_CARDS = f"""
    WITH RECURSIVE line(place) AS (
        {_NEXT_PLACE.format(":after")}
        UNION ALL
        SELECT ({_NEXT_PLACE.format("line.place")}) FROM line WHERE place IS NOT NULL
    )
    SELECT new, old FROM (
        SELECT (
            SELECT id FROM card WHERE :posting = 1 AND {tables.NEW_CARD} AND place = line.place AND run_at <= :now
            ORDER BY run_at, id LIMIT 1
        ) AS new, (
            SELECT id FROM card WHERE :updating = 1 AND {tables.OLD_CARD} AND place = line.place AND run_at <= :now
            ORDER BY run_at, id LIMIT 1
        ) AS old
        FROM line LEFT JOIN lane ON lane.name = 'card:' || line.place
        WHERE line.place IS NOT NULL AND (lane.next_at IS NULL OR lane.next_at <= :now)
        AND NOT EXISTS (SELECT 1 FROM card WHERE card.lease_until > :now AND card.place = line.place)
    ) AS first WHERE new IS NOT NULL OR old IS NOT NULL LIMIT :enough
"""  # noqa: S608 - the same
_REST = text("""
    INSERT INTO lane (name, next_at) VALUES (:lane, :until)
    ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at WHERE lane.next_at < excluded.next_at
    """).bindparams(bindparam("until", type_=Instant))
_SWEEP = text(
    "DELETE FROM lane WHERE name IN (SELECT name FROM lane WHERE next_at < :before ORDER BY next_at LIMIT :most)"
).bindparams(bindparam("before", type_=Instant))


def deliveries(session: Session, now: datetime, kinds: Sequence[str], after: str) -> list[int]:
    """Ids of deliveries that could go out now, the first of their lanes each; `after`: the lane that was served last."""
    if POSTING in _resting(session, now):
        kinds = [kind for kind in kinds if kind == "follow"]
    given = {"now": now, "enough": _ENOUGH, **{f"kind_{at}": kind for at, kind in enumerate(kinds)}}
    query = _heads(len(kinds))

    def look(begin: str) -> list[int]:
        return [key for (key,) in rows.asked(session, query, after=begin, **given)]

    return _around(after, look)


def cards(session: Session, now: datetime, after: str) -> list[tuple[int, ...]]:
    """Ids of cards that could be posted or updated now: of each place the first of either. `after`: as above."""
    resting = _resting(session, now)
    given = {"now": now, "posting": int(POSTING not in resting), "updating": int(UPDATING not in resting)}

    def look(begin: str) -> list[tuple[int, ...]]:
        found = rows.asked(session, _first_cards, after=begin, enough=_ENOUGH, **given)
        return [tuple(key for key in keys if key) for keys in found]

    return _around(after, look)


def rest(tx: Tx, lane: str, until: datetime) -> None:
    """Nothing goes out on this lane before `until`."""
    tx.execute(_REST, {"lane": lane, "until": until})


def sweep(tx: Tx) -> None:
    """Forget rests that are long over."""
    tx.execute(_SWEEP, {"before": tx.now - _KEPT, "most": _SWEPT})


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


@cache
def _heads(kinds: int) -> Callable[[], Any]:
    """The query for deliveries of so many kinds."""
    names = ", ".join(f":kind_{at}" for at in range(kinds))
    return lambda: (
        text(_DELIVERIES.format(kinds=names)).bindparams(bindparam("now", type_=Instant)).columns(column("id", Integer))
    )


def _first_cards() -> Any:
    columns = (column("new", Integer), column("old", Integer))
    return text(_CARDS).bindparams(bindparam("now", type_=Instant)).columns(*columns)


def _resting(session: Session, now: datetime) -> set[str]:
    return {name for (name,) in rows.asked(session, _at_rest, now=now)}


def _at_rest() -> Any:
    lane = tables.Lane
    every = or_(col(lane.name) == POSTING, col(lane.name) == UPDATING)
    return select(lane.name).where(every, col(lane.next_at) > bindparam("now"))


def _around(after: str, look: Callable[[str], list[Found]]) -> list[Found]:
    return look(after) or (look("") if after else [])
