"""Engines over a store of their own."""

from collections.abc import Iterator

import pytest

from bot.offering import Approval, Request
from tests.integration.engine.wishes import Thing, Wish, Wishes, steps_of


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def desk(url: str) -> Iterator[Wishes]:
    """Without approval: both steps run at once."""
    desk = Wishes(url)
    steps_of(desk)
    yield desk
    desk.database.close()


@pytest.fixture
def one(url: str) -> Iterator[Wishes]:
    """A single step, `work`."""
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        desk.names.append(request.form.name)
        return Thing(name=f"{request.form.name} {len(desk.names)}")

    yield desk
    desk.database.close()


@pytest.fixture
def decided(url: str) -> Iterator[Wishes]:
    """With an approval: the early step runs before, `work` after."""
    desk = Wishes(url, approval=Approval("@dba"))
    steps_of(desk)
    yield desk
    desk.database.close()
