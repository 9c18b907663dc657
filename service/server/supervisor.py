"""Several workers on one socket: replaces those that die or hang, restarts them one by one on SIGHUP, and
ends them on SIGTERM."""

import logging
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from types import FrameType

from service.server.listener import hold_off
from service.server.worker import START_SECONDS, Worker

_TICK_SECONDS = 0.2
_GRACE_SECONDS = 5.0
"""Beyond the time that a worker itself takes to drain."""
_SHORT_LIFE_SECONDS = 10.0
_MAX_DELAY_SECONDS = 30.0

log = logging.getLogger("namesmith")


class Place:
    """Where a worker should be."""

    def __init__(self, worker: Worker) -> None:
        self.worker: Worker | None = worker
        self.short_lives = 0
        self.due = 0.0

    def vacate(self, reason: str) -> None:
        """Its worker has ended; the next one is due at once, or later each time if they do not live."""
        worker, self.worker = self.worker, None
        assert worker is not None
        worker.files.worker_ends.inc()
        lived = time.monotonic() - worker.began
        self.short_lives = self.short_lives + 1 if lived < _SHORT_LIFE_SECONDS else 0
        delay = min(2.0 ** (self.short_lives - 2), _MAX_DELAY_SECONDS) if self.short_lives > 1 else 0.0
        self.due = time.monotonic() + delay
        log.error("worker %d ended after %.1f s: %s; a new one starts in %g s", worker.pid, lived, reason, delay)


class Supervisor:
    def __init__(
        self,
        start: Callable[[], Worker],
        listener: socket.socket,
        count: int,
        health_seconds: float,
        drain_seconds: float,
    ) -> None:
        self._start = start
        self._listener = listener
        self._count = count
        self._health_seconds = health_seconds
        self._drain_seconds = drain_seconds + _GRACE_SECONDS
        self._places: list[Place] = []
        self._others: list[Worker] = []
        """Those that are to come and those that are to go, during a restart."""
        self._orders_to_end = 0
        self._restart = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT; a second one kills the workers. Returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take_order)
        self._places = [Place(self._start()) for _ in range(self._count)]
        while not self._orders_to_end:
            self._tend()
            if self._restart:
                self._restart = False
                self._restart_all()
        return self._end()

    def _take_order(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._restart = True
        else:
            self._orders_to_end += 1

    def _workers(self) -> list[Worker]:
        return [place.worker for place in self._places if place.worker is not None] + self._others

    def _listen(self) -> None:
        """Waits a moment for signs of life, and of death."""
        workers = self._workers()
        awaited: list[Connection | int] = [worker.process.sentinel for worker in workers]
        wait([*awaited, *(worker.signs for worker in workers)], _TICK_SECONDS)
        for worker in workers:
            worker.listen()

    def _tend(self) -> None:
        self._listen()
        for place in self._places:
            self._tend_one(place)

    def _tend_one(self, place: Place) -> None:
        worker = place.worker
        if self._orders_to_end:
            return
        if worker is None:
            if time.monotonic() >= place.due:
                place.worker = self._start()
        elif not worker.alive:
            place.vacate(worker.bury())
        elif worker.silent(self._health_seconds):
            worker.kill()
            place.vacate(f"it gave no sign of life for {self._health_seconds:g} s and was killed")

    def _restart_all(self) -> None:
        """Each new worker serves before the old one goes. One that does not start ends the restart."""
        log.info("restarting the workers one by one")
        for place in self._places:
            worker = self._start()
            self._others = [worker]
            self._until(lambda worker=worker: worker.ready or not worker.alive, START_SECONDS)  # type: ignore[misc]
            if self._orders_to_end:
                return
            self._others = []
            if not worker.ready or not worker.alive:
                worker.kill()
                log.error("a new worker did not start; the old ones keep running")
                return
            old, place.worker = place.worker, worker
            if old is not None:
                self._dismiss(old)

    def _dismiss(self, worker: Worker) -> None:
        self._others = [worker]
        worker.terminate()
        self._until(lambda: not worker.alive, self._drain_seconds)
        if not self._orders_to_end:
            self._others = []
            worker.kill()

    def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until and not self._orders_to_end:
            self._tend()

    def _end(self) -> int:
        """Closes the socket first, so that the last worker to close its own turns clients away."""
        hold_off(self._listener)
        self._listener.close()
        workers = self._workers()
        for worker in workers:
            worker.terminate()
        until = time.monotonic() + self._drain_seconds
        while any(worker.alive for worker in workers) and time.monotonic() < until and self._orders_to_end < 2:
            wait([worker.process.sentinel for worker in workers if worker.alive], _TICK_SECONDS)
        late = [worker.pid for worker in workers if worker.alive]
        for worker in workers:
            worker.kill()
        if late:
            log.error("killed: %s", ", ".join(f"worker {pid}" for pid in late))
        return 1 if late else 0
