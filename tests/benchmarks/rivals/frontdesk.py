"""Three empty steps with Frontdesk: requests through the service, run by a worker with eight threads."""

import sys
import time
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import col, select
from typing_extensions import override

from bot import Form, Offering, Request
from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.handler import Answer, Context, Done, Handler, Resource
from bot.lifecycle import OPEN, RequestState
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people, rows, tables
from bot.store.database import Database
from bot.store.migration import migrate
from bot.worker import Worker
from tests.benchmarks.rivals import WARM

WORKERS = 8


class Nothing(Form):
    """No question."""


class Empty(Resource):
    """Nothing is asked for."""


class EmptyHandler(Handler[Empty]):
    """Makes nothing real, at once."""

    name = "empty"
    resource = Empty

    @override
    def apply(self, resource: Empty, context: Context) -> Answer:
        return Done()

    @override
    def delete(self, resource: Empty, context: Context) -> Answer:
        return Done()


three = Offering("three", Nothing, owner="grace@example.com", notify="#data-platform")


@three.step
def first(request: Request[Nothing]) -> Empty:
    """Nothing."""
    return Empty()


@three.step
def second(request: Request[Nothing]) -> Empty:
    """Nothing."""
    return Empty()


@three.step
def third(request: Request[Nothing]) -> Empty:
    """Nothing."""
    return Empty()


def main(url: str, count: int) -> None:
    """Print the seconds."""
    migrate(url)
    database, handler = Database(url), EmptyHandler({})
    catalogue = Catalogue({"three": {"v1": three}}, {"empty": handler}, {Empty: handler})
    service = Service(database, catalogue, Groups(NoDirectory(), {}))
    engine = Engine(database, catalogue, owner="benchmark", secret=_none)
    worker = Worker(database, engine, None, threads=WORKERS)
    with database.write() as tx:
        ada = people.remember_email(tx, "ada@example.com")
    worker.start()
    for many in (WARM, count):
        begin = time.perf_counter()
        for _ in range(many):
            service.ask(ada, "three", {})
        while _open(database):
            time.sleep(0.01)
    print(time.perf_counter() - begin)  # noqa: T201 - this is what it is for
    worker.stop()
    _require_all(database, WARM + count)
    database.close()


def _open(database: Database) -> bool:
    with database.read() as session:
        return bool(rows.asked(session, _first_open))


def _first_open() -> Any:
    state = col(tables.Request.state)
    return select(tables.Request.id).where(or_(*(state == str(each) for each in sorted(OPEN)))).limit(1)


def _require_all(database: Database, count: int) -> None:
    with database.read() as session:
        fulfilled = (
            select(func.count()).select_from(tables.Request).where(tables.Request.state == RequestState.FULFILLED)
        )
        done = session.exec(fulfilled).one()
    if done != count:
        raise RuntimeError(f"{done} of {count} were fulfilled")


def _none(name: str) -> Any:
    raise LookupError(name)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
