"""`/metrics`: the process's own numbers, and how many requests were answered how."""

from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def registry() -> CollectorRegistry:
    """A registry of this application alone, with the process's numbers in it."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made


class Counted:
    """Counts answers by method, route and status; a route is its pattern, so that nobody can make up labels."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        labels = ["method", "route", "status"]
        self.answers = Counter("frontdesk_http_requests", "HTTP requests answered", labels, registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "(none)")
                method = scope["method"] if scope["method"] in _METHODS else "(other)"
                self.answers.labels(method, route, str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
