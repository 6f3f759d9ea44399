"""Kinds of questions beyond texts and choices, asked in Slack and stored: moments, YAML, people, what comes and goes."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.slack.client import Client
from tests.integration.asking import ask, block, has, offering, requested
from tests.integration.office import Office, text_of

KINDS = '''
"""A bit of everything"""

from datetime import date, datetime
from typing import Any, Literal

from bot import Approval, Form, Offering, Person, Request
from bot.handlers import manual


class Shift(Form):
    who: Person
    since: datetime | None = None


class Kinds(Form):
    name: str
    at: datetime | None = None
    day: date | None = None
    times: list[datetime] = []
    values: dict[str, Any] = {}
    people: list[Person] = []
    shifts: list[Shift] = []
    size: Literal["small", "large"] = "small"
    why: str = "no reason"


kinds = Offering(
    "kinds",
    Kinds,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
    overlay={"why": {"visible_if": {"size": "large"}}},
)


@kinds.step
def work(request: Request[Kinds]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, kinds=KINDS) as office:
        office.ada.me.tz = "Europe/Berlin"
        office.process.service.refreshed(office.ada.me.id)
        yield office


def submit(office: Office, ada: Client) -> dict[str, Any]:
    ada.submit()
    return requested(office, ada)[1]


def test_a_moment_is_read_by_the_clocks_of_who_says_it_and_kept_in_utc(office: Office, ada: Client) -> None:
    ask(office, ada, 'kinds name=x at="2026-12-01 10:30" day=2026-12-01')
    ada.fill({block(ada, "/times"): "2026-07-01 10:30\n2026-07-01T10:30:00Z"})
    form = submit(office, ada)
    assert (form["at"], form["day"]) == ("2026-12-01T09:30:00Z", "2026-12-01")
    assert form["times"] == ["2026-07-01T08:30:00Z", "2026-07-01T10:30:00Z"]
    view = ada.view()
    assert view is not None
    assert "<!date^1796117400^" in text_of(office.card(view.title))


def test_a_moment_that_a_clock_does_not_show_is_refused_at_its_field(office: Office, ada: Client) -> None:
    ask(office, ada, "kinds name=x")
    ada.fill({block(ada, "/times"): "2026-03-29 02:30"})
    ada.submit()
    assert "no such time in Europe/Berlin" in ada.errors()[block(ada, "/times")]
    ada.fill({block(ada, "/times"): "2026-03-29 03:30"})
    assert submit(office, ada)["times"] == ["2026-03-29T01:30:00Z"]


def test_yaml_that_cannot_be_read_is_refused_by_line_and_column_and_stays_as_it_was_typed(
    office: Office, ada: Client
) -> None:
    ask(office, ada, "kinds name=x")
    ada.fill({block(ada, "/values"): "a: 1\nb: [1, 2\nc: 3"})
    ada.submit()
    assert "line 3, column 2" in ada.errors()[block(ada, "/values")]
    ada.fill({block(ada, "/values"): "a: 1\nb: [1, 2]"})
    assert submit(office, ada)["values"] == {"a": 1, "b": [1, 2]}


def test_people_become_addresses_wherever_they_stand_and_moments_are_in_utc(office: Office) -> None:
    service = office.process.service
    ada, grace = service.person(office.ada.me.id), office.grace.me.id
    shifts = [{"who": grace, "since": "2026-12-01T10:30:00+01:00"}]
    answers = {"name": "x", "people": [grace], "shifts": shifts, "at": "2026-12-01T10:30:00+01:00"}
    record, _ = service.submit(ada, "kinds", answers)
    assert record.form["people"] == ["grace@example.com"]
    assert record.form["shifts"] == [{"who": "grace@example.com", "since": "2026-12-01T09:30:00Z"}]
    assert record.form["at"] == "2026-12-01T09:30:00Z"


def test_what_is_not_asked_with_an_answer_is_dropped_and_comes_back_with_it(office: Office, ada: Client) -> None:
    ask(office, ada, "kinds name=x why=because")
    assert not has(ada, "/why")
    assert "why: Is not asked for with these answers, and left out." in str(ada.view())
    ada.fill({block(ada, "/size"): "large"})
    office.until(lambda: has(ada, "/why"))
    ada.fill({block(ada, "/why"): "Much traffic"})
    ada.fill({block(ada, "/size"): "small"})
    office.until(lambda: not has(ada, "/why"))
    ada.fill({block(ada, "/size"): "large"})
    office.until(lambda: has(ada, "/why"))
    view = ada.view()
    assert view is not None
    assert view.values[block(ada, "/why")]["answer"]["value"] == "Much traffic"
    ada.fill({block(ada, "/size"): "small"})
    office.until(lambda: not has(ada, "/why"))
    assert submit(office, ada)["why"] == "no reason"
