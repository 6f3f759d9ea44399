"""The clock of one machine is an hour off: on PostgreSQL the database's counts, so nobody's lease ends early and nothing is late."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.handler import Done, Pending, Resource
from bot.lifecycle import RequestState
from bot.offering import Form, Offering, Request
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people
from bot.store.database import Database, utc_now
from tests.conftest import GROUPS, Recorded, address, create_database


class Thing(Resource[Any]):
    pass


class Wish(Form):
    pass


class Handler(Recorded):
    name = "thing"
    resource = Thing


@pytest.fixture(params=[-1, 1], ids=["an hour behind", "an hour ahead"])
def machines(migrated_postgres: str, request: pytest.FixtureRequest) -> Iterator[tuple[Database, Database]]:
    """Two machines at one database; the clock of the second is off."""
    name = f"clocks{request.param + 1}"
    create_database(migrated_postgres, name, template="migrated")
    right, wrong = Database(address(migrated_postgres, name)), Database(address(migrated_postgres, name))
    wrong._clock = lambda: utc_now() + timedelta(hours=request.param)
    yield right, wrong
    right.close()
    wrong.close()


def test_work_goes_on_as_if_all_clocks_were_right(machines: tuple[Database, Database]) -> None:
    right, wrong = machines
    wish, handler = Offering("wish", Wish, owner="@data-platform", notify="#data"), Handler(Thing)

    @wish.step
    def work(request: Request[Wish]) -> Thing:
        return Thing()

    catalogue = Catalogue({"wish": {"v1": wish}}, {"thing": handler}, {Thing: handler})
    here = Engine(right, catalogue, owner="here", secret=str)
    there = Engine(wrong, catalogue, owner="there", secret=str)
    service = Service(wrong, catalogue, Groups(NoDirectory(), GROUPS))
    with wrong.write() as tx:
        ada = people.remember_email(tx, "ada@example.com")
    number = service.submit(ada, "wish", {})[0].number

    # What was asked for over there is due here at once; a lease from here is no older over there, and the other way round.
    claim = here.claim()
    assert claim is not None
    assert there.claim() is None
    handler.answers = [Pending("a while", delay=600)]
    here.run(claim)
    assert here.claim() is None
    assert there.claim() is None
    record = service.show(ada, number)
    assert abs(record.created_at - utc_now()) < timedelta(minutes=10)
    assert abs(wrong.now() - right.now()) < timedelta(minutes=1)

    # And over there the wait is no shorter either.
    second = service.submit(ada, "wish", {})[0].number
    claim = there.claim()
    assert claim is not None
    assert here.claim() is None
    handler.answers = [Done()]
    there.run(claim)
    assert service.show(ada, second).state is RequestState.FULFILLED
