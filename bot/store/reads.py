"""Questions to the store; the answers are plain records. Takes any session, also one of a write transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Any, TypeVar

from sqlalchemy import bindparam, text
from sqlmodel import Session, col, select

from bot.lifecycle import ApprovalRule, InstanceState, RequestState, StepState
from bot.store import rows, tables, timers
from bot.store.records import (
    CardRecord,
    DecisionRecord,
    EventRecord,
    InstanceRecord,
    PersonRecord,
    RequestRecord,
    StepRecord,
)

Row = TypeVar("Row")

#: How many finished requests the usual duration is taken from, and how few say nothing.
USUAL_LAST, USUAL_LEAST = 20, 3
#: So many requests are read together where there may be very many.
_AT_ONCE = 200
_TOOK = (
    select(tables.Request.created_at, tables.Request.ended_at)
    .where(tables.Request.offering == bindparam("offering"), text(tables.FULFILLED_CREATE))
    .order_by(col(tables.Request.ended_at).desc())
    .limit(USUAL_LAST)
)


def person(row: Any) -> PersonRecord:
    """The record of a person's row."""
    return PersonRecord(tables.stored(row.id), row.slack_id, row.email, row.name, row.team_id, row.tz, row.refreshed_at)


def person_by_id(session: Session, person_id: int) -> PersonRecord | None:
    """One person."""
    row = session.get(tables.Person, person_id)
    return person(row) if row else None


def person_by_slack_id(session: Session, slack_id: str) -> PersonRecord | None:
    """One person by their Slack id."""
    row = next(iter(rows.among(session, tables.Person, "slack_id", [slack_id])), None)
    return person(row) if row else None


def person_by_reference(session: Session, reference: str) -> PersonRecord | None:
    """One person by e-mail address or Slack id."""
    if "@" in reference:
        row = session.exec(select(tables.Person).where(tables.Person.email == reference.lower())).first()
        return person(row) if row else None
    return person_by_slack_id(session, reference)


def person_by_token(session: Session, digest: str) -> PersonRecord | None:
    """Whose token that is, if it has not been revoked."""
    row = session.exec(
        select(tables.Person)
        .join(tables.Token)
        .where(tables.Token.hash == digest, col(tables.Token.revoked_at).is_(None))
    ).first()
    return person(row) if row else None


def request(session: Session, request_id: int) -> RequestRecord | None:
    """One request with its whole story."""
    return next(iter(requests(session, [request_id])), None)


def request_at_work(session: Session, request_id: int) -> RequestRecord | None:
    """One request as its steps see it: without decisions, and with events only where it was cancelled."""
    found = rows.equal(session, tables.Request, id=request_id)
    whole = bool(found) and found[0].state == RequestState.CANCELLED
    return next(iter(_requests(session, found, whole=whole)), None)


def traceparent(session: Session, request_id: int) -> str | None:
    """The trace that a request was asked in."""
    return session.exec(select(tables.Request.traceparent).where(tables.Request.id == request_id)).first()


def requests(session: Session, ids: Sequence[int]) -> list[RequestRecord]:
    """Requests with their stories, in the order of `ids`."""
    records = {record.id: record for record in _requests(session, rows.among(session, tables.Request, "id", ids))}
    return [records[key] for key in ids if key in records]


def one_by_one(read: Callable[[], AbstractContextManager[Session]], ids: Sequence[int]) -> Iterator[RequestRecord]:
    """Those requests, however many; a few at a time are read, in a transaction of `read` each, and held."""
    for first in range(0, len(ids), _AT_ONCE):
        with read() as session:
            found = requests(session, ids[first : first + _AT_ONCE])
        yield from found


def _requests(session: Session, found: Sequence[Any], *, whole: bool = True) -> list[RequestRecord]:
    ids = [row.id for row in found]
    decisions = _grouped(rows.among(session, tables.Decision, "request_id", ids if whole else ()))
    steps = _grouped(rows.among(session, tables.Step, "request_id", ids))
    events = _grouped(rows.among(session, tables.Event, "request_id", ids if whole else ()))
    instances = _by_id(session, tables.Instance, {row.instance_id for row in found})
    involved = {row.requester_id for row in found} | {instance.owner_id for instance in instances.values()}
    involved |= {decision.person_id for group in decisions.values() for decision in group}
    involved |= {event.person_id for group in events.values() for event in group if event.person_id}
    people = {key: person(row) for key, row in _by_id(session, tables.Person, involved).items()}
    records = {row.id: _request(row, instances, people, decisions, steps, events) for row in found}
    waiting = [row.id for row in found if row.state == RequestState.AWAITING_APPROVAL]
    for key, at in timers.decide_by(session, waiting).items():
        records[key] = replace(records[key], decide_by=at)
    return list(records.values())


def awaiting_ids(session: Session) -> list[int]:
    """Ids of all requests that wait for approval, oldest first."""
    waiting = tables.Request.state == RequestState.AWAITING_APPROVAL
    query = select(tables.Request.id).where(waiting).order_by(col(tables.Request.id))
    return [tables.stored(key) for key in session.exec(query).all()]


def instance(session: Session, instance_id: int) -> InstanceRecord | None:
    """One instance."""
    return next(iter(instances(session, [instance_id])), None)


def instances(session: Session, ids: Sequence[int]) -> list[InstanceRecord]:
    """Instances in the order of `ids`."""
    found = _by_id(session, tables.Instance, ids)
    owners = _by_id(session, tables.Person, {row.owner_id for row in found.values()})
    query = select(tables.Request.open_instance_id, tables.Request.id)
    query = query.where(col(tables.Request.open_instance_id).in_(list(found)))
    busy: dict[int | None, int | None] = dict(session.exec(query).all())
    return [
        InstanceRecord(
            id=key,
            offering=found[key].offering,
            version=found[key].version,
            owner=person(owners[found[key].owner_id]),
            state=InstanceState(found[key].state),
            form=found[key].form,
            outputs=found[key].outputs,
            expires_at=found[key].expires_at,
            created_at=found[key].created_at,
            open_request=busy.get(key),
            renewals=found[key].renewals,
        )
        for key in ids
        if key in found
    ]


def resources(session: Session, instance_id: int) -> list[tables.InstanceResource]:
    """What the instance consists of today, in the order of work."""
    found = rows.equal(session, tables.InstanceResource, instance_id=instance_id)
    return sorted((row for row in found if row.deleted_at is None), key=lambda row: row.position)


def usual_duration(session: Session, offering: str) -> timedelta | None:
    """The median of its last 20 fulfilled create requests; None under 3."""
    took = [
        (ended - created).total_seconds()
        for created, ended in session.connection().execute(_TOOK, {"offering": offering})
        if ended
    ]
    return timedelta(seconds=median(took)) if len(took) >= USUAL_LEAST else None


def cards(session: Session, request_id: int) -> list[CardRecord]:
    """The cards of one request."""
    return [card(row) for row in rows.among(session, tables.Card, "request_id", [request_id])]


def card(row: Any) -> CardRecord:
    """The record of a card's row."""
    return CardRecord(
        tables.stored(row.id), row.request_id, row.audience, row.place, row.channel, row.ts, row.link, row.error
    )


def event(session: Session, event_id: int) -> EventRecord | None:
    """One event."""
    row = session.get(tables.Event, event_id)
    if row is None:
        return None
    who = person_by_id(session, row.person_id) if row.person_id else None
    return EventRecord(tables.stored(row.id), row.name, who, row.at, row.data)


def _request(
    row: Any,
    instances: dict[int, Any],
    people: dict[int, PersonRecord],
    decisions: dict[int, list[Any]],
    steps: dict[int, list[Any]],
    events: dict[int, list[Any]],
) -> RequestRecord:
    key = tables.stored(row.id)
    return RequestRecord(
        id=key,
        kind=row.kind,
        offering=row.offering,
        version=row.version,
        state=RequestState(row.state),
        revision=row.revision,
        form=row.form,
        before=row.before,
        reason=row.reason,
        requester=people[row.requester_id],
        owner=people[instances[row.instance_id].owner_id],
        instance_id=row.instance_id,
        rules=[ApprovalRule.from_json(rule) for rule in row.rules],
        decisions=[
            DecisionRecord(people[d.person_id], d.verdict, d.reason, d.rules, d.at, d.revision == row.revision)
            for d in sorted(decisions.get(key, ()), key=lambda d: tables.stored(d.id))
        ],
        steps=[_step(step) for step in sorted(steps.get(key, ()), key=lambda step: step.position)],
        events=[
            EventRecord(tables.stored(e.id), e.name, people[e.person_id] if e.person_id else None, e.at, e.data)
            for e in sorted(events.get(key, ()), key=lambda e: tables.stored(e.id))
        ],
        outputs=row.outputs,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _step(row: Any) -> StepRecord:
    return StepRecord(
        name=row.name,
        description=row.description,
        action=row.action,
        early=row.early,
        always=row.always,
        after=row.after,
        state=StepState(row.state),
        reason=row.reason,
        ask=row.ask,
        attempts=row.attempts,
        run_at=row.run_at,
        outputs=row.outputs,
        started_at=row.started_at,
        ended_at=row.ended_at,
        crashes=row.crashes,
        polls=row.polls,
        worker=row.owner,
        lease_until=row.lease_until,
        deadline_at=row.deadline_at,
    )


def _grouped(found: Iterable[Any]) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = {}
    for row in found:
        groups.setdefault(row.request_id, []).append(row)
    return groups


def _by_id(session: Session, table: type[Any], ids: Iterable[int]) -> dict[int, Any]:
    return {row.id: row for row in rows.among(session, table, "id", ids)}
