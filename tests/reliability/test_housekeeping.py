"""A store is put in order under a running service, and no request for another model notices."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from model.network import checkpoint
from model.store.store import Store
from tests.model.store.test_store_history import model
from tests.reliability.load import Client, post
from tests.running import running

RATE = 100.0
STAYING, SOON_SECONDS = ("a", "b", "c"), 20
Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]


def asking(name: str, seed: int) -> bytes:
    return post("/sample", {"n": 10, "seed": seed, "model": name})


async def status_of(client: Client, name: str, wanted: int) -> None:
    """Until a worker has looked at its stores."""
    until = time.monotonic() + SOON_SECONDS
    while (await client.ask(asking(name, 0))).status != wanted:
        assert time.monotonic() < until, f"{name} does not answer with {wanted}"
        await asyncio.sleep(0.05)


def test_remove_rename_export_and_import_fail_no_request(tmp_path: Path, size: Size, figure: Figure) -> None:
    own, other, total = Store(tmp_path / "own"), Store(tmp_path / "other"), size(300, 6000)
    for number, name in enumerate((*STAYING, "d", "e")):
        own.publish(name, checkpoint.dumps(model(number)), ["a", "b"], {})
    other.root.mkdir()
    with running(own.root, tmp_path / "log", bundled_store=str(other.root), default_model="a") as service:
        client, looking = Client(service.port), Client(service.port)

        async def keep_house() -> None:
            exported = await asyncio.to_thread(own.export, "d")
            await asyncio.to_thread(own.remove, "d")
            await status_of(looking, "d", 404)
            await asyncio.to_thread(own.rename, "e", "f")
            await status_of(looking, "f", 200)
            await status_of(looking, "e", 404)
            await asyncio.to_thread(other.add, exported, tmp_path / "d.zip")
            await status_of(looking, "d", 200)
            await looking.close()

        async def run() -> None:
            requests = client.run(total, RATE, lambda i: asking(STAYING[i % len(STAYING)], i))
            await asyncio.gather(requests, keep_house())

        asyncio.run(run())
        failed = [reply for reply in client.replies if reply.status != 200]
        assert len(client.replies) == total
        assert not failed, failed[:3]
        figure(
            "a store is put in order under load",
            f"{len(failed)} of {total:,} failed through remove, rename, export and import",
        )
