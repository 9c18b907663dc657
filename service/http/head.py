"""HEAD on every path that has GET: the same answer, without its body."""

from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HEAD = "namesmith.head"
_OF_THE_ROUTE = ("route", "endpoint", "path_params")


class HeadAsGet:
    """ASGI layer: what is inside sees GET. The server itself sends no body of an answer to HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET", _HEAD: True}
        try:
            await self.app(inner, receive, send)
        finally:
            scope.update({key: inner[key] for key in _OF_THE_ROUTE if key in inner})


def without_unread_body(scope: Scope, response: Response) -> Response:
    """A stream that nobody reads is not made."""
    if _HEAD in scope and isinstance(response, StreamingResponse):
        response.body_iterator = _nothing()
    return response


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield
