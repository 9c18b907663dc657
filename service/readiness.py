"""Ready means: it can generate, and is not about to end."""

import logging

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from service.catalog import Catalog
from service.draws import prepare
from service.problems import ProblemError
from service.schemas import SampleRequest

RETRY = {"Retry-After": "5"}
_ONE = SampleRequest(n=1)

log = logging.getLogger("namesmith")


def check_draining(request: Request) -> None:
    """Raises ProblemError, 503, once the service was told to end."""
    if request.app.state.draining:
        raise ProblemError(503, "draining", "the service is about to end; ask another", headers=RETRY)


async def check_generation(catalog: Catalog) -> None:
    """Draws one name from the default model. Raises ProblemError, 503."""
    try:
        await run_in_threadpool(lambda: prepare(catalog, _ONE).json())
    except Exception:  # whatever it is, the answer is that others should be asked
        log.exception("the default model gives no name")
        raise ProblemError(503, "not-ready", "the default model gives no name", headers=RETRY) from None
