"""The HTTP endpoints. Work is done in worker threads, so that a long answer delays no other."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from service import answers
from service.catalog import Catalog
from service.problems import MAX_ERRORS, FieldError, ProblemError, documented
from service.replies import (
    LossResponse,
    ModelInfo,
    ModelsResponse,
    NextResponse,
    Readiness,
    SampleResponse,
    Status,
    TopResponse,
)
from service.schemas import LossQuery, LossRequest, NextQuery, SampleQuery, SampleRequest, TopQuery
from service.strict_json import StrictRoute

router = APIRouter(route_class=StrictRoute)
_RETRY_SECONDS = "5"
Answer = TypeVar("Answer", SampleResponse, LossResponse, TopResponse, NextResponse)
_QUERY = documented(404, 422, 500, 503)
_BODY = documented(400, 404, 413, 415, 422, 500, 503)
_INFO = documented(404, 500, 503)


@router.get("/sample", tags=["names"], responses=_QUERY)
def get_sample(request: Request, response: Response, query: Annotated[SampleQuery, Query()]) -> SampleResponse:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return _digest_header(response, answers.sample(_catalog(request), query))


@router.post("/sample", tags=["names"], responses=_BODY)
def post_sample(request: Request, response: Response, body: SampleRequest) -> SampleResponse:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return _digest_header(response, answers.sample(_catalog(request), body))


@router.get("/loss", tags=["names"], responses=_QUERY)
def get_loss(request: Request, response: Response, query: Annotated[LossQuery, Query()]) -> LossResponse:
    """Tells how likely names are."""
    return _digest_header(response, answers.score(_catalog(request), query.as_request(), "name"))


@router.post("/loss", tags=["names"], responses=_BODY)
def post_loss(request: Request, response: Response, body: LossRequest) -> LossResponse:
    """Tells how likely names are."""
    return _digest_header(response, answers.score(_catalog(request), body))


@router.get("/top", tags=["names"], responses=_QUERY)
def get_top(request: Request, response: Response, query: Annotated[TopQuery, Query()]) -> TopResponse:
    """The most probable names that meet the constraints, in order."""
    return _digest_header(response, answers.top(_catalog(request), query))


@router.get("/next", tags=["names"], responses=_QUERY)
def get_next(request: Request, response: Response, query: Annotated[NextQuery, Query()]) -> NextResponse:
    """The distribution of the next character after a beginning."""
    return _digest_header(response, answers.following(_catalog(request), query))


@router.get("/models", tags=["models"], responses=documented(500))
def list_models(request: Request) -> ModelsResponse:
    """The models being served."""
    catalog: Catalog = request.app.state.catalog
    return ModelsResponse(default=catalog.default, models=[answers.describe(model) for model in catalog.models])


@router.get("/models/{name}", tags=["models"], responses=_INFO)
def get_model(request: Request, response: Response, name: str) -> ModelInfo:
    """One model: layers, vocabulary, losses, where it came from."""
    info = answers.describe(_catalog(request).get(name))
    response.headers["X-Model-Digest"] = info.digest
    return info


@router.get("/livez", tags=["health"], responses=documented(500))
async def live() -> Status:
    """The process answers."""
    return Status(status="live")


@router.get("/readyz", tags=["health"], responses=documented(500, 503))
async def ready(request: Request) -> Readiness:
    """At least one model is loaded and can generate."""
    catalog = _catalog(request)
    digests = {model.name: model.digest for model in catalog.models}
    return Readiness(status="ready", models=digests, rejected=catalog.rejected)


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    return RedirectResponse("/docs")


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    if not catalog.models:
        detail = "no model is loaded: train one, or mend those that were rejected"
        rejected = [FieldError(pointer=f"/rejected/{name}", detail=why[:200]) for name, why in catalog.rejected.items()]
        raise ProblemError(503, "not-ready", detail, rejected[:MAX_ERRORS], {"Retry-After": _RETRY_SECONDS})
    return catalog


def _digest_header(response: Response, answer: Answer) -> Answer:
    response.headers["X-Model-Digest"] = answer.model.digest
    return answer
