"""A process that is killed while a window says that it checks: what was entered is offered again, or is a request."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack.client import Client
from tests.acceptance.site import Site, site, until

#: Its choices are looked up for as long as the file `held` is there.
COPY = '''
"""A copy of a database"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot import Form, Offering, Person, Request
from bot.handlers import manual

HELD = Path(__file__).with_name("held")


class Copy(Form):
    database: str
    why: str = ""


def databases(person: Person, answers: Mapping[str, Any]) -> list[str]:
    while HELD.exists():
        time.sleep(0.02)
    return ["orders", "billing"]


copy = Offering("copy", Copy, owner="@data-platform", notify="#data-platform", options={"database": databases})


@copy.step
def work(request: Request[Copy]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions=f"Copy {request.form.database}")
'''


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "offerings"
    folder.mkdir()
    (folder / "copy.py").write_text(COPY.lstrip())
    with site(tmp_path, socket_mode=True, OFFERINGS=str(folder)) as opened:
        yield opened


def ask(ada: Client) -> None:
    ada.type_command("#general", "/platform request copy why=audit")
    until(ada.view, "the form")


def requests(place: Site) -> list[str]:
    return [each["id"] for each in place.call("ada", "GET", "requests", params={"mine": True})["items"]]


def test_who_was_being_checked_when_the_process_was_killed_goes_on_with_what_was_entered(place: Site) -> None:
    held, ada = Path(place.environment["OFFERINGS"], "held"), place.person("ada")
    first = place.start("run")
    first.wait_until_ready()
    ask(ada)
    ada.fill({"/database": "billing"})
    held.touch()
    ada.submit()
    until(lambda: "Checking your choices" in str(ada.view()), "that it is checked")
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    held.unlink()

    second = place.start("run")
    second.wait_until_ready()
    place.url = second.url
    assert "Checking your choices" in str(ada.view()), "nobody is left who could tell the window"
    assert requests(place) == []
    ada.press("form_resume")
    until(lambda: "Checking" not in str(ada.view()), "the form")
    went_on(ada)
    ada.close()
    ask(ada)
    assert "Continue where you left off" in str(ada.view())
    went_on(ada)
    ada.submit()
    view = ada.view()
    assert view is not None
    assert view.title == "REQ-1", (view.errors, ada.notice())
    assert requests(place) == ["REQ-1"]
    ada.close()
    ask(ada)
    assert "Continue where you left off" not in str(ada.view())


def went_on(ada: Client) -> None:
    """The form has what she had entered."""
    view = ada.view()
    assert view is not None
    assert view.values["/database"]["answer"]["selected_option"]["value"] == "billing"
    assert view.values["/why"]["answer"]["value"] == "audit"
