"""Puts the service together: settings in, ASGI application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from service import problems
from service.catalog import UnknownModelError
from service.fast_lane import FastLane
from service.pages import page_routes
from service.problems import FieldError, Problem
from service.request_id import RequestIdMiddleware
from service.routes import router
from service.settings import Settings
from service.swapping import started
from service.watcher import Watcher

DESCRIPTION = "Invents names and tells how likely a name is, with a small character-level network."


class Application(FastAPI):
    """FastAPI with two layers around it: the request id, and the fast lane, which is only fast outside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.around: ASGIApp = RequestIdMiddleware(FastLane(super().__call__))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.around(scope, receive, send)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Models are loaded when it starts, never at import."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        swapper = await run_in_threadpool(started, settings)
        app.state.catalog = swapper.catalog
        watcher = Watcher(swapper, settings.poll_seconds)
        watcher.start()
        yield
        await run_in_threadpool(watcher.stop)

    app = Application(
        title="namesmith", version="0.1.0", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.settings = settings
    app.state.draining = False
    app.include_router(router)
    app.include_router(page_routes())
    problems.install(app)
    problems.translate(app, UnknownModelError, 404, "unknown-model")
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's schema with its own shape of errors replaced by that of problems; made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = schema["components"]["schemas"]
        for shape in (Problem, FieldError):
            components[shape.__name__] = shape.model_json_schema(ref_template="#/components/schemas/{model}")
            components[shape.__name__].pop("$defs", None)
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        for path in schema["paths"].values():
            for operation in path.values():
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]  # added by FastAPI to any path with a parameter
        app.openapi_schema = schema
    return app.openapi_schema
