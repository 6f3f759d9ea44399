"""Which step is next: fair to all offerings, and within what each of them and each handler may do at once.

Steps wait in queues, one for each offering and kind of handler. A look finds the head of each queue by the index, from
queue to queue, however many steps wait behind it: a hundred thousand that may not begin are no reason to read them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, bindparam, column, text
from sqlmodel import col, select

from bot.lifecycle import StepState
from bot.store import rows, tables
from bot.store.database import Instant, Tx


@dataclass(frozen=True)
class Limits:
    """How many steps may run at once; what is not named has no limit."""

    #: Of one offering in this process, so that no slow one takes all of its threads.
    share: int | None = None
    #: Over all processes, by the offering's and by the handler's name.
    offerings: Mapping[str, int] = field(default_factory=dict)
    handlers: Mapping[str, int] = field(default_factory=dict)

    def count(self, offering: str, handler: str | None) -> bool:
        """Whether steps of this offering by this handler are counted over all processes."""
        return offering in self.offerings or handler in self.handlers


@dataclass(frozen=True)
class _Seen:
    """One queue in one state: its first moment, and how many steps run."""

    state: str
    queue: str
    at: datetime | None
    running: int

    @property
    def offering(self) -> str:
        return offering_of(self.queue)


_LOOK = """
    WITH RECURSIVE line(state, queue) AS (
        SELECT state, (SELECT min(step.queue) FROM step WHERE step.state = begin.state)
        FROM (SELECT 'waiting' AS state UNION ALL SELECT 'pending') AS begin
        UNION ALL
        SELECT state, (SELECT min(step.queue) FROM step WHERE step.state = line.state AND step.queue > line.queue)
        FROM line WHERE queue IS NOT NULL
    )
    SELECT state, queue, 0 AS running, (
        SELECT min(run_at) FROM step
        WHERE step.state = line.state AND step.queue = line.queue AND step.run_at <= :now
    ) AS at
    FROM line WHERE queue IS NOT NULL
    UNION ALL
    SELECT 'running', queue, count(*), min(lease_until) FROM step WHERE state = 'running' GROUP BY queue
"""


def name(offering: str | None, handler: str | None) -> str:
    """The queue of a step, `postgres/jira`; without a handler where that is known only once it is built."""
    return f"{offering or ''}/{handler or ''}"


def offering_of(queue: str) -> str:
    """`postgres` from `postgres/jira`."""
    return queue.partition("/")[0]


def next_step(tx: Tx, limits: Limits, here: Mapping[str, int]) -> Any | None:
    """The step to claim, locked; None when none may begin. `here`: how many steps of each offering run in this process.

    What a dead process has left comes first. Then the offering that has the least here, its oldest step first.
    """
    seen = _look(tx)
    for each in seen:
        if each.state == StepState.RUNNING and each.at and each.at <= tx.now:
            step = _lock(tx, each)
            if step is not None:
                return step
    due = [each for each in seen if each.state != StepState.RUNNING and each.at]
    due.sort(key=lambda each: (here.get(each.offering, 0), each.at))
    fair = [each for each in due if limits.share is None or here.get(each.offering, 0) < limits.share]
    return next((step for each in _free(tx, limits, fair) if (step := _lock(tx, each)) is not None), None)


def _look(tx: Tx) -> list[_Seen]:
    return [_Seen(each.state, each.queue, each.at, each.running) for each in rows.asked(tx, _all_queues, now=tx.now)]


def _all_queues() -> Any:
    columns = (column("state", String), column("queue", String), column("running", Integer), column("at", Instant))
    return text(_LOOK).bindparams(bindparam("now", type_=Instant)).columns(*columns)


def _free(tx: Tx, limits: Limits, due: list[_Seen]) -> Iterator[_Seen]:
    """Those that are within the limits of all processes: who claims one with a limit counts alone."""
    running: list[_Seen] | None = None
    for each in due:
        offering, _, handler = each.queue.partition("/")
        most = (limits.offerings.get(offering), limits.handlers.get(handler))
        if any(most) and running is None:
            tx.queue("steps at once")
            running = [other for other in _look(tx) if other.state == StepState.RUNNING]
        of_offering = sum(other.running for other in running or () if other.offering == offering)
        of_handler = sum(other.running for other in running or () if other.queue.partition("/")[2] == handler)
        if not any(
            limit is not None and count >= limit for limit, count in zip(most, (of_offering, of_handler), strict=True)
        ):
            yield each


def _lock(tx: Tx, seen: _Seen) -> Any | None:
    """The first of a queue that nobody else is just taking."""
    query = _first_run_out if seen.state == StepState.RUNNING else _first_due
    return next(iter(rows.asked(tx, query, state=seen.state, queue=seen.queue, now=tx.now)), None)


def _first_due() -> Any:
    return _first(col(tables.Step.run_at))


def _first_run_out() -> Any:
    return _first(col(tables.Step.lease_until))


def _first(moment: Any) -> Any:
    table = tables.Step
    here = (col(table.state) == bindparam("state"), col(table.queue) == bindparam("queue"), moment <= bindparam("now"))
    query = select(table.__table__).where(*here).order_by(moment, col(table.id))  # type: ignore[attr-defined] # made by SQLAlchemy
    return query.limit(1).with_for_update(skip_locked=True)
