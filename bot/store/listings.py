"""Which requests and instances somebody sees, page by page. Each question is answered from an index, however much is over.

What somebody may read comes from several sides (what they asked for, own, decided, may decide, look after); of each
side only a page is read, in its order, and the pages are merged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, and_, exists, literal, or_, select, text, true, union_all
from sqlmodel import Session, SQLModel, col

from bot.lifecycle import InstanceState
from bot.store import tables

_GROUPS = text("""
    WITH RECURSIVE known(who) AS (
        SELECT min(who) FROM involved WHERE is_group = true
        UNION ALL
        SELECT (SELECT min(who) FROM involved WHERE is_group = true AND involved.who > known.who)
        FROM known WHERE who IS NOT NULL
    )
    SELECT who FROM known WHERE who IS NOT NULL
""")


#: So many requests of a state are looked through before all that somebody may read.
_WINDOW = 1_000


@dataclass(frozen=True)
class Sight:
    """What finds requests for one person."""

    person_id: int
    #: Their e-mail address and Slack id, in lower case, and the groups that they are in.
    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    #: The versions of each offering that they look after.
    offerings: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """Which part of a listing: newest first, before the id that ended the page before."""

    state: str | None = None
    offering: str | None = None
    before: int | None = None
    limit: int = 50


def groups(session: Session) -> list[str]:
    """Every group that has ever been to decide, or is asked now."""
    return [who for (who,) in session.execute(_GROUPS)]


def readable(session: Session, sight: Sight, wanted: Wanted) -> list[int]:
    """Ids of requests that somebody may read, newest first."""
    if wanted.state:
        found, all_of_them = _newest(session, sight, wanted)
        if all_of_them or len(found) == wanted.limit:
            return found
    pages = [page.order_by(key.desc()).limit(wanted.limit).subquery() for page, key in _by_side(sight, wanted)]
    merged = union_all(*(select(page.c[0]) for page in pages)).subquery()
    return _page(session, select(merged.c[0]).distinct(), merged.c[0], wanted.limit)


def asked_by(session: Session, person_id: int, wanted: Wanted, *, open_only: bool = False) -> list[int]:
    """Ids of one person's requests, newest first."""
    query = _requests(wanted).where(col(tables.Request.requester_id) == person_id)
    if open_only:
        query = query.where(col(tables.Request.open_instance_id).is_not(None))
    return _page(session, query, col(tables.Request.id), wanted.limit)


def owned_by(session: Session, person_id: int, wanted: Wanted, *, gone: bool = False) -> list[int]:
    """Ids of one person's instances, newest first; those that are gone only if asked for."""
    table = tables.Instance
    query = select(col(table.id)).where(col(table.owner_id) == person_id)
    if not gone:
        query = query.where(col(table.state) != literal(InstanceState.DELETED.value, literal_execute=True))
    if wanted.before:
        query = query.where(col(table.id) < wanted.before)
    return _page(session, query, col(table.id), wanted.limit)


def waiting_for(session: Session, sight: Sight, *, after: int | None, limit: int) -> list[int]:
    """Ids of requests that wait for somebody's decision or work, oldest first, after the id of the page before."""
    row, decision = tables.Involved, tables.Decision
    revision = select(col(tables.Request.revision)).where(col(tables.Request.id) == col(row.request_id))
    decided = exists().where(
        col(decision.request_id) == col(row.request_id),
        col(decision.person_id) == sight.person_id,
        col(decision.revision) == revision.correlate(row).scalar_subquery(),
    )
    mine = or_(col(row.not_for).is_(None), col(row.not_for) != sight.person_id)
    still = or_(col(row.step) != "", ~decided)
    pages = [
        select(col(row.request_id))
        .where(who, col(row.waits) == true(), mine, still, col(row.request_id) > (after or 0))
        .order_by(col(row.request_id))
        .limit(limit)
        .subquery()
        for who in _whos(sight)
    ]
    if not pages:
        return []
    merged = union_all(*(select(page.c[0]) for page in pages)).subquery()
    found = session.execute(select(merged.c[0]).distinct().order_by(merged.c[0]).limit(limit))
    return [key for (key,) in found]


def _newest(session: Session, sight: Sight, wanted: Wanted) -> tuple[list[int], bool]:
    """Those among the newest of a state, looked through one by one; and whether there are no others in that state."""
    key = col(tables.Request.id)
    window = select(key).where(col(tables.Request.state) == wanted.state)
    window = _narrowed(window, replace(wanted, state=None)).order_by(key.desc()).limit(_WINDOW)
    last = session.execute(window.with_only_columns(key).limit(1).offset(_WINDOW - 1)).scalar()
    found = select(key).where(key.in_(window.subquery().select()), or_(*_sides(sight)))
    return _page(session, found, key, wanted.limit), last is None


def _page(session: Session, query: Select[Any], key: Any, limit: int) -> list[int]:
    return [found for (found,) in session.execute(query.order_by(key.desc()).limit(limit))]


def _requests(wanted: Wanted) -> Select[Any]:
    return _narrowed(select(col(tables.Request.id)), wanted)


def _narrowed(query: Select[Any], wanted: Wanted, key: Any = None) -> Select[Any]:
    table = tables.Request
    if wanted.state:
        query = query.where(_as_value(table.state) == wanted.state)
    if wanted.offering:
        query = query.where(_as_value(table.offering) == wanted.offering)
    if wanted.before:
        query = query.where((col(table.id) if key is None else key) < wanted.before)
    return query


def _as_value(column: Any) -> Any:
    """No index is taken for it: a side finds its page in its own order, and what narrows it is only looked at."""
    return col(column).concat("")


def _whos(sight: Sight) -> list[Any]:
    row = tables.Involved
    asked = [(False, name) for name in sight.names] + [(True, group) for group in sight.groups]
    return [and_(col(row.is_group) == literal(group), col(row.who) == who) for group, who in asked]


def _sides(sight: Sight) -> list[Any]:
    """Why somebody may read a request, as conditions."""
    table, row, decision = tables.Request, tables.Involved, tables.Decision
    sides = [
        col(table.requester_id) == sight.person_id,
        col(table.owner_id) == sight.person_id,
        exists().where(col(decision.request_id) == col(table.id), col(decision.person_id) == sight.person_id),
    ]
    sides += [_looked_after(name, versions) for name, versions in sight.offerings.items()]
    whos = _whos(sight)
    if whos:
        sides.append(exists().where(col(row.request_id) == col(table.id), or_(*whos)))
    return sides


def _looked_after(name: str, versions: Sequence[str]) -> Any:
    return and_(col(tables.Request.offering) == name, col(tables.Request.version).in_(list(versions)))


def _by_side(sight: Sight, wanted: Wanted) -> list[tuple[Select[Any], Any]]:
    """The same as queries, each with the column that is in the order of its index."""
    table, row, decision = tables.Request, tables.Involved, tables.Decision
    requests, key = _requests(wanted), col(table.id)
    sides: list[tuple[Select[Any], Any]] = [
        (requests.where(col(table.requester_id) == sight.person_id), key),
        (requests.where(col(table.owner_id) == sight.person_id), key),
        (
            _through(decision, wanted).where(col(decision.person_id) == sight.person_id).distinct(),
            col(decision.request_id),
        ),
    ]
    sides += [(requests.where(_looked_after(name, versions)), key) for name, versions in sight.offerings.items()]
    for who in _whos(sight):
        for waits in (True, False):
            page = _through(row, wanted).where(who, col(row.waits) == literal(waits))
            sides.append((page.distinct(), col(row.request_id)))
    return sides


def _through(model: type[SQLModel], wanted: Wanted) -> Select[Any]:
    """Requests by another table's key."""
    key = model.__table__.c.request_id  # type: ignore[attr-defined] # made by SQLAlchemy
    query = select(key)
    if wanted.state or wanted.offering:
        query = query.join(tables.Request, col(tables.Request.id) == key)
    return _narrowed(query, wanted, key)
