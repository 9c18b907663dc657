"""Answers are those of uvicorn, but for HTTP/1.0 and for faults."""

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.server.cycle import Cycle

Header = tuple[bytes, bytes]
DEFAULTS = [(b"date", b"Sat, 28 Nov 2026 07:00:00 GMT")]
COMMON: list[Header] = [
    (b"content-type", b"application/json"),
    (b"x-request-id", b"abc"),
    (b"vary", b"Accept"),
    (b"connection", b"close"),
    (b"connection", b"keep-alive"),
    (b"transfer-encoding", b"chunked"),
    (b"x-seed", b'"\xc3\xa9"'),
    (b"content-length", b"2"),
]
BODY = b"{}"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True


class _Kept(logging.Handler):
    """Keeps the types of the exceptions that are logged."""

    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "")


def answer(
    kind: type[RequestResponseCycle],
    method: str,
    lasting: bool,
    status: int,
    headers: list[Header],
    version: str = "1.1",
    fault: bool = False,
) -> Any:
    """All that an answer shows: bytes, whether the connection ends, what was logged as an error."""

    async def ask() -> Any:
        transport = Transport()
        errors: list[str] = []
        logger = logging.Logger("cycle")
        logger.addHandler(_Kept(errors))
        cycle = kind(
            scope={"type": "http", "method": method, "http_version": version, "headers": []},  # type: ignore[typeddict-item]
            transport=transport,
            flow=FlowControl(transport),
            logger=logger,
            access_logger=logger,
            access_log=False,
            default_headers=DEFAULTS,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=lasting,
            on_response=lambda: None,
        )

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            if fault:
                raise KeyError("fault")
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if status in (204, 304) else BODY})

        await cycle.run_asgi(app)
        return transport.sent, transport.closed, cycle.keep_alive, errors

    return asyncio.run(ask())


@settings(deadline=None)
@given(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.booleans(),
    st.sampled_from([200, 204, 304, 404, 503]),
    st.lists(st.sampled_from(COMMON), unique=True),
)
def test_an_answer_is_the_one_that_uvicorn_gives(
    method: str, lasting: bool, status: int, headers: list[Header]
) -> None:
    if status in (204, 304) or {b"transfer-encoding", b"content-length"} <= {name for name, _ in headers}:
        headers = [pair for pair in headers if pair[0] not in (b"transfer-encoding", b"content-length")]
    assert answer(Cycle, method, lasting, status, headers) == answer(
        RequestResponseCycle, method, lasting, status, headers
    )


@pytest.mark.parametrize(
    "header", [(b"x-a", b"b\r\nset-cookie: c"), (b"x-a", b"\x00"), (b"x a", b"b"), (b"x\r\n", b"b")]
)
def test_a_header_that_would_break_the_head_is_not_sent(header: Header) -> None:
    sent, closed, _, errors = answer(Cycle, "GET", True, 200, [(b"content-length", b"2"), header])
    assert (sent, closed) == (b"", True)
    assert errors == ["RuntimeError"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("length", [[], [(b"content-length", b"2")]])
def test_http_1_0_gets_no_chunks_and_the_end_of_the_connection(method: str, length: list[Header]) -> None:
    sent, closed, _, errors = answer(Cycle, method, False, 200, length, version="1.0")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert (b"content-length: 2" in head) == bool(length)
    assert b"connection: close" in head
    assert body == (BODY if method == "GET" else b"")
    assert closed
    assert errors == []


def test_a_fault_is_told_in_a_problem() -> None:
    sent, closed, _, errors = answer(Cycle, "GET", True, 200, [], fault=True)
    assert sent.startswith(b"HTTP/1.1 500 ")
    assert b"content-type: application/problem+json\r\n" in sent
    assert closed
    assert errors == ["KeyError"]
