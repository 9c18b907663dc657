"""Load new before unloading old; a bad version never evicts a good one; nothing that dies fails a request."""

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.reliability.load import HOST, Client, Reply, hang_up, post, quantile
from tests.running import ROOT, Running, running

RATE = 100.0
AGREE_SECONDS = 2
BUSY_SECONDS = 60
"""The same where other tests take the processors at the same time."""
Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]


@dataclass(frozen=True)
class Published:
    digest: str
    at: float
    good: bool


class Publisher:
    """A process that publishes when it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.published: list[Published] = []

    def publish(self, kind: str) -> Published:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(kind + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.published.append(Published(answer["digest"], answer["at"], kind == "good"))
        return self.published[-1]


@contextmanager
def publishing(store: Path) -> Iterator[Publisher]:
    command = [sys.executable, "-m", "tests.reliability.publisher", str(store)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Publisher(process)
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def serving(work: Path) -> Iterator[tuple[Running, Publisher, str]]:
    """Two workers, who publishes for them, and the digest that both serve to begin with."""
    store = work / "store"
    store.mkdir()
    with running(store, work / "log", workers=2) as service, publishing(store) as publisher:
        publisher.publish("good")
        first = publisher.published.pop().digest
        wait_until_all_serve(service, first)
        yield service, publisher, first


def plan(publishes: int, corrupt: int) -> list[str]:
    """Which publishes are corrupt: spread, and never the first."""
    bad = {round((i + 0.5) * publishes / corrupt) for i in range(corrupt)} if corrupt else set()
    return ["corrupt" if i in bad else "good" for i in range(publishes)]


def check_digests(replies: list[Reply], published: list[Published], first: str) -> float:
    """Each reply names one digest that was published whole, and two seconds after a publish none is of before. Returns
    the longest that an old digest was still named, seconds."""
    good = [Published(first, 0.0, True), *(each for each in published if each.good)]
    latest = 0.0
    for reply in replies:
        digest = reply.headers["x-model-digest"]
        assert reply.json()["model"]["digest"] == digest
        numbers = [i for i, each in enumerate(good) if each.digest == digest]
        assert numbers, f"a digest that was never published whole: {digest[:12]}"
        if numbers[-1] + 1 < len(good):
            latest = max(latest, reply.sent - good[numbers[-1] + 1].at)
    return latest


def request(number: int) -> bytes:
    return post("/sample", {"n": 10, "seed": number})


async def at_intervals(seconds: float, actions: Sequence[Callable[[], object]]) -> None:
    """Runs the actions one after the other, evenly over so many seconds, outside the event loop."""
    began = time.monotonic()
    for i, action in enumerate(actions, 1):
        await asyncio.sleep(max(0.0, began + i * seconds / (len(actions) + 1) - time.monotonic()))
        await asyncio.to_thread(action)


def during_swaps(replies: list[Reply], published: list[Published]) -> list[float]:
    """Latencies of requests within two seconds after a publish, in which the workers load it. What the publisher itself
    computes, the table above all, comes before."""
    return [r.seconds for r in replies if any(0 <= r.sent - each.at <= AGREE_SECONDS for each in published)]


def test_publishes_fail_no_request_and_workers_agree(tmp_path: Path, size: Size, figure: Figure) -> None:
    total, kinds = size(800, 6000), plan(size(4, 20), size(1, 6))
    with serving(tmp_path) as (service, publisher, first):
        steady, client = Client(service.port), Client(service.port)

        async def run() -> None:
            await steady.run(size(200, 1500), RATE, request)
            publishes = [partial(publisher.publish, kind) for kind in kinds]
            publishing = asyncio.create_task(at_intervals(total / RATE, publishes))
            await client.run(total, RATE, request)
            while not publishing.done():  # a busy machine publishes for longer than the requests last
                await client.run(200, RATE, request)
            await publishing
            await client.run(200, RATE, request)

        asyncio.run(run())
        failed = [reply for reply in client.replies if reply.status != 200]
        assert len(client.replies) >= total
        assert not failed, failed[:3]
        latest = check_digests(client.replies, publisher.published, first)
        before = quantile([reply.seconds for reply in steady.replies], 0.99)
        swaps = quantile(during_swaps(client.replies, publisher.published), 0.99)
        figure(
            "load new before unloading old",
            f"{len(failed)} of {len(client.replies):,} failed through {len(kinds)} publishes, "
            f"{kinds.count('corrupt')} corrupt; "
            f"workers agreed after {latest:.2f} s; p99 {swaps * 1e3:.1f} ms in the two seconds after a publish, "
            f"{before * 1e3:.1f} ms before, ratio {swaps / before:.1f}",
        )
        assert latest <= size(BUSY_SECONDS, AGREE_SECONDS)
        assert swaps <= 3 * before or size(1, 0)


def test_publishes_worker_kills_and_slow_clients_at_once(tmp_path: Path, size: Size, figure: Figure) -> None:
    total, kinds, kills, slow = size(1000, 6000), plan(size(4, 20), size(1, 6)), size(2, 10), size(20, 100)
    with serving(tmp_path) as (service, publisher, first):
        client = Client(service.port, retries=3)
        chance = random.Random(1)

        def kill() -> None:
            os.kill(chance.choice(service.workers()), signal.SIGKILL)

        async def run() -> None:
            slow_ones = [asyncio.create_task(trickle(service.port)) for _ in range(slow)]
            publishes = [partial(publisher.publish, kind) for kind in kinds]
            await asyncio.gather(
                client.run(total, RATE, request),
                at_intervals(total / RATE, publishes),
                at_intervals(total / RATE, [kill] * kills),
            )
            for task in slow_ones:
                task.cancel()
            await asyncio.gather(*slow_ones, return_exceptions=True)

        asyncio.run(run())
        failed = [reply for reply in client.replies if reply.status != 200]
        retried = sum(reply.retries > 0 for reply in client.replies)
        latest = check_digests([r for r in client.replies if r.status == 200], publisher.published, first)
        figure(
            "everything at once",
            f"{len(failed)} of {total:,} failed through {len(kinds)} publishes, {kinds.count('corrupt')} corrupt, "
            f"{kills} workers killed and {slow} slow clients ({retried} sent again as their connection broke); "
            f"workers agreed after {latest:.2f} s",
        )
        assert not failed, failed[:3]
        assert latest <= size(BUSY_SECONDS, AGREE_SECONDS)


async def trickle(port: int) -> None:
    """A client that sends a request a byte a second, and begins again when it is turned away."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            try:
                for byte in itertools.cycle(b"GET /sample HTTP/1.1\r\nX-Padding: "):
                    writer.write(bytes((byte,)))
                    await writer.drain()
                    await asyncio.sleep(1)
            finally:
                await hang_up(writer)
        await asyncio.sleep(0.1)


def wait_until_all_serve(service: Running, digest: str) -> None:
    """As the workers' log says: answers over many connections may all come from the one that is quicker."""
    until, line = time.monotonic() + 60, f"serving us-names, version {digest[:12]}".encode()
    while service.log.read_bytes().count(line) < len(service.workers()):
        assert time.monotonic() < until, "the first version was never served by all"
        time.sleep(0.1)
