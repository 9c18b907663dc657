"""A request and its answer on a connection: uvicorn's, with the head of an answer made for less."""

from functools import lru_cache

from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

from service.server.connection_errors import failed

_WITHOUT_BODY = (204, 304)


@lru_cache(maxsize=256)
def _checked_name(name: bytes) -> bytes:
    """What stands before a header's value. Raises RuntimeError for what is no name."""
    if HEADER_RE.search(name):
        raise RuntimeError(f"invalid name of an HTTP header: {name!r}")
    return name + b": "


class Cycle(RequestResponseCycle):
    """A request and its answer. The head of an answer is put together with one look at all values for what must not be
    in them, and names that were looked at before, where uvicorn looks at each."""

    ended_by_close = False
    """The body's length is not told, and the client reads until the connection ends."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] != "http.response.start" or self.response_started:
            if self.ended_by_close and message["type"] == "http.response.body":
                self.expected_content_length = len(message.get("body", b""))
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._start(message)

    def _start(self, message: HTTPResponseStartEvent) -> None:
        status = message["status"]
        head = [STATUS_LINE[status]]
        values = []
        closes = False
        for name, value in (*self.default_headers, *message.get("headers", ())):
            head += (_checked_name(name), value, b"\r\n")
            values.append(value)
            if name == b"content-length":
                self.chunked_encoding, self.expected_content_length = False, int(value)
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.chunked_encoding, self.expected_content_length = True, 0
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive, closes = False, True
        if HEADER_VALUE_RE.search(b"".join(values)):
            raise RuntimeError("invalid value of an HTTP header")
        if not self.keep_alive and not closes:
            head.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            if self.scope["http_version"] == "1.0":  # which knows no chunks: the end of the connection ends the body
                self.chunked_encoding, self.ended_by_close = False, True
            else:
                self.chunked_encoding = True
                head.append(b"transfer-encoding: chunked\r\n")
        head.append(b"\r\n")
        self.response_started = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join(head))

    async def send_500_response(self) -> None:
        headers, body = failed().headers_and_body()
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
