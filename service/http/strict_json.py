"""Request bodies, read within a limit and parsed to the letter of the JSON standard.

The standard library's parser takes NaN, repeated keys and lone surrogates; a client that sends those has
a fault, and hears of it here rather than further in.
"""

import json
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope

from service.http.head import without_unread_body
from service.http.problems import ProblemError, field_problem

Endpoint = TypeVar("Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])
MAX_FIELDS = 100
"""Keys, objects and fractions of a body, all together: several times as many as a request has."""
_SMALL_BYTES = 16_384
"""A larger body is read in a thread, so that it does not hold the event loop."""
_BODY_TYPE = "namesmith_body_type"


class StrictRequest(Request):
    """A request whose body is limited to `scope["app"].state.settings.max_body_bytes` as it arrives, and
    all bodies together to what `scope["app"].state.bodies` admits."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._held: list[int] = []
        """Bytes of each part that came."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        limit: int = self.app.state.settings.max_body_bytes
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise _too_large(limit)
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            self._hold(len(chunk))
            yield chunk

    async def json(self) -> Any:
        return parse(await self.body())

    def _hold(self, size: int) -> None:
        """Counts what is held of this body. Raises ProblemError, 503, where all of them take too much memory."""
        self.app.state.bodies.take(size)
        self._held.append(size)

    def let_go(self) -> None:
        """The body is not needed any more."""
        while self._held:
            self.app.state.bodies.give_back(self._held.pop())


class StrictRoute(APIRoute):
    """A route that takes bodies of JSON only, and strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        body_type: type[BaseModel] | None = getattr(self.endpoint, _BODY_TYPE, None)
        if body_type is not None:
            return self._direct_handler(body_type)
        handle = super().get_route_handler()

        async def strict_handle(request: Request) -> Response:
            if self.body_field is not None:
                _check_headers(request)
            strict = StrictRequest(request.scope, request.receive)
            try:
                return without_unread_body(request.scope, await handle(strict))
            finally:
                strict.let_go()

        return strict_handle

    def _direct_handler(self, body_type: type[BaseModel]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            _check_headers(request)
            strict = StrictRequest(request.scope, request.receive)
            try:
                data = await strict.body()
                small = len(data) <= _SMALL_BYTES
                body = _validated(body_type, data) if small else await run_in_threadpool(_validated, body_type, data)
                response: Response = await endpoint(request, body)
            finally:
                strict.let_go()
            return response

        return handle


def direct(body_type: type[BaseModel]) -> Callable[[Endpoint], Endpoint]:
    """Marks an endpoint `(request, body) -> Response` that is called without FastAPI's resolution of dependencies
    and its serialisation, which cost more than drawing a hundred names. Its signature still makes the OpenAPI."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _BODY_TYPE, body_type)
        return endpoint

    return mark


def _validated(body_type: type[BaseModel], data: bytes) -> BaseModel:
    try:
        return body_type.model_validate(parse(data) if data else None)  # as FastAPI takes no body
    except ValidationError as error:
        raise RequestValidationError(_in_the_body(error)) from None


def _in_the_body(error: ValidationError) -> list[dict[str, Any]]:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]


def parse(data: bytes) -> Any:
    """The JSON value in `data`. Raises ProblemError: 400 where it is malformed, 422 for numbers out of range and for
    more fields than any request has."""
    strict = _Strict()
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=strict.object,
            parse_constant=_not_a_number,
            parse_float=strict.number,
        )
    except UnicodeDecodeError:
        raise ProblemError(400, "malformed-json", "the body is not UTF-8 text") from None
    except RecursionError:
        raise ProblemError(400, "malformed-json", "the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ProblemError(400, "malformed-json", detail) from None
    except ValueError:
        raise ProblemError(400, "malformed-json", "the body holds a number with too many digits") from None


class _Strict:
    """Looks at the objects and fractions of one body, and counts them: what no request can hold is not read on."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._spend(1 + len(pairs))
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ProblemError(400, "malformed-json", "the body has an object with the same key twice")
        if not all(map(_is_text, values)):
            raise field_problem("", "a key holds a lone surrogate, which is not text")
        return values

    def number(self, text: str) -> float:
        self._spend(1)
        value = float(text)
        if not math.isfinite(value):
            raise field_problem("", "a number is out of range")
        return value

    def _spend(self, fields: int) -> None:
        self._left -= fields
        if self._left < 0:
            raise field_problem("", f"more than {MAX_FIELDS} fields")


def _is_text(key: str) -> bool:
    return key.isascii() or not any("\ud800" <= char <= "\udfff" for char in key)


def _not_a_number(constant: str) -> float:
    raise field_problem("", f"{constant} is not a JSON number")


def _check_headers(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(415, "unsupported-media-type", "send the body as Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "unsupported-media-type", "compressed bodies are not accepted")


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "content-too-large", f"the body is larger than {limit:,} bytes; send it in parts")
