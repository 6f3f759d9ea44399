"""Which requests and instances somebody sees, page by page. Each question is answered from an index, however much is over.

What somebody may read comes from several sides (what they asked for, own, decided, may decide, look after); of each
side only a page is read, in its order, and the pages are merged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, and_, exists, literal, or_, select, text, true, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String
from sqlmodel import Session, col

from bot.lifecycle import InstanceState, RequestState
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


#: So many of the newest requests of a state or an offering are looked through before all that somebody may read; all of
#: them where there are so few.
_NEWEST, _FEW = 100, 1_000

#: A query, and its column that is in the order of its index.
_Side = tuple[Select[Any], Any]


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
    found = _newest(session, or_(*_sides(sight)), wanted)
    return found if found is not None else _merged(session, _by_side(sight, wanted), wanted.limit)


def asked_by(session: Session, person_id: int, wanted: Wanted, *, open_only: bool = False) -> list[int]:
    """Ids of one person's requests, newest first."""
    requester, key = col(tables.Request.requester_id), col(tables.Request.id)
    if not open_only:
        return _merged(session, _of_person(requester, person_id, wanted), wanted.limit)
    query = _narrowed(select(key), wanted).where(requester == person_id)
    return _page(session, query.where(col(tables.Request.open_instance_id).is_not(None)), key, wanted.limit)


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


def _newest(session: Session, which: Any, wanted: Wanted) -> list[int] | None:
    """A page of those that are in the state or of the offering that is wanted, and `which`, if the newest of that say it.

    None where they are too few, and others may be among what is older.
    """
    if not wanted.state and not wanted.offering:
        return None
    key = col(tables.Request.id)
    known = _filtered(select(key), wanted, col).order_by(key.desc())

    def of_newest(size: int) -> list[int]:
        among = key.in_(known.limit(size).subquery().select())
        return _page(session, select(key).where(among, which), key, wanted.limit)

    found = of_newest(_NEWEST)
    if len(found) == wanted.limit or not _are_there(session, known, _NEWEST):
        return found
    return None if _are_there(session, known, _FEW) else of_newest(_FEW)


def _are_there(session: Session, query: Select[Any], count: int) -> bool:
    return session.execute(query.limit(1).offset(count - 1)).first() is not None


def _merged(session: Session, sides: Sequence[_Side], limit: int) -> list[int]:
    if len(sides) == 1:
        return _page(session, *sides[0], limit)
    pages = [page.order_by(key.desc()).limit(limit).subquery() for page, key in sides]
    merged = union_all(*(select(page.c[0]) for page in pages)).subquery()
    return _page(session, select(merged.c[0]).distinct(), merged.c[0], limit)


def _page(session: Session, query: Select[Any], key: Any, limit: int) -> list[int]:
    return [found for (found,) in session.execute(query.order_by(key.desc()).limit(limit))]


def _requests(wanted: Wanted) -> Select[Any]:
    """By indexes that hold what is wanted beside whose it is."""
    return _filtered(select(col(tables.Request.id)), wanted, col)


def _narrowed(query: Select[Any], wanted: Wanted, key: Any = None) -> Select[Any]:
    """By what is only looked at: a side finds its page in its own order, and no other index is taken."""
    return _filtered(query, wanted, _LookedAt, key)


def _filtered(query: Select[Any], wanted: Wanted, column: Callable[[Any], Any], key: Any = None) -> Select[Any]:
    table = tables.Request
    if wanted.state:
        query = query.where(column(table.state) == wanted.state)
    if wanted.offering:
        query = query.where(column(table.offering) == wanted.offering)
    if wanted.before:
        query = query.where((col(table.id) if key is None else key) < wanted.before)
    return query


class _LookedAt(FunctionElement[str]):
    """A column for which SQLite takes no index. PostgreSQL knows how often each value is there, and need not be told."""

    type, inherit_cache = String(), True


@compiles(_LookedAt)
def _as_it_is(element: _LookedAt, compiler: Any, **how: Any) -> str:
    return str(compiler.process(element.clauses, **how))


@compiles(_LookedAt, "sqlite")
def _without_index(element: _LookedAt, compiler: Any, **how: Any) -> str:
    return f"+{compiler.process(element.clauses, **how)}"


def _whos(sight: Sight, column: Callable[[Any], Any] = col) -> list[Any]:
    row = tables.Involved
    asked = [(False, name) for name in sight.names] + [(True, group) for group in sight.groups]
    return [and_(column(row.is_group) == literal(group), column(row.who) == who) for group, who in asked]


def _sides(sight: Sight) -> list[Any]:
    """Why somebody may read a request, as conditions."""
    table, row, decision = tables.Request, tables.Involved, tables.Decision
    sides = [
        col(table.requester_id) == sight.person_id,
        col(table.owner_id) == sight.person_id,
        exists().where(col(decision.request_id) == col(table.id), col(decision.person_id) == sight.person_id),
    ]
    sides += [_looked_after(name, versions) for name, versions in sight.offerings.items()]
    whos = _whos(sight, _LookedAt)  # of one request; a group may have very many
    if whos:
        sides.append(exists().where(col(row.request_id) == col(table.id), or_(*whos)))
    return sides


def _looked_after(name: str, versions: Sequence[str]) -> Any:
    return and_(col(tables.Request.offering) == name, col(tables.Request.version).in_(list(versions)))


def _by_side(sight: Sight, wanted: Wanted) -> list[_Side]:
    """The same as queries."""
    table, row, decision = tables.Request, tables.Involved, tables.Decision
    sides = [
        side for column in (table.requester_id, table.owner_id) for side in _of_person(column, sight.person_id, wanted)
    ]
    after = {name: versions for name, versions in sight.offerings.items() if wanted.offering in (None, name)}
    sides += [
        (_requests(wanted).where(_looked_after(name, versions)), col(table.id)) for name, versions in after.items()
    ]
    sides += _involving(decision, col(decision.person_id) == sight.person_id, wanted, [true()])
    for who in _whos(sight):
        sides += _involving(row, who, wanted, [col(row.waits) == literal(value) for value in (True, False)])
    return sides


def _of_person(column: Any, person_id: int, wanted: Wanted) -> list[_Side]:
    """Requests that have this person there. Of an offering: state by state, as their index has them."""
    states = list(RequestState) if wanted.offering and not wanted.state else [wanted.state]
    mine = col(column) == person_id
    return [(_requests(replace(wanted, state=state)).where(mine), col(tables.Request.id)) for state in states]


def _involving(model: Any, somebody: Any, wanted: Wanted, parts: Sequence[Any]) -> list[_Side]:
    """Requests by another table's key, part by part of its index: by the offering where one is wanted.

    Where an older process wrote it, that is only looked at.
    """
    table, key = tables.Request, col(model.request_id)
    query = select(key).where(somebody).distinct()
    if wanted.state or wanted.offering:
        query = query.join(table, col(table.id) == key)
    if wanted.offering:
        parts = [col(model.offering) == literal(name) for name in (wanted.offering, "")]
    return [(_narrowed(query.where(part), wanted, key), key) for part in parts]
