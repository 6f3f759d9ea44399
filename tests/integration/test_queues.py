"""Which step is next: limits that hold over all workers, a fair share in each, and nobody behind who has to wait."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.errors import Misconfigured
from bot.handler import Pending, Resource
from bot.offering import Form, Offering, Request
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import people, tables
from bot.store.claims import Claim
from bot.store.database import Database
from tests.conftest import Clock, Recorded


class Thing(Resource[Any]):
    pass


class Other(Resource[Any]):
    pass


class Wish(Form):
    pass


class Things(Recorded):
    name, resource = "things", Thing


class Scarce(Recorded):
    name, resource, at_once = "scarce", Other, 1


class Site:
    """Offerings `a`, `b` and `c`; `b` at most twice at once. The steps of `c` are made by the handler that is scarce."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self.database = Database(url, clock, pool=40)
        self.things = Things(Thing)
        scarce = Scarce(Other)
        self.offerings = {
            name: Offering(name, Wish, owner="@it", notify="#it", at_once=most)
            for name, most in (("a", None), ("b", 2), ("c", None))
        }
        for name in "ab":

            def thing(request: Request[Wish]) -> Thing:
                return Thing()

            self.offerings[name].step(thing)

        @self.offerings["c"].step
        def either(request: Request[Wish]) -> Other:
            return Other()

        versions = {name: {"v1": offering} for name, offering in self.offerings.items()}
        self.catalogue = Catalogue(
            versions, {"things": self.things, "scarce": scarce}, {Thing: self.things, Other: scarce}
        )
        self.service = Service(self.database, self.catalogue, Groups(NoDirectory()))
        with self.database.write() as tx:
            self.ada = people.remember_email(tx, "ada@example.com")

    def ask(self, names: str) -> None:
        for name in names:
            self.service.submit(self.ada, name, {})

    def engine(self, owner: str = "one") -> Engine:
        return Engine(self.database, self.catalogue, owner=owner, secret=str)

    def claims(self, engine: Engine, share: int | None = None) -> str:
        """All that may begin now, by their offerings, in their order."""
        found: list[Claim] = []
        while claim := engine.claim(share):
            found.append(claim)
        return "".join(claim.queue[0] for claim in found)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(store_url: str, clock: Clock) -> Iterator[Site]:
    site = Site(store_url, clock)
    yield site
    site.database.close()


def test_an_offering_at_its_limit_lets_the_others_pass(site: Site) -> None:
    site.ask("bbbba")
    assert Counter(site.claims(site.engine())) == Counter("bba")


def test_the_limit_holds_over_all_workers(site: Site) -> None:
    site.ask("bbbb")
    one, two = site.engine("one"), site.engine("two")
    assert one.claim()
    assert two.claim()
    assert one.claim() is None
    assert two.claim() is None


def test_a_place_that_becomes_free_is_told_and_taken(site: Site) -> None:
    """Also where the step only waits again and has no news."""
    site.ask("bbb")
    engine, told = site.engine(), list[int]()
    site.things.answers = [Pending("soon", delay=5)] * 2
    claims = [engine.claim(), engine.claim()]
    assert engine.claim() is None
    site.database.on_due(lambda: told.append(1))
    assert claims[0]
    engine.run(claims[0])
    assert told
    assert engine.claim()
    assert engine.claim() is None


def test_only_a_place_that_others_may_wait_for_is_told_when_a_step_is_done(site: Site) -> None:
    """All other workers would look in vain, after each step of each of them."""
    site.ask("abc")
    engine, told, done = site.engine(), set[str](), list[str]()
    site.database.on_due(lambda: told.add(done[-1]))
    while claim := engine.claim():
        done.append(claim.queue[0])
        engine.run(claim)
    assert sorted(done) == ["a", "b", "c"]
    assert told == {"b", "c"}


def test_a_handler_at_its_limit_lets_the_others_pass(site: Site) -> None:
    site.ask("ccca")
    assert Counter(site.claims(site.engine())) == Counter("ca")
    assert {row.queue for row in rows(site)} == {"c/scarce", "a/things"}


def test_no_offering_has_more_than_its_share_of_one_process(site: Site) -> None:
    site.ask("aaaac")
    one, two = site.engine("one"), site.engine("two")
    assert Counter(site.claims(one, share=3)) == Counter("aaac")
    assert site.claims(two, share=3) == "a"


def test_who_has_the_least_here_is_next(site: Site, clock: Clock) -> None:
    site.ask("aaa")
    clock.forward(seconds=1)
    site.ask("bb")
    assert site.claims(site.engine()) == "ababa"


def test_what_a_dead_worker_has_left_comes_first_and_is_within_the_limit(site: Site, clock: Clock) -> None:
    site.ask("bb")
    assert site.claims(site.engine("dead")) == "bb"
    site.ask("ab")
    clock.forward(seconds=31)
    assert site.claims(site.engine("two")) == "bba"


def test_a_step_that_an_older_process_laid_down_is_run(site: Site) -> None:
    site.ask("ab")
    with site.database.write() as tx:
        tx.execute(text("UPDATE step SET queue = ''"))
    engine = site.engine()
    while engine.turn():
        pass
    assert {row.state for row in rows(site)} == {"done"}


def test_a_limit_that_lets_nothing_run_stops_the_boot() -> None:
    with pytest.raises(Misconfigured, match="could never run: at_once is 0"):
        Offering("never", Wish, owner="@it", notify="#it", at_once=0)


def test_workers_that_come_together_keep_the_limit(store_url: str) -> None:
    """By the database's own time: a race, many times."""
    site = Site(store_url)
    site.ask("b" * 12 + "a" * 4)
    together = threading.Barrier(8)

    def work(number: int) -> list[Claim]:
        engine = site.engine(f"worker {number}")
        together.wait(20)
        return [claim for _ in range(3) if (claim := engine.claim())]

    with ThreadPoolExecutor(8) as pool:
        found = [claim for claims in pool.map(work, range(8)) for claim in claims]
    assert Counter(claim.queue for claim in found) == {"b/things": 2, "a/things": 4}
    assert len({claim.id for claim in found}) == 6
    site.database.close()


def rows(site: Site) -> list[tables.Step]:
    with site.database.read() as session:
        return list(session.exec(select(tables.Step)).all())
