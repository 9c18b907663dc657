"""The HTTP service as a deployment of Ray Serve: every replica runs the very application that `serve` runs alone.

`serve run service.cluster.serving:application` starts it; deploy/ray/serve.yaml says how many replicas there are.
"""

from typing import Any

from ray import serve
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.app import create_app
from service.catalog.catalog import Catalog
from service.routes.readiness import check_generation
from service.settings import Settings
from service.telemetry import logs

_ID = b"x-request-id"


@serve.deployment(name="namesmith")
@serve.ingress()
class Replica:
    """One process with the models of the stores, which it follows. Settings come from its environment."""

    def __init__(self) -> None:
        settings = Settings()
        logs.set_up(settings.log_format, settings.log_level)
        self._service = create_app(settings)
        self._proxies = settings.trusted_proxies

    def __serve_build_asgi_app__(self) -> Any:
        behind: Any = BehindRay(self._service)
        return ProxyHeadersMiddleware(behind, self._proxies) if self._proxies else behind

    async def check_health(self) -> None:
        """Healthy is what can generate. Ray takes a replica that raises out of service, and starts another."""
        catalog: Catalog = self._service.state.catalog
        if not catalog.models:
            raise RuntimeError(f"no model is loaded; rejected: {catalog.rejected or 'none'}; check the stores")
        await check_generation(catalog)


class BehindRay:
    """ASGI layer: leaves the header with the request's id to Ray's proxy, which puts it on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0] != _ID]
            await send(message)

        await self._app(scope, receive, send_without_id)


application = Replica.bind()  # type: ignore[attr-defined]
"""Nothing is loaded before a replica starts."""
