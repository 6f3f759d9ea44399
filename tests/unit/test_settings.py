"""The environment as typed settings; what is wrong is said by the variable's name."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot import settings
from bot.errors import Misconfigured, PermanentError
from bot.settings import Settings


def test_nothing_needs_to_be_set() -> None:
    read = settings.read({})
    assert read == Settings()
    assert not read.slack
    assert read.link("REQ-1") is None


def test_each_variable_is_read() -> None:
    given = {
        "DATABASE_URL": "sqlite:///x.db",
        "OFFERINGS": "elsewhere",
        "HOST": "127.0.0.2",
        "PORT": "8080",
        "PUBLIC_URL": "https://desk.example.com/",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": "http://127.0.0.1:1/api",
        "PLATFORM_CHANNEL": "#platform",
        "FRONTDESK_LEASE": "2.5",
        "FRONTDESK_PACE": "0",
    }
    read = settings.read(given)
    assert (read.database_url, read.offerings, read.host, read.port) == (
        "sqlite:///x.db",
        Path("elsewhere"),
        "127.0.0.2",
        8080,
    )
    assert (read.slack, read.slack_api_url) == (True, "http://127.0.0.1:1/api/")
    assert read.platform_channel == "#platform"
    assert (read.lease, read.pace) == (timedelta(seconds=2.5), timedelta(0))
    assert read.link("REQ-1") == "https://desk.example.com/v1/requests/REQ-1"


@pytest.mark.parametrize("name", ["PORT", "FRONTDESK_LEASE", "FRONTDESK_PACE"])
def test_a_number_that_is_none_stops_the_start_by_name(name: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{name}: 'soon' is not a number. Set a number or unset it.$"):
        settings.read({name: "soon"})


def test_what_is_set_to_nothing_is_not_set() -> None:
    read = settings.read({"PORT": " ", "DATABASE_URL": "", "OFFERINGS": " "})
    assert (read.port, read.database_url, read.offerings) == (3000, "sqlite:///frontdesk.db", Path("offerings"))


def test_a_bot_token_alone_is_not_enough() -> None:
    with pytest.raises(Misconfigured, match="^SLACK_BOT_TOKEN: is set, but neither SLACK_SIGNING_SECRET"):
        settings.read({"SLACK_BOT_TOKEN": "xoxb-1"})


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_an_address_of_postgresql_gets_our_driver(url: str) -> None:
    assert settings.read({"DATABASE_URL": url}).database_url == "postgresql+psycopg://u:p@h/d"


def test_a_secret_is_the_environments_and_is_not_shown() -> None:
    read = settings.read({"TOKEN": "hunter2"})
    assert read.secret("TOKEN") == "hunter2"
    assert "hunter2" not in repr(read)
    with pytest.raises(PermanentError, match="The secret OTHER is not set where the worker runs"):
        read.secret("OTHER")


def test_without_a_mapping_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LEASE", "7")
    assert settings.read().lease == timedelta(seconds=7)
    assert settings.environment()["FRONTDESK_LEASE"] == "7"
