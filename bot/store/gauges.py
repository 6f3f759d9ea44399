"""What `/metrics` asks the store at each scrape: counts by index, whatever has ended."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from bot.lifecycle import OPEN, StepState
from bot.store import processes, tables
from bot.store.database import Database

_UNDONE = (StepState.WAITING, StepState.PENDING, StepState.RUNNING, StepState.PARKED)


@dataclass(frozen=True)
class Gauges:
    """Counts by name; ages in seconds."""

    steps: Mapping[str, int]
    due: int
    oldest_due: float
    requests: Mapping[str, int]
    waiting: Mapping[str, int]
    given_up: int
    oldest_waiting: float
    dirty_cards: int
    alive: Mapping[str, int]


def read(database: Database) -> Gauges:
    """Now. Raises Unavailable."""
    step, request, delivery, card, process = (
        tables.Step,
        tables.Request,
        tables.Delivery,
        tables.Card,
        tables.Process,
    )
    with database.read() as session:
        now = database.agreed_time(session)
        ready = (col(step.state).in_((StepState.WAITING, StepState.PENDING)), col(step.run_at) <= now)
        first = session.exec(select(func.min(step.run_at)).where(*ready)).one()
        said = session.exec(select(func.min(delivery.run_at)).where(text("state = 'waiting'"))).one()
        alive = col(process.seen_at) > now - processes.ALIVE
        return Gauges(
            steps=_counted(session, step.state, col(step.state).in_(_UNDONE)),
            due=session.exec(select(func.count()).select_from(step).where(*ready)).one(),
            oldest_due=(now - first).total_seconds() if first else 0.0,
            requests=_counted(session, request.state, col(request.state).in_([str(each) for each in OPEN])),
            waiting=_counted(session, delivery.kind, col(delivery.state) == "waiting"),
            given_up=session.exec(select(func.count()).select_from(delivery).where(text("state = 'failed'"))).one(),
            oldest_waiting=max(0.0, (now - said).total_seconds()) if said else 0.0,
            dirty_cards=session.exec(select(func.count()).select_from(card).where(text(tables.DIRTY))).one(),
            alive=_counted(session, process.parts, alive),
        )


def _counted(session: Session, name: object, where: object) -> dict[str, int]:
    query = select(name, func.count()).where(where).group_by(name)  # type: ignore[call-overload] # columns
    return {str(key): int(count) for key, count in session.exec(query).all()}
