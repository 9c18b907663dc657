"""No leaks: requests, reloads and killed workers leave memory, descriptors, threads and metric files as they were."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx

from model.store.store import Store
from tests.reliability.load import Client, get, post
from tests.reliability.test_swaps import publishing
from tests.running import Running, running

KINDS = [
    post("/sample", {"n": 10}),
    post("/sample", {"n": 100, "prefix": "ka"}),
    post("/sample", {"n": 3_000, "novel": True}),
    post("/loss", {"names": ["emma", "ava"], "details": True}),
    post("/sample", {"n": 0}),
    post("/sample", {"prefix": "zzzz", "max_length": 2}),
    get("/top?k=5"),
    get("/models"),
    get("/nothing"),
    get("/metrics"),
    b"NOT HTTP\r\n\r\n",
]


_LINGER_SECONDS = 11


async def ask(port: int, number: int) -> None:
    """So many requests by twenty clients; connections that a killed worker had are made anew."""
    client = Client(port, retries=5)

    async def some(first: int) -> None:
        for i in range(first, number, 20):
            await client.ask(KINDS[i % len(KINDS)])
            client.replies.clear()

    await asyncio.gather(*(some(i) for i in range(20)))
    await client.close()


def state(service: Running) -> dict[str, int]:
    """Of the supervisor and the workers that there are, all together."""
    time.sleep(_LINGER_SECONDS)  # connections are gone
    for _ in range(20):  # and threads of the pool that were idle end as it is asked again
        httpx.get(service.url + "/models")
    pids = [service.process.pid, *service.workers()]
    return {
        "memory, KiB": service.memory_kib(),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        "threads": sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids),
        "metric files": len(list(metric_files(service))),
    }


def metric_files(service: Running) -> Iterator[Path]:
    variables = Path(f"/proc/{service.workers()[0]}/environ").read_bytes().split(b"\0")
    directory = next(v for v in variables if v.startswith(b"PROMETHEUS_MULTIPROC_DIR=")).partition(b"=")[2]
    return Path(os.fsdecode(directory)).glob("*.db")


def kill_one(service: Running) -> None:
    os.kill(service.workers()[0], signal.SIGKILL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.3)
        try:
            if len(service.workers()) == 2 and httpx.get(service.url + "/readyz").status_code == 200:
                return
        except httpx.TransportError:
            continue
    raise AssertionError("no worker took its place")


def test_memory_descriptors_threads_and_files_stay(
    tmp_path: Path, size: Callable[[int, int], int], figure: Callable[[str, str], None]
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    requests, reloads, kills = size(1_500, 200_000), size(3, 500), size(1, 50)
    with running(store, tmp_path / "log", workers=2) as service, publishing(store) as publisher:

        def round_(share: float) -> None:
            """Killed workers first: a new one has nothing of what the one before may have kept."""
            for _ in range(int(kills * share) or 1):
                kill_one(service)
            for _ in range(int(reloads * share)):
                publisher.publish("good")
                Store(store).prune("us-names", 2)
                asyncio.run(ask(service.port, int(requests / reloads)))
            asyncio.run(ask(service.port, size(1_000, 2_000)))

        round_(1 / 3)
        before, files = state(service), next(metric_files(service)).parent
        round_(2 / 3)
        after = state(service)
    growth = after["memory, KiB"] / before["memory, KiB"] - 1
    flat = "; ".join(f"{name} {before[name]} and {after[name]}" for name in list(before)[1:])
    figure("no leaks", f"{requests:,} requests, {reloads} reloads, {kills} kills: memory {growth:+.1%}; {flat}")
    assert growth <= 0.1
    assert after["threads"] <= before["threads"] + 4
    assert after["descriptors"] <= before["descriptors"] + 10
    assert after["metric files"] <= before["metric files"] + 2
    assert not files.exists(), "what the workers shared on disk goes with the service"
