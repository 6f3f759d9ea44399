"""A storm: processes that are killed and stopped, a database that is restarted, people who work on; and the check after it."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import select

from bot.store import tables
from bot.store.database import Database
from tests.acceptance.chaos.crew import Crew
from tests.acceptance.chaos.judge import Judge, Problem
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.people import Town
from tests.acceptance.chaos.postgres import Postgres, postgres
from tests.acceptance.site import Site, site

HERE = Path(__file__).parent
#: Seconds that a step is held without a sign of life; and that what is missing after the storm may still take.
LEASE, PATIENCE = 3, 120.0


@dataclass(frozen=True)
class Plan:
    """How much of what; `seed` decides whom it meets and when."""

    store: str
    seed: int
    kills: int = 6
    stops: int = 1
    restarts: int = 1
    workers: int = 4
    webs: int = 1
    #: Threads of people at the HTTP door, beside the one in Slack.
    people: int = 2
    #: Seconds between two blows, at the least and at the most.
    pause: tuple[float, float] = (0.5, 2.0)


@dataclass(frozen=True)
class Report:
    """What there was, and what went wrong."""

    plan: Plan
    counted: Counter[str]
    problems: list[Problem]

    def __str__(self) -> str:
        kinds = Counter(problem.kind for problem in self.problems)
        wrong = {kind: kinds[kind] for kind in ("lost", "missing", "doubled", "out of order", "invented")}
        lines = [f"{self.plan}", *(f"{count:6} {what}" for what, count in sorted(self.counted.items()))]
        lines += [f"{count:6} {kind}" for kind, count in wrong.items()]
        return "\n".join([*lines, *(f"  {problem.kind}: {problem.what}" for problem in self.problems)])


def storm(plan: Plan) -> Report:
    """All of it, from empty folders to the report."""
    chance = random.Random(plan.seed)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder, ExitStack() as stack:
        ledger = Ledger(plan.seed)
        stack.enter_context(ledger.running())
        server = stack.enter_context(postgres(Path(folder) / "postgres")) if plan.store == "postgresql" else None
        opened = stack.enter_context(_opened(Path(folder), ledger, server))
        crew = Crew(opened, chance)
        town = Town(opened, crew, plan.seed)
        database = Database(opened.environment["DATABASE_URL"])
        stack.callback(database.close)
        crew.start(plan.webs, plan.workers)
        threads = town.begin(plan.people)
        try:
            _blow(plan, crew, server, chance)
        finally:
            town.over.set()
            crew.rest()
            for thread in threads:
                thread.join()
        judge = Judge(ledger, opened.workspace, opened.jira, database)
        problems = [*_settled(judge, town), *_complaints(opened)]
        return Report(plan, _counted(crew, town, ledger, database), problems)


@contextmanager
def _opened(folder: Path, ledger: Ledger, server: Postgres | None) -> Iterator[Site]:
    with site(
        folder,
        socket_mode=False,
        covered=False,  # who is killed tells nothing of what it has run
        database=server.url if server else "",
        OFFERINGS=str(HERE / "offerings"),
        RECEIVER=ledger.url("").rstrip("/"),
        FRONTDESK_LEASE=str(LEASE),
        JIRA_SEARCH_WINDOW="3",
        WEBHOOK_TIMEOUT="10",
    ) as opened:
        opened.workspace.patience = 10
        opened.migrate()
        for who in ("ada", "grace", "linus", "margaret"):
            opened.token(who)
        yield opened


def _complaints(opened: Site) -> list[Problem]:
    """What Slack's client could not use, beside the answers of processes that were killed or had no database."""
    found = [Problem("invented", text) for text in opened.workspace.complaints() if ": status " not in text]
    opened.workspace._complaints.clear()  # the site ends with a check that there are none
    return found


def _blow(plan: Plan, crew: Crew, server: Postgres | None, chance: random.Random) -> None:
    """One blow after the other, in an order that the seed decides."""
    restarts = plan.restarts if server else 0
    blows = ["kill"] * plan.kills + ["stop"] * plan.stops + ["restart"] * restarts
    chance.shuffle(blows)
    for blow in blows:
        time.sleep(chance.uniform(*plan.pause))
        if blow == "kill":
            crew.kill()
        elif blow == "stop":
            crew.stop(LEASE + 1.5)
        elif server:
            server.restart()
            crew.counted["database restarts"] += 1


def _settled(judge: Judge, town: Town) -> list[Problem]:
    """Wait for what is only late; what is there once too often never goes away."""
    deadline = time.monotonic() + PATIENCE
    while any(p.kind == "missing" for p in judge.problems(town.stories)) and time.monotonic() < deadline:
        time.sleep(1)
    time.sleep(LEASE + 2)  # whoever may still believe that something is left to do has done it by then
    return judge.problems(town.stories)


def _counted(crew: Crew, town: Town, ledger: Ledger, database: Database) -> Counter[str]:
    with database.read() as session:
        steps = session.exec(select(tables.Step)).all()
    return (
        crew.counted
        + town.counted
        + Counter(
            {
                "stories": len(town.stories),
                "calls": len(ledger.arrivals),
                "effects": len(ledger.effects),
                "repeats": ledger.repeats,
                "take-overs": sum(step.crashes for step in steps),
                "steps": len(steps),
            }
        )
    )
