"""Bytes of all kinds: no 500, no hang, short problems as the schema says, and the service answers afterwards."""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.reliability.raw import Exchange, check_problem, exchange, post, read_to_the_end, request
from tests.running import Running, running

Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]
SECONDS = 2.0
"""Of headers and of a body, and for all that a client may keep a connection without a word."""
MAX_SECONDS = 15.0
PATHS = [b"/sample"] * 4 + [b"/loss"] * 2
PATHS += [b"/top", b"/next", b"/models", b"/readyz", b"/livez", b"/docs", b"/openapi.json", b"/x"]
BODIES = [
    b"{}",
    b'{"n":3}',
    b'{"names":["emma"]}',
    b'{"n":true}',
    b"[" * 500,
    b'"\\ud800"',
    b"\xff\xfe{",
    b'{"n":1e999}',
]
SUFFIXES = [b"", b"", b"?n=2", b"?n=x", b"?model=%ff", b"?" + b"a=1&" * 50, b"/../..", b"%00"]
HEADERS = [
    b"Content-Type: application/json",
    b"Content-Length: 2",
    b"Content-Length: -1",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: Upgrade\r\nUpgrade: websocket",
    b"Accept: text/csv",
    b"Accept: \xff;q=x, ,,;",
    b"X-Request-ID: a\tb",
    b"Content-Encoding: gzip",
    b"A: " + b"x" * 20_000,
    b"Host: [::1",
    b"Range: bytes=0-",
    b": nameless",
]
ODD_METHODS = [b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"PATCH", b"CONNECT", b"get", b"\x00"]
METHODS = [b"GET"] * 5 + [b"POST"] * 9 + ODD_METHODS


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("hostile")
    (root / "store").mkdir()
    limits = {"header_seconds": f"{SECONDS}", "body_seconds": f"{SECONDS}", "keep_alive_seconds": "1"}
    with running(root / "store", root / "log", 2, **limits) as service:
        yield service


def whole(rng: random.Random) -> bytes:
    """A request, right or wrong in any of its parts."""
    headers = rng.sample(HEADERS, rng.randrange(4))
    path = rng.choice(PATHS) + rng.choice(SUFFIXES)
    body = rng.choice([None, *BODIES])
    if body is not None and rng.random() < 0.7:
        headers.append(b"Content-Type: application/json")
    return request(rng.choice(METHODS), path, *headers, body=body, close=rng.random() < 0.5)


def mutated(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at : at + rng.randrange(1, 9)] = b""
        elif kind == 2:
            changed[at:at] = rng.choice([b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\r\n\r\n", rng.randbytes(5)])
        else:
            changed[at:at] = changed[at : at + rng.randrange(1, 40)]
    return bytes(changed)


def case(seed: int) -> list[bytes]:
    """What one connection sends, in parts."""
    rng = random.Random(seed)
    kind = rng.randrange(8)
    data = whole(rng)
    if kind in (0, 1, 2):
        data = mutated(rng, data)
    elif kind == 3:
        data = rng.randbytes(rng.randrange(1, 3000))
    elif kind == 4:
        data = data[: rng.randrange(1, len(data) + 1)]
    elif kind == 5:
        data = b"".join(whole(rng) for _ in range(rng.randrange(2, 8)))
    elif kind == 6:
        data = data + mutated(rng, whole(rng))
    if rng.random() < 0.3:
        at = rng.randrange(len(data))
        return [data[:at], data[at:]]
    return [data]


def faults(done: Exchange) -> str | None:
    """What is wrong with an exchange: no 500, no hang, and problems as the schema says."""
    if not done.closed:
        return f"neither answered nor closed in {done.seconds:.1f} s"
    if done.seconds > MAX_SECONDS:
        return f"open for {done.seconds:.1f} s"
    try:
        for answer in done.answers():
            if answer.status >= 400:
                check_problem(answer, *range(400, 500), 501)
    except AssertionError as error:
        return str(error)
    return None


def test_hostile_http_survives(service: Running, size: Size, figure: Figure) -> None:
    number = size(1_000, 20_000)
    found: Counter[int] = Counter()

    def run(seed: int) -> str | None:
        parts = case(seed)
        has_head = any(b"HEAD" in part for part in parts)  # an answer to HEAD cannot be told apart from half an answer
        done = exchange(service.port, *parts, wait=MAX_SECONDS, pause=0.002 if len(parts) > 1 else 0.0)
        for line in done.data.split(b"HTTP/1.1 ")[1:]:
            if line[:3].isdigit():
                found[int(line[:3])] += 1
        why = None if has_head and done.closed and done.seconds < MAX_SECONDS else faults(done)
        return f"seed {seed}: {why}; sent {parts!r:.400}" if why else None

    with ThreadPoolExecutor(size(64, 200)) as pool:
        wrong = [why for why in pool.map(run, range(number)) if why]
    assert not wrong, wrong[:5]
    assert not [status for status in found if status >= 500 and status != 501], "501 is for transfer codings"
    assert {200, 400, 404, 405, 408, 415, 422, 431} <= found.keys()
    assert b"Traceback" not in service.log.read_bytes()
    for worker in range(20):
        assert exchange(service.port, request()).answers()[0].status == 200, worker
    counts = ", ".join(f"{count:,} x {status}" for status, count in sorted(found.items()))
    figure("hostile HTTP survives", f"{number:,} raw byte cases: no 500, no hang; {counts}")


def percentile_99(service: Running, seconds: float) -> float:
    """Of POST /sample over one connection, milliseconds."""
    sent = request(b"POST", b"/sample", b"Content-Type: application/json", body=b'{"n":10}', close=False)
    times = []
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            connection.sendall(sent)
            data = b""
            while not data.endswith(b"}"):
                data += connection.recv(65_536)
            times.append(time.perf_counter() - began)
            assert data.startswith(b"HTTP/1.1 200 ")
    return quantiles(times, n=100)[98] * 1000


class SlowClients:
    """Half of them send headers, half a body, a byte a second, until they are turned away."""

    def __init__(self, service: Running, number: int) -> None:
        self.opened: dict[socket.socket, float] = {}
        self.ended: list[tuple[float, bytes]] = []
        self._stack = ExitStack()
        head = request(b"GET", b"/livez", b"A: " + b"x" * 200)
        body = post(b'{"seed": "' + b"x" * 200 + b'"}')
        self._sent: dict[socket.socket, bytes] = {}
        for i in range(number):
            connection = self._stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            connection.setblocking(False)
            start = 1 if i % 2 else len(body) - 190
            data = head if i % 2 else body
            connection.send(data[:start])
            self._sent[connection] = data[start:]
            self.opened[connection] = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set() and self.opened:
            for connection, since in list(self.opened.items()):
                self._send_a_byte(connection, since)
            self._stop.wait(1)

    def _send_a_byte(self, connection: socket.socket, since: float) -> None:
        try:
            connection.send(self._sent[connection][:1])
            self._sent[connection] = self._sent[connection][1:]
            answer = connection.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            answer = b""
        del self.opened[connection]
        self.ended.append((time.monotonic() - since, answer))

    def finish(self, seconds: float) -> None:
        self._thread.join(seconds)
        self._stop.set()
        self._thread.join()
        self._stack.close()


def test_slow_headers_and_slow_body(tmp_path: Path, size: Size, figure: Figure) -> None:
    """All slow clients are turned away in time, and the others hardly notice them."""
    (tmp_path / "store").mkdir()
    number, limit, rounds = size(50, 500), size(3, 10), size(1, 5)
    ratios = []
    limits = {"header_seconds": str(limit), "body_seconds": str(limit)}
    with running(tmp_path / "store", tmp_path / "log", 2, **limits) as service:
        for _ in range(rounds):
            alone = percentile_99(service, size(1, 6))
            slow = SlowClients(service, number)
            ratios.append(percentile_99(service, size(1, 6)) / alone)
            slow.finish(limit + 5)
            assert not slow.opened, f"{len(slow.opened)} are still open"
            assert {answer[:12] for _, answer in slow.ended} == {b"HTTP/1.1 408"}
            assert max(seconds for seconds, _ in slow.ended) <= limit + 3
    ratio = median(ratios)
    figure("slow headers, slow body", f"{number} sockets, all closed within {limit} s; the others' p99 {ratio:.2f} x")
    assert size(0, 1) == 0 or ratio <= 2, ratios


def test_500_connections_that_say_nothing_are_closed(tmp_path: Path, size: Size) -> None:
    (tmp_path / "store").mkdir()
    with running(tmp_path / "store", tmp_path / "log", 1, header_seconds="2") as service, ExitStack() as stack:
        address = ("127.0.0.1", service.port)
        silent = [stack.enter_context(socket.create_connection(address, timeout=8)) for _ in range(size(100, 500))]
        assert exchange(service.port, request()).answers()[0].status == 200
        assert {read_to_the_end(connection) for connection in silent} == {(b"", True)}
