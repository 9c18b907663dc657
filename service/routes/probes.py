"""Whether the service lives, and whether it should be asked. No key is needed."""

from fastapi import APIRouter, Request

from service.http.problems import documented
from service.http.responses import Readiness, Status
from service.http.strict_json import StrictRoute
from service.routes.readiness import check_draining, check_generation, ready_catalog

router = APIRouter(route_class=StrictRoute, tags=["health"])


@router.get("/livez", responses=documented(500))
async def live() -> Status:
    """The process answers."""
    return Status(status="live")


@router.get("/readyz", responses=documented(500, 503))
async def ready(request: Request) -> Readiness:
    """At least one model is loaded and can generate, and the service is not shutting down."""
    check_draining(request)
    catalog = ready_catalog(request)
    await check_generation(catalog)
    digests = {model.name: model.digest for model in catalog.models}
    return Readiness(status="ready", models=digests, rejected=catalog.rejected)
