"""What tests share that ask for the offerings of their own file: it has a fixture `open_office` for all of them."""

import pytest

from bot.demo.slack.client import Client
from tests.integration.clicks import start_over
from tests.integration.office import Office


@pytest.fixture
def office(open_office: Office) -> Office:
    """The office of the whole file, as if no other test had been there."""
    return start_over(open_office)


@pytest.fixture
def ada(office: Office) -> Client:
    """Who asks."""
    return office.ada
