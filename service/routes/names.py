"""The endpoints that answer with names. Answers that take more than a millisecond are made in worker threads, so that
they delay no other. Each waits for its turn before anything is done for it."""

from functools import partial
from itertools import chain, islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from model.text.spelling import Form
from service.admission import costs, entrance
from service.admission.streams import HeldStream
from service.answers import explore, loss, sample
from service.answers.stream import FollowedDraw
from service.catalog.catalog import Catalog
from service.http.negotiation import preferred
from service.http.openapi import PIN
from service.http.problems import documented
from service.http.requests import (
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
from service.http.responses import LossResponse, NextResponse, SampleResponse, TopResponse
from service.http.strict_json import StrictRoute, direct
from service.routes.readiness import catalog_for

router = APIRouter(route_class=StrictRoute, tags=["names"])
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
_EVENT_STREAM = "text/event-stream"
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {_EVENT_STREAM: {"schema": {}}}}
}
_UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""So that each event is shown as it comes: no proxy keeps or collects them."""
Answer = TypeVar("Answer", TopResponse, NextResponse)
_QUERY = documented(401, 404, 409, 422, 429, 500, 503)
_BODY = documented(400, 401, 404, 409, 413, 415, 422, 429, 500, 503)


@router.get("/sample", openapi_extra=PIN, responses=_NAMES | _QUERY, response_model=SampleResponse)
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return await _sample(request, query)


@router.post("/sample", openapi_extra=PIN, responses=_NAMES | _BODY, response_model=SampleResponse)
@direct(SampleRequest)
async def post_sample(request: Request, body: SampleRequest) -> Response:
    """Invents names. The same seed and settings give the same names with the same model digest."""
    return await _sample(request, body)


async def _sample(request: Request, asked: SampleRequest) -> Response:
    catalog = await catalog_for(request, asked.model)
    form = preferred(", ".join(request.headers.getlist("accept")), _FORMS)
    if form is not Form.JSON:
        return await _stream(request, catalog, asked, form)
    sample.check_number(asked)
    model, sampler = await entrance.sampler(request, catalog, asked, asked.n, "/n")
    run = entrance.run_here if sample.is_short(asked) else run_in_threadpool
    async with entrance.turn(request, costs.of_sample(asked)):
        draw = await run(sample.prepare_with, model, sampler, asked)
        charged = entrance.charge(request, draw.count, "/n")
        body = await run(draw.json)
    return Response(body, media_type=_JSON, headers={**draw.headers, **charged})


async def _stream(request: Request, catalog: Catalog, asked: SampleRequest, form: Form) -> Response:
    """Drawn as the client reads; when it goes away, the next chunk is not drawn."""
    sample.check_number(asked, MAX_STREAMED)
    held = HeldStream(request.app.state.streams)
    with held:
        model, sampler = await entrance.sampler(request, catalog, asked, asked.n, "/n")
        async with entrance.turn(request, costs.of_begun_stream(asked)):
            draw = await run_in_threadpool(sample.prepare_with, model, sampler, asked)
            charged = entrance.charge(request, draw.count, "/n")
            parts = draw.stream(form)
            begun = await run_in_threadpool(list, islice(parts, _BEGUN))
        media_type = next(name for name, value in _FORMS.items() if value is form)
        return held.response(chain(begun, parts), media_type, {**draw.stream_headers, **charged})


@router.get("/sample/stream", openapi_extra=PIN, responses=_EVENTS | _QUERY, response_class=Response)
async def stream_sample(request: Request, query: Annotated[StreamQuery, Query()]) -> Response:
    """Invents names character by character: the events `start`, `character`, `name` and `done`."""
    catalog = await catalog_for(request, query.model)
    sample.check_number(query, MAX_FOLLOWED)
    held = HeldStream(request.app.state.streams)
    with held:
        model, sampler = await entrance.sampler(request, catalog, query, query.n, "/n")
        async with entrance.turn(request, costs.of_begun_stream(query)):
            draw = await run_in_threadpool(sample.prepare_with, model, sampler, query)
        followed = await entrance.make(request, partial(FollowedDraw, draw))
        charged = entrance.charge(request, draw.count, "/n")
        return held.response(followed.events(), _EVENT_STREAM, {**draw.headers, **charged, **_UNBUFFERED})


@router.get("/loss", openapi_extra=PIN, responses=_QUERY, response_model=LossResponse)
async def get_loss(request: Request, query: Annotated[LossQuery, Query()]) -> Response:
    """Scores how likely names are."""
    return await _loss(request, query.as_request(), "name")


@router.post("/loss", openapi_extra=PIN, responses=_BODY, response_model=LossResponse)
@direct(LossRequest)
async def post_loss(request: Request, body: LossRequest) -> Response:
    """Scores how likely names are."""
    return await _loss(request, body, "names")


async def _loss(request: Request, asked: LossRequest, field: str) -> Response:
    catalog = await catalog_for(request, asked.model)
    entrance.check_quota(request, len(asked.names), f"/{field}")
    model = await entrance.model(request, catalog, asked.model)
    async with entrance.turn(request, costs.of_loss(asked)):
        answer = await run_in_threadpool(loss.score, model, asked, field)
    charged = entrance.charge(request, len(asked.names), f"/{field}")
    return Response(answer, media_type=_JSON, headers={"X-Model-Digest": model.digest, **charged})


@router.get("/top", openapi_extra=PIN, responses=_QUERY)
async def get_top(request: Request, response: Response, query: Annotated[TopQuery, Query()]) -> TopResponse:
    """The most probable names that meet the constraints, in order."""
    catalog = await catalog_for(request, query.model)
    model, sampler = await entrance.sampler(request, catalog, query, query.k, "/k")
    async with entrance.turn(request, costs.of_top(query)):
        answer = await run_in_threadpool(explore.top, model, sampler, query)
    response.headers.update(entrance.charge(request, len(answer.names), "/k"))
    return _digest_header(response, answer)


@router.get("/next", openapi_extra=PIN, responses=_QUERY)
async def get_next(request: Request, response: Response, query: Annotated[NextQuery, Query()]) -> NextResponse:
    """The distribution of the next character after a beginning."""
    catalog = await catalog_for(request, query.model)
    entrance.check_quota(request, 1, "/context")
    model = await entrance.model(request, catalog, query.model)
    async with entrance.turn(request, costs.OF_NEXT):
        answer = await run_in_threadpool(explore.following, model, query)
    response.headers.update(entrance.charge(request, 1, "/context"))
    return _digest_header(response, answer)


def _digest_header(response: Response, answer: Answer) -> Answer:
    response.headers["X-Model-Digest"] = answer.model.digest
    return answer
