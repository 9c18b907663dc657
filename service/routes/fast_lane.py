"""The short way for the request that comes most: POST /sample for few names, with a sampler that is at hand.

It answers only what is certain to succeed, with the very functions that the route uses. Whatever else may be
the matter - a body that is not valid, a plan to be made, another form asked for - the route sees the request as if
it had come first there; it alone knows refusals, and describes the endpoint.
"""

import logging
from functools import lru_cache
from types import SimpleNamespace

from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import NamesmithError
from service.access.quota import Quota
from service.answers import sample
from service.answers.resolve import resolve
from service.catalog.catalog import Catalog
from service.http.problems import ProblemError
from service.http.requests import SampleRequest
from service.http.strict_json import parse
from service.telemetry.metrics import PLANS, count

_PATH = "/sample"
_MAX_BODY = 1024  # the least that the limit of bodies can be set to
_CONTENT_TYPES = (b"application/json", b"application/json; charset=utf-8")
_READ = frozenset((b"accept", b"content-encoding", b"content-length", b"content-type", b"x-model-digest"))
_ROUTE = SimpleNamespace(path=_PATH)
log = logging.getLogger("namesmith")


class FastLane:
    """ASGI layer around the application whose catalog is in `scope["app"].state` or not there yet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_ours(scope) or not _free(scope) or not _plain(scope):
            await self.app(scope, receive, send)
            return
        message = await receive()
        answer = _answer(scope, message)
        if answer is None:
            await self.app(scope, _again(message, receive), send)
            return
        digest, body = answer
        scope["route"] = _ROUTE
        headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
            *_digest_headers(digest),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_ours(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["path"] == _PATH and scope["method"] == "POST")


def _free(scope: Scope) -> bool:
    """No quota is to be charged."""
    quota: Quota | None = getattr(scope["app"].state, "quota", None)
    return quota is None or quota.limit(scope) is None


def _plain(scope: Scope) -> bool:
    """JSON in, and nothing but JSON wanted."""
    headers = [(name, value) for name, value in scope["headers"] if name in _READ]
    given = dict(headers)
    return (
        len(given) == len(headers)  # none of them twice
        and given.get(b"content-type") in _CONTENT_TYPES
        and b"content-encoding" not in given
        and b"x-model-digest" not in given
        and len(given.get(b"content-length", b"0")) <= len(str(_MAX_BODY))
        and given.get(b"accept", b"*/*") in (b"*/*", b"application/json")
    )


def _answer(scope: Scope, message: Message) -> tuple[str, bytes] | None:
    """The model's digest and the answer. None for whatever may be the matter: the route will meet it too, and tell."""
    catalog: Catalog | None = getattr(scope["app"].state, "catalog", None)
    body: bytes = message.get("body", b"")
    if catalog is None or message["type"] != "http.request" or message.get("more_body") or len(body) > _MAX_BODY:
        return None
    try:
        return _drawn(catalog, body)
    except (ProblemError, ValidationError, NamesmithError):  # the route refuses it in words
        return None
    except Exception:
        log.exception("the fast lane failed; the route answers")
        return None


def _drawn(catalog: Catalog, body: bytes) -> tuple[str, bytes] | None:
    """None where something would have to be made, or takes long."""
    asked = _request(body)
    model = catalog.kept(asked.model)
    if model is None or not sample.is_short(asked):
        return None
    sampler = resolve(catalog, model, asked).kept
    if sampler is None:
        return None
    count(PLANS, "kept")
    return model.digest, sample.prepare_with(model, sampler, asked).json()


@lru_cache(maxsize=256)
def _request(body: bytes) -> SampleRequest:
    """Requests without a seed come again and again; a frozen one can be kept."""
    return SampleRequest.model_validate(parse(body))


def _again(message: Message, receive: Receive) -> Receive:
    """Gives the message that was taken once more, then what follows it."""
    taken = [message]

    async def receive_again() -> Message:
        return taken.pop() if taken else await receive()

    return receive_again


@lru_cache(maxsize=64)
def _digest_headers(digest: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in sample.answer_headers(digest).items())
