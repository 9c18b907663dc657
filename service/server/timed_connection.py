"""What is due on a connection, and how it ends.

When something is due is a number that `check` looks at, called by the server a few times a second for all connections,
so that a request costs no timer. What is no request is refused in order: after the answers that are due before it.
"""

import asyncio
import logging
import math
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.access.clients import here_or
from service.server.connection_errors import RefusalError, too_late, too_many_connections
from service.settings import Settings
from service.telemetry.metrics import REFUSALS, count

HEAD: Final = 0
BODY: Final = 1
READ: Final = 2
IDLE: Final = 3
NEW: Final = 4
"""What a connection waits for: the rest of a request line and headers, or of a body; an answer; a request after an
answer, or the first one."""
LINGER_SECONDS = 2.0
"""How long what still comes is read after a refusal: closing at once could take the answer back from the client."""
LEAST_READ = 16_384
"""Bytes that a client must read within `stall_seconds` to go on."""
NEVER = math.inf

log = logging.getLogger("namesmith")


class Connections(ServerState):
    """What the connections of a server share."""

    connections: set["TimedConnection"]  # type: ignore[assignment]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.idle_seconds: float = settings.keep_alive_seconds
        self.draining = False

    def check(self, now: float) -> None:
        """Ends what is overdue. A fault in one connection must not keep the others open."""
        for connection in list(self.connections):
            try:
                connection.check(now)
            except Exception:
                log.exception("a connection could not be closed properly")
                connection.transport.abort()

    def drain(self, idle_seconds: float) -> None:
        """From now on a connection ends with its next answer, or after `idle_seconds` without a request."""
        self.draining = True
        self.idle_seconds = idle_seconds
        for connection in self.connections:
            connection.shutdown()


class TimedConnection(HttpToolsProtocol):
    """A connection that a client cannot keep without sending, reading or asking something."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.shared = server_state
        self.settings = server_state.settings
        self.phase = NEW
        self.running: RequestResponseCycle | None = None
        """What is being answered, or was last."""
        self.refusal: RefusalError | None = None
        """Bytes that come after it are dropped."""
        self.deadline = NEVER
        """When the client must have sent what is waited for."""
        self.write_deadline = NEVER
        """When the client must have read LEAST_READ of what was written."""
        self.unread = 0
        """Bytes of it when that was set."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client = here_or(self.client)
        most = self.settings.max_connections
        waits = self.shared.idle_seconds if self.shared.draining else self.settings.header_seconds
        self.deadline = self.loop.time() + waits
        if len(self.connections) > 2 * most:
            transport.abort()
        elif len(self.connections) > most:
            self.refuse(too_many_connections())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering():
            assert self.running is not None
            self.running.disconnected = True
            self.running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading(self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self.write_deadline = NEVER

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.refusal is not None:
            self._end()
        elif self.phase == READ:
            self.phase = IDLE
            self.deadline = self.loop.time() + self.shared.idle_seconds

    def shutdown(self) -> None:
        """An answer that has begun has promised that the connection lasts: it gets one more request."""
        if self.phase in (IDLE, NEW):
            self.deadline = min(self.deadline, self.loop.time() + self.shared.idle_seconds)
        elif self.phase != HEAD and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def check(self, now: float) -> None:
        """Ends what is overdue at `now`, in seconds of the loop's clock."""
        if self.write_deadline != NEVER and self.transport.get_write_buffer_size() <= self.unread - LEAST_READ:
            self._expect_reading(now)
        if now >= self.write_deadline:
            log.info("a client did not read its answer and was cut off")
            self.transport.abort()
        elif self.transport.is_closing():
            if self.write_deadline == NEVER:
                self._expect_reading(now)
        elif now >= self.deadline:
            self._overdue(now)

    def _expect_reading(self, now: float) -> None:
        """A client that reads on, however slowly, is not cut off."""
        self.unread = self.transport.get_write_buffer_size()
        self.write_deadline = now + self.settings.stall_seconds

    def _overdue(self, now: float) -> None:
        if self.refusal is not None or self.phase in (IDLE, NEW):
            self.transport.close()
        elif self.flow.read_paused or (self.phase == BODY and self.cycle.response_started):
            done = self.cycle.response_complete
            self.transport.close() if done else self._wait(now + self.settings.body_seconds)
        else:
            self.refuse(too_late(self.phase == HEAD, self.settings))

    def refuse(self, refusal: RefusalError) -> None:
        """Reads nothing any more, answers what came before in whole, then this, and closes."""
        log.info("a connection was refused: %d, %s", refusal.status, refusal.detail)
        count(REFUSALS, refusal.problem_type)
        self.refusal = refusal
        self._wait(NEVER)
        if self.phase == BODY:
            self._give_up(self.cycle)
        if not self._answering() and not self.pipeline:
            self._end()

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """A request whose body failed: it is not answered, unless it is already."""
        if cycle.response_started:
            return
        cycle.disconnected, cycle.waiting_for_100_continue = True, False
        cycle.message_event.set()
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        else:
            self.running = None

    def _end(self) -> None:
        """The refusal, unless the request that failed was answered before it had come in whole."""
        assert self.refusal is not None
        if self.phase != BODY or not self.cycle.response_started:
            self.transport.write(self.refusal.answer(self.server_state.default_headers))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._wait(self.loop.time() + LINGER_SECONDS)

    def _answering(self) -> bool:
        return self.running is not None and not self.running.response_complete

    def _wait(self, until: float) -> None:
        self.deadline = until
