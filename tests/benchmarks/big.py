"""What people and workers wait for with few and with very many finished requests.

`python -m tests.benchmarks.big [FEW MANY [FOLDER [ROUNDS]]]`. Both databases of a store hold the same but for the number of
finished requests; beside them 100,000 steps, deliveries and cards wait (tests/benchmarks/crowd.py). Of each question:
what it takes, and what it takes of a core, the database's part with it: ratios are judged by the latter, as others may use
the machine, and everything that is read is in memory.
Not among the benchmarks that run without being named: a million is minutes. What is filled stays in FOLDER, if one is
named, for the next run.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import text

from bot import catalogue
from bot.engine import Engine
from bot.news import Newsroom
from bot.people import Groups, NoDirectory
from bot.service import Service
from bot.store import checkup, claims, detours, gauges, lanes, people, processes, sending
from bot.store.database import Database
from bot.store.migration import is_current, migrate
from bot.store.records import PersonRecord, request_number
from tests.benchmarks import crowd, figures, stores
from tests.benchmarks import processes as frontdesk
from tests.benchmarks.processes import ROOT
from tests.benchmarks.submissions import _JIRA

ROUNDS, STARTS = 25, 3
_KINDS = ("follow", "alarm", "message", "note", "post")
Question = Callable[["_Side"], object]


def main(few: int = 1_000, many: int = 1_000_000, folder: str = "", rounds: int = ROUNDS) -> None:
    """Print the figures."""
    with ExitStack() as stack:
        kept = Path(folder or stack.enter_context(tempfile.TemporaryDirectory()))
        compare("SQLite", [(_filled(f"sqlite:///{kept}/{count}.db", count), count) for count in (few, many)], rounds)
        fresh = stack.enter_context(stores.postgresql(kept))
        compare("PostgreSQL", [(_filled(fresh(f"finished{count}"), count), count) for count in (few, many)], rounds)


def _filled(url: str, count: int) -> str:
    begin = time.perf_counter()
    migrate(url)
    if crowd.is_empty(url):
        crowd.fill(url, count)
        took = f"{time.perf_counter() - begin:.0f} s"
        figures.told(f"filled: {count:,} finished, {crowd.WAITING:,} waiting", took)
    return url


def compare(store: str, filled: Sequence[tuple[str, int]], rounds: int = ROUNDS) -> None:
    """Print what each question takes of two databases that are filled."""
    sides = [_Side(url, count) for url, count in filled]
    few, many = (f"{side.count}" for side in sides)
    figures.title(f"With {sides[0].count:,} and {sides[1].count:,} finished requests: {store}, {rounds} rounds in turn")
    for what, (question, ceiling, ratio) in QUESTIONS.items():
        turns = {f"{side.count}": partial(side.milliseconds, partial(question, side)) for side in sides}
        figures.in_turn(2, turns)  # both have read what they need
        for side in sides:
            side.of_a_core.clear()
        taken = figures.in_turn(rounds, turns)
        both = f"{median(taken[few]):.1f} / {median(taken[many]):.1f} ms"
        times = figures.ratio(taken, many, few)
        used = " / ".join(f"{median(side.of_a_core):.1f}" for side in sides)
        of_a_core = median(sides[1].of_a_core) / median(sides[0].of_a_core)
        core = f"{used} of a core, {of_a_core:.2f} times;"
        if ceiling:
            figures.told(what, both, f"{core} bar: at most {ceiling} ms;", met=median(taken[many]) <= ceiling)
        elif ratio:
            figures.told(
                what, f"{both}, {times:.2f} times", f"{core} bar: at most {ratio} times;", met=of_a_core <= ratio
            )
        else:
            figures.told(what, f"{both}, {times:.2f} times", core)
    started = figures.in_turn(STARTS, {f"{side.count}": partial(_started, side.url) for side in sides})
    both = f"{median(started[few]):.1f} / {median(started[many]):.1f} s"
    times = figures.ratio(started, many, few)
    figures.told(
        "frontdesk run: start to /readyz 200", f"{both}, {times:.2f} times", "bar: at most 1.2 times;", met=times <= 1.2
    )
    for side in sides:
        side.database.close()


def _started(url: str) -> float:
    with tempfile.TemporaryDirectory() as name, frontdesk.bot(Path(name), DATABASE_URL=url) as process:
        return process.ready_after


def _used(pid: int) -> float:
    """Milliseconds of a core; 0.0 of a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    except FileNotFoundError:
        return 0.0


class _Side:
    """All that asks one database."""

    def __init__(self, url: str, count: int) -> None:
        self.url, self.count = url, count
        self.database = Database(url)
        offered = catalogue.load(ROOT / "offerings", _JIRA)
        groups = Groups(
            NoDirectory(), {"dba": ["person1@example.com", "new@example.com"], "data-platform": ["person2@example.com"]}
        )
        self.service = Service(self.database, offered, groups)
        self.engine = Engine(self.database, offered, owner="benchmark", secret=str)
        self.newsroom = Newsroom(self.database, offered)
        self.place = self.lane = ""
        self.submitted = 0
        #: What each question took of a core (ms).
        self.of_a_core: list[float] = []
        with self.database.write() as tx:
            self.new_dba = people.remember_email(tx, "new@example.com")
            self.dba, self.platform, self.ada = (self._person(tx, number) for number in (1, 2, 3))

    def _person(self, tx: object, number: int) -> PersonRecord:
        return people.remember_email(tx, f"person{number}@example.com")  # type: ignore[arg-type] # of the store

    def milliseconds(self, ask: Callable[[], object]) -> float:
        """How long it takes."""
        servers = self._servers()

        def core() -> float:
            return time.process_time() * 1e3 + sum(map(_used, servers))

        gc.collect()
        gc.disable()
        before, begin = core(), time.perf_counter()
        ask()
        took = time.perf_counter() - begin
        self.of_a_core.append(core() - before)
        gc.enable()
        return took * 1e3

    def _servers(self) -> list[int]:
        """The processes that serve this one in PostgreSQL."""
        if self.database.sqlite:
            return []
        with self.database.read() as session:
            mine = session.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"))
            return [pid for (pid,) in mine]

    def submit(self) -> None:
        self.submitted += 1
        answers = {"name": f"orders{self.submitted}"}
        self.service.submit(self.ada, "postgres", answers, key=f"benchmark {time.monotonic_ns()}")

    def claim_delivery(self) -> None:
        """As a sender does: a look, and a transaction if there is something."""
        with self.database.read() as session:
            found = lanes.deliveries(session, self.database.agreed_time(session), _KINDS, self.lane)
        with self.database.write() as tx:
            claimed = sending.claim_delivery(tx, "benchmark", self.engine.lease, found)
        if claimed is None:
            raise RuntimeError("there was nothing to say")
        self.lane = claimed.lane

    def claim_card(self) -> None:
        with self.database.read() as session:
            found = lanes.cards(session, self.database.agreed_time(session), self.place)
        with self.database.write() as tx:
            claimed = sending.claim_card(tx, "benchmark", self.engine.lease, found)
        if claimed is None:
            raise RuntimeError("there was nothing to show")
        self.place = claimed.card.place

    def write(self) -> None:
        """One row."""
        with self.database.write() as tx:
            processes.beat(tx, "benchmark", "web", "1")

    def look_in_vain(self) -> None:
        """For what nobody can say: every lane is looked at."""
        with self.database.read() as session:
            lanes.deliveries(session, self.database.agreed_time(session), ("nothing",), "")

    def next_due(self) -> None:
        with self.database.read() as session:
            since = self.database.agreed_time(session)
            claims.next_due(session, since)
            sending.next_due(session, since)

    def claim(self) -> None:
        if self.engine.claim() is None:
            raise RuntimeError("there was nothing to do")

    def start(self) -> None:
        """What a process does before it serves, and at once after that."""
        migrate(self.url)
        is_current(self.database)
        self.chores()

    def probe(self) -> None:
        """Try places again that were out of order."""
        with self.database.write() as tx:
            detours.probe(tx)

    def lost_channel(self) -> None:
        """Where nothing has ever been said."""
        with self.database.read() as session:
            lanes.last_channel(session, "#nowhere")

    def submit_again(self) -> None:
        """With the key of a request that is there."""
        answers = {"name": "orders"}
        self.service.submit(self.ada, "postgres", answers, key=f"again {self.count}")

    def home(self) -> None:
        """What it is drawn from."""
        self.service.waiting(self.dba)
        self.service.mine(self.dba, open_only=True)
        self.service.instances(self.dba)
        self.service.offered()

    def chores(self) -> None:
        self.service.sweep()
        self.service.look_around()
        self.engine.sweep()
        self.service.adopt()
        self.newsroom.turn()


#: A question; the most that it may take with many (ms); how much longer than with few it may take (times).
QUESTIONS: dict[str, tuple[Question, float | None, float | None]] = {
    "write one row (the floor of a claim)": (_Side.write, None, None),
    "claim a step": (_Side.claim, 10, None),
    "claim a delivery, 100,000 before it wait for a closed channel": (_Side.claim_delivery, 10, None),
    "claim a card, 100,000 before it wait for a closed channel": (_Side.claim_card, 10, None),
    "look for a delivery in vain": (_Side.look_in_vain, 10, None),
    "when the next one is due": (_Side.next_due, 10, None),
    "/platform list": (
        lambda side: (side.service.mine(side.dba, open_only=True), side.service.instances(side.dba)),
        None,
        1.5,
    ),
    "the Home tab": (_Side.home, None, 1.5),
    "/platform waiting": (lambda side: side.service.waiting(side.dba), None, 1.5),
    "GET /v1/requests": (lambda side: side.service.requests(side.dba), None, 1.5),
    "GET /v1/requests?state=fulfilled": (lambda side: side.service.requests(side.dba, state="fulfilled"), None, 1.5),
    "GET /v1/requests?state=fulfilled of a team": (
        lambda side: side.service.requests(side.platform, state="fulfilled"),
        None,
        1.5,
    ),
    "GET /v1/requests?state=withdrawn (none)": (
        lambda side: side.service.requests(side.dba, state="withdrawn"),
        None,
        1.5,
    ),
    "GET /v1/requests?offering=access": (lambda side: side.service.requests(side.dba, offering="access"), None, 1.5),
    "GET /v1/requests?offering=access of one of 1,000 people": (
        lambda side: side.service.requests(side.ada, offering="access"),
        None,
        None,  # a whole page with many, one request with few
    ),
    "GET /v1/requests?offering=notice of a group that decides all the others": (
        lambda side: side.service.requests(side.new_dba, offering="notice"),
        None,
        None,  # with few there are so few that they are looked through
    ),
    "GET /v1/requests?offering=nothing": (lambda side: side.service.requests(side.dba, offering="nothing"), None, 1.5),
    "GET /v1/requests?offering=access&state=fulfilled": (
        lambda side: side.service.requests(side.dba, offering="access", state="fulfilled"),
        None,
        1.5,
    ),
    "GET /v1/requests?state=parked (none)": (lambda side: side.service.requests(side.dba, state="parked"), None, 1.5),
    "GET /v1/requests of one of 1,000 people": (lambda side: side.service.requests(side.ada), None, 1.5),
    "GET /v1/requests?mine": (lambda side: side.service.mine(side.ada), None, 1.5),
    "GET /v1/instances": (lambda side: side.service.instances(side.ada), None, 1.5),
    "GET /v1/requests/{id}": (lambda side: side.service.story(side.dba, request_number(side.count)), None, 1.5),
    "the catalogue, with usual durations": (lambda side: side.service.offered(), None, 1.5),
    "submit": (_Side.submit, None, 1.5),
    "submit again, by its key": (_Side.submit_again, None, 1.5),
    "places that were out of order": (_Side.probe, None, 1.5),
    "the channel of a place that never was": (_Side.lost_channel, None, 1.5),
    "a scrape of /metrics": (lambda side: gauges.read(side.database), None, 1.5),
    "frontdesk doctor": (lambda side: checkup.take(side.database), None, 1.5),
    "what a start does: migrate, every sweep and chore once": (_Side.start, None, 1.5),
}

if __name__ == "__main__":
    few, many, folder, rounds, *_ = [*sys.argv[1:], *("1000", "1000000", "", str(ROUNDS))[len(sys.argv) - 1 :]]
    main(int(few), int(many), folder, int(rounds))
