"""The endpoints that tell what is served."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from service import answers, reports
from service.catalog import Catalog
from service.openapi import PIN
from service.problems import documented
from service.readiness import ready_catalog
from service.replies import ModelInfo, ModelsResponse
from service.strict_json import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["models"])
_INFO = documented(401, 404, 409, 422, 429, 500, 503)


@router.get("/models", responses=documented(401, 429, 500))
def list_models(request: Request) -> ModelsResponse:
    """The models being served."""
    catalog: Catalog = request.app.state.catalog
    return ModelsResponse(default=catalog.default, models=[answers.describe(model) for model in catalog.models])


@router.get("/models/{name}", responses=_INFO, openapi_extra=PIN)
def get_model(request: Request, response: Response, name: str) -> ModelInfo:
    """One model: layers, vocabulary, losses, where it came from."""
    info = answers.describe(ready_catalog(request).published(name))
    response.headers["X-Model-Digest"] = info.digest
    return info


@router.get("/models/{name}/report", responses=reports.DOCUMENTED, response_class=HTMLResponse, openapi_extra=PIN)
def get_report(request: Request, name: str) -> Response:
    """The training report of a model: one page of HTML that loads nothing."""
    return reports.answer(ready_catalog(request).published(name), request.headers.get("if-none-match"))
