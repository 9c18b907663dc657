"""What a worker takes on at a time, in three lanes, so that short requests are never behind long ones."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

from model.sampling.sampler import Sampler
from service.admission.flights import Flights
from service.admission.turns import Turns
from service.answers.resolve import resolve
from service.catalog.catalog import Catalog
from service.catalog.served_model import ServedModel
from service.http.requests import ConstraintFields
from service.telemetry.metrics import PLANS, count

SHORT_MS = 10.0
"""An answer that is estimated to take longer is a long one."""
T = TypeVar("T")


class Work:
    """Samplers and blends are made one at a time, each once however many clients wait for it. Answers from what is at
    hand are admitted by the milliseconds of one processor that they are estimated to take."""

    def __init__(self, limit_ms: float, patience_seconds: float) -> None:
        self.making = Turns(1, patience_seconds)
        self.long = Turns(limit_ms, patience_seconds)
        self.short = Turns(limit_ms, patience_seconds)
        self._flights = Flights()

    def turn(self, client: str, milliseconds: float) -> AbstractAsyncContextManager[None]:
        """Raises ProblemError, 503."""
        return (self.short if milliseconds <= SHORT_MS else self.long).turn(client, milliseconds)

    async def sampler(self, client: str, catalog: Catalog, asked: ConstraintFields) -> tuple[ServedModel, Sampler]:
        """A sampler that is kept, or is made now. Raises what `model`, `resolve` and `Resolved.sampler` raise, and
        ProblemError, 503."""
        resolved = resolve(catalog, await self.model(client, catalog, asked.model), asked)
        if resolved.kept is not None:
            count(PLANS, "kept")
            return resolved.model, resolved.kept
        if resolved.key in self._flights:
            count(PLANS, "shared")
        made = await self._flights.join(resolved.key, lambda: self.make(client, resolved.sampler))
        return resolved.model, made

    async def model(self, client: str, catalog: Catalog, name: str | None) -> ServedModel:
        """The same for a model, which is made if it is a blend."""
        kept = catalog.kept(name)
        if kept is not None:
            return kept
        return await self._flights.join((catalog.pin, name), lambda: self.make(client, partial(catalog.get, name)))

    async def make(self, client: str, make: Callable[[], T]) -> T:
        """What `make` returns, called in a thread when nothing else is being made. Raises ProblemError, 503."""
        async with self.making.turn(client, 1):
            return await run_in_threadpool(make)
