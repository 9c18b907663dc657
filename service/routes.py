"""The HTTP endpoints. Answers that take more than a millisecond are made in worker threads, so that they delay
no other."""

from collections.abc import AsyncIterator
from itertools import chain, islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from model.spelling import Form
from service import answers, draws, reports, scores
from service.catalog import Catalog
from service.following import FollowedDraw
from service.negotiation import preferred
from service.problems import MAX_ERRORS, FieldError, ProblemError, documented
from service.readiness import RETRY, check_draining, check_generation
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
from service.schemas import (
    MAX_FOLLOWED,
    MAX_STREAMED,
    LossQuery,
    LossRequest,
    NextQuery,
    SampleQuery,
    SampleRequest,
    StreamQuery,
    TopQuery,
)
from service.strict_json import StrictRoute, direct

router = APIRouter(route_class=StrictRoute)
_BEGUN = 2
"""Parts of a stream that are made before it begins: what fails then is still a problem."""
_JSON = "application/json"
_FORMS = {
    _JSON: Form.JSON,
    "application/x-ndjson": Form.NDJSON,
    "text/csv": Form.CSV,
    "text/plain": Form.LINES,
}
_STREAMED: dict[str, Any] = {media_type: {"schema": {"type": "string"}} for media_type in _FORMS if media_type != _JSON}
_NAMES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The names, in the form that Accept asks for.", "content": _STREAMED}
}
Answer = TypeVar("Answer", TopResponse, NextResponse)
_QUERY = documented(404, 422, 500, 503)
_BODY = documented(400, 404, 413, 415, 422, 500, 503)
_INFO = documented(404, 500, 503)


@router.get("/sample", tags=["names"], responses=_NAMES | _QUERY, response_model=SampleResponse)
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return await _sample(request, query)


@router.post("/sample", tags=["names"], responses=_NAMES | _BODY, response_model=SampleResponse)
@direct(SampleRequest)
async def post_sample(request: Request, body: SampleRequest) -> Response:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return await _sample(request, body)


async def _sample(request: Request, asked: SampleRequest) -> Response:
    catalog = _catalog(request)
    form = preferred(", ".join(request.headers.getlist("accept")), _FORMS)
    if form is not Form.JSON:
        return await _stream(catalog, asked, form)
    draw = draws.prepare_at_once(catalog, asked)
    if draw is not None:
        return Response(draw.json(), media_type=_JSON, headers=draw.headers)
    draw = await run_in_threadpool(draws.prepare, catalog, asked)
    return Response(await run_in_threadpool(draw.json), media_type=_JSON, headers=draw.headers)


async def _stream(catalog: Catalog, asked: SampleRequest, form: Form) -> Response:
    """Drawn as the client reads; when it goes away, the next chunk is not drawn."""
    draw = await run_in_threadpool(draws.prepare, catalog, asked, MAX_STREAMED)
    media_type = next(name for name, value in _FORMS.items() if value is form)
    parts = draw.stream(form)
    begun = await run_in_threadpool(list, islice(parts, _BEGUN))
    return StreamingResponse(chain(begun, parts), media_type=media_type, headers=draw.stream_headers)


def _followed(request: Request, response: Response, query: Annotated[StreamQuery, Query()]) -> FollowedDraw:
    """Made before the stream begins, so that what is wrong is still a problem, and headers can still be set."""
    catalog = _catalog(request)
    draw = draws.prepare(catalog, query, MAX_FOLLOWED)
    with catalog.making:
        followed = FollowedDraw(draw)
    response.headers.update(followed.draw.headers)
    return followed


@router.get("/sample/stream", tags=["names"], responses=_QUERY, response_class=EventSourceResponse)
async def stream_sample(followed: Annotated[FollowedDraw, Depends(_followed)]) -> AsyncIterator[ServerSentEvent]:
    """Invents names character by character: the events `start`, `character`, `name` and `done`."""
    async for event in iterate_in_threadpool(followed.events()):
        yield event


@router.get("/loss", tags=["names"], responses=_QUERY, response_model=LossResponse)
async def get_loss(request: Request, query: Annotated[LossQuery, Query()]) -> Response:
    """Tells how likely names are."""
    return await _loss(request, query.as_request(), "name")


@router.post("/loss", tags=["names"], responses=_BODY, response_model=LossResponse)
@direct(LossRequest)
async def post_loss(request: Request, body: LossRequest) -> Response:
    """Tells how likely names are."""
    return await _loss(request, body, "names")


async def _loss(request: Request, asked: LossRequest, field: str) -> Response:
    model, answer = await run_in_threadpool(scores.score, _catalog(request), asked, field)
    return Response(answer, media_type=_JSON, headers={"X-Model-Digest": model.digest})


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


@router.get("/models/{name}/report", tags=["models"], responses=reports.DOCUMENTED, response_class=HTMLResponse)
def get_report(request: Request, name: str) -> Response:
    """The training report of a model: one page of HTML that loads nothing."""
    return reports.answer(_catalog(request).get(name), request.headers.get("if-none-match"))


@router.get("/livez", tags=["health"], responses=documented(500))
async def live() -> Status:
    """The process answers."""
    return Status(status="live")


@router.get("/readyz", tags=["health"], responses=documented(500, 503))
async def ready(request: Request) -> Readiness:
    """At least one model is loaded and can generate, and the service is not about to end."""
    check_draining(request)
    catalog = _catalog(request)
    await check_generation(catalog)
    digests = {model.name: model.digest for model in catalog.models}
    return Readiness(status="ready", models=digests, rejected=catalog.rejected)


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    if not catalog.models:
        detail = "no model is loaded: train one, or mend those that were rejected"
        rejected = [FieldError(pointer=f"/rejected/{name}", detail=why[:200]) for name, why in catalog.rejected.items()]
        raise ProblemError(503, "not-ready", detail, rejected[:MAX_ERRORS], RETRY)
    return catalog


def _digest_header(response: Response, answer: Answer) -> Answer:
    response.headers["X-Model-Digest"] = answer.model.digest
    return answer
