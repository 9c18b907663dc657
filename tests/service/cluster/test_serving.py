"""The service on Ray Serve: the same answers, the same swap, and what becomes of requests when a node dies."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.reliability.load import Client, Reply, post
from tests.reliability.proxy import NGINX, proxy
from tests.running import running
from tests.service.cluster.nodes import Nodes, deploy

OF_THE_CONNECTION = {"connection", "date", "server", "transfer-encoding", "x-request-id"}
"""Headers that the server or Ray's proxy writes, not the application."""
HARD = {"prefix": "ka", "suffix": "a", "pattern": "[a-m]+", "min_length": 4, "max_length": 9, "novel": True}
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/sample?n=20&seed=7", {}),
    ("HEAD", "/sample?n=20&seed=7", {}),
    ("GET", "/sample?n=20&seed=emma&suffix=lyn&max_length=8&temperature=0.8&top_k=12", {}),
    ("GET", "/sample?n=300&seed=7&unique=true&details=true", {}),
    ("GET", "/sample?n=50&seed=7", {"headers": {"Accept": "text/csv"}}),
    ("GET", "/sample?n=20000&seed=7", {"headers": {"Accept": "application/x-ndjson"}}),
    ("GET", "/sample?n=300000&seed=7", {"headers": {"Accept": "text/plain"}}),
    ("GET", "/sample/stream?n=3&seed=7", {}),
    ("GET", "/sample?n=5&seed=7&model=us-names%2Bus-names", {}),
    ("GET", "/sample?n=5&seed=7&model=us-names%2Babsent", {}),
    ("POST", "/sample", {"json": {"n": 10, "seed": 1}}),
    ("POST", "/sample", {"json": {"n": 10_000, "seed": 1, "case": "upper"}}),
    ("POST", "/sample", {"json": {"n": 100, "seed": 2, **HARD}}),
    ("POST", "/sample", {"json": {"seed": 3, "prefix": "qqqqq", "max_length": 5, "novel": True, "min_length": 9}}),
    ("POST", "/sample", {"json": {"seeds": 3}}),
    ("POST", "/sample", {"content": b"{"}),
    ("POST", "/sample", {"content": b"[1]", "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/loss", {"json": {"names": ["emma", "Zoë", "xqzzt"], "details": True, "unknown": "skip"}}),
    ("POST", "/loss", {"json": {"names": ["emma", "Zoë"]}}),
    ("POST", "/loss", {"content": b" " * 1_048_577}),
    ("GET", "/loss?name=emma&name=olivia", {}),
    ("GET", "/next?context=emm&top_p=0.9", {}),
    ("GET", "/top?k=25&prefix=el", {}),
    ("GET", "/models", {}),
    ("GET", "/models/us-names", {}),
    ("GET", "/models/us-names/report", {}),
    ("GET", "/models/absent", {}),
    ("GET", "/sample?n=5", {"headers": {"X-Model-Digest": "0" * 64}}),
    ("GET", "/sample?n=5", {"headers": {"X-Model-Digest": "short"}}),
    ("GET", "/no-such-path", {}),
    ("GET", "/a/../sample%2F?n=1", {}),
    ("DELETE", "/sample", {}),
    ("OPTIONS", "/loss", {}),
    ("GET", "/", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/livez", {}),
    ("GET", "/readyz", {}),
]


@pytest.fixture(scope="module")
def alone(served: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the service on one machine, with the same stores."""
    with running(served.store, tmp_path_factory.mktemp("alone") / "log") as service:
        yield service.url


def asked(url: str, method: str, path: str, options: dict[str, Any]) -> tuple[int, dict[str, list[str]], bytes]:
    headers = {"Host": "names.example", "X-Request-ID": "the-same", **options.get("headers", {})}
    answer = httpx.request(method, url + path, **{**options, "headers": headers}, timeout=60)
    names = set(answer.headers) - OF_THE_CONNECTION
    assert answer.headers.get_list("x-request-id") == ["the-same"]
    return answer.status_code, {name: answer.headers.get_list(name) for name in names}, answer.content


@pytest.mark.parametrize(("method", "path", "options"), REQUESTS, ids=lambda value: str(value)[:60])
def test_answers_are_those_of_one_machine(
    served: Nodes, alone: str, method: str, path: str, options: dict[str, Any]
) -> None:
    expected = asked(alone, method, path, options)
    for port in (served.head_port, *served.ports):
        assert asked(f"http://127.0.0.1:{port}", method, path, options) == expected


def test_what_the_proxy_of_ray_adds_is_known(served: Nodes, alone: str) -> None:
    ours, ray = (httpx.get(f"{url}/livez").headers for url in (alone, f"http://127.0.0.1:{served.head_port}"))
    assert set(ray) - set(ours) == {"server"}
    assert set(ours) <= set(ray)


def test_a_version_that_is_published_is_served_by_every_replica(served: Nodes, publish: Callable[..., str]) -> None:
    url = f"http://127.0.0.1:{served.head_port}/models/fresh"
    before = "none yet"
    for _ in range(2):
        digest = publish(served.store, "fresh", letters="abcd", facts={"at": time.time_ns()})
        until = time.monotonic() + 60
        seen: list[str] = []
        while seen[-20:] != [digest] * 20:
            answer = httpx.get(url)
            seen.append(answer.json().get("digest", "none yet"))
            assert time.monotonic() < until, Counter(seen)
        assert set(seen) <= {digest, before}  # a replica may still give the old version, and none gives another
        before = digest


def requests_of(number: int) -> bytes:
    """Small ones, ones that take some work, and scores, in turn."""
    kinds = [
        post("/sample", {"n": 10, "seed": number}),
        post("/sample", {"n": 10_000, "seed": number}),
        post("/loss", {"names": ["emma", "xqzzt"] * 500}),
    ]
    return kinds[number % len(kinds)]


async def answers_meanwhile(ports: list[int], change: Callable[[], object], rate: int) -> list[list[Reply]]:
    """What became of the requests, `rate` a second to each port, that were sent while `change` ran and after it."""
    clients = [Client(port) for port in ports]
    changing = asyncio.create_task(asyncio.to_thread(change))
    seconds = 0
    while not (changing.done() and seconds > 5):
        await asyncio.gather(*(client.run(rate, rate, requests_of) for client in clients))
        seconds += 1
    await changing
    return [client.replies for client in clients]


def test_new_settings_replace_the_replicas_and_no_request_fails(served: Nodes) -> None:
    """Without a proxy of our own: a replica that is to end gets no more requests, and answers those that it has."""

    def probability() -> float:
        return float(httpx.get(f"http://127.0.0.1:{served.head_port}/sample?n=1").json()["probability"])

    before = probability()
    change = partial(deploy, served, block_list="off")
    (replies,) = asyncio.run(answers_meanwhile([served.head_port], change, 20))
    assert [reply.status for reply in replies if reply.status != 200] == []
    (after,) = {probability() for _ in range(20)}
    assert after > before


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed: the proxy is not tested")
def test_when_a_node_dies_no_request_behind_the_proxy_fails(
    served: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ray's own proxy answers what was under way on the node with a bare 500, which it cannot repeat; the proxy in
    front asks another node."""
    cluster = served.cluster
    victim = next(node for node in cluster.worker_nodes if f"{served.ports[0]}" in str(node._ray_params.env_vars))

    def die() -> None:
        time.sleep(2)
        cluster.remove_node(victim, allow_graceful=False)

    with proxy(tmp_path, served.ports[0], served.ports[1], served.head_port) as port:
        direct, behind = asyncio.run(answers_meanwhile([served.head_port, port], die, 20))
    failed = [[reply.status for reply in replies if reply.status != 200] for replies in (direct, behind)]
    counts = zip(failed, (direct, behind), strict=True)
    told = ", ".join(f"{dict(Counter(statuses))} of {len(replies)}" for statuses, replies in counts)
    with capsys.disabled():
        sys.stderr.write(f"\nfailed as a node died, without the proxy and behind it: {told}\n")
    assert failed[1] == []
    assert set(failed[0]) <= {500, 503}
    assert len(failed[0]) < len(direct) / 4
    for reply in behind[:3]:
        assert json.loads(reply.body)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{served.ports[0]}/livez")
