"""An empty store of each kind."""

from collections.abc import Iterator

import pytest

from bot.store.database import Database
from tests.conftest import Clock
from tests.integration.store.stored import Store


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    database = Database(store_url, clock)
    yield Store(database, clock)
    database.close()
