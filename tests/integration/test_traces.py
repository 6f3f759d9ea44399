"""A trace for each request: from the door over its submission to each attempt of a step and each delivery."""

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot import telemetry
from bot.errors import TemporaryError
from bot.store import tables
from tests.conftest import Clock
from tests.integration.http_desk import http_desk
from tests.integration.office import opened
from tests.integration.test_worker import Shop

trace = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed: the extra tracing")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture
def spans() -> Iterator[Any]:
    """What was traced, as the SDK keeps it in memory."""
    kept = memory.InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    telemetry.use_traces(provider)
    yield kept
    telemetry.use_traces(None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def named(spans: Any, name: str) -> list[Any]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_a_request_is_one_trace_from_its_door_to_its_last_delivery(spans: Any, store_url: str, clock: Clock) -> None:
    shop = Shop(store_url, clock)
    with telemetry.span("HTTP POST"):
        number = shop.ask()
    shop.service.approve(shop.grace, number)
    shop.handler.answers = [TemporaryError("later", delay=1)]
    assert shop.engine.turn()
    clock.forward(seconds=2)
    assert shop.engine.turn()
    shop.send()
    (door,) = named(spans, "HTTP POST")
    first, second = named(spans, "step")
    assert {span.context.trace_id for span in spans.get_finished_spans()} == {door.context.trace_id}
    assert all(span.parent.span_id == door.context.span_id for span in (first, second, *named(spans, "delivery")))
    assert [span.attributes["frontdesk.outcome"] for span in (first, second)] == ["again", "done"]
    assert [span.attributes["frontdesk.attempt"] for span in (first, second)] == [1, 2]
    assert dict(first.attributes)["frontdesk.request"] == number
    assert {span.attributes["frontdesk.kind"] for span in named(spans, "delivery")} >= {"message", "note", "card"}
    (row,) = shop.rows(tables.Request)
    assert row.traceparent.startswith(f"00-{door.context.trace_id:032x}-{door.context.span_id:016x}-")
    shop.database.close()


def test_a_caller_over_http_goes_on_with_its_own_trace(spans: Any, tmp_path: Path) -> None:
    theirs = f"00-{'ab' * 16}-{'cd' * 8}-01"
    body = {"form": {"name": "orders"}}
    with http_desk(tmp_path) as desk:
        answer = desk.client("ada").post("/v1/offerings/database/requests", json=body, headers={"traceparent": theirs})
        assert answer.status_code == 201, answer.text
        with desk.desk.database.read() as session:
            stored = session.get(tables.Request, 1)
    assert stored is not None
    assert stored.traceparent is not None
    assert stored.traceparent.startswith(f"00-{'ab' * 16}-")
    assert stored.traceparent != theirs


def test_a_form_in_slack_begins_a_trace(spans: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.ask(office.ada)
        office.until(lambda: named(spans, "step") and named(spans, "delivery"))
    (door,) = named(spans, "Slack view_submission")
    assert {span.context.trace_id for span in named(spans, "step")} == {door.context.trace_id}


def test_what_comes_after_an_acknowledgement_belongs_to_it_in_traces_and_logs(
    spans: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[dict[str, str]] = []
    handler = logging.Handler(logging.ERROR)
    monkeypatch.setattr(handler, "emit", lambda _record: contexts.append(dict(telemetry.context())))
    monkeypatch.setattr(logging.getLogger("bot.slack.errors"), "handlers", [handler])

    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.workspace.refuse("views.open", error="internal_error")  # nobody foresaw it, so it is logged
        office.press(office.grace, "reject", number)
        (door,) = office.until(lambda: named(spans, "Slack block_actions"))
        ended = [door.context.span_id]
        office.until(lambda: [s.parent.span_id for s in named(spans, "Slack, acknowledged")][-1:] == ended)
        grace = office.process.service.person(office.grace.me.id)
    assert contexts == [{"request": number, "person": str(grace.id)}]


def test_nothing_that_people_answered_is_in_a_trace(spans: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.ask(office.ada, "/platform request postgres name=canary-orders size=small")
        office.until(lambda: named(spans, "step") and named(spans, "delivery"))
    assert "canary" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_the_words_of_an_error_are_not_in_a_trace(spans: Any) -> None:
    def broken() -> None:
        with telemetry.span("step"):
            raise ValueError("canary")

    with pytest.raises(ValueError, match="canary"):
        broken()
    (span,) = named(spans, "step")
    assert "canary" not in span.to_json()


def test_traces_go_out_by_otlp(store_url: str, clock: Clock) -> None:
    came: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Quiet."""

    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        telemetry.configure_traces(f"http://127.0.0.1:{server.server_port}", "1.2.3")
        shop = Shop(store_url, clock)
        with telemetry.span("HTTP POST"):
            number = shop.ask()
        shop.service.approve(shop.grace, number)
        assert shop.engine.turn()
        telemetry.end_traces()
        shop.database.close()
    finally:
        telemetry.use_traces(None)
        server.shutdown()
        thread.join()
        server.server_close()
    assert {path for path, _ in came} == {"/v1/traces"}
    sent = [service.ExportTraceServiceRequest.FromString(body) for _, body in came]
    resources = [each for message in sent for each in message.resource_spans]
    told = {pair.key: pair.value.string_value for pair in resources[0].resource.attributes}
    assert (told["service.name"], told["service.version"]) == ("frontdesk", "1.2.3")
    assert sorted(span.name for each in resources for scope in each.scope_spans for span in scope.spans) == [
        "HTTP POST",
        "step",
    ]
