"""Puts the service together: settings in, ASGI application out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from model.errors import BlendError
from service.access.guard import Guard
from service.access.keys import KeyRing
from service.access.quota import Quota
from service.admission.flights import Flights
from service.admission.limits import Admission
from service.admission.work import Work
from service.catalog.catalog import UnknownModelError, VersionGoneError
from service.catalog.hot_swap import started
from service.catalog.watcher import Watcher
from service.http import problems
from service.http.head import HeadAsGet
from service.http.openapi import description, openapi
from service.routes import exposition, models, names, probes
from service.routes.fast_lane import FastLane
from service.routes.pages import page_routes
from service.settings import Settings
from service.telemetry.exchange import Exchange
from service.telemetry.metric_files import directory
from service.telemetry.tracing import traced

VERSION = "0.1.0"
DESCRIPTION = "Invents names and tells how likely a name is, with a small character-level network."
_QUOTA_FILE = "quota.sqlite"
_ASKED = ["Authorization", "Content-Type", "X-API-Key", "X-Model-Digest", "X-Request-ID", "traceparent"]
_TOLD = [
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Exhausted",
    "X-Model-Digest",
    "X-Probability",
    "X-Request-ID",
    "X-Seed",
]


class Application(FastAPI):
    """FastAPI with layers around it; from the inside: the fast lane, HEAD, keys, origins, what all answers get."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner: ASGIApp = HeadAsGet(FastLane(super().__call__))
        self.around: ASGIApp = self.inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.around(scope, receive, send)


def create_app(settings: Settings | None = None, access_log: bool = False) -> FastAPI:
    """The application. Models are loaded when it starts, never at import. Raises TracingError where traces are asked
    for that cannot be made."""
    settings = settings or Settings()
    endings: list[Callable[[], None]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        swapper = await run_in_threadpool(started, settings)
        app.state.catalog = swapper.catalog
        watcher = Watcher(swapper, settings.poll_seconds)
        watcher.start()
        yield
        await run_in_threadpool(watcher.stop)
        for end in endings:
            await run_in_threadpool(end)

    app = Application(
        title="namesmith",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,  # an address of this service, as it sees itself, may lead nowhere behind a proxy
    )
    app.state.settings = settings
    app.state.draining = False
    app.state.work = Work(settings.max_work_ms, settings.queue_seconds)
    app.state.streams = Admission(settings.max_streams)
    app.state.bodies = Admission(settings.max_bodies_mb << 20)
    app.state.metrics_flights = Flights()
    app.state.quota = _quota(settings)
    app.state.routers = [names.router, models.router, probes.router, exposition.router, description, page_routes()]
    for router in app.state.routers:
        app.include_router(router)
    problems.install(app)
    problems.translate(app, UnknownModelError, 404, "unknown-model")
    problems.translate(app, BlendError, 422, "blend")
    problems.translate(app, VersionGoneError, 409, "version-gone")
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    layered = Exchange(_guarded(app.inner, settings), access_log)
    app.around = layered
    if settings.otlp_endpoint:
        app.around, end = traced(layered, settings.otlp_endpoint, VERSION)
        endings.append(end)
    return app


def _guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    if settings.has_keys:
        app = Guard(app, KeyRing(settings.keys, settings.keys_file), settings.guesses_per_minute)
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app = CORSMiddleware(app, origins, allow_methods=["GET", "POST"], allow_headers=_ASKED, expose_headers=_TOLD)
    return app


def _quota(settings: Settings) -> Quota | None:
    if not settings.quota and not settings.has_keys:
        return None
    shared = directory()
    file = shared / _QUOTA_FILE if shared is not None else None
    return Quota(settings.quota, settings.quota_storage, file, must_count=settings.quota_failure == "closed")
