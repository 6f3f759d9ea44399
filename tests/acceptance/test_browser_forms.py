"""A form with each kind of element, in a real browser: pages, a list, a condition, a search, a file, kept for later.

FRONTDESK_PICTURES names a folder that keeps the screenshots.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.stage import Stage, scene
from tests.acceptance import test_browser_story as story
from tests.acceptance.test_browser_story import Enter, Window

pytestmark = story.pytestmark
expect = story.expect
browser, enter = story.browser, story.enter

EVERYTHING = '''
"""Everything that can be asked"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, EmailStr, HttpUrl, SecretStr, create_model

from bot import Approval, Channel, Field, File, Form, Group, Offering, Person, Request
from bot.handlers import manual

Town = StrEnum("Town", {f"T{at}": f"town {at}" for at in range(300)})
few: dict[str, Any] = {f"limit_{at}": (int, at) for at in range(60)}
Tuning = create_model("Tuning", __base__=Form, **few)


class Address(BaseModel):
    """Somewhere on the network"""

    host: str
    port: int = 5432


class SocketFile(BaseModel):
    path: str


class User(Form):
    name: str = Field(min_length=2)
    role: Literal["reader", "admin"] = "reader"


class Everything(Form):
    name: str = Field(pattern="^[a-z]+$", description="Lower case, no spaces", examples=["orders"])
    notes: str = Field(max_length=2000, description="Anything else?")
    size: Literal["small", "large"]
    why: str = "no reason"
    region: Literal["north", "south", "east", "west", "centre", "coast"]
    town: Town
    who: Person
    team: Group
    place: Channel
    day: date
    at: time
    moment: datetime
    count: int = Field(ge=1, le=9)
    share: float
    public: bool
    zones: list[Literal["a", "b", "c"]] = Field(min_length=1)
    mail: EmailStr
    link: HttpUrl
    tags: list[str] = Field(min_length=1)
    labels: dict[str, str] = Field(min_length=1)
    drawing: File
    where: Address | SocketFile
    users: list[User] = Field(min_length=1)
    tuning: Tuning = Tuning()
    password: SecretStr


everything = Offering(
    "everything",
    Everything,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
    overlay={"why": {"visible_if": {"size": "large"}, "title": "Why large"}},
)


@everything.step
def work(request: Request[Everything]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The workspace, and a bot that offers this form."""
    folder = tmp_path_factory.mktemp("offerings")
    (folder / "everything.py").write_text(EVERYTHING.lstrip())
    with scene(os.environ, folder) as stage:
        stage.workspace.person("ada").me.tz = "Europe/Berlin"
        with stage.bot():
            yield stage


def chooses(ada: Window, modal: Any, label: str, typed: str, option: str) -> None:
    """Search in a select, and take what is found."""
    modal.get_by_label(label, exact=True).click()
    ada.page.keyboard.type(typed)
    ada.page.get_by_role("option", name=option, exact=True).click()


def test_each_kind_of_element_is_filled_in_over_three_pages_and_comes_back_typed(
    enter: Enter, stage: Stage, tmp_path: Path
) -> None:
    drawing = tmp_path / "north.pdf"
    drawing.write_bytes(b"%PDF-1.7")
    ada = enter("ada")
    ada.page.set_viewport_size({"width": 1280, "height": 1600})
    ada.write("/platform help")  # from then on the groups are known
    ada.is_told("/platform")
    stage.workspace.until(lambda: stage.workspace.calls("usergroups.list"), 10)
    ada.write("/platform request everything")
    modal = ada.modal("Everything that can be …")
    expect(modal.get_by_text(re.compile(r"^Page 1 of \d+\. What must be answered"))).to_be_visible()
    ada.picture("forms-1-empty")
    types(modal)
    comes_and_goes(modal, stage)
    searches(ada, modal)
    modal.get_by_label("Drawing").set_input_files(drawing)
    expect(modal.get_by_text("north.pdf (8 bytes)")).to_be_visible()
    one_of_two(modal)
    adds_users(ada, modal)
    ada.picture("forms-2-filled")
    keeps_for_later(ada)
    number = sends(ada)

    token = stage.token("ada@example.com")
    record = httpx.get(f"{stage.bot_url}/v1/requests/{number}", headers={"Authorization": f"Bearer {token}"}).json()
    form = record["form"]
    assert {name: form[name] for name in ("name", "size", "region", "town", "count", "share", "public")} == {
        "name": "orders",
        "size": "small",
        "region": "coast",
        "town": "town 299",
        "count": 3,
        "share": 0.5,
        "public": False,
    }
    assert (form["day"], form["at"], form["moment"]) == ("2026-12-01", "09:30:00", "2026-12-01T09:30:00Z")
    assert (form["who"], form["team"]) == ("grace@example.com", "@dba")
    assert (form["zones"], form["tags"], form["labels"]) == (["a", "c"], ["x", "y"], {"team": "dba"})
    assert (form["why"], form["where"], form["drawing"]["name"]) == ("no reason", {"path": "/run/db"}, "north.pdf")
    assert form["users"] == [{"name": "linus", "role": "admin"}, {"name": "ada", "role": "reader"}]
    assert (form["tuning"]["limit_7"], form["tuning"]["limit_59"]) == (77, 59)


def test_answers_reach_the_workspace_in_the_order_in_which_they_were_given(enter: Enter, stage: Stage) -> None:
    grace = enter("grace")
    grace.write("/platform request everything")
    modal = grace.modal("Everything that can be …")
    modal.get_by_role("radio", name="large").check()
    why = modal.get_by_label("Why large")
    expect(why).to_be_visible()
    slow: list[Any] = []
    overtaking: list[Any] = []

    def on_the_way(route: Any) -> None:
        if slow:
            overtaking.append(route)
            route.continue_()
        else:
            slow.append(route)

    grace.page.route("**/act", on_the_way)
    why.fill("Much traffic")
    why.blur()
    modal.get_by_role("radio", name="small").check()
    grace.page.wait_for_timeout(500)  # for what overtakes
    overtook = len(overtaking)
    with grace.page.expect_response("**/act"):
        slow[0].continue_()
    expect(why).to_be_hidden()
    expect(modal.get_by_role("radio", name="small")).to_be_checked()
    assert not overtook
    modal.get_by_role("radio", name="large").check()
    expect(why).to_have_value("Much traffic")
    grace.page.unroute("**/act")


def types(modal: Any) -> None:
    """Texts, numbers, days and moments."""
    for label, text in {
        "Name": "orders",
        "Notes": "Two\nlines",
        "Day": "2026-12-01",
        "At": "09:30",
        "Moment": "2026-12-01T10:30",
        "Count": "3",
        "Share": "0.5",
        "Mail": "ada@example.com",
        "Link": "https://example.com/x",
        "Tags": "x\ny",
        "Labels": "team=dba",
    }.items():
        modal.get_by_label(label, exact=True).fill(text)
    modal.get_by_role("checkbox", name="a", exact=True).check()
    modal.get_by_role("checkbox", name="c", exact=True).check()


def comes_and_goes(modal: Any, stage: Stage) -> None:
    """A field is asked with one answer, and not with the other."""
    modal.get_by_role("radio", name="large").check()
    why = modal.get_by_label("Why large")
    expect(why).to_be_visible()
    why.fill("Much traffic")
    why.blur()
    client = stage.workspace.person("ada")
    stage.workspace.until(lambda: "Much traffic" in str([view.values for view in client.views()]), 10)
    modal.get_by_role("radio", name="small").check()
    expect(why).to_be_hidden()
    modal.get_by_role("radio", name="large").check()
    expect(why).to_have_value("Much traffic")
    modal.get_by_role("radio", name="small").check()
    expect(why).to_be_hidden()


def searches(ada: Window, modal: Any) -> None:
    """What is too long to be looked through."""
    chooses(ada, modal, "Region", "coa", "coast")
    chooses(ada, modal, "Town", "town 299", "town 299")
    chooses(ada, modal, "Who", "grace", "@Grace Hopper")
    chooses(ada, modal, "Team", "dba", "@dba")
    chooses(ada, modal, "Place", "gen", "#general")
    expect(modal.get_by_label("Town", exact=True)).to_have_value("town 299")


def one_of_two(modal: Any) -> None:
    """A union: what it is first, then its fields."""
    modal.get_by_role("radio", name="Address").check()
    expect(modal.get_by_label("Host")).to_be_visible()
    modal.get_by_role("radio", name="Socket file").check()
    expect(modal.get_by_label("Host")).to_be_hidden()
    modal.get_by_label("Path").fill("/run/db")


def adds_users(ada: Window, modal: Any) -> None:
    """A list of objects: two are added, the second moves up."""
    for number, (name, role) in enumerate((("ada", "reader"), ("linus", "admin")), 1):
        modal.get_by_role("button", name="Add", exact=True).click()
        entry = ada.modal(f"Users {number}")
        entry.get_by_label("Name", exact=True).fill(name)
        entry.get_by_role("radio", name=role).check()
        ada.picture(f"forms-entry-{number}")
        entry.get_by_role("button", name="Done", exact=True).click()
        modal = ada.modal("Everything that can be …")
        expect(modal.get_by_text(f"{number}. Name: {name}")).to_be_visible()
    item = modal.get_by_text("2. Name: linus").locator("xpath=ancestor::*[.//button or .//summary][1]")
    item.locator("button, summary").first.click()
    ada.page.get_by_text("Move up", exact=True).click()
    expect(modal.get_by_text("1. Name: linus")).to_be_visible()


def keeps_for_later(ada: Window) -> None:
    """Close the window, and find what was entered in the next one."""
    modal = ada.modal("Everything that can be …")
    modal.get_by_role("button", name="Close").click()
    expect(modal).to_be_hidden()
    ada.write("/platform request everything")
    modal = ada.modal("Everything that can be …")
    expect(modal.get_by_text("Continue where you left off")).to_be_visible()
    expect(modal.get_by_label("Name", exact=True)).to_have_value("orders")
    expect(modal.get_by_text("Chosen: north.pdf (8 bytes)")).to_be_visible()
    ada.picture("forms-3-again")


def sends(ada: Window) -> str:
    """Over the other pages: one value of many, the secret last."""
    modal = ada.modal("Everything that can be …")
    modal.get_by_role("button", name="Next").click()
    expect(modal.get_by_text(re.compile("^Page 2 of"))).to_be_visible()
    modal.get_by_role("textbox", name=re.compile("^Limit 7 ")).fill("77")
    ada.picture("forms-4-advanced")
    while modal.get_by_role("button", name="Next").count():
        page = modal.get_by_text(re.compile(r"^Page \d+ of")).inner_text().split()[1]
        modal.get_by_role("button", name="Next").click()
        expect(modal.get_by_text(re.compile(rf"^Page {int(page) + 1} of"))).to_be_visible()
    modal.get_by_role("button", name="Request", exact=True).click()
    expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    modal.get_by_label("Password").fill("correct horse")
    ada.picture("forms-5-secret")
    modal.get_by_role("button", name="Request", exact=True).click()
    ada.picture("forms-6-sent")
    return story.confirmed(ada)
