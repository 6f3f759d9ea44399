"""Lists in lists in lists: Slack stacks three windows, and a form of an entry that finds no more takes its list's place."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.slack.client import Client
from tests.integration.asking import ask, block, has, offering, requested
from tests.integration.office import Office

SITES = '''
"""Sites, and all that stands in them"""

from pydantic import Field

from bot import Form, Offering, Request
from bot.handlers import manual


class Volume(Form):
    path: str = Field(min_length=2)


class Disk(Form):
    label: str
    volumes: list[Volume] = []


class Host(Form):
    name: str
    disks: list[Disk] = []


class Rack(Form):
    number: int
    hosts: list[Host] = Field(min_length=1)


class Sites(Form):
    town: str
    racks: list[Rack] = []


sites = Offering("sites", Sites, owner="@data-platform", notify="#data-platform")


@sites.step
def work(request: Request[Sites]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, sites=SITES) as opened:
        yield opened


@pytest.fixture
def ada(office: Office) -> Client:
    ada = office.ada
    if ada.view():
        ada.close_all()
    office.process.service.forget(office.process.service.person(ada.me.id), "sites")
    return ada


def text(who: Client) -> str:
    view = who.view()
    return str(view.body) if view else ""


def of(pointer: str) -> str:
    return hashlib.sha256(pointer.encode()).hexdigest()[:12]


def press(office: Office, who: Client, action: str, sees: str, value: Any = None, block_id: str = "") -> None:
    who.press(action, value, block_id=block_id)
    office.until(lambda: has(who, sees))


def add(office: Office, who: Client, pointer: str, sees: str) -> None:
    press(office, who, "entry_add", sees, block_id=f"add-{of(pointer)}")


def fill(who: Client, **answers: Any) -> None:
    who.fill({block(who, f"/{name}"): value for name, value in answers.items()})


def down_to_a_volume(office: Office, ada: Client) -> None:
    ask(office, ada, "sites town=Berlin")
    add(office, ada, "/racks", "/number")
    fill(ada, number="7")
    add(office, ada, "/hosts", "/name")
    fill(ada, name="alpha")
    add(office, ada, "/disks", "/label")
    fill(ada, label="root")
    add(office, ada, "/volumes", "/path")


def test_five_levels_are_asked_and_finished_one_by_one(office: Office, ada: Client) -> None:
    down_to_a_volume(office, ada)
    assert len(ada.views()) == 3
    assert "Racks 1 / Hosts 1 / Disks 1 / Volumes 1" in text(ada)
    fill(ada, path="/")
    ada.submit()
    assert ada.errors() or "at least" in text(ada)
    fill(ada, path="/var")
    ada.submit()
    office.until(lambda: has(ada, "/label"))
    assert "1. Path: /var" in text(ada)
    assert ada.view().values[block(ada, "/label")]["answer"]["value"] == "root"  # type: ignore[union-attr] # it is open
    add(office, ada, "/volumes", "/path")
    fill(ada, path="/tmp/x")
    ada.submit()
    office.until(lambda: has(ada, "/label"))
    press(office, ada, "entry", "/label", "up|1", block_id=f"entry-{of('/volumes')}-1")
    office.until(lambda: "1. Path: /tmp/x" in text(ada))
    ada.submit()
    office.until(lambda: has(ada, "/name"))
    assert "1. Label: root" in text(ada)
    assert len(ada.views()) == 3
    ada.submit()
    office.until(lambda: len(ada.views()) == 2)
    office.until(lambda: "1. Name: alpha" in text(ada))
    ada.submit()
    office.until(lambda: len(ada.views()) == 1)
    office.until(lambda: "1. Number: 7" in text(ada))
    ada.submit()
    _, form = requested(office, ada)
    disks = [{"label": "root", "volumes": [{"path": "/tmp/x"}, {"path": "/var"}]}]
    assert form == {"town": "Berlin", "racks": [{"number": 7, "hosts": [{"name": "alpha", "disks": disks}]}]}


def test_one_goes_back_from_an_entry_that_is_not_finished_and_on_with_it(office: Office, ada: Client) -> None:
    down_to_a_volume(office, ada)
    fill(ada, path="/half")
    press(office, ada, "entry_leave", "/label")
    assert "Go on adding" in text(ada)
    assert "Path: /half" not in text(ada)
    add(office, ada, "/volumes", "/path")
    assert ada.view().values[block(ada, "/path")]["answer"]["value"] == "/half"  # type: ignore[union-attr] # it is open


def test_closing_the_window_keeps_each_form_that_it_showed(office: Office, ada: Client) -> None:
    down_to_a_volume(office, ada)
    fill(ada, path="/half")
    press(office, ada, "entry_leave", "/label")
    ada.close()
    office.until(lambda: len(ada.views()) == 2 and "Go on adding" in text(ada))
    assert has(ada, "/number")
    add(office, ada, "/hosts", "/name")
    assert ada.view().values[block(ada, "/name")]["answer"]["value"] == "alpha"  # type: ignore[union-attr] # it is open
    add(office, ada, "/disks", "/label")
    assert ada.view().values[block(ada, "/label")]["answer"]["value"] == "root"  # type: ignore[union-attr] # it is open
    ada.close()
    office.until(lambda: len(ada.views()) == 2 and has(ada, "/number"))


def test_an_old_click_on_an_entry_that_moved_meanwhile_opens_no_other_one(office: Office, ada: Client) -> None:
    down_to_a_volume(office, ada)
    for path in ("/a1", "/b2"):
        fill(ada, path=path)
        ada.submit()
        office.until(lambda: has(ada, "/label"))
        add(office, ada, "/volumes", "/path")
    press(office, ada, "entry_leave", "/label")
    press(office, ada, "entry", "/path", "edit|1", block_id=f"entry-{of('/volumes')}-1")
    assert ada.view().values[block(ada, "/path")]["answer"]["value"] == "/b2"  # type: ignore[union-attr] # it is open
    fill(ada, path="/c3")
    ada.submit()
    office.until(lambda: has(ada, "/label"))
    assert "1. Path: /a1" in text(ada)
    assert "2. Path: /c3" in text(ada)
