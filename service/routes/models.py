"""The endpoints that tell what is served."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from service.answers import explore
from service.catalog.catalog import Catalog
from service.http.openapi import PIN
from service.http.problems import documented
from service.http.responses import ModelInfo, ModelsResponse
from service.http.strict_json import StrictRoute
from service.routes import reports
from service.routes.readiness import catalog_for, whole_catalog

router = APIRouter(route_class=StrictRoute, tags=["models"])
_INFO = documented(401, 404, 409, 422, 429, 500, 503)


@router.get("/models", responses=documented(401, 429, 500, 503))
async def list_models(request: Request) -> ModelsResponse:
    """The models being served."""
    return await run_in_threadpool(_described, await whole_catalog(request))


def _described(catalog: Catalog) -> ModelsResponse:
    return ModelsResponse(default=catalog.default, models=[explore.describe(model) for model in catalog.models])


@router.get("/models/{name}", responses=_INFO, openapi_extra=PIN)
async def get_model(request: Request, response: Response, name: str) -> ModelInfo:
    """One model: layers, vocabulary, losses, where it came from."""
    catalog = await catalog_for(request, name)
    info = await run_in_threadpool(explore.describe, catalog.published(name))
    response.headers["X-Model-Digest"] = info.digest
    return info


@router.get("/models/{name}/report", responses=reports.DOCUMENTED, response_class=HTMLResponse, openapi_extra=PIN)
async def get_report(request: Request, name: str) -> Response:
    """The training report of a model: one page of HTML that loads nothing."""
    catalog = await catalog_for(request, name)
    return await run_in_threadpool(reports.answer, catalog.published(name), request.headers.get("if-none-match"))
