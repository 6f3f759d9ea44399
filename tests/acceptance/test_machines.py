"""Workers on machines of their own: the line to the database goes dead under one of them, and their clocks are wrong.

The commands that these tests need are `ip` (with root: namespaces are the machines) and `faketime`.
"""

import shutil
import subprocess
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlmodel import col, select

from bot.store import tables
from bot.store.database import Database, utc_now
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.postgres import Postgres, postgres
from tests.acceptance.chaos.storm import HERE
from tests.acceptance.network import Wired, network
from tests.acceptance.site import Running, Site, site, until
from tests.conftest import address, create_database
from tests.integration.receiver import Arrival, Reaction, answer

#: Seconds that something may take on a machine that is busy with much else.
LONG = 90.0
#: Seconds, as a setting: nobody who lives fails to renew for so long, also where much else runs.
LEASE = "6"
STEPS = ("fetch", "carry", "leave")
pytestmark = pytest.mark.timeout(600)


class Holding(Ledger):
    """Does at once what it is asked to; whoever asks first to fetch one of `held` waits for the answer."""

    BUSY = CUT = SLOW = 0.0

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.held: dict[str, threading.Event] = {}
        #: Seconds that are asked for (Retry-After) instead of doing it, once for each name.
        self.later: dict[str, str] = {}
        self.calls: dict[str, list[str]] = defaultdict(list)

    def react(self, arrival: Arrival) -> Reaction:
        name, key = arrival.body["name"], arrival.headers["idempotency-key"]
        self.calls[name].append(key)
        if seconds := self.later.pop(name, None):
            return answer(503, retry_after=seconds)
        reaction = super().react(arrival)
        gate = self.held.get(name)
        if gate is None or self.calls[name] != [key]:
            return reaction
        return Reaction(reaction.status, reaction.body, reaction.headers, lambda _request: _wait(gate))

    def open(self) -> None:
        """Let everybody go."""
        for gate in self.held.values():
            gate.set()


def _wait(gate: threading.Event) -> None:
    gate.wait(300)


@pytest.fixture
def ledger() -> Iterator[Holding]:
    receiver = Holding()
    with receiver.running():
        yield receiver
        receiver.open()


@contextmanager
def opened(folder: Path, ledger: Holding, database: str) -> Iterator[Site]:
    """A site on PostgreSQL whose web process runs, with everything right, beside the database."""
    environment: dict[str, Any] = {"OFFERINGS": str(HERE / "offerings"), "RECEIVER": ledger.url("").rstrip("/")}
    with site(
        folder, socket_mode=False, database=database, WEBHOOK_TIMEOUT="300", FRONTDESK_LEASE=LEASE, **environment
    ) as there:
        there.migrate()
        web = there.start("web")
        there.url = web.url
        web.wait_until_ready()
        yield there


def ask(there: Site, offering: str, **form: str) -> str:
    number: str = there.call("ada", "POST", f"offerings/{offering}/requests", json={"form": form})["id"]
    return number


def state(there: Site, number: str) -> str:
    found: str = there.call("ada", "GET", f"requests/{number}")["state"]
    return found


def ends(there: Site, number: str, how: str = "fulfilled") -> None:
    until(lambda: state(there, number) == how, f"{number} is {how}", LONG)


def says(worker: Running, words: str, times: int = 1) -> None:
    """The worker's log has these words."""
    until(lambda: worker.log.read_text().count(words) >= times, f"{words!r} in {worker.log}", LONG)


def ends_well(worker: Running) -> None:
    assert worker.stop() == 0, worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()


# A line that goes dead


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    with postgres(tmp_path / "postgres") as running:
        yield running


@pytest.fixture
def machines(server: Postgres) -> Iterator[list[Wired]]:
    with network(2) as wired:
        wired[0].server.inside(lambda: server.move(*(machine.database_address for machine in wired)))
        yield wired


@pytest.fixture
def beside(server: Postgres, machines: list[Wired], tmp_path: Path, ledger: Holding) -> Iterator[Site]:
    assert machines  # before that the database is where nobody is
    with opened(tmp_path, ledger, server.url) as there:
        yield there


def work_on(machine: Wired, there: Site, server: Postgres, stack: ExitStack) -> Running:
    """A worker on that machine. The world, which it reaches without that wire, is there whatever becomes of the database."""
    for name in ("SLACK_API_URL", "JIRA_URL", "RECEIVER"):
        stack.callback(machine.show(there.environment[name]).close)
    name = server.url.partition("?")[0].rpartition("/")[2]
    database = f"postgresql+psycopg://postgres@{machine.database_address}/{name}"
    worker: Running = machine.inside(lambda: there.start("worker", DATABASE_URL=database))
    return worker


def lines(server: Postgres, machine: Wired) -> int:
    """How many connections from that machine the database believes in."""
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s::inet"
        ((found,),) = connection.execute(query, [machine.address]).fetchall()
    return int(found)


def test_a_worker_that_loses_its_database_without_a_word_is_followed_and_comes_back(
    beside: Site, server: Postgres, machines: list[Wired], ledger: Holding
) -> None:
    # Both are done by the first worker, which hears of the one while it is cut off, and of the other afterwards.
    ledger.held = {"milk": threading.Event(), "bread": threading.Event()}
    first, second = machines
    with ExitStack() as stack:
        cut_off = work_on(first, beside, server, stack)
        cut_off.started()
        milk, bread = ask(beside, "errand", name="milk"), ask(beside, "errand", name="bread")
        until(lambda: {"milk", "bread"} <= ledger.calls.keys(), "both are under way", LONG)
        other = work_on(second, beside, server, stack)
        other.started()
        assert (len(ledger.calls["milk"]), len(ledger.calls["bread"])) == (1, 1)

        first.cut()
        ends(beside, milk)
        ends(beside, bread)
        ledger.held["milk"].set()
        says(cut_off, "the database does not answer just now")
        says(cut_off, "Nobody tells of work that is due")
        until(lambda: lines(server, first) == 0, "the database gives up the lines that are dead", LONG)

        before = [beside.call("ada", "GET", f"requests/{number}") for number in (milk, bread)]
        first.mend()
        ledger.held["bread"].set()
        says(cut_off, "the lease is gone or the request ended; result dropped", 2)
        after = [beside.call("ada", "GET", f"requests/{number}") for number in (milk, bread)]
        assert [(one["events"], one["steps"]) for one in after] == [(one["events"], one["steps"]) for one in before]

        ends_well(other)
        eggs = ask(beside, "errand", name="eggs")  # by itself, and alone
        ends(beside, eggs)
        once_each(beside, ledger, {"milk": milk, "bread": bread, "eggs": eggs})
        assert ledger.repeats == 2  # what was taken over, with the same key
        ends_well(cut_off)


def once_each(there: Site, ledger: Holding, errands: dict[str, str]) -> None:
    """Every call had its effect once and in its order, and every word was said once."""
    for name, number in errands.items():
        done = [(effect.path, effect.key) for effect in ledger.effects if effect.body["name"] == name]
        assert done == [(step, f"{number}/{step}") for step in STEPS]
        assert there.times_told("ada", f"*{number} · An errand*: ready.") == 1
        assert there.times_shown(number) == 1


# Clocks that are wrong


@pytest.fixture
def timely(postgres_url: str, tmp_path: Path, ledger: Holding) -> Iterator[Site]:
    if shutil.which("faketime") is None:
        pytest.skip("a wrong clock needs the command faketime")
    name = f"m{uuid.uuid4().hex}"
    create_database(postgres_url, name)
    with opened(tmp_path, ledger, address(postgres_url, name)) as there:
        yield there


def wrong_by(offset: str) -> dict[str, str]:
    """The environment of a process whose machine's clock is wrong by so much."""
    # Not by the command itself: it stays between the process and whoever kills it.
    library = subprocess.run(
        ["faketime", "-f", offset, "printenv", "LD_PRELOAD"], check=True, capture_output=True, text=True
    )
    return {"LD_PRELOAD": library.stdout.strip(), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def work_at(there: Site, offset: str) -> Running:
    """A worker with a wrong clock."""
    worker = there.start("worker", **wrong_by(offset))
    worker.started()
    return worker


@pytest.mark.parametrize("offset", ["+1h", "-1h"])
def test_a_door_an_hour_ahead_or_behind_takes_what_slack_signs_and_ends_nothing_early_or_late(
    timely: Site, offset: str
) -> None:
    web, worker = timely.start("web", **wrong_by(offset)), timely.start("worker")
    web.wait_until_ready()
    worker.started()
    (app,) = timely.workspace.apps.values()
    app.request_url, timely.url = f"{web.url}/slack/events", web.url

    ada = timely.person("ada")
    ada.type_command("#general", "/platform request patient")
    until(ada.view, "a form opens")
    ada.submit()
    view = until(ada.view, "it is taken")
    assert view.title == "REQ-1", (view.errors, ada.notice())
    timely.press("grace", "approve", "REQ-1")
    ends(timely, "REQ-1")
    numbers = {name: ask(timely, name) for name in ("hasty", "patient", "lent")}
    ends(timely, numbers["hasty"], "expired")
    ends(timely, numbers["lent"])
    assert state(timely, numbers["patient"]) == "awaiting_approval"
    (borrowed,) = (each for each in timely.call("ada", "GET", "instances")["items"] if each["offering"] == "lent")
    assert (borrowed["state"], borrowed["open_request"]) == ("ready", None)
    assert {moment for moment in moments(timely) if abs(moment - utc_now()) > timedelta(minutes=20)} == set()
    ends_well(worker)


@pytest.mark.parametrize(("one", "another"), [("+1h", "-1h"), ("-1h", "+1h")], ids=["ahead first", "behind first"])
def test_workers_an_hour_ahead_and_behind_do_nothing_early_late_or_twice(
    timely: Site, ledger: Holding, one: str, another: str
) -> None:
    ledger.held, ledger.later = {"milk": threading.Event()}, {"soon": "1", "later": "1800"}
    first = work_at(timely, one)
    numbers = {name: ask(timely, "errand", name=name) for name in ("milk", "soon", "later")}
    numbers |= {name: ask(timely, name) for name in ("hasty", "patient", "lent")}
    ends(timely, numbers["hasty"], "expired")
    ends(timely, numbers["soon"])
    ends(timely, numbers["lent"])
    until(lambda: {"milk", "later"} <= ledger.calls.keys(), "the others are under way", LONG)

    second = work_at(timely, another)
    until(lambda: second.process.pid in done_by(timely, ask_more(timely)), "both work", LONG)
    assert len(ledger.calls["milk"]) == 1  # it is held, as long as its holder lives
    first.process.kill()
    until(lambda: len(ledger.calls["milk"]) == 2, "it is taken over", LONG)
    ledger.open()
    ends(timely, numbers["milk"])

    assert state(timely, numbers["patient"]) == "awaiting_approval"
    timely.call("grace", "POST", f"requests/{numbers['patient']}/approve")
    ends(timely, numbers["patient"])
    assert (state(timely, numbers["later"]), len(ledger.calls["later"])) == ("fulfilling", 1)
    instances = {each["id"]: each for each in timely.call("ada", "GET", "instances")["items"]}
    (borrowed,) = (each for each in instances.values() if each["offering"] == "lent")
    assert (borrowed["state"], borrowed["open_request"]) == ("ready", None)
    once_each(timely, ledger, {name: numbers[name] for name in ("milk", "soon")})
    assert {moment for moment in moments(timely) if abs(moment - utc_now()) > timedelta(minutes=20)} == set()
    ends_well(second)


def ask_more(there: Site) -> str:
    """One more errand, to its end."""
    number = ask(there, "errand", name=f"more-{uuid.uuid4().hex[:8]}")
    ends(there, number)
    return number


def done_by(there: Site, number: str) -> set[int]:
    """The processes that its steps were done by."""
    steps = rows(there, select(tables.Step).where(tables.Step.request_id == int(number.removeprefix("REQ-"))))
    return {int(step.owner.split(":")[1]) for step in steps}


def moments(there: Site) -> list[datetime]:
    """When everything happened, as it is stored."""
    happened = [event.at for event in rows(there, select(tables.Event))]
    done = rows(there, select(tables.Step).where(col(tables.Step.ended_at).is_not(None)))
    return [*happened, *(step.ended_at for step in done)]


def rows(there: Site, query: Any) -> list[Any]:
    database = Database(there.environment["DATABASE_URL"])
    try:
        with database.read() as session:
            return list(session.exec(query).all())
    finally:
        database.close()
