"""What a request passes before it is answered: its quota, what has to be made for it, and its turn."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ParamSpec, TypeVar

from fastapi import Request

from model.errors import UnsatisfiableError
from model.sampling.sampler import Sampler
from service.access.clients import asker_of
from service.access.quota import NO_HEADERS, Quota
from service.admission.work import Work
from service.catalog.catalog import Catalog, UnknownModelError
from service.catalog.served_model import ServedModel
from service.http.requests import ConstraintFields

P = ParamSpec("P")
T = TypeVar("T")


def check_quota(request: Request, names: int, pointer: str) -> None:
    """Nothing is made for a client whose quota is spent, and nothing is charged before it is made. Raises
    ProblemError: 429, or 422 for more than all of it."""
    quota: Quota | None = request.app.state.quota
    if quota is not None:
        quota.check(request.scope, names, pointer)


def charge(request: Request, names: int, pointer: str) -> Mapping[str, str]:
    """Takes names from the client's quota; returns the headers that tell what is left. Raises what `check_quota`
    raises."""
    quota: Quota | None = request.app.state.quota
    return NO_HEADERS if quota is None else quota.charge(request.scope, names, pointer)


async def sampler(
    request: Request, catalog: Catalog, asked: ConstraintFields, names: int, pointer: str
) -> tuple[ServedModel, Sampler]:
    """What answers a request for so many names. Raises what `check_quota` and `Work.sampler` raise; a question that
    has no answer costs one name, so that asking for what there is not is bounded too."""
    check_quota(request, names, pointer)
    try:
        return await _work(request).sampler(asker_of(request.scope), catalog, asked)
    except (UnsatisfiableError, UnknownModelError):
        charge(request, 1, pointer)
        raise


async def model(request: Request, catalog: Catalog, name: str | None) -> ServedModel:
    """Raises what `Work.model` raises."""
    return await _work(request).model(asker_of(request.scope), catalog, name)


async def make(request: Request, make: Callable[[], T]) -> T:
    """Raises what `make` raises, and ProblemError, 503."""
    return await _work(request).make(asker_of(request.scope), make)


def turn(request: Request, milliseconds: float) -> AbstractAsyncContextManager[None]:
    """Raises ProblemError, 503."""
    return _work(request).turn(asker_of(request.scope), milliseconds)


async def run_here(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `call` returns or raises; for what takes less time than a thread would."""
    return call(*args, **kwargs)


def _work(request: Request) -> Work:
    work: Work = request.app.state.work
    return work
