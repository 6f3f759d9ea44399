"""A crash at every commit and every effect, one at a time: in the end it is as if nothing had happened.

The points are numbered while a story is told without a crash, so that a new commit is a new point by itself; and every
function of the store that writes has to be part of some story.
"""

import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Clock, address, create_database, drop_database, file_at
from tests.integration.crashing import stories, told, trouble
from tests.integration.crashing.seen import seen
from tests.integration.crashing.world import Ledger, Life, Outside, Points, watch, writers
from tests.integration.standing_server import StandingServer

STORIES = stories.STORIES | told.STORIES | trouble.STORIES


@pytest.fixture(scope="module")
def tracker() -> Iterator[StandingServer]:
    with StandingServer().running() as standing:
        yield standing


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    receiver = Ledger()
    with receiver.running():
        yield receiver


Tell = Callable[[str, int], tuple[Points, dict[str, Any]]]


@pytest.fixture
def tell(fresh: Callable[[], str], tracker: StandingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Tells a story in a new world, with a crash at a point (-1: none); the points, and what is seen in the end."""
    monkeypatch.setenv("RECEIVER", ledger.url("").rstrip("/"))

    def tell_it(story: str, at: int) -> tuple[Points, dict[str, Any]]:
        points, clock = Points(at), Clock()
        ledger.effects, ledger.refuses, ledger.busy = [], None, None
        outside = Outside(clock, ledger, tracker)
        with monkeypatch.context() as patch:
            watch(patch, clock, outside, lambda: points)
            life = Life(fresh(), clock, outside, points)
            try:
                life.live(STORIES[story])
                return points, seen(life)
            finally:
                life.close()

    return tell_it


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives empty databases, one after the other: the next one ends the one before."""
    if request.param == "sqlite":

        def file() -> str:
            for old in tmp_path.glob("fresh.db*"):
                old.unlink()
            return file_at(tmp_path / "fresh.db")

        return file
    server, name = request.getfixturevalue("migrated_postgres"), f"c{uuid.uuid4().hex}"

    def database() -> str:
        drop_database(server, name)
        create_database(server, name, template="migrated")
        return address(server, name)

    return database


@pytest.fixture
def chosen(fresh: Callable[[], str]) -> slice:
    """Every twelfth point on SQLite and every 24th on PostgreSQL, others in each run; all of them take half an hour.

    With CRASH_POINTS=all in the environment: all.
    """
    if os.environ.get("CRASH_POINTS") == "all":
        return slice(None)
    step = 12 if "sqlite" in fresh() else 24
    return slice(random.randrange(step), None, step)


@pytest.mark.parametrize("fresh", ["sqlite"], indirect=True)  # what writes is the same on both
def test_every_write_of_the_store_is_in_some_story(tell: Tell) -> None:
    """So that whatever is written from now on is crashed around too: write a story for it."""
    written = {name for story in STORIES for name in tell(story, -1)[0].writers}
    assert set(writers()) == written


@pytest.mark.no_cover  # the lines of the test above, again and again
@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", list(STORIES))
def test_a_crash_anywhere_changes_nothing(tell: Tell, story: str, chosen: slice) -> None:
    points, expected = tell(story, -1)
    assert len(points.names) > 10
    wrong = []
    for at, name in list(enumerate(points.names))[chosen]:
        _, found = tell(story, at)
        wrong += [f"{at}, {name}: {what}" for what in differences(expected, found)]
    assert not wrong, "\n".join(wrong)


def differences(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """What one run left and the other did not."""
    for key, value in expected.items():
        if isinstance(value, Counter):
            for each in {*value, *found[key]}:
                if value[each] != found[key][each]:
                    yield f"{key}: {found[key][each]} instead of {value[each]}: {each}"
        elif value != found[key]:
            yield f"{key}: {found[key]} instead of {value}"
