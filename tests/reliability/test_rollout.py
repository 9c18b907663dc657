"""Two instances behind the proxy of deploy/nginx: one of them can be replaced, or die, and no request fails."""

import asyncio
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.reliability.load import Client, Reply, post
from tests.reliability.proxy import NGINX, proxy
from tests.reliability.raw import read_to_the_end, request
from tests.running import Running, free_port, running_on

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: the proxy is not tested")
Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]


class Instance:
    """One service on a port of its own, which its successors take over."""

    def __init__(self, work: Path, stack: ExitStack) -> None:
        self._port = free_port()
        self._work = work
        self._stack = stack
        self._generations = itertools.count()
        self.service = self.start()

    def start(self) -> Running:
        log = self._work / f"{self._port}-{next(self._generations)}.log"
        service = running_on(self._port, self._work / "store", log, trusted_proxies="127.0.0.1")
        self.service = self._stack.enter_context(service)
        return self.service

    def replace(self) -> None:
        """The old one ends in order, and another begins on its port."""
        self.service.process.terminate()
        assert self.service.process.wait(30) == 0
        self.start()

    def die(self) -> None:
        self.service.process.kill()
        self.service.process.wait()
        self.start()


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Instance]]:
    with ExitStack() as stack:
        work = tmp_path_factory.mktemp("instances")
        (work / "store").mkdir()
        yield [Instance(work, stack) for _ in range(2)]


@pytest.fixture
def port(instances: list[Instance], tmp_path: Path) -> Iterator[int]:
    with proxy(tmp_path, *(instance.service.port for instance in instances)) as port:
        yield port


def asked(number: int) -> bytes:
    """Small ones, ones that take some work, and scores, in turn."""
    kinds = [
        post("/sample", {"n": 10, "seed": number}),
        post("/sample", {"n": 2000, "seed": number}),
        post("/loss", {"names": ["emma", "xqzzt"]}),
    ]
    return kinds[number % len(kinds)]


async def answers_meanwhile(port: int, change: Callable[[], None], rate: int) -> list[Reply]:
    """What became of the requests, `rate` a second, that were sent while `change` ran and for a second more."""
    client = Client(port)
    changing = asyncio.create_task(asyncio.to_thread(change))
    done = False
    while not done:
        done = changing.done()
        await client.run(rate, rate, asked)
    await changing
    return client.replies


@pytest.mark.parametrize("change", [Instance.replace, Instance.die])
def test_no_request_fails_while_instances_are_replaced_one_by_one(
    instances: list[Instance], port: int, size: Size, figure: Figure, change: Callable[[Instance], None]
) -> None:
    def roll() -> None:
        for _ in range(size(1, 5)):
            for instance in instances if change is Instance.replace else instances[: size(1, 2)]:
                change(instance)

    replies = asyncio.run(answers_meanwhile(port, roll, size(60, 200)))
    failed = [(reply.status, reply.body[:100]) for reply in replies if reply.status != 200]
    assert not failed, f"{len(failed)} of {len(replies)}: {failed[:5]}"
    for reply in replies[:3]:
        assert reply.json()
    kind = "rolling restart of two instances" if change is Instance.replace else "instances killed in turn"
    figure(f"{kind}, behind nginx", f"0 of {len(replies):,} requests failed")


def test_a_seed_has_one_answer_whichever_instance_gives_it(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        bodies = {client.get("/sample?n=5&seed=7").content for _ in range(8)}
    assert len(bodies) == 1


def test_a_stream_is_passed_on_as_it_comes(port: int) -> None:
    began = time.monotonic()
    with httpx.stream("GET", f"http://127.0.0.1:{port}/sample?n=1000000", headers={"Accept": "text/plain"}) as answer:
        pieces = answer.iter_bytes()
        assert next(pieces)
        first = time.monotonic() - began
        assert sum(piece.count(b"\n") for piece in pieces) > 900_000
    assert first < (time.monotonic() - began) / 2


def test_the_service_learns_who_asks_and_keeps_the_id(instances: list[Instance], port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        kept = client.get("/no-such-path", headers={"X-Request-ID": "mine-1", "X-Forwarded-For": "203.0.113.9"})
        assert kept.headers["x-request-id"] == kept.json()["request_id"] == "mine-1"
        new = client.get("/no-such-path", headers={"X-Request-ID": "two words"}).json()["request_id"]
        assert len(new) == 32
    logged = "".join(instance.service.log.read_text() for instance in instances)
    (line,) = [line for line in logged.splitlines() if "mine-1" in line]
    assert "127.0.0.1" in line
    assert "203.0.113.9" not in logged


def test_what_the_proxy_refuses_is_a_problem_too(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    for answer, status, kind in [
        (httpx.post(f"{url}/loss", content=b" " * 1_048_577), 413, "content-too-large"),
        (httpx.get(f"{url}/metrics"), 404, "not-found"),
    ]:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == kind
        assert answer.json().keys() == httpx.get(f"{url}/no-such-path").json().keys()


def test_without_an_instance_the_proxy_says_so_in_a_problem(tmp_path: Path) -> None:
    with proxy(tmp_path, free_port()) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request(b"GET", b"/sample"))
        head, _, body = read_to_the_end(connection)[0].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in head
    assert json.loads(body)["type"] == "unreachable"
