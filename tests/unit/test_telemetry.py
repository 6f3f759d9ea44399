"""What a log line says beside its words, as people and as machines read it; and that traces cost nothing unasked."""

import json
import logging
import subprocess
import sys
import threading
from contextvars import copy_context

import pytest

from bot import telemetry
from bot.errors import Misconfigured


@pytest.fixture
def record() -> logging.LogRecord:
    return logging.LogRecord("bot.worker", logging.INFO, __file__, 1, "%s waits\nfor you", ("REQ-1",), None)


def test_a_plain_line_ends_with_what_it_is_about(record: logging.LogRecord) -> None:
    with telemetry.doing(request="REQ-12", step="ticket", delivery=None):
        said = telemetry.Plain().format(record)
    assert said.endswith("INFO bot.worker: REQ-1 waits\nfor you [request=REQ-12 step=ticket]")
    assert telemetry.Plain().format(record).endswith("for you")


def test_a_line_for_machines_is_one_object_on_one_line(record: logging.LogRecord) -> None:
    try:
        int("it broke")
    except ValueError:
        record.exc_info = sys.exc_info()
    with telemetry.doing(request="REQ-12"), telemetry.doing(delivery=7):
        line = telemetry.Json().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("info", "bot.worker", "REQ-1 waits\nfor you")
    assert (said["request"], said["delivery"]) == ("REQ-12", "7")
    assert "ValueError: invalid literal" in said["error"]
    assert said["at"].endswith("+00:00")


def test_what_becomes_known_later_is_named_too_also_in_a_thread_with_the_context() -> None:
    with telemetry.doing(request="REQ-12"):
        thread = threading.Thread(target=copy_context().run, args=(lambda: telemetry.note(person=3),))
        thread.start()
        thread.join()
        assert telemetry.context() == {"request": "REQ-12", "person": "3"}
    assert telemetry.context() == {}
    telemetry.note(person=3)  # outside of anything it is nobody's
    assert telemetry.context() == {}


def test_a_context_inside_another_does_not_change_it() -> None:
    with telemetry.doing(request="REQ-1"):
        with telemetry.doing(step="one"):
            telemetry.note(person=1)
        assert telemetry.context() == {"request": "REQ-1"}


def test_without_an_endpoint_nothing_of_opentelemetrys_sdk_is_imported() -> None:
    code = (
        "import sys; from bot import telemetry\n"
        "telemetry.configure_traces('', '1')\n"
        "with telemetry.span('step'): assert telemetry.traceparent() is None\n"
        "assert not telemetry.tracing()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_sdk_is_said_at_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Misconfigured, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*frontdesk\[tracing\]"):
        telemetry.configure_traces("http://127.0.0.1:4318", "1")
