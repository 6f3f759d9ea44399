"""The database is away between Slack's answer and the record of it: it is recorded as soon as that can be, by whoever said it."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from bot.errors import PermanentError, TemporaryError, Unavailable, Unreachable
from bot.store import connections, tables
from bot.store.database import Database, Tx
from bot.store.sending import ClaimedCard, ClaimedDelivery
from tests.conftest import address, create_database
from tests.integration.line import Line
from tests.integration.test_worker import Door, Shop


@dataclass
class Store:
    """A database that goes away, until somebody has met that."""

    url: str
    leave: Callable[[], object]
    come_back: Callable[[], object]
    met: int = 0
    is_away: bool = False

    def go(self) -> None:
        self.leave()
        self.is_away = True

    def meet(self) -> None:
        self.met += 1
        self.is_away = False
        self.come_back()


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[Store]:
    """A file that another process writes to for longer than anybody waits."""
    with closing(sqlite3.connect(tmp_path / "frontdesk.db", isolation_level=None)) as other:
        yield Store(sqlite_url, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK"))


@pytest.fixture
def postgresql(migrated_postgres: str) -> Iterator[Store]:
    """A server on a line that is cut."""
    name = f"t{uuid.uuid4().hex}"
    create_database(migrated_postgres, name, template="migrated")
    line = Line(address(migrated_postgres, name))
    yield Store(line.url, line.cut, line.mend)
    line.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(connections, "PATIENCE", 0.05)
    found: Store = request.getfixturevalue(request.param)
    writing = Database._writing

    @contextmanager
    def meeting(database: Database, **how: bool) -> Iterator[Tx]:
        try:
            with writing(database, **how) as tx:
                yield tx
        except Unavailable:
            found.meet()
            raise

    monkeypatch.setattr(Database, "_writing", meeting)
    return found


class Leaving(Door):
    """The database goes away when Slack has answered: with that error, or with none."""

    def __init__(self, store: Store, kind: str, error: Exception | None) -> None:
        super().__init__()
        self.store, self.kind, self.error = store, kind, error

    def send(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        stands = super().send(delivery)
        self._answered(delivery.kind)
        return stands

    def show(self, claimed: ClaimedCard) -> tuple[str, str, str | None]:
        stands = super().show(claimed)
        self._answered("card")
        return stands

    def _answered(self, kind: str) -> None:
        if kind == self.kind:
            self.kind = ""
            self.store.go()
            if self.error:
                raise self.error


@contextmanager
def asked(store: Store, kind: str, error: Exception | None = None) -> Iterator[Shop]:
    """Somebody has asked, and all is said, with the database away after the first of that kind."""
    shop = Shop(store.url)
    shop.door = Leaving(store, kind, error)
    shop.worker.outgoing.sender = shop.door
    shop.ask()
    shop.send()
    assert (store.met, store.is_away) == (1, False)
    yield shop
    shop.database.close()


def card(shop: Shop) -> tables.Card:
    with shop.database.read() as session:
        return session.exec(select(tables.Card).where(tables.Card.audience == "team")).one()


def message(shop: Shop) -> tables.Delivery:
    with shop.database.read() as session:
        return session.exec(select(tables.Delivery).where(tables.Delivery.kind == "message")).one()


def test_a_card_that_slack_has_taken_is_known_where_it_stands(store: Store) -> None:
    with asked(store, "card") as shop:
        shown = card(shop)
        assert (shown.channel, shown.ts, shown.dirty, shown.lease_until) == ("C1", "1.0", False, None)
        assert (shown.epoch, len(shop.door.shown)) == (1, 1), "nobody else had to take it up"


def test_a_message_that_slack_has_taken_is_sent(store: Store) -> None:
    with asked(store, "message") as shop:
        sent = message(shop)
        assert (sent.state, sent.channel, sent.lease_until) == ("sent", "D1", None)
        assert (sent.epoch, [each.kind for each in shop.door.sent].count("message")) == (1, 1)


@pytest.mark.parametrize("kind", ["card", "message"])
def test_what_slack_puts_off_is_tried_when_slack_says(store: Store, kind: str) -> None:
    with asked(store, kind, TemporaryError("Not now.", delay=3600)) as shop:
        row = card(shop) if kind == "card" else message(shop)
        assert (row.epoch, row.lease_until) == (1, None)
        assert row.run_at
        assert (row.run_at - shop.database.now()).total_seconds() > 3000


def test_what_slack_never_takes_is_given_up_and_told_once(store: Store) -> None:
    with asked(store, "message", PermanentError("Nobody is there.")) as shop:
        assert (message(shop).state, message(shop).epoch) == ("failed", 1)
        assert [row.kind for row in shop.rows(tables.Delivery)].count("alarm") == 1


def test_a_card_whose_channel_is_gone_has_its_stand_ins_once(store: Store) -> None:
    with asked(store, "card", Unreachable("The channel is gone.")) as shop:
        team, *others = shop.rows(tables.Card)
        assert (team.error, team.epoch) == ("The channel is gone.", 1)
        assert sorted(each.place for each in others) == ["U1", "grace@example.com"]
