"""Bad weather, and several bots at once: nothing is lost, nothing is said twice, and the order is kept."""

import gc
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select, update

from bot import app, settings
from bot.demo.server import Server
from bot.demo.server import build as build_workspace
from bot.demo.slack import population
from bot.demo.slack.client import NotOnScreen
from bot.demo.slack.entities import Message, Refusal
from bot.demo.slack.workspace import Workspace
from bot.slack import errors
from bot.store import tables
from tests.conftest import address, create_database, file_at
from tests.integration.office import everything, is_card, text_of

# A socket that is cut in some moments is left to Python, by urllib and websocket.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def cleared() -> Iterator[None]:
    """What is left of that goes here, and not in the middle of another test, which would fail of it."""
    yield
    gc.collect()


OFFERING = '''"""Wish

Something that somebody makes.
"""

from bot import Approval, Form, Offering, Request
from bot.handlers import manual


class Wish(Form):
    name: str


wish = Offering("wish", Wish, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"))


@wish.step
def make(request: Request[Wish]) -> manual.Task:
    """Somebody makes it."""
    return manual.Task(group="@data-platform", instructions="Make it.")
'''
#: What a request's story reads like, for its requester and below its card.
TOLD = ("asked for", "approved by", "ready")
NOTED = ("Approved by", "Press Done|A task was opened", "did it", "Done.")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each of the two stores."""
    if request.param == "sqlite":
        return file_at(tmp_path / "frontdesk.db")
    server, name = request.getfixturevalue("migrated_postgres"), f"storm{random.getrandbits(32)}"
    create_database(server, name, template="migrated")
    return address(server, name)


@contextmanager
def bots(tmp_path: Path, store: str, count: int) -> Iterator[tuple[Workspace, list[app.Process]]]:
    """A workspace, and so many bots over one store, each with a connection and a worker of its own."""
    folder = tmp_path / "offerings"
    folder.mkdir()
    (folder / "wish.py").write_text(OFFERING)
    workspace = population.populated()
    with ExitStack() as stack:
        slack = stack.enter_context(Server(build_workspace(workspace)))
        workspace.base_url = slack.url
        given = {
            "DATABASE_URL": store,
            "OFFERINGS": str(folder),
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": population.BOT_TOKEN,
            "SLACK_APP_TOKEN": population.APP_TOKEN,
            "FRONTDESK_PACE": "0",
            "PLATFORM_CHANNEL": "#announcements",
        }
        processes = [app.build(settings.read(given)) for _ in range(count)]
        for process in processes:
            stack.enter_context(app.working(process, worker=True))
        workspace.until(lambda: all(process.ready() is None for process in processes), 30)
        yield workspace, processes


def quiet(process: app.Process) -> bool:
    """Nothing waits to be said."""
    with process.database.read() as session:
        waiting = session.exec(select(tables.Delivery).where(tables.Delivery.state == "waiting")).first()
        return waiting is None and session.exec(select(tables.Card).filter_by(dirty=True)).first() is None


def hurry(process: app.Process) -> None:
    """What was put off is due: hours have gone by."""
    with process.database.write() as tx:
        for table in (tables.Delivery, tables.Card):
            tx.exec(update(table).values(run_at=tx.now))
        tx.due = True


def in_order(messages: list[Message], words: tuple[str, ...]) -> list[int]:
    """How often each of `words` is said, if they are said in their order."""
    found = [i for m in messages for i, each in enumerate(words) if any(w in text_of(m) for w in each.split("|"))]
    assert found == sorted(found), [text_of(m) for m in messages]
    return [Counter(found)[index] for index in range(len(words))]


def assert_each_once(workspace: Workspace, numbers: list[str]) -> None:
    """One card of each request, its notes and the words to its requester: all, once, in order."""
    ada, channel = workspace.person("ada"), workspace.messages("#data-platform")
    for number in numbers:
        (card,) = [m for m in channel if is_card(m, number)]
        assert "*Done*" in text_of(card)
        assert in_order([m for m in everything(ada) if f"*{number} ·" in m.text], TOLD) == [1] * len(TOLD), number
        assert in_order([m for m in channel if m.thread_ts == card.ts and m.ts != card.ts], NOTED) == [1] * len(NOTED)


def test_in_a_storm_nothing_is_lost_doubled_or_out_of_order(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rests, errors, lost answers and an app that is not accepted, while people ask, approve and do."""
    monkeypatch.setattr(errors, "_MENDED", 0.3)  # a token is mended sooner here than in a minute
    weather = random.Random(7)
    bad = [
        Refusal("ratelimited", 429, 1),
        Refusal(status=500),
        Refusal(status=500, done=True),
        Refusal(status=503, delay=0.1),
        Refusal("internal_error", done=True),
        Refusal("fatal_error"),
        Refusal(cut=True),
        Refusal(cut=True, done=True),
        Refusal("invalid_auth"),
        Refusal("token_revoked"),
    ]
    lock, gusts = threading.Lock(), list[str]()

    def storm(method: str) -> Refusal | None:
        if not method.startswith(("chat.", "conversations.", "users.", "usergroups.")):
            return None
        with lock:
            if weather.random() > 0.4:
                return None
            gusts.append(method)
            return weather.choice(bad)

    with bots(tmp_path, store, 1) as (workspace, (process,)):
        service = process.service
        ada, grace = (service.person(workspace.find_person(who).id) for who in ("ada", "grace"))
        service.directory.members("@dba"), service.directory.members("@data-platform")
        workspace.storm = storm
        numbers = [service.submit(ada, "wish", {"name": f"wish {n}"})[0].number for n in range(6)]
        for number in numbers:
            service.approve(grace, number)
        for number in numbers:
            workspace.until(lambda number=number: service.show(ada, number).asking, 30)  # type: ignore[misc]
            service.complete(grace, number, "make")
        workspace.until(lambda: all(service.show(ada, number).ended_at for number in numbers), 30)
        with suppress(TimeoutError):  # what failed often is put off for minutes
            workspace.until(lambda: quiet(process) or len(gusts) > 60, 15)
        workspace.storm = None
        hurry(process)
        workspace.until(lambda: quiet(process), 60)
        assert_each_once(workspace, numbers)
        assert len(gusts) > 10, "there was no storm"


def test_two_bots_whose_connections_break_all_the_time_lose_and_double_nothing(tmp_path: Path, store: str) -> None:
    """Any payload goes to any connection, and to none while there is none: a person tries again, as people do."""
    with bots(tmp_path, store, 2) as (workspace, processes):
        slack_app, over = next(iter(workspace.apps.values())), threading.Event()

        def break_lines() -> None:
            while not over.wait(1.5):
                workspace.sockets.disconnect(slack_app.id, random.choice(["warning", "refresh_requested"]))

        breaking = threading.Thread(target=break_lines, daemon=True)
        breaking.start()
        try:
            numbers = [through_slack(workspace, f"wish {n}") for n in range(3)]
        finally:
            over.set()
            breaking.join()
        workspace.until(lambda: quiet(processes[0]), 60)
        assert_each_once(workspace, numbers)
        with processes[0].database.read() as session:
            assert len(session.exec(select(tables.Request)).all()) == len(numbers)
            assert len(session.exec(select(tables.Decision)).all()) == len(numbers)
        assert len({id(process) for process in processes}) == 2


def through_slack(workspace: Workspace, name: str) -> str:
    """Ask, approve and do by hand; whatever did not get through is done again."""
    ada, grace = workspace.person("ada"), workspace.person("grace")
    persist(workspace, lambda: ada.type_command("#general", f'/platform request wish name="{name}"'), ada.view)

    def submitted() -> str | None:
        view = ada.view()
        return view.title if view and view.title.startswith("REQ-") else None

    number: str = persist(workspace, ada.submit, submitted)
    ada.close_all()

    def card() -> Message | None:
        return next((m for m in workspace.messages("#data-platform") if is_card(m, number)), None)

    def press(action: str) -> None:
        shown = card()
        assert shown is not None
        grace.click("#data-platform", shown.ts, action)

    workspace.until(card, 30)
    persist(workspace, lambda: press("approve"), lambda: "Approved by" in text_of(card()))  # type: ignore[arg-type]
    workspace.until(lambda: "make" in str(card()) and "complete" in str(card()), 30)
    persist(workspace, lambda: press("complete"), lambda: "*Done*" in text_of(card()))  # type: ignore[arg-type]
    return number


def persist(workspace: Workspace, do: Any, seen: Any) -> Any:
    """Do it until it is seen: a client that got no answer says so, and the person tries again."""
    for _ in range(20):
        with suppress(NotOnScreen):  # it has worked meanwhile
            do()
        try:
            return workspace.until(seen, 4)
        except TimeoutError:
            continue
    raise AssertionError("it never got through")
