"""Bytes over a socket, and what comes back, read to the letter."""

import json
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from service.http.problems import Problem
from tests.running import Running

MAX_PROBLEM_BYTES = 4096
_PROBLEM = TypeAdapter(Problem)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Exchange:
    """What a connection said until it was closed, or until nothing more came."""

    data: bytes
    closed: bool
    seconds: float

    def answers(self, methods: tuple[str, ...] = ()) -> list[Answer]:
        """All answers, whole; `methods` of the requests matter for HEAD only. AssertionError for half an answer."""
        found: list[Answer] = []
        rest = self.data
        while rest:
            head, separator, rest = rest.partition(b"\r\n\r\n")
            assert separator, f"half a head: {head[:80]!r}"
            status = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*", head)
            assert status, f"no answer: {head[:80]!r}"
            if int(status[1]) == 100:
                continue
            lines = [line.decode("latin-1").partition(": ") for line in head.split(b"\r\n")[1:]]
            headers = {name.lower(): value for name, _, value in lines}
            head_only = len(found) < len(methods) and methods[len(found)] == "HEAD"
            body, rest = (b"", rest) if head_only else _body(headers, rest)
            found.append(Answer(int(status[1]), headers, body))
        return found


def exchange(port: int, *parts: bytes, wait: float = 15.0, pause: float = 0.0, end: bool = False) -> Exchange:
    """Sends `parts` with `pause` seconds between, and reads until the connection is closed or nothing comes for
    `wait` seconds. With `end` the client says that it has no more to send."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            if end:
                connection.shutdown(socket.SHUT_WR)
        data, closed = read_to_the_end(connection)
    return Exchange(data, closed, time.monotonic() - began)


def one(service: Running, *parts: bytes, pause: float = 0.0) -> Answer:
    """The one answer, after which the connection is closed."""
    done = exchange(service.port, *parts, pause=pause)
    assert done.closed
    (answer,) = done.answers()
    return answer


def read_to_the_end(connection: socket.socket) -> tuple[bytes, bool]:
    """What comes, and whether the other side closed."""
    data = bytearray()
    try:
        while chunk := connection.recv(65_536):
            data += chunk
    except TimeoutError:
        return bytes(data), False
    except ConnectionError:
        pass
    return bytes(data), True


def request(
    method: bytes = b"GET", path: bytes = b"/livez", *headers: bytes, body: bytes | None = None, close: bool = True
) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (method, path), b"Host: test", *headers]
    if close:
        lines.append(b"Connection: close")
    if body is not None:
        lines += [b"Content-Length: %d" % len(body)] * (not any(b"content-length" in h.lower() for h in headers))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def post(body: bytes, path: bytes = b"/sample", *headers: bytes, content_type: bytes = b"application/json") -> bytes:
    return request(b"POST", path, b"Content-Type: " + content_type, *headers, body=body)


def check_problem(answer: Answer, *statuses: int) -> Problem:
    """One of `statuses`, and a whole problem, short, as the schema says."""
    assert answer.status in statuses, (answer.status, answer.body[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.body) <= MAX_PROBLEM_BYTES
    problem = _PROBLEM.validate_json(answer.body, strict=True)
    assert problem.status == answer.status
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            line, _, rest = rest.partition(b"\r\n")
            size = int(line, 16)
            body += rest[:size]
            assert rest[size : size + 2] == b"\r\n", "half a chunk"
            rest = rest[size + 2 :]
            if size == 0:
                return body, rest
    size = int(headers.get("content-length", "0"))
    assert len(rest) >= size, "half a body"
    return rest[:size], rest[size:]
