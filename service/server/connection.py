"""An HTTP connection: uvicorn's, with bounds on the bytes, the headers and the time that a client may take."""

import asyncio
import re
from functools import lru_cache
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.server.connection_errors import (
    RefusalError,
    head_too_large,
    malformed,
    too_many_headers,
    unknown_coding,
    unreadable,
)
from service.server.cycle import Cycle
from service.server.timed_connection import BODY, HEAD, IDLE, NEVER, READ, TimedConnection

MAX_PIPELINED = 64
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?")
"""RFC 3986: a name or an address, and perhaps a port."""


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


class Connection(TimedConnection):
    """Given to uvicorn as its protocol."""

    begun = 0
    """Requests that began in the bytes that came last, and parts of bodies."""
    pending = 0
    """Bytes of a head that is not whole, or since the last byte of a body that is not."""
    head_bound = 0
    """A head that ends in the bytes that came last is no longer than this."""
    upgrading = False
    lasting = True
    """The client wants to go on after the request that came last."""

    def data_received(self, data: bytes) -> None:
        if self.refusal is not None:
            return
        before = self.phase
        self.begun = 0
        self.head_bound = self.pending + len(data)
        try:
            self._feed(data)
            if self.phase <= BODY:
                self._count(before, len(data))
        except httptools.HttpParserError as error:
            self.refuse(unreadable(error))
        except RefusalError as refusal:
            self.refuse(refusal)

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]

    def _without_upgrade(self) -> bytes:
        """The head again, for a new parser: an upgrade may be ignored, but llhttp would drop the body with it."""
        self.upgrading = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        first = f"{self.scope['method']} {self.url.decode('ascii')} HTTP/{self.scope['http_version']}\r\n"
        kept = [pair for pair in self.headers if pair[0] != b"upgrade"]
        if len(kept) == len(self.headers):  # CONNECT
            raise malformed("the service is not a proxy")
        lines = [b"%s: %s\r\n" % pair for pair in kept]
        return b"".join([first.encode("ascii"), *lines, b"\r\n"])

    def _count(self, before: int, size: int) -> None:
        """Adds `size` bytes to a head that is not whole, or to what stands between the parts of a body."""
        if self.begun == 0:
            self.pending += size
        elif self.phase == HEAD:
            self.pending = size if self.begun == 1 and before not in (HEAD, BODY) else self._head_bytes()
        if self.pending > self.settings.max_header_bytes:
            raise head_too_large(self.url, self.settings)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_message_begin(self) -> None:
        self.begun += 1
        self.phase = HEAD
        self.deadline = self.loop.time() + self.settings.header_seconds
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase == HEAD:  # trailers are dropped
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        limit = self.settings.max_header_bytes
        if self.head_bound > limit and self._head_bytes() > limit:
            raise head_too_large(self.url, self.settings)
        if len(self.headers) > self.settings.max_headers:
            raise too_many_headers(self.settings)
        if self.url[:1] != b"/" or b"#" in self.url:
            raise malformed("the request target must be a path, such as /livez in GET /livez")
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise malformed("the version must be HTTP/1.1 or HTTP/1.0")
        self._check_headers(version)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise malformed(f"more than {MAX_PIPELINED} requests were sent ahead of their answers")
        self._fill_scope(version)
        self.pending = 0
        if self.parser.should_upgrade():
            self.upgrading = True
        else:
            self._accept(version == "1.1" and self.parser.should_keep_alive())

    def _check_headers(self, version: str) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(_is_host, hosts)):
            raise malformed("an HTTP/1.1 request needs exactly one Host header, such as Host: names.example:8000")
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self.headers):
            raise unknown_coding()

    def _fill_scope(self, version: str) -> None:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("ascii")
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query

    def _accept(self, lasting: bool) -> None:
        """The request begins to be answered, or waits until those before it are."""
        before = self.cycle
        self.phase = BODY
        self.deadline = self.loop.time() + self.settings.body_seconds
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=lasting and not self.shared.draining,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            if not before.response_started:
                before.keep_alive = self.lasting  # where the connection drains, the last one ends it
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        self.lasting = lasting

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self.begun += 1
        self.pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.upgrading:
            return
        self.pending = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self.phase = IDLE
            self.deadline = self.loop.time() + self.shared.idle_seconds
        else:
            self.phase = READ
            self.deadline = NEVER
