"""What is no request, comes too slowly or in too many pieces, or is not read: one problem, in order, and an end."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.reliability.raw import check_problem, exchange, one, post, read_to_the_end, request
from tests.running import Running, running

LIMITS = {"header_seconds": "1", "body_seconds": "1", "stall_seconds": "1", "keep_alive_seconds": "1"}
MAX_CONNECTIONS = 30
CHUNKED = b"Transfer-Encoding: chunked"


def lengths(*headers: bytes) -> bytes:
    return request(b"POST", b"/sample", b"\r\n".join(headers), body=b"{}")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With short times, and few connections."""
    root = tmp_path_factory.mktemp("connections")
    (root / "store").mkdir()
    limits = LIMITS | {"max_connections": str(MAX_CONNECTIONS)}
    with running(root / "store", root / "log", 1, **limits) as service:
        yield service


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"GET\r\n\r\n", id="no target"),
        pytest.param(b"GET /livez\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"GET /livez HTTP/2.0\r\n\r\n", id="HTTP/2.0"),
        pytest.param(b"GET /livez HTTP/9.9\r\n\r\n", id="HTTP/9.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 with prior knowledge"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, id="TLS"),
        pytest.param(b"GET http://test/livez HTTP/1.1\r\nHost: test\r\n\r\n", id="absolute form"),
        pytest.param(b"CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n", id="CONNECT"),
        pytest.param(b"CONNECT /livez HTTP/1.1\r\nHost: test\r\n\r\n", id="CONNECT to a path"),
        pytest.param(
            b"CONNECT /livez HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", id="CONNECT with an upgrade"
        ),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", id="OPTIONS *"),
        pytest.param(b"GET /livez#part HTTP/1.1\r\nHost: test\r\n\r\n", id="fragment"),
        pytest.param(b"GET /li vez HTTP/1.1\r\nHost: test\r\n\r\n", id="space in the target"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\nHost: test\r\n\r\n", id="NUL in the target"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n", id="raw byte in the target"),
        pytest.param(b"GET /livez HTTP/1.1\r\nHost: a\x00b\r\n\r\n", id="NUL in a header"),
        pytest.param(b"GET /livez HTTP/1.1\r\nHost : test\r\n\r\n", id="space after a header's name"),
        pytest.param(b"GET /livez HTTP/1.1\r\nHost: test\r\n folded\r\n\r\n", id="folded header"),
        pytest.param(b"GET /livez HTTP/1.1\nHost: test\n\n", id="bare line feeds"),
        pytest.param(request(b"BREW"), id="unknown method"),
        pytest.param(lengths(b"Content-Length: +2"), id="signed length"),
        pytest.param(lengths(b"Content-Length: 99999999999999999999999"), id="long length"),
        pytest.param(lengths(b"Content-Length: 2", b"Content-Length: 3"), id="two lengths"),
        pytest.param(lengths(b"Content-Length: 2", b"Content-Length: 2"), id="a length twice"),
        pytest.param(lengths(b"Content-Length: 2", CHUNKED), id="a length and chunks"),
        pytest.param(request(b"POST", b"/sample", CHUNKED) + b"zz\r\n{}\r\n", id="bad chunk size"),
        pytest.param(request(b"POST", b"/sample", CHUNKED) + b"2\r\n{}}}\r\n0\r\n\r\n", id="long chunk"),
    ],
)
def test_what_is_no_request_gets_one_problem_and_an_end(service: Running, sent: bytes) -> None:
    problem = check_problem(one(service, sent), 400)
    assert problem.type in ("malformed-request",)


def test_a_refusal_says_that_the_connection_ends(service: Running) -> None:
    answer = one(service, b"nonsense\r\n\r\n")
    assert answer.headers["connection"] == "close"
    assert answer.headers["date"]


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"TLS/1.0"])
def test_an_upgrade_is_ignored_and_the_request_answered_with_its_body(service: Running, upgrade: bytes) -> None:
    asked = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABk" % upgrade
    live = request(b"GET", b"/livez", asked, close=False)
    sample = request(b"POST", b"/sample", asked, b"Content-Type: application/json", body=b'{"n":3}', close=False)
    chunked = request(b"POST", b"/sample", asked, b"Content-Type: application/json", CHUNKED, close=False)
    body = b'7\r\n{"n":4}\r\n0\r\n\r\n'
    for parts in ([live + sample + chunked + body], [live, sample[:-4], sample[-4:], chunked, body]):
        answers = exchange(service.port, *parts, pause=0.05).answers()
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert [len(answer.json()["names"]) for answer in answers[1:]] == [3, 4]


def test_what_follows_an_upgrade_is_not_taken_for_a_request_when_it_is_a_body(service: Running) -> None:
    inner = request(b"GET", b"/models", close=False)
    asked = b"Connection: Upgrade\r\nUpgrade: h2c"
    sent = request(b"POST", b"/sample", asked, b"Content-Type: application/json", body=inner, close=False)
    (answer,) = exchange(service.port, sent[: -len(inner)], inner, pause=0.1).answers()
    check_problem(answer, 400)


def test_a_bad_body_after_a_wish_for_100_continue_is_refused(service: Running) -> None:
    head = request(b"POST", b"/sample", b"Content-Type: application/json", CHUNKED, b"Expect: 100-continue")
    done = exchange(service.port, head + b"zz\r\n")
    check_problem(done.answers()[0], 400)
    assert b"Traceback" not in service.log.read_bytes()


def test_answers_that_are_due_come_before_a_refusal(service: Running) -> None:
    sample = request(b"POST", b"/sample", b"Content-Type: application/json", body=b'{"n":9000,"seed":1}', close=False)
    answers = exchange(service.port, sample + request(close=False) + b"nonsense\r\n\r\n").answers()
    assert [answer.status for answer in answers] == [200, 200, 400]
    check_problem(answers[2], 400)


def test_a_fault_in_the_body_of_a_request_that_waits_refuses_it_alone(service: Running) -> None:
    sample = request(b"POST", b"/sample", b"Content-Type: application/json", body=b'{"n":9000,"seed":1}', close=False)
    bad = request(b"POST", b"/sample", CHUNKED, close=False) + b"zz\r\n"
    answers = exchange(service.port, sample + bad).answers()
    assert [answer.status for answer in answers] == [200, 400]


def test_pipelined_requests_are_answered_in_order_up_to_a_bound(service: Running) -> None:
    many = [request(b"GET", b"/next?context=" + b"abc"[: i % 3], close=False) for i in range(60)]
    answers = exchange(service.port, b"".join(many)).answers()
    assert [answer.json()["context"] for answer in answers] == ["abc"[: i % 3] for i in range(60)]
    answers = exchange(service.port, request(close=False) * 5000).answers()
    assert {answer.status for answer in answers[:-1]} == {200}
    check_problem(answers[-1], 400)
    assert len(answers) < 80


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("ended", [True, False])
def test_a_head_over_16_kib_is_refused_as_it_arrives(service: Running, pieces: int, ended: bool) -> None:
    for long, status in ((b"GET /livez HTTP/1.1\r\nA: " + b"x" * 40_000, 431), (b"GET /" + b"x" * 40_000, 414)):
        sent = long + (b" HTTP/1.1\r\n\r\n" if status == 414 else b"\r\n\r\n") * ended
        step = -(-len(sent) // pieces)
        began = time.monotonic()
        check_problem(one(service, *(sent[i : i + step] for i in range(0, len(sent), step))), status)
        assert ended or time.monotonic() - began < 5


def test_a_head_of_just_under_16_kib_is_read(service: Running) -> None:
    for size, status in ((15_900, 200), (16_500, 431)):
        sent = request(b"GET", b"/livez", b"A: " + b"x" * (size - 80))
        (answer,) = exchange(service.port, sent).answers()
        assert answer.status == status
        (answer,) = exchange(service.port, sent[:200], sent[200:9000], sent[9000:], pause=0.05).answers()
        assert answer.status == status


def test_heads_that_follow_bodies_are_counted_by_themselves(service: Running) -> None:
    body = b'{"n":1}' + b" " * 15_000
    sample = request(b"POST", b"/sample", b"Content-Type: application/json", body=body, close=False)
    half = request(b"GET", b"/livez", b"A: " + b"x" * 5_000)
    answers = exchange(service.port, sample * 5 + half[:3_000], half[3_000:], pause=0.1).answers()
    assert [answer.status for answer in answers] == [200] * 6


def test_more_than_100_headers_are_refused(service: Running) -> None:
    for number, status in ((98, 200), (101, 431), (5_000, 431)):
        answer = one(service, request(b"GET", b"/livez", *(b"A%d: b" % i for i in range(number))))
        assert answer.status == status
    check_problem(answer, 431)


def test_trailers_without_end_are_refused_and_short_ones_dropped(service: Running) -> None:
    chunked = request(b"POST", b"/sample", b"Content-Type: application/json", CHUNKED)
    answer = one(service, chunked + b'7\r\n{"n":2}\r\n0\r\nX-Request-ID: trailer\r\n\r\n')
    assert answer.status == 200
    assert answer.headers["x-request-id"] != "trailer"
    trailer = [b"B: " + b"x" * 5_000] + [b"x" * 5_000] * 20
    check_problem(one(service, chunked + b'7\r\n{"n":2}\r\n0\r\n', *trailer, pause=0.01), 431)


def slowly(service: Running, data: bytes, pause: float = 0.2) -> tuple[bytes, float]:
    """A byte at a time, until the connection is closed; what came, and after how many seconds the end did."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=pause) as connection:
        began = time.monotonic()
        received = b""
        for i in range(len(data)):
            try:
                connection.sendall(data[i : i + 1])
                if chunk := connection.recv(65_536):
                    received += chunk
                    continue
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return received, time.monotonic() - began


def test_headers_that_come_slowly_are_refused(service: Running) -> None:
    received, seconds = slowly(service, request())
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < seconds < 8


def test_a_body_that_comes_slowly_is_refused(service: Running) -> None:
    sent = post(b'{"n": 2, "seed": "' + b"x" * 50 + b'"}')
    with socket.create_connection(("127.0.0.1", service.port), timeout=8) as connection:
        connection.sendall(sent[:-60])
        began = time.monotonic()
        data, closed = read_to_the_end(connection)
    assert closed
    assert data.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < time.monotonic() - began < 8
    assert b"Traceback" not in service.log.read_bytes()


def test_a_connection_without_a_request_is_closed_without_a_word(service: Running) -> None:
    for sent in (b"", b"\r\n"):
        done = exchange(service.port, sent)
        assert (done.data, done.closed) == (b"", True)
        assert 0.9 < done.seconds < 8


def test_a_connection_is_kept_for_the_next_request_for_a_while(service: Running) -> None:
    done = exchange(service.port, request(close=False))
    assert done.closed
    assert [answer.status for answer in done.answers()] == [200]
    assert 0.9 < done.seconds < 8
    for pause in (0.4, 0.7):  # longer together than a connection is kept
        answers = exchange(service.port, *[request(close=False)] * 3, pause=pause).answers()
        assert [answer.status for answer in answers] == [200] * 3


def test_a_client_that_does_not_read_is_cut_off(service: Running) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(request(b"GET", b"/sample?n=1000000", b"Accept: text/plain"))
        time.sleep(4)
        data, closed = read_to_the_end(connection)
    assert closed
    assert data.startswith(b"HTTP/1.1 200 ")
    assert not data.endswith(b"0\r\n\r\n")
    assert b"Traceback" not in service.log.read_bytes()


def test_one_connection_too_many_is_refused_and_there_is_room_again_afterwards(service: Running) -> None:
    kept = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(MAX_CONNECTIONS)]
    try:
        time.sleep(0.1)
        answer = one(service, request())
        check_problem(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
    finally:
        for connection in kept:
            connection.close()
    time.sleep(0.2)
    assert one(service, request()).status == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/../livez",
        b"/models/../livez",
        b"/%2e%2e/livez",
        b"//livez",
        b"/livez/",
        b"/%00",
        b"/livez%00",
        b"/%ED%A0%80",
        b"/%",
        b"/%zz",
        b"/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ],
)
def test_odd_paths_are_not_found(service: Running, path: bytes) -> None:
    check_problem(one(service, request(b"GET", path)), 404)


@pytest.mark.parametrize(
    "query", [b"model=%ED%A0%80", b"model=%ff", b"model=%", b"model=%00", b"%ED%A0%80=1", b"n=%00", b"model=%zz&%zz=1"]
)
def test_odd_queries_are_refused(service: Running, query: bytes) -> None:
    check_problem(one(service, request(b"GET", b"/sample?" + query)), 404, 422)


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE", b"PUT", b"PROPFIND"])
def test_other_methods_are_refused_and_the_connection_goes_on(service: Running, method: bytes) -> None:
    done = exchange(service.port, request(method, close=False) + request())
    answers = done.answers((method.decode(),))
    assert [answer.status for answer in answers] == [405, 200]
    assert "GET" in answers[0].headers["allow"]
