"""What is being done here and now, for logs and traces: the request, the step, the delivery. Never an answer.

Logs are the standard library's: a context that each line ends with, and one line of JSON if that is wanted. Traces are
OpenTelemetry's, where an endpoint is set; without one nothing of it is imported and a span costs nothing.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from bot.errors import Misconfigured

_ENDPOINT, _INSTALL = "OTEL_EXPORTER_OTLP_ENDPOINT", "pip install 'frontdesk[tracing]', or unset it."
_NOISY = ("httpcore", "httpx", "apscheduler", "alembic", "opentelemetry")

_doing: ContextVar[dict[str, str] | None] = ContextVar("doing", default=None)


@contextmanager
def doing(**named: object) -> Iterator[None]:
    """Each line that is logged in the block names these too, and what `note` adds."""
    token = _doing.set({**context(), **{name: str(value) for name, value in named.items() if value is not None}})
    try:
        yield
    finally:
        _doing.reset(token)


def note(**named: object) -> None:
    """What has become known of what is being done; also in threads that were handed its context."""
    now = _doing.get()
    if now is not None:
        now.update({name: str(value) for name, value in named.items()})


def context() -> Mapping[str, str]:
    """What is being done here."""
    return _doing.get() or {}


# Logs


class Plain(logging.Formatter):
    """For people: the line, and what it is about in brackets."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        about = " ".join(f"{name}={value}" for name, value in context().items())
        return super().formatMessage(record) + (f" [{about}]" if about else "")


class Json(logging.Formatter):
    """For machines: one object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **context(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(kind: str) -> None:
    """`plain` or `json` lines on standard error, from this whole process."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if kind == "json" else Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("slack_bolt").setLevel(logging.ERROR)  # it warns of SLACK_BOT_TOKEN, which it need not read


# Traces


class _Tracing:
    """OpenTelemetry, once it is configured."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - only where it is configured
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        self.provider = provider
        self.tracer = provider.get_tracer("frontdesk")
        self.current: Callable[[], Any] = trace.get_current_span
        self.carrier = TraceContextTextMapPropagator()

    def parent(self, traceparent: str | None) -> Any:
        return self.carrier.extract({"traceparent": traceparent}) if traceparent else None

    def traceparent(self) -> str | None:
        carried: dict[str, str] = {}
        self.carrier.inject(carried)
        return carried.get("traceparent")


_tracing: _Tracing | None = None


def configure_traces(endpoint: str, version: str) -> None:
    """Send traces to `endpoint`, if there is one; the SDK reads the other OTEL_ variables. Raises Misconfigured without it."""
    if not endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ImportError:
        raise Misconfigured(
            "is set, but OpenTelemetry's SDK is not installed.", where=_ENDPOINT, hint=_INSTALL
        ) from None
    ours = Resource({"service.name": "frontdesk", "service.version": version})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
    traces = f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=traces)))
    use_traces(provider)


def use_traces(provider: Any | None) -> None:
    """Take this provider of OpenTelemetry's SDK from now on; None: no traces."""
    global _tracing  # noqa: PLW0603 - one for the process, as the context is
    _tracing = _Tracing(provider) if provider is not None else None


def end_traces() -> None:
    """Send what has not been sent."""
    if _tracing is not None:
        _tracing.provider.shutdown()


def tracing() -> bool:
    """Whether anybody wants traces."""
    return _tracing is not None


def span(name: str, parent: str | None = None, **attributes: str | int | None) -> AbstractContextManager[None]:
    """Part of a trace: below `parent` (W3C's traceparent) if there is one, else below what is being done."""
    return nullcontext() if _tracing is None else _traced(_tracing, name, parent, attributes)


@contextmanager
def _traced(
    tracing: _Tracing, name: str, parent: str | None, attributes: Mapping[str, str | int | None]
) -> Iterator[None]:
    kept = {f"frontdesk.{key}": value for key, value in attributes.items() if value is not None}
    above = tracing.parent(parent)
    # An exception's words may quote an answer: they stay in the log.
    with tracing.tracer.start_as_current_span(
        name, context=above, attributes=kept, record_exception=False, set_status_on_exception=False
    ):
        yield


def result(outcome: str) -> None:
    """What came of what is being done."""
    if _tracing is not None:
        _tracing.current().set_attribute("frontdesk.outcome", outcome)


def traceparent() -> str | None:
    """What is being done, for whoever goes on with it elsewhere (W3C Trace Context)."""
    return _tracing.traceparent() if _tracing is not None else None
