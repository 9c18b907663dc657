"""The outermost layer: what every request and every answer get, whoever makes the answer.

A request gets an id (the client's own where it is plain); an answer that id, and the headers that keep browsers from
doing more with it than they should. Each is counted and timed; refused ones are logged, or all of them.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Iterable
from itertools import count

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry import logs
from service.telemetry.metrics import count_request

Header = tuple[bytes, bytes]
_ID = b"x-request-id"
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_MAX_LOGGED = 200
_PROCESS = secrets.token_hex(8)
_number = count()
_REFUSED = 400
_LEFT = 499
"""A request whose client went away before there was an answer, as nginx counts it."""
_DEFAULTS: dict[bytes, bytes] = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
}
"""Headers of an answer that does not bring its own. Those that matter to pages alone come with the pages, as each
costs every request."""
_DEFAULT_HEADERS = tuple(_DEFAULTS.items())
_OURS = frozenset((_ID, *_DEFAULTS))

log = structlog.get_logger("namesmith.requests")


class Exchange:
    """ASGI layer. Puts `request_id` into the scope. With `log_all` every request has a line in the log."""

    def __init__(self, app: ASGIApp, log_all: bool = False) -> None:
        self.app = app
        self.log_all = log_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = scope["request_id"] = _request_id(scope["headers"])
        logs.request_id.set(request_id)
        id_header = (_ID, request_id.encode("ascii"))
        status = _LEFT

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_defaults(id_header, message["headers"])
            return send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "other"
            count_request(_template(scope), method, status, seconds)
            if status >= _REFUSED or self.log_all:
                _log(scope, status, seconds)


def _request_id(headers: Iterable[Header]) -> str:
    for name, value in headers:
        if name == _ID:
            return value.decode("ascii") if _PLAIN_ID.fullmatch(value) else _new_id()
    return _new_id()


def _new_id() -> str:
    """Different from all others, of other workers too. It is no secret, so that numbers may follow each other."""
    return f"{_PROCESS}{next(_number):016x}"


def _with_defaults(id_header: Header, headers: Iterable[Header]) -> list[Header]:
    own = [*headers]
    for name, _ in own:
        if name in _OURS:
            brought = {name for name, _ in own}
            kept = [pair for pair in own if pair[0] != _ID]
            return [id_header, *kept, *(pair for pair in _DEFAULT_HEADERS if pair[0] not in brought)]
    return [id_header, *own, *_DEFAULT_HEADERS]


def _template(scope: Scope) -> str:
    """The route's path as it was declared: paths that clients make up are all one."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))


def _log(scope: Scope, status: int, seconds: float) -> None:
    client = scope.get("client")
    fields = {
        "method": scope["method"][:_MAX_LOGGED],
        "path": scope["path"][:_MAX_LOGGED],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "client": client[0] if client else None,
        "key": scope.get("owner"),
        "trace_id": _trace_id(scope["headers"]),
    }
    log.info("request", **{name: value for name, value in fields.items() if value is not None})


def _trace_id(headers: Iterable[Header]) -> str | None:
    """Of the W3C trace that the client says it is part of."""
    given = next((value for name, value in headers if name == b"traceparent"), b"")
    found = _TRACE.fullmatch(given)
    return found[1].decode("ascii") if found else None
