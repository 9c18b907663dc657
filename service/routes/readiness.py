"""Ready means: it can generate, and is not about to end."""

import asyncio
import logging
import re

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from service.answers.resolve import resolve
from service.catalog.catalog import Catalog
from service.http.problems import MAX_ERRORS, FieldError, ProblemError
from service.http.requests import SampleRequest

RETRY = {"Retry-After": "5"}
_ONE = SampleRequest(n=1)
_PIN = "x-model-digest"
_PATIENCE_SECONDS = 20.0
_CHECK_SECONDS = 0.02
_DIGEST = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger("namesmith")


def ready_catalog(request: Request) -> Catalog:
    """The models, and of them only the version that the request insists on. Raises ProblemError: 503 where there is
    none, 422 where its X-Model-Digest is no digest."""
    catalog: Catalog = request.app.state.catalog
    if not catalog.models:
        detail = "no model is loaded: train one, or fix those that were rejected"
        rejected = [FieldError(pointer=f"/rejected/{name}", detail=why[:200]) for name, why in catalog.rejected.items()]
        raise ProblemError(503, "not-ready", detail, rejected[:MAX_ERRORS], RETRY)
    pin = request.headers.get(_PIN)
    if pin is None:
        return catalog
    if not _DIGEST.fullmatch(pin):
        raise ProblemError(422, "validation", "the header X-Model-Digest must be a digest: 64 hexadecimal digits")
    return catalog.pinned(pin)


async def catalog_for(request: Request, model: str | None) -> Catalog:
    """The same, once the model, or each of a blend, is there: a service that has just started loads the default one
    first. Raises ProblemError, also 503 where that takes too long."""
    if model is not None:
        await _arrival(request.app.state.catalog, model)
    return ready_catalog(request)


async def whole_catalog(request: Request) -> Catalog:
    """The same, once all models that the stores held at the start are there; it may be empty."""
    catalog: Catalog = request.app.state.catalog
    await _arrival(catalog, None)
    return catalog


async def _arrival(catalog: Catalog, model: str | None) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS
    while catalog.awaits(model):
        if loop.time() >= until:
            raise ProblemError(503, "not-ready", "the model is still being loaded", headers=RETRY)
        await asyncio.sleep(_CHECK_SECONDS)


def check_draining(request: Request) -> None:
    """Raises ProblemError, 503, once the service was told to end."""
    if request.app.state.draining:
        raise ProblemError(503, "draining", "the service is shutting down; try another instance", headers=RETRY)


async def check_generation(catalog: Catalog) -> None:
    """Draws one name from the default model. Raises ProblemError, 503."""
    try:
        await run_in_threadpool(_draw_one, catalog)
    except Exception:  # whatever it is, the answer is that others should be asked
        log.exception("the default model gives no name")
        raise ProblemError(503, "not-ready", "the default model gives no name", headers=RETRY) from None


def _draw_one(catalog: Catalog) -> None:
    resolved = resolve(catalog, catalog.get(None), _ONE)
    resolved.model.texts(next(iter(resolved.sampler().draw(0, 1))), _ONE.case)
