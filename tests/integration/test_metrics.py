"""`/metrics`: read by Prometheus' own parser, true to the store, and with no label that anybody can make up."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from bot import Outputs, api, measures
from bot.api import metrics
from bot.demo.server import Server
from bot.errors import PermanentError, TemporaryError
from bot.store import gauges, processes
from tests.conftest import Clock
from tests.integration.http_desk import http_desk
from tests.integration.office import opened
from tests.integration.test_worker import Shop

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(store_url: str, clock: Clock) -> Iterator[Shop]:
    shop = Shop(store_url, clock)
    yield shop
    shop.worker.stop()
    shop.database.close()


def parsed(text: str) -> Numbers:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(shop: Shop) -> Numbers:
    return parsed(generate_latest(metrics.registry(shop.database)).decode())


def value(numbers: Numbers, name: str, **labels: str) -> float:
    return numbers.get((name, tuple(sorted(labels.items()))), 0.0)


def at_work(shop: Shop) -> str:
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    return number


def test_what_waits_is_counted_from_the_store(shop: Shop, clock: Clock) -> None:
    empty = scraped(shop)
    assert value(empty, "frontdesk_store_up") == 1
    assert value(empty, "frontdesk_steps_oldest_due_seconds") == 0
    at_work(shop)
    shop.ask()
    clock.forward(seconds=90)
    with shop.database.write() as tx:
        processes.beat(tx, "one", "worker", "1.0")
    numbers = scraped(shop)
    assert value(numbers, "frontdesk_steps_due") == 1
    assert value(numbers, "frontdesk_steps_oldest_due_seconds") == 90
    assert value(numbers, "frontdesk_steps", state="waiting") == 2
    assert value(numbers, "frontdesk_requests_open", state="awaiting_approval") == 1
    assert value(numbers, "frontdesk_deliveries_waiting", kind="message") == 3
    assert value(numbers, "frontdesk_deliveries_oldest_seconds") == 90
    assert value(numbers, "frontdesk_cards_dirty") == 2
    assert value(numbers, "frontdesk_processes", parts="worker") == 1


def test_what_is_over_is_not_counted(shop: Shop) -> None:
    at_work(shop)
    assert shop.engine.turn()
    shop.send()
    numbers = scraped(shop)
    assert value(numbers, "frontdesk_steps_due") == 0
    assert not [name for name, _ in numbers if name in ("frontdesk_steps", "frontdesk_requests_open")]
    assert not [name for name, _ in numbers if name == "frontdesk_deliveries_waiting"]


def test_a_parked_request_shows(shop: Shop, clock: Clock) -> None:
    number = at_work(shop)
    shop.wish.steps.clear()
    while shop.state(number) != "parked":
        shop.engine.turn()
        clock.forward(minutes=1)
    assert value(scraped(shop), "frontdesk_requests_parked") == 1
    assert value(scraped(shop), "frontdesk_steps", state="parked") == 1


def test_attempts_are_counted_by_handler_and_what_came_of_them(shop: Shop, clock: Clock) -> None:
    before = scraped(shop)
    at_work(shop)
    shop.handler.answers = [TemporaryError("later", delay=1), KeyError("bug"), PermanentError("no")]
    for _ in range(3):
        assert shop.engine.turn()
        clock.forward(minutes=10)
    at_work(shop)
    assert shop.engine.turn()
    after = scraped(shop)
    for outcome in ("again", "bug", "failed", "done"):
        labels = {"handler": "thing", "outcome": outcome}
        name = "frontdesk_step_attempts_total"
        assert value(after, name, **labels) - value(before, name, **labels) == 1, outcome
    counted = "frontdesk_step_seconds_count"
    assert value(after, counted, handler="thing") - value(before, counted, handler="thing") == 4


def outcome(shop: Shop, name: str) -> float:
    return value(scraped(shop), "frontdesk_step_attempts_total", handler="thing", outcome=name)


def test_a_step_that_did_its_work_and_leaves_a_promise_unkept_counts_as_failed(shop: Shop) -> None:
    class Promised(Outputs):
        host: str

    before = outcome(shop, "failed"), outcome(shop, "done")
    shop.wish.outputs = Promised
    number = at_work(shop)
    assert shop.engine.turn()
    assert shop.state(number) == "failed"
    assert (outcome(shop, "failed"), outcome(shop, "done")) == (before[0] + 1, before[1])


def test_a_step_that_was_tried_for_too_long_counts_as_failed(shop: Shop, clock: Clock) -> None:
    before = outcome(shop, "failed"), outcome(shop, "again")
    number = at_work(shop)
    shop.handler.answers = [TemporaryError("later", delay=1), TemporaryError("still later", delay=1)]
    assert shop.engine.turn()
    clock.forward(days=3)
    assert shop.engine.turn()
    assert shop.state(number) == "failed"
    assert (outcome(shop, "failed"), outcome(shop, "again")) == (before[0] + 1, before[1] + 1)


def test_each_time_that_a_card_is_shown_is_counted(shop: Shop, clock: Clock) -> None:
    def counted() -> list[float]:
        numbers, name = scraped(shop), "frontdesk_deliveries_total"
        return [value(numbers, name, kind="card", outcome=each) for each in ("sent", "postponed", "given_up")]

    before = counted()
    number = shop.ask()
    shop.door.card_errors = [TemporaryError("later", delay=1)]
    shop.send()
    clock.forward(seconds=2)
    shop.send()
    shop.service.approve(shop.grace, number)
    shop.send()
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1, 0]
    shop.ask()
    shop.door.card_errors = [PermanentError("the channel is gone")]
    shop.send()
    assert counted()[2] == before[2] + 1


def test_a_take_over_is_counted_once(shop: Shop, clock: Clock) -> None:
    before = value(scraped(shop), "frontdesk_step_take_overs_total")
    at_work(shop)
    claim = shop.engine.claim()
    assert claim is not None
    shop.engine.leases.drop(claim)
    clock.forward(seconds=31)
    assert shop.engine.turn()
    assert value(scraped(shop), "frontdesk_step_take_overs_total") - before == 1


def test_what_is_said_is_counted_with_how_late_it_was(shop: Shop, clock: Clock) -> None:
    before = scraped(shop)
    shop.ask()
    clock.forward(seconds=7)
    shop.door.errors = [TemporaryError("later", delay=1)]
    shop.send()
    clock.forward(seconds=2)
    shop.send()
    after = scraped(shop)
    lag = "frontdesk_delivery_lag_seconds_sum"
    assert value(after, lag, kind="message") - value(before, lag, kind="message") == pytest.approx(9)
    for outcome in ("postponed", "sent"):
        labels = {"kind": "message", "outcome": outcome}
        name = "frontdesk_deliveries_total"
        assert value(after, name, **labels) - value(before, name, **labels) == 1


def test_no_question_of_a_scrape_reads_what_is_over(sqlite_url: str, clock: Clock) -> None:
    """Each goes by an index of what is not over, or whose first column says so: a million finished rows cost nothing."""
    of_dirty = "USING INDEX ix_card_dirty_run_at"  # it has no others
    shop, asked = Shop(sqlite_url, clock), []

    def remember(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(shop.database.reader, "before_cursor_execute", remember)
    gauges.read(shop.database)
    event.remove(shop.database.reader, "before_cursor_execute", remember)
    questions = [each for each in asked if each[0].startswith("SELECT")]
    assert len(questions) == 9
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        for statement, parameters in questions:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert not [line for line in plan if line.startswith("SCAN") and of_dirty not in line], (statement, plan)
    shop.database.close()


def test_a_store_that_is_away_is_said_and_the_rest_is_served(tmp_path: Path) -> None:
    shop = Shop.__new__(Shop)
    from bot.store.database import Database

    shop.database = Database("postgresql+psycopg://127.0.0.1:9/none")
    numbers = scraped(shop)
    assert value(numbers, "frontdesk_store_up") == 0
    assert value(numbers, "process_start_time_seconds") > 0
    shop.database.close()


def test_no_label_holds_anything_of_people_or_that_people_make_up(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.press(office.grace, "approve", number)
        httpx.get(f"{office.url}/v1/requests/{number}/secret-path-of-mine")
        httpx.request("BREW", f"{office.url}/v1/requests/{number}")
        numbers = parsed(httpx.get(f"{office.url}/metrics").text)
    allowed = {"handler", "outcome", "kind", "method", "route", "status", "state", "parts", "le"}
    ours = {name: labels for name, labels in numbers if name.startswith("frontdesk_")}
    labels = {key: word for pairs in (labels for name, labels in numbers if name in ours) for key, word in pairs}
    assert set(labels) <= allowed
    words = {word for name, pairs in numbers if name in ours for _, word in pairs}
    assert not {word for word in words if "secret-path" in word or "BREW" in word or number in word or "U01" in word}
    assert value(numbers, "frontdesk_slack_acknowledgement_seconds_count", kind="view_submission") >= 1
    assert value(numbers, "frontdesk_slack_acknowledgement_seconds_count", kind="command") >= 1
    assert value(numbers, "frontdesk_slack_acknowledgement_seconds_count", kind="block_actions") >= 1


def test_each_counter_is_documented_by_its_help() -> None:
    assert all(family.documentation for each in measures.ALL for family in each.collect())


def test_http_times_are_measured_by_route(tmp_path: Path) -> None:
    name = "frontdesk_http_seconds_count"
    labels = {"method": "GET", "route": "/v1/requests/{number}"}
    with http_desk(tmp_path) as desk:
        before = parsed(desk.client("ada").get("/metrics").text)
        desk.client("ada").get("/v1/requests/REQ-1")
        after = parsed(desk.client("ada").get("/metrics").text)
    assert value(after, name, **labels) - value(before, name, **labels) == 1


def test_a_worker_serves_its_numbers_and_its_health_and_nothing_else(shop: Shop) -> None:
    why: list[str | None] = [None]
    with Server(api.aside(shop.database, ready=lambda: why[0])) as server:
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert value(parsed(httpx.get(f"{server.url}/metrics").text), "frontdesk_store_up") == 1
        assert httpx.get(f"{server.url}/v1/requests").status_code == 404
        why[0] = "The database does not answer."
        assert httpx.get(f"{server.url}/readyz").status_code == 503
