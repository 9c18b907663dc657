"""ASGI layer that lets in who has a key, where keys are asked for.

Whatever is wrong with a key, the answer is the same. Guesses are limited for each address; a client with a valid key is
let in from any address, as others may guess behind the same proxy.
"""

from collections.abc import Sequence

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.clients import client_of
from service.access.keys import Key, KeyRing
from service.http.problems import respond

OPEN = frozenset(("/livez", "/readyz", "/docs", "/openapi.json", "/"))
"""Paths that need no key: whether the service lives, and what it is."""
OPEN_BELOW = "/pages/"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="namesmith"'}
_BEARER = b"bearer "
_MAX_KEY_BYTES = 512


class Guard:
    """Puts the `Key` of who asks into the scope as `key`, and its name as `owner`."""

    def __init__(self, app: ASGIApp, ring: KeyRing, guesses_per_minute: int) -> None:
        self.app = app
        self._ring = ring
        self._guesses = RateLimitItemPerMinute(guesses_per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or scope["path"].startswith(OPEN_BELOW):
            await self.app(scope, receive, send)
            return
        given = _given(scope["headers"])
        key = self._owner(given)
        if key is not None:
            scope["key"], scope["owner"] = key, key.name
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if given is not None and not self._limiter.hit(self._guesses, client_of(scope)):
            headers = {"Retry-After": "60"}
            answer = respond(request, 429, "too-many-guesses", "too many wrong keys; try again later", headers=headers)
        else:
            detail = "a valid API key is needed: Authorization: Bearer KEY"
            answer = respond(request, 401, "unauthorized", detail, headers=_CHALLENGE)
        await answer(scope, receive, send)

    def _owner(self, given: bytes | None) -> Key | None:
        return self._ring.owner(given) if given is not None and len(given) <= _MAX_KEY_BYTES else None


def _given(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The key that came with a request, in `Authorization: Bearer` or `X-API-Key`; None where none came, or several."""
    found = [value for name, value in headers if name == b"x-api-key"]
    for name, value in headers:
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            found.append(value[len(_BEARER) :].strip())
    return found[0] if len(found) == 1 else None
