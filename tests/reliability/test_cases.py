"""The cases that break a plain service, one test each, through the real server: bytes in, bytes out."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.reliability.raw import check_problem, exchange, one, post, request
from tests.running import Running, running

Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]
LIMIT = 1_048_576
POSTED = {b"/sample": b"{}", b"/loss": b'{"names":["emma"]}'}
both = pytest.mark.parametrize("path", POSTED)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("cases")
    (root / "store").mkdir()
    with running(root / "store", root / "log") as service:
        yield service
    assert b"Traceback" not in (root / "log").read_bytes()


@both
def test_json_nan_and_1e999(service: Running, path: bytes) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"):
        check_problem(one(service, post(b'{"temperature": %s}' % number, path)), 422)


@both
def test_a_lone_surrogate_in_a_value_or_a_key(service: Running, path: bytes) -> None:
    for body in (b'{"model":"\\ud800"}', b'{"\\ud800":1}', b'{"names":["\\udfff"]}', b'{"seed":"a\\ud800b"}'):
        check_problem(one(service, post(body, path)), 422)


@both
@pytest.mark.parametrize("declared", ["length", "chunks"])
def test_a_2_mb_string(service: Running, path: bytes, declared: str) -> None:
    """Counted as it arrives: the answer comes before the end of the body, which is not waited for."""
    start = POSTED[path][:-1] + b',"model":"'
    if declared == "length":
        head = request(b"POST", path, b"Content-Type: application/json", b"Content-Length: 2000000")
        parts = [head, start]
    else:
        head = request(b"POST", path, b"Content-Type: application/json", b"Transfer-Encoding: chunked")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        parts = [head, b"%x\r\n%s\r\n" % (len(start), start), *[chunk] * (LIMIT // 0x10000 + 1)]
    began = time.monotonic()
    done = exchange(service.port, *parts)
    (answer,) = done.answers()
    check_problem(answer, 413)
    assert b"xxx" not in answer.body
    assert time.monotonic() - began < 5


@both
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b'{"n":' + b"1" * 5_000 + b"}", id="5,000 digits"),
        pytest.param(b'{"n":1e' + b"1" * 5_000 + b"}", id="an exponent of 5,000 digits"),
        pytest.param(b'{"a":' * 100_000, id="100,000 objects"),
    ],
)
def test_deep_nesting_and_long_integers_within_50_ms(
    service: Running, figure: Figure, path: bytes, body: bytes, request: pytest.FixtureRequest
) -> None:
    sent = post(body, path)
    answers, seconds = [], []
    for _ in range(9):
        done = exchange(service.port, sent)
        seconds.append(done.seconds)
        answers += done.answers()
    for answer in answers:
        check_problem(answer, 422 if b"1e" in body else 400)
    assert median(seconds) < 0.05
    if path == b"/sample":
        figure(f"{request.node.callspec.id.rpartition('-')[0]} refused", f"{median(seconds) * 1000:.1f} ms")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"n":true}', 422, id="n: true"),
        pytest.param(b'{"n":"5"}', 422, id="n in quotes"),
        pytest.param('{"n":5}'.encode("utf-16"), 400, id="UTF-16"),
        pytest.param('{"n":5}'.encode("utf-32-le"), 400, id="UTF-32"),
        pytest.param(b'{"n":5,"n":5}', 400, id="a key twice"),
        pytest.param(b'{"n":5,"\\u006e":5}', 400, id="a key twice, escaped"),
    ],
)
def test_true_utf_16_and_a_key_twice(service: Running, body: bytes, status: int) -> None:
    check_problem(one(service, post(body)), status)


def test_a_64_kb_header_and_5000_headers(service: Running) -> None:
    check_problem(one(service, request(b"GET", b"/livez", b"A: " + b"x" * 65_536)), 431)
    check_problem(one(service, request(b"GET", b"/livez", *(b"A%d: b" % i for i in range(5_000)))), 431)


@pytest.mark.parametrize("order", [1, -1])
def test_a_content_length_with_a_transfer_encoding(service: Running, order: int) -> None:
    """What a proxy takes for a body could else be taken for another request."""
    both = (b"Content-Length: 5", b"Transfer-Encoding: chunked")[::order]
    sent = request(b"POST", b"/sample", b"Content-Type: application/json", *both) + b"0\r\n\r\n" + request()
    check_problem(one(service, sent), 400)


@both
@pytest.mark.parametrize(
    ("content_type", "header"),
    [
        (b"application/json", b"Content-Encoding: gzip"),
        (b"application/json", b"Content-Encoding: br"),
        (b"application/x-www-form-urlencoded", b"X: y"),
        (b"multipart/form-data; boundary=x", b"X: y"),
        (b"text/plain", b"X: y"),
    ],
)
def test_a_compressed_body_a_form_and_multipart(
    service: Running, path: bytes, content_type: bytes, header: bytes
) -> None:
    check_problem(one(service, post(POSTED[path], path, header, content_type=content_type)), 415)


HARD_PATTERNS = {
    "(a+)+$": b"(a%2B)%2B$",
    "a pattern of 10 KB": b"a" * 10_000,
    "an automaton of over 1,000 states": b"[a-z]*a[a-z]{12}",
    "repetitions of repetitions": b"((a{64}){64}){64}",
}


@pytest.mark.parametrize("name", HARD_PATTERNS)
def test_regular_expressions_are_compiled_within_a_bound_or_refused(
    service: Running, figure: Figure, name: str
) -> None:
    done = exchange(service.port, request(b"GET", b"/sample?n=3&pattern=" + HARD_PATTERNS[name]))
    (answer,) = done.answers()
    if answer.status != 200:
        check_problem(answer, 422)
    assert done.seconds < 5
    assert one(service, request()).status == 200
    figure(f"regular expression, {name}", f"{answer.status} in {done.seconds * 1000:.0f} ms")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_client_that_goes_away_in_the_middle_of_a_million_names(service: Running, size: Size, figure: Figure) -> None:
    """The work stops within 100 ms: from then on the worker is idle, though it had seconds of work left."""
    pid = service.process.pid
    path = b"/sample?n=1000000&details=true"
    shares = []
    for _ in range(size(3, 10)):
        clients = [socket.create_connection(("127.0.0.1", service.port), timeout=10) for _ in range(8)]
        for client in clients:
            client.sendall(request(b"GET", path, b"Accept: application/x-ndjson"))
        before = cpu_seconds(pid)
        for client in clients:
            left = 300_000
            while left > 0:
                left -= len(client.recv(min(left, 65_536)))
        busy = cpu_seconds(pid) - before
        assert busy > 0.02, "there was no work to be stopped"
        for client in clients:
            client.close()
        time.sleep(0.1)
        before = cpu_seconds(pid)
        time.sleep(1)
        shares.append(cpu_seconds(pid) - before)
    assert median(shares) < 0.1, shares
    figure("client goes away in a stream", f"100 ms later the worker takes {median(shares):.2f} s of CPU a second")


def test_odd_queries_paths_and_methods(service: Running) -> None:
    for query in (b"model=%ED%A0%80", b"model=%FF", b"n=%00", b"%00=1", b"prefix=%", b"pattern=%ED%BF%BF"):
        check_problem(one(service, request(b"GET", b"/sample?" + query)), 404, 422)
    for path in (b"/models/%00", b"/models/..%2f..%2fetc%2fpasswd", b"/../../etc/passwd", b"/%2e%2e/livez"):
        check_problem(one(service, request(b"GET", path)), 404)
    for method in (b"OPTIONS", b"TRACE", b"PUT"):
        check_problem(one(service, request(method, b"/sample")), 405)
    assert exchange(service.port, request(b"HEAD", b"/sample")).data.startswith(b"HTTP/1.1 200 ")
