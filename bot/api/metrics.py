"""`/metrics`: the process's own numbers, how calls were answered, and what waits in the store at this moment."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import measures, telemetry
from bot.errors import Unavailable
from bot.store import gauges
from bot.store.database import Database

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def registry(database: Database) -> CollectorRegistry:
    """A registry of this application alone, with the process's numbers and the store's in it."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    for each in (*measures.ALL, _Store(database)):
        made.register(each)
    return made


class _Store(Collector):
    """Asks the store when somebody asks; says so where it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing, so that nobody asks the store while an application is built."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges."""
        up = GaugeMetricFamily("frontdesk_store_up", "Whether the database answers")
        try:
            found = gauges.read(self._database)
        except Unavailable:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *_families(found)]


def _families(found: gauges.Gauges) -> list[GaugeMetricFamily]:
    by_name = {
        ("frontdesk_steps", "Steps that are not done", "state"): found.steps,
        ("frontdesk_requests_open", "Requests that are not over", "state"): found.requests,
        ("frontdesk_deliveries_waiting", "What is still to be said", "kind"): found.waiting,
        ("frontdesk_processes", "Processes that gave a sign of life in the last minute", "parts"): found.alive,
    }
    families = []
    for (name, about, label), counts in by_name.items():
        family = GaugeMetricFamily(name, about, labels=[label])
        for key, count in sorted(counts.items()):
            family.add_metric([key], count)
        families.append(family)
    plain = [
        ("frontdesk_steps_due", "Steps that could run now", found.due),
        ("frontdesk_steps_oldest_due_seconds", "How long the first of them has waited", found.oldest_due),
        ("frontdesk_requests_parked", "Requests that need a person of the platform", found.requests.get("parked", 0)),
        ("frontdesk_deliveries_given_up", "What could never be said", found.given_up),
        (
            "frontdesk_deliveries_oldest_seconds",
            "How long the first that could go out has waited",
            found.oldest_waiting,
        ),
        ("frontdesk_cards_dirty", "Cards that show less than is so", found.dirty_cards),
    ]
    return families + [GaugeMetricFamily(name, about, value=value) for name, about, value in plain]


class Counted:
    """Counts and times answers by method and route; a route is its pattern, so that nobody can make up labels."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        labels = ["method", "route", "status"]
        self.answers = Counter("frontdesk_http_requests", "HTTP requests answered", labels, registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        began = time.monotonic()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "(none)")
                self.answers.labels(method, route, str(message["status"])).inc()
                measures.HTTP_SECONDS.labels(method, route).observe(time.monotonic() - began)
            await send(message)

        with telemetry.doing(), telemetry.span(f"HTTP {method}", _traceparent(scope)):
            await self.app(scope, receive, counting)


def _traceparent(scope: Scope) -> str | None:
    found = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
    return found.decode("latin-1") if found else None
