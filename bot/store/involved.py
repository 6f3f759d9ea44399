"""Whom a request involves beside its requester: those who decide, and those whom a step asks. For listings only.

Who may do what is `bot.permissions`' to say; this is the index that finds a request for somebody without reading them
all. It is made anew from the request whenever an event may have changed it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import col, delete

from bot.lifecycle import ApprovalRule, RequestState, StepState
from bot.people import is_group, plain
from bot.store import rows, tables
from bot.store.database import Tx

#: Events that change neither who decides nor who is asked.
_SAME = frozenset({"approval_given", "commented", "noticed", "reminded", "started", "step_done", "step_started"})
_SAME |= frozenset({"step_taken_over", "step_waits", "undeliverable"})
#: The step of those who decide.
_RULES = ""
_MISSING = text("""
    SELECT * FROM (
        SELECT id FROM request WHERE state = 'awaiting_approval'
        AND NOT EXISTS (SELECT 1 FROM involved WHERE involved.request_id = request.id AND waits = true)
        LIMIT 500
    ) AS undecided
    UNION ALL
    SELECT * FROM (
        SELECT request_id FROM step WHERE state = 'pending' AND ask IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM involved WHERE involved.request_id = step.request_id AND involved.step = step.name
        )
        LIMIT 500
    ) AS asking
""")


def begin(tx: Tx, laid: Iterable[tuple[int, str, int, Sequence[ApprovalRule]]]) -> None:
    """Those who decide requests that have just become rows: of each its id, offering, requester and rules."""
    rows.add_all(tx, tables.Involved, [row for each in laid for row in _deciders(*each, waits=True)])


def renew(tx: Tx, request_id: int, event: str) -> None:
    """After an event of this request."""
    if event not in _SAME:
        _renew(tx, request_id)


def catch_up(tx: Tx) -> None:
    """Take in what older processes, which do not know of this, have stored beside us."""
    for request_id in {key for (key,) in tx.execute(_MISSING)}:
        _renew(tx, request_id)


def _renew(tx: Tx, request_id: int) -> None:
    request = rows.equal(tx, tables.Request, id=request_id)[0]
    rules = [ApprovalRule.from_json(rule) for rule in request.rules]
    waits = request.state == RequestState.AWAITING_APPROVAL
    wanted = _deciders(request_id, request.offering, request.requester_id, rules, waits=waits)
    pending = rows.equal(tx, tables.Step, request_id=request_id, state=StepState.PENDING)
    wanted += [
        _row(request_id, request.offering, step.name, step.ask["group"], waits=True) for step in pending if step.ask
    ]
    found = [each._asdict() for each in rows.equal(tx, tables.Involved, request_id=request_id)]
    if sorted(found, key=_key) == sorted(wanted, key=_key):
        return
    tx.exec(delete(tables.Involved).where(col(tables.Involved.request_id) == request_id))
    rows.add_all(tx, tables.Involved, wanted)


def _deciders(
    request_id: int, offering: str, requester_id: int, rules: Sequence[ApprovalRule], *, waits: bool
) -> list[dict[str, Any]]:
    may = {who: False for rule in rules for who in rule.who}
    may |= {who: True for rule in rules if rule.requester_may for who in rule.who}
    made = {
        row["who"]: row
        for who, requester_may in may.items()
        for row in [
            _row(request_id, offering, _RULES, who, waits=waits, not_for=None if requester_may else requester_id)
        ]
    }
    return list(made.values())


def _row(
    request_id: int, offering: str, step: str, who: str, *, waits: bool, not_for: int | None = None
) -> dict[str, Any]:
    group = is_group(who)
    kept = who if group else plain(who)
    return {
        "request_id": request_id,
        "step": step,
        "who": kept,
        "is_group": group,
        "waits": waits,
        "offering": offering,
        "not_for": not_for,
    }


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["step"], row["who"]
