"""Maps of objects in Slack: entries with a name each."""

import hashlib
from collections.abc import Iterator

import pytest

from bot.contract.maps import NAME
from bot.demo.slack.client import Client
from tests.integration.asking import ask, block, has, offering, requested
from tests.integration.office import Office

APP = '''
"""An app with ports and rules"""

from typing import Annotated

from pydantic import Field

from bot import Form, Offering, Request
from bot.handlers import manual


class Rule(Form):
    allow: str


class Port(Form):
    number: int
    rules: dict[str, Rule] = {}


class App(Form):
    title: str
    ports: dict[Annotated[str, Field(pattern="^[a-z]+$")], Port]


app = Offering("app", App, owner="@data-platform", notify="#data-platform")


@app.step
def work(request: Request[App]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, app=APP) as opened:
        yield opened


def of(pointer: str) -> str:
    return hashlib.sha256(pointer.encode()).hexdigest()[:12]


def add(office: Office, who: Client, pointer: str, **answers: str) -> None:
    """Open the form of a new entry and fill it in."""
    before = len(who.views())
    who.press("entry_add", block_id=f"add-{of(pointer)}")
    office.until(lambda: len(who.views()) > before)
    fill(who, **answers)


def fill(who: Client, **answers: str) -> None:
    who.fill({block(who, f"/{NAME if key == 'called' else key}"): value for key, value in answers.items()})


def done(office: Office, who: Client, sees: str) -> None:
    who.submit()
    office.until(lambda: sees in str(who.view()))


def test_entries_are_added_changed_and_removed_and_the_request_has_a_map(office: Office, ada: Client) -> None:
    ask(office, ada, "app title=Shop")
    add(office, ada, "/ports", called="web", number="80")
    add(office, ada, "/rules", called="all", allow="0.0.0.0/0")
    done(office, ada, "1. Name: all · Allow: 0.0.0.0/0")
    done(office, ada, "1. Name: web · Number: 80")
    add(office, ada, "/ports", called="db", number="5432")
    done(office, ada, "2. Name: db · Number: 5432")
    ada.press("entry", "edit|0", block_id=f"entry-{of('/ports')}-0")
    office.until(lambda: has(ada, f"/{NAME}"))
    fill(ada, called="www")
    done(office, ada, "1. Name: www · Number: 80")
    ada.press("entry", "remove|1", block_id=f"entry-{of('/ports')}-1")
    office.until(lambda: "Name: db" not in str(ada.view()))
    ada.submit()
    _, form = requested(office, ada)
    assert form == {"title": "Shop", "ports": {"www": {"number": 80, "rules": {"all": {"allow": "0.0.0.0/0"}}}}}


def test_a_name_that_is_there_or_breaks_the_maps_rule_is_refused_beside_it(office: Office, ada: Client) -> None:
    ask(office, ada, "app title=Shop")
    add(office, ada, "/ports", called="web", number="80")
    done(office, ada, "1. Name: web")
    add(office, ada, "/ports", called="web", number="81")
    ada.submit()
    assert ada.errors() == {
        block(ada, f"/{NAME}"): "Another entry is called web. Choose another name, or change that one."
    }
    fill(ada, called="Web 2")
    ada.submit()
    assert "does not match" in ada.errors()[block(ada, f"/{NAME}")].lower()
    fill(ada, called="admin")
    done(office, ada, "2. Name: admin · Number: 81")


def test_an_entry_that_is_not_finished_is_there_again(office: Office, ada: Client) -> None:
    ask(office, ada, "app title=Shop")
    add(office, ada, "/ports", called="web")
    ada.close_all()
    ask_again = "/platform request app"
    ada.type_command("#general", ask_again)
    office.until(lambda: "Go on adding" in str(ada.view()))
    ada.press("entry_add", block_id=f"add-{of('/ports')}")
    office.until(lambda: has(ada, f"/{NAME}"))
    view = ada.view()
    assert view is not None
    assert view.values[block(ada, f"/{NAME}")]["answer"]["value"] == "web"
