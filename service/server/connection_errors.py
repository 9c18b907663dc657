"""Answers to what is no request, or comes too slowly: problems as all others, written straight to the connection."""

import logging
import secrets
from collections.abc import Iterable

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.http.problems import MEDIA_TYPE, problem_json
from service.settings import Settings

Headers = list[tuple[bytes, bytes]]
_RETRY_SECONDS = b"1"

log = logging.getLogger("namesmith")


class RefusalError(Exception):
    """Why a connection gets this answer and is then closed."""

    def __init__(self, status: int, problem_type: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.problem_type = problem_type
        self.detail = detail

    def headers_and_body(self) -> tuple[Headers, bytes]:
        """As an ASGI application would send them."""
        request_id = secrets.token_hex(16)
        body = problem_json(self.status, self.problem_type, self.detail, request_id)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
            (b"x-content-type-options", b"nosniff"),
        ]
        return headers + ([(b"retry-after", _RETRY_SECONDS)] if self.status == 503 else []), body

    def answer(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer, as it goes over the wire."""
        headers, body = self.headers_and_body()
        lines = [b"%s: %s\r\n" % pair for pair in (*default_headers, *headers)]
        return b"".join([STATUS_LINE[self.status], *lines, b"\r\n", body])


def malformed(detail: str) -> RefusalError:
    return RefusalError(400, "malformed-request", detail)


def unknown_coding() -> RefusalError:
    return RefusalError(501, "not-implemented", "chunked is the only transfer coding that the service decodes")


def failed() -> RefusalError:
    return RefusalError(500, "internal", "the service failed to answer; the log has the reason")


def too_many_connections() -> RefusalError:
    return RefusalError(503, "too-many-connections", "the service has too many connections; try again later")


def too_many_headers(settings: Settings) -> RefusalError:
    return RefusalError(431, "headers-too-large", f"the request has more than {settings.max_headers} headers")


def head_too_large(url: bytes, settings: Settings) -> RefusalError:
    """For a request line and headers over the limit, of which `url` is a part."""
    limit = settings.max_header_bytes
    if len(url) > limit // 2:
        return RefusalError(414, "uri-too-long", f"the request target and the headers take more than {limit:,} bytes")
    return RefusalError(431, "headers-too-large", f"the request line and the headers take more than {limit:,} bytes")


def too_late(head: bool, settings: Settings) -> RefusalError:
    what = f"the headers did not arrive within {settings.header_seconds:g} s"
    return RefusalError(408, "timeout", what if head else f"the body did not arrive within {settings.body_seconds:g} s")


def unreadable(error: HttpParserError) -> RefusalError:
    """For what the parser gives up on, which may be a refusal of our own in one of its callbacks."""
    cause = error.__context__
    if isinstance(cause, RefusalError):
        return cause
    if cause is not None:
        log.error("a request could not be read", exc_info=cause)
    if "url" in str(error):
        return malformed(
            "the request target has a character that is not allowed there: percent-encode it, such as %C3%A9 for é"
        )
    return malformed(f"this is not HTTP: {error}")
