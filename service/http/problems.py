"""Every error as RFC 9457 problem+json: the one place where errors become HTTP."""

import itertools
import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from model.errors import NamesmithError, UnknownCharacterError, UnsatisfiableError
from service.telemetry.metrics import REFUSALS, count

MEDIA_TYPE = "application/problem+json"
MAX_ECHO = 64
MAX_ERRORS = 16
_NEW_PHRASES = {  # RFC 9110, not yet in Python 3.11
    413: "Content Too Large",
    414: "URI Too Long",
    422: "Unprocessable Content",
}
_BRANCHES = ("body", "query", "path", "header")

log = logging.getLogger("namesmith")


class FieldError(BaseModel):
    pointer: str = Field(description="JSON pointer to the field, in the body or among the query parameters.")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="What kind of problem; stable, for programs.", examples=["validation"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str
    errors: list[FieldError] = []
    request_id: str


class ProblemError(HTTPException):
    """A problem raised by the service itself. An HTTPException, so that FastAPI lets it through anywhere."""

    def __init__(
        self,
        status: int,
        problem_type: str,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.problem_type = problem_type
        self.errors = list(errors)


def field_problem(pointer: str, detail: str, problem_type: str = "validation") -> ProblemError:
    """A 422 about one field."""
    return ProblemError(
        422, problem_type, f"{pointer or 'the body'}: {detail}", [FieldError(pointer=pointer, detail=detail)]
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _title(status), "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Registers the translation of every error."""

    @app.exception_handler(ProblemError)
    async def own(request: Request, error: ProblemError) -> JSONResponse:
        return respond(request, error.status_code, error.problem_type, error.detail, error.errors, error.headers)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = error.errors()
        errors = [FieldError(pointer=_pointer(fault["loc"]), detail=_explain(fault)) for fault in faults[:MAX_ERRORS]]
        more = "" if len(faults) <= MAX_ERRORS else f" (and {len(faults) - MAX_ERRORS} more)"
        first = errors[0]
        detail = f"{first.pointer or 'the request'}: {first.detail}" + more
        return respond(request, 422, "validation", detail, errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        title = _title(error.status_code)
        problem_type = title.lower().replace(" ", "-")
        detail = title if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
        headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
        return respond(request, error.status_code, problem_type, _clip(detail, 300), headers=headers)

    translate(app, UnsatisfiableError, 422, "unsatisfiable")
    translate(app, UnknownCharacterError, 422, "unknown-character")

    @app.exception_handler(NamesmithError)
    async def domain(request: Request, error: NamesmithError) -> JSONResponse:
        log.error("unexpected domain error: %s", error)
        return respond(request, 500, "internal", "the service failed to answer; the log has the reason")

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: ClientDisconnect) -> JSONResponse:
        return respond(request, 400, "incomplete-body", "the body ended before its length")  # nobody reads it

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> JSONResponse:
        return respond(request, 500, "internal", "the service failed to answer; the log has the reason")


def _allowed(request: Request) -> str:
    """The methods of all routes of a path: Starlette names those of the first one alone."""
    routes = [route for router in request.app.state.routers for route in router.routes]
    methods = {method for route in routes if route.matches(request.scope)[0] != Match.NONE for method in route.methods}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def translate(app: FastAPI, error_type: type[Exception], status: int, problem_type: str) -> None:
    """Makes a domain error answer with `status`, its message as the detail."""

    async def handler(request: Request, error: Exception) -> JSONResponse:
        return respond(request, status, problem_type, str(error))

    app.add_exception_handler(error_type, handler)


def respond(
    request: Request,
    status: int,
    problem_type: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer that tells a problem; `problem_type` is one of the service's own words."""
    count(REFUSALS, problem_type)
    request_id = request.scope.get("request_id", "")
    problem = Problem(
        type=problem_type,
        title=_title(status),
        status=status,
        detail=detail,
        errors=list(errors),
        request_id=request_id,
    )
    all_headers = {**(headers or {}), "X-Request-ID": request_id}
    return JSONResponse(problem.model_dump(), status, headers=all_headers, media_type=MEDIA_TYPE)


def problem_json(status: int, problem_type: str, detail: str, request_id: str) -> bytes:
    """A problem met where there is no request yet."""
    problem = Problem(
        type=problem_type, title=_title(status), status=status, detail=_clip(detail, 300), request_id=request_id
    )
    return problem.model_dump_json().encode()


def _title(status: int) -> str:
    return _NEW_PHRASES.get(status, HTTPStatus(status).phrase)


def _explain(error: Mapping[str, Any]) -> str:
    """pydantic's message, or a plainer one; it never holds the input."""
    if error["type"] == "extra_forbidden":
        return "is not a field of this request"
    if error["type"] == "model_attributes_type":
        return "send a JSON object"
    return _clip(error["msg"])


def _pointer(location: Iterable[int | str]) -> str:
    parts = list(location)
    if parts and parts[0] in _BRANCHES:
        parts = parts[1:]
    return "".join("/" + _clip(str(part), MAX_ECHO).replace("~", "~0").replace("/", "~1") for part in parts)


def _clip(text: str, limit: int = 200) -> str:
    """Text that can be encoded and is short, in bytes of JSON, whatever a client sent."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    sizes = itertools.accumulate(len(json.dumps(char, ensure_ascii=False).encode()) - 2 for char in clean[: limit + 1])
    kept = sum(size <= limit for size in sizes)
    return clean if kept == len(clean) else clean[: max(0, kept - 3)] + "..."
