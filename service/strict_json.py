"""Request bodies, read within a limit and parsed to the letter of the JSON standard.

The standard library's parser takes NaN, repeated keys and lone surrogates; a client that sends those has
a fault, and hears of it here rather than further in.
"""

import json
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from service.problems import ProblemError, field_problem


class StrictRequest(Request):
    """A request whose body is limited to `scope["app"].state.settings.max_body_bytes` as it arrives."""

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
            yield chunk

    async def json(self) -> Any:
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route that takes bodies of JSON only, and strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict_handle(request: Request) -> Response:
            if self.body_field is not None:
                _check_headers(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return strict_handle


def parse(data: bytes) -> Any:
    """The JSON value in `data`. Raises ProblemError: 400 where it is malformed, 422 for numbers out of range."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_distinct_keys,
            parse_constant=_not_a_number,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise ProblemError(400, "malformed-json", "the body is not UTF-8 text") from None
    except RecursionError:
        raise ProblemError(400, "malformed-json", "the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ProblemError(400, "malformed-json", detail) from None
    except ValueError:
        raise ProblemError(400, "malformed-json", "the body holds a number of too many digits") from None


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ProblemError(400, "malformed-json", "the body has an object with the same key twice")
    for key in values:
        if any("\ud800" <= char <= "\udfff" for char in key):
            raise field_problem("", "a key holds a lone surrogate, which is not text")
    return values


def _not_a_number(constant: str) -> float:
    raise field_problem("", f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise field_problem("", "a number is out of range")
    return value


def _check_headers(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(415, "unsupported-media-type", "send the body as Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "unsupported-media-type", "compressed bodies are not accepted")


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "content-too-large", f"the body is larger than {limit:,} bytes; send it in parts")
