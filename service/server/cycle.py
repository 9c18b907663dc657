"""A request and its answer on a connection: uvicorn's, but for HTTP/1.0 and for faults."""

from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.server.connection_errors import failed


class Cycle(RequestResponseCycle):
    """A request and its answer. HTTP/1.0 knows no chunks: an answer of unknown length ends with the connection. A
    fault of the application is told in a problem."""

    ended_by_close = False
    """The body's length is not told, and the client reads until the connection ends."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            self._choose_end(message)
        elif message["type"] == "http.response.body" and self.ended_by_close:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    def _choose_end(self, message: HTTPResponseStartEvent) -> None:
        told = any(name == b"content-length" for name, _ in message.get("headers", ()))
        if self.scope["http_version"] == "1.0" and not told:
            self.chunked_encoding, self.ended_by_close = False, True

    async def send_500_response(self) -> None:
        headers, body = failed().headers_and_body()
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
