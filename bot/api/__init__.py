"""Door: HTTP. No rule of the business is decided here; each route is one call of the service.

problems   what goes wrong, as problem+json
limits     how large a body may be
reading    what counts as JSON
schemas    the shapes that go in and out
routes     /v1
incoming   where other systems call
openapi    the published description, with a typed operation for each offering
metrics    /metrics
"""

import threading
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from typing_extensions import override

from bot.api import incoming, metrics, problems
from bot.api.limits import MEBIBYTE, BodyLimit
from bot.api.openapi import with_offerings
from bot.api.routes import router
from bot.catalogue import Catalogue
from bot.news import Newsroom
from bot.service import Service
from bot.store.database import Database

__all__ = ["BodyLimit", "aside", "build"]


def build(service: Service, newsroom: Newsroom | None = None, *, ready: Callable[[], str | None]) -> FastAPI:
    """The application. `ready` says why this process is not ready yet, or None when it is.

    `newsroom` hears the systems that call.
    """
    app = _Described(service.catalogue)
    app.state.service = service
    numbers = metrics.registry(service.database)
    problems.install(app)
    app.include_router(router)
    if newsroom:
        incoming.install(app, newsroom)

    _watched(app, numbers, ready)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=MEBIBYTE, refuse=problems.too_large)
    app.add_middleware(problems.Unexpected)
    app.add_middleware(metrics.Counted, registry=numbers)
    return app


class _Described(FastAPI):
    """Describes itself when it is asked for the first time: that takes as long as all else that is built at the start."""

    def __init__(self, catalogue: Catalogue) -> None:
        # Without the pages that explain it: they load from elsewhere.
        super().__init__(title="Frontdesk", version="1", docs_url=None, redoc_url=None)
        self._catalogue, self._describing = catalogue, threading.Lock()
        self._document: dict[str, Any] | None = None

    @override
    def openapi(self) -> dict[str, Any]:
        with self._describing:
            if self._document is None:
                self._document = with_offerings(super().openapi(), self._catalogue)
        return self._document


def aside(database: Database, *, ready: Callable[[], str | None]) -> FastAPI:
    """What a worker serves: whether it is well, and its numbers."""
    app = FastAPI(title="Frontdesk's worker", docs_url=None, redoc_url=None, openapi_url=None)
    _watched(app, metrics.registry(database), ready)
    return app


def _watched(app: FastAPI, numbers: CollectorRegistry, ready: Callable[[], str | None]) -> None:
    @app.get("/healthz", include_in_schema=False)
    def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        why_not = ready()
        return problems.problem(503, why_not) if why_not else JSONResponse({"status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    def measured() -> Response:
        return Response(generate_latest(numbers), media_type=CONTENT_TYPE_LATEST)
