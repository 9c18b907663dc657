"""Excess load is refused, not queued: what is accepted is answered soon, and memory stays where it was."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.reliability.load import Client, get, post, quantile
from tests.running import running

CLIENTS = 200
PAUSE_SECONDS = 0.2
"""How long a client waits after a refusal: less than it is told to."""
NAMES = ["emma", "olivia", "ava", "isabella", "sophia", "mia", "charlotte", "amelia"] * 250


def requests(random_: random.Random) -> list[bytes]:
    """One of each kind: small, large, with facts, with constraints that nobody has asked for, scored, ranked."""
    prefix = "".join(random_.choices("abcdefghijklmnoprstuvyz", k=2))
    return [
        post("/sample", {"n": 10}),
        post("/sample", {"n": 10_000}),
        post("/sample", {"n": 2_000, "details": True}),
        post("/sample", {"n": 20, "contains": prefix}),
        post("/sample", {"n": 20, "prefix": prefix[:1], "max_length": random_.randint(5, 20)}),
        post("/sample", {"n": 5_000, "unique": True}),
        post("/loss", {"names": NAMES}),
        get(f"/top?k=50&prefix={prefix[:1]}"),
    ]


async def ask_until(client: Client, until: float, seed: int) -> None:
    random_ = random.Random(seed)
    while time.monotonic() < until:
        reply = await client.ask(random_.choice(requests(random_)))
        if reply.status == 503:
            await asyncio.sleep(PAUSE_SECONDS)


async def load(port: int, clients: int, seconds: float) -> Client:
    client = Client(port, retries=1)  # a connection that was idle may be closed as it is used again
    until = time.monotonic() + seconds
    await asyncio.gather(*(ask_until(client, until, seed) for seed in range(clients)))
    await client.close()
    return client


async def small(port: int) -> float:
    """How long a small request takes, seconds: the median of some."""
    client = Client(port)
    for _ in range(40):
        await client.ask(post("/sample", {"n": 10}))
    await client.close()
    assert all(reply.status == 200 for reply in client.replies)
    return quantile([reply.seconds for reply in client.replies], 0.5)


def test_200_clients_on_2_workers(
    tmp_path: Path, size: Callable[[int, int], int], figure: Callable[[str, str], None]
) -> None:
    (tmp_path / "store").mkdir()
    with running(tmp_path / "store", tmp_path / "log", workers=2) as service:
        asyncio.run(load(service.port, 16, size(8, 20)))  # fills the caches
        alone, memory = asyncio.run(small(service.port)), service.memory_kib()
        client = asyncio.run(load(service.port, CLIENTS, size(6, 30)))
        peak = service.memory_kib()
        time.sleep(2)
        afterwards = asyncio.run(small(service.port))
    statuses = Counter(reply.status for reply in client.replies)
    assert set(statuses) <= {200, 503}, statuses
    assert all(int(reply.headers["retry-after"]) > 0 for reply in client.replies if reply.status == 503)
    accepted = [reply.seconds for reply in client.replies if reply.status == 200]
    p99, growth = quantile(accepted, 0.99), peak / memory - 1
    figure(
        "excess load is refused, not queued",
        f"{CLIENTS} clients, 2 workers: {statuses[200]:,} answered, {statuses[503]:,} refused; p99 of those answered "
        f"{p99:.2f} s; memory {growth:+.0%}; a small request {alone * 1e3:.1f} ms before, {afterwards * 1e3:.1f} after",
    )
    assert p99 <= size(10, 1)
    assert growth <= size(50, 20) / 100
    assert afterwards <= max(5 * alone, size(1, 0))
