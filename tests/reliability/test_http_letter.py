"""HTTP to the letter: what RFC 9110 and 9112 ask of a server, through the real one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.raw import check_problem, exchange, one, request
from tests.running import Running, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("letter")
    (root / "store").mkdir()
    with running(root / "store", root / "log") as service:
        yield service
    assert b"Traceback" not in (root / "log").read_bytes()


@pytest.mark.parametrize("path", [b"/sample?n=9000&seed=1", b"/sample/stream?n=2&seed=1"])
def test_http_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection(service: Running, path: bytes) -> None:
    head = b"\r\nHost: test\r\nAccept: text/csv\r\n"
    old = exchange(service.port, b"GET " + path + b" HTTP/1.0" + head + b"\r\n")
    (new,) = exchange(service.port, b"GET " + path + b" HTTP/1.1" + head + b"Connection: close\r\n\r\n").answers()
    assert old.closed
    headers, _, body = old.data.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in headers.lower()
    assert b"content-length" not in headers.lower()
    assert b"\r\nconnection: close" in headers.lower()
    assert new.headers["transfer-encoding"] == "chunked"
    assert body == new.body


def test_http_1_0_needs_no_host(service: Running) -> None:
    done = exchange(service.port, b"GET /livez HTTP/1.0\r\n\r\n")
    assert done.closed
    assert done.answers()[0].status == 200


@pytest.mark.parametrize("host", [b"", b"test", b"[::1]:8000", b"names.example:", b"192.0.2.1:80", b"a_b.example"])
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(service: Running, host: bytes) -> None:
    assert one(service, b"GET /livez HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host).status == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"test", b"test"],
        [b"test", b"other"],
        [b"te st"],
        [b"test other"],
        [b"http://test"],
        [b"test/path"],
        [b"user@test"],
        [b"test:80:80"],
        [b"test:x"],
        [b"[::1"],
        [b"%zz"],
        ["é".encode()],
    ],
)
def test_a_host_that_is_missing_twice_or_malformed_is_refused(service: Running, hosts: list[bytes]) -> None:
    lines = b"".join(b"Host: %s\r\n" % host for host in hosts)
    problem = check_problem(one(service, b"GET /livez HTTP/1.1\r\n" + lines + b"\r\n"), 400)
    assert "Host" in problem.detail


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"deflate, chunked", b"identity"])
def test_a_transfer_coding_that_is_not_decoded_is_not_implemented(service: Running, coding: bytes) -> None:
    sent = request(b"POST", b"/sample", b"Content-Type: application/json", b"Transfer-Encoding: " + coding)
    check_problem(one(service, sent + b"2\r\n{}\r\n0\r\n\r\n"), 501)


@pytest.mark.parametrize("path", ["/sample?prefix=zoé", "/é", "/sample?contains=ñ&n=1"])
def test_letters_that_are_not_percent_encoded_are_told_so(service: Running, path: str) -> None:
    problem = check_problem(one(service, request(path=path.encode())), 400)
    assert "percent-encode" in problem.detail


def test_head_has_no_body_and_the_connection_goes_on(service: Running) -> None:
    sent = request(b"HEAD", b"/sample?n=5", close=False) + request(b"HEAD", b"/sample?n=900000", b"Accept: text/csv")
    small, large = exchange(service.port, sent).answers(("HEAD", "HEAD"))
    assert small.status == large.status == 200
    assert int(small.headers["content-length"]) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "192.0.2.1", ""])
def test_a_proxy_is_believed_where_it_is_trusted(tmp_path: Path, host: str, trusted: str) -> None:
    """Where a socket is of both families (`--host ::`), a client of IPv4 comes as ::ffff:127.0.0.1."""
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("no socket of both families on this machine")
    (tmp_path / "store").mkdir()
    arguments = ("--host", host, "--access-log")
    with running(tmp_path / "store", tmp_path / "log", 1, *arguments, trusted_proxies=trusted) as service:
        assert one(service, request(b"GET", b"/loss?name=a", b"X-Forwarded-For: 203.0.113.7")).status == 200
    asked = [line for line in (tmp_path / "log").read_text().splitlines() if "/loss" in line]
    assert ("203.0.113.7" in asked[0]) == (trusted == "127.0.0.0/8")
    assert "::ffff:" not in asked[0]
