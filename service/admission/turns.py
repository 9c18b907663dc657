"""Work that waits for its turn: bounded, fair among clients, refused with 503 when its turn does not come in time.

Used on the event loop alone, where waiting takes no thread.
"""

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.http.problems import ProblemError
from service.telemetry.metrics import WAIT_SECONDS

MOST_WAITING = 256
MOST_OF_CLIENT = 64
"""Requests that may wait at a time, of all clients and of one: many clients can share an address."""


@dataclass(eq=False)
class _Waiter:
    amount: float
    granted: asyncio.Future[None]


class Turns:
    """At most `limit` units of work at a time; work larger than the limit is admitted alone. Clients take turns, and
    the requests of one client keep their order."""

    def __init__(self, limit: float, patience_seconds: float) -> None:
        self.limit = limit
        self.used = 0.0
        self._patience_seconds = patience_seconds
        self._holders = 0
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def turn(self, client: str, amount: float) -> AsyncIterator[None]:
        """Holds `amount` units while its block runs. Raises ProblemError, 503."""
        if self._queues or not self._fits(amount):
            await self._wait(client, amount)
        else:
            self._take(amount)
        try:
            yield
        finally:
            self._give_back(amount)

    async def _wait(self, client: str, amount: float) -> None:
        queue = self._queues.get(client, ())
        if self.waiting >= MOST_WAITING or len(queue) >= MOST_OF_CLIENT:
            raise self._busy()
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiter = _Waiter(amount, loop.create_future())
        self._queues.setdefault(client, deque()).append(waiter)
        try:
            async with asyncio.timeout(self._patience_seconds):
                await waiter.granted
        except TimeoutError:
            self._leave(client, waiter)
            raise self._busy() from None
        except asyncio.CancelledError:
            self._leave(client, waiter)
            raise
        finally:
            WAIT_SECONDS.observe(loop.time() - began)

    def _leave(self, client: str, waiter: _Waiter) -> None:
        if waiter.granted.done() and not waiter.granted.cancelled():  # as it gave up
            self._give_back(waiter.amount)
            return
        queue = self._queues.get(client)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[client]
        self._grant()

    def _grant(self) -> None:
        """Gives the next clients their turns, as far as their work fits."""
        while self._queues:
            client, queue = next(iter(self._queues.items()))
            waiter = queue[0]
            if not self._fits(waiter.amount):
                return
            queue.popleft()
            if queue:
                self._queues.move_to_end(client)
            else:
                del self._queues[client]
            if not waiter.granted.done():
                self._take(waiter.amount)
                waiter.granted.set_result(None)

    def _fits(self, amount: float) -> bool:
        return not self._holders or self.used + amount <= self.limit

    def _take(self, amount: float) -> None:
        self.used += amount
        self._holders += 1

    def _give_back(self, amount: float) -> None:
        self._holders -= 1
        self.used = self.used - amount if self._holders else 0.0  # sums of fractions do not come back to nothing
        self._grant()

    def _busy(self) -> ProblemError:
        headers = {"Retry-After": str(max(1, math.ceil(self._patience_seconds)))}
        return ProblemError(503, "overloaded", "the service is busy; try again", headers=headers)
