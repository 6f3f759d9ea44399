"""Time over HTTP and on the command line: until when a decision is waited for, and renewals with their limit."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.deadlines import Deadline, Renewal
from tests.integration.http_desk import HttpDesk, http_desk
from tests.integration.terminal import Terminal, call
from tests.integration.test_api import REQUESTS, problem

DAY = timedelta(days=1)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HttpDesk]:
    with http_desk(tmp_path) as served:
        database: Any = served.desk.catalogue.offering("database", "v1")
        database.deadline, database.expires, database.renew = Deadline(3 * DAY), 30 * DAY, Renewal(10 * DAY, most=2)
        yield served


@pytest.fixture
def ada(served: HttpDesk) -> httpx.Client:
    return served.client("ada")


@pytest.fixture
def terminal(served: HttpDesk, tmp_path: Path) -> Terminal:
    return Terminal(served, tmp_path, call)


def live(served: HttpDesk) -> Any:
    """Something that Ada has, as HTTP tells it."""
    assert served.client("ada").post(REQUESTS, json={"form": {"name": "orders"}}).status_code == 201
    served.client("grace").post("/v1/requests/REQ-1/approve")
    served.desk.work()
    done = served.client("margaret").post("/v1/requests/REQ-1/steps/create/complete", json={"outputs": {"host": "h"}})
    assert done.status_code == 200
    served.desk.work()
    return served.client("ada").get("/v1/instances/INS-1").json()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_request_says_until_when_a_decision_is_waited_for_and_no_longer(served: HttpDesk, ada: httpx.Client) -> None:
    asked = ada.post(REQUESTS, json={"form": {"name": "orders"}}).json()
    assert moment(asked["decide_by"]) == moment(asked["created_at"]) + 3 * DAY
    assert ada.get("/v1/requests/REQ-1").json()["decide_by"] == asked["decide_by"]
    assert "A decision is waited for until" in ada.get("/v1/requests/REQ-1").json()["says"]
    served.client("grace").post("/v1/requests/REQ-1/approve")
    assert ada.get("/v1/requests/REQ-1").json()["decide_by"] is None


def test_an_expired_request_tells_its_story(served: HttpDesk, ada: httpx.Client) -> None:
    ada.post(REQUESTS, json={"form": {"name": "orders"}})
    real = served.desk.database._clock
    for days in (2, 3):
        served.desk.database._clock = lambda days=days: real() + days * DAY  # type: ignore[misc] # its default
        served.desk.service.sweep()
    told = ada.get("/v1/requests/REQ-1").json()
    assert (told["state"], [event["name"] for event in told["events"]]) == (
        "expired",
        ["submitted", "reminded", "expired"],
    )
    assert told["events"][1]["says"] == "reminded whoever has not decided"
    detail = problem(served.client("grace").post("/v1/requests/REQ-1/approve"), 409)["detail"]
    assert detail.startswith("REQ-1 was expired on")


def test_an_instance_is_renewed_as_often_as_its_offering_allows(served: HttpDesk, ada: httpx.Client) -> None:
    before = live(served)
    assert (before["renewals"], before["renewals_left"]) == (0, 2)
    first = ada.post("/v1/instances/INS-1/renew")
    assert first.status_code == 200
    assert moment(first.json()["expires_at"]) == moment(before["expires_at"]) + 10 * DAY
    again = ada.post("/v1/instances/INS-1/renew", json={"renewals": 0})
    assert "Somebody has renewed INS-1 since you looked" in problem(again, 409)["detail"]
    second = served.client("margaret").post("/v1/instances/INS-1/renew", json={"renewals": 1}).json()
    assert (second["renewals"], second["renewals_left"]) == (2, 0)
    assert "renewed 2 times, which is the most" in problem(ada.post("/v1/instances/INS-1/renew"), 409)["detail"]
    assert ada.get("/v1/instances/INS-1").json() == second
    problem(served.client("stranger").post("/v1/instances/INS-1/renew"), 404)
    problem(ada.post("/v1/instances/INS-1/renew", json={"renewals": -1}), 422)
    problem(ada.post("/v1/instances/INS-9/renew"), 404)


def test_the_command_line_shows_ends_and_renews(served: HttpDesk, terminal: Terminal) -> None:
    ends = moment(live(served)["expires_at"])
    assert f"{ends:%Y-%m-%d %H:%M}" in terminal("ada", "instances").out
    later = f"{ends + 10 * DAY:%Y-%m-%d %H:%M}"
    assert terminal("ada", "renew", "INS-1").out == (
        f"INS-1 is there until {later} UTC. It can be renewed 1 more time.\n"
    )
    assert terminal("ada", "renew", "INS-1", "--json").json["renewals_left"] == 0
    refused = terminal("ada", "renew", "INS-1", expect=1)
    assert "which is the most" in refused.err
