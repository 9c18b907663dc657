"""A worker: uvicorn's server with an orderly end. It takes one listening socket, which workers may share."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from service.server.connection import Connection
from service.server.listener import accept_waiting, hold_off
from service.server.options import Options
from service.server.process_limits import allow_descriptors, share_memory_among_threads
from service.server.timed_connection import Connections
from service.settings import Settings
from service.telemetry import metrics

IDLE_SECONDS = 1.0
"""How long a connection without a request is kept after the order to end: one may be on its way."""
_CHECK_SECONDS = 0.25
_SPARE_DESCRIPTORS = 256

log = logging.getLogger("namesmith")


def serve(listener: socket.socket, options: Options, beat: Callable[[bool], None] | None = None) -> int:
    """Serves until it is told to end; returns the exit code. `beat` is called by the event loop a few times a second,
    with whether the service has started."""
    from service.app import create_app  # takes a second, which a supervisor need not spend

    settings = Settings()
    application = create_app(settings, options.access_log)
    share_memory_among_threads()
    allow_descriptors(2 * settings.max_connections + _SPARE_DESCRIPTORS)
    server = Server(options.config(application, settings), settings, application.state, beat)
    try:
        server.run([listener])
    except SystemExit as stop:
        return 1 if stop.code == STARTUP_FAILURE else int(stop.code or 0)
    return 0


class Server(uvicorn.Server):
    """`state` is the application's, whose `draining` is set when the end begins."""

    def __init__(
        self, config: uvicorn.Config, settings: Settings, state: Any, beat: Callable[[bool], None] | None = None
    ) -> None:
        super().__init__(config)
        self.settings = settings
        self.state = state
        self.beat = beat
        self.server_state: Connections = Connections(settings)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            await super().serve(sockets)
        finally:
            watch.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # modules and models stay: the collector need not look through them over and over

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.server_state.check(loop.time())
            metrics.measure(len(self.server_state.connections), len(self.server_state.tasks))
            if self.beat is not None:
                self.beat(self.started)
            await asyncio.sleep(_CHECK_SECONDS)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again at the end; here an orderly end is exit code 0."""
        handled = (signal.SIGTERM,) if self.beat is not None else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in handled:
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if not self.started:
            os._exit(0)  # nothing was promised to anyone yet
        if self.should_exit and self.beat is None:
            os._exit(1)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("ending: %d connections are open", len(self.server_state.connections))
        self.state.draining = True
        self.server_state.drain(min(IDLE_SECONDS, self.settings.keep_alive_seconds))
        for listener in sockets or []:
            await self._take_the_queue(listener)
        await self._wait(self.settings.drain_seconds)
        await self._cut()
        await self.lifespan.shutdown()
        metrics.flush()

    async def _take_the_queue(self, listener: socket.socket) -> None:
        """Accepts whom the system has told that they are connected, and closes."""
        if self.beat is None:  # else the supervisor has, unless others are to go on
            hold_off(listener)
        accepted = accept_waiting(listener)
        for server in self.servers:
            server.close()
        listener.close()
        loop = asyncio.get_running_loop()
        for connected in accepted:
            with suppress(OSError):  # it has gone away again
                await loop.connect_accepted_socket(self._connection, connected)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (self.server_state.connections or self.server_state.tasks) and loop.time() < until:
            await asyncio.sleep(0.05)

    async def _cut(self) -> None:
        connections, tasks = list(self.server_state.connections), list(self.server_state.tasks)
        if connections:
            log.warning("%d answers did not finish in time and were cut off", len(connections))
        for connection in connections:
            connection.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=1)
        for task in self.server_state.tasks:
            task.cancel()
