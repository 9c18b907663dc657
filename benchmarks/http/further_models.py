"""What each further model costs a worker: copies of the bundled one under other names, and all that are bundled."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.tools.servers import namesmith
from benchmarks.tools.tables import print_table
from model.store.store import BUNDLED, Store

_COPIES = 4


class Start(NamedTuple):
    """Of a worker: memory with all its models, and when the first and when all were there."""

    mib: float | None
    seconds_to_ready: float
    seconds_to_all: float


def main() -> None:
    others = [name for name in Store(BUNDLED).names() if name != "us-names"]
    copies = starts()
    measured = {
        "us-names": copies[0],
        f"us-names and {_COPIES} copies": copies[_COPIES],
        f"us-names, {', '.join(others)}": _start(lambda store: _link(store, others)),
    }
    rows = [
        [models, "?" if mib is None else f"{mib:.0f}", f"{ready:.2f}", f"{everything:.2f}"]
        for models, (mib, ready, everything) in measured.items()
    ]
    print_table("Models in a worker:", ["models", "MiB with all", "s to ready", "s to all"], rows)
    if (further := further_mib(copies)) is not None:
        print(f"\neach further model of the size of us-names: {further:.0f} MiB")


def starts() -> dict[int, Start]:
    """By the number of further models, copies of the bundled one."""
    return {count: _start(lambda store, count=count: _publish_copies(store, count)) for count in (0, _COPIES)}  # type: ignore[misc]


def further_mib(measured: dict[int, Start]) -> float | None:
    """Of each further model."""
    alone, together = measured[0].mib, measured[_COPIES].mib
    return None if alone is None or together is None else (together - alone) / _COPIES


def _start(prepare: Callable[[Path], None]) -> Start:
    with namesmith(prepare) as server:
        began = time.perf_counter()
        server.status("GET", "/models")  # waits for all that the stores held
        waited = time.perf_counter() - began
        return Start(server.memory_mib(), server.seconds_to_ready, server.seconds_to_ready + waited)


def _publish_copies(store: Path, count: int) -> None:
    bundled = Store(BUNDLED).open("us-names")
    for i in range(count):
        Store(store).publish(f"copy-{i}", bundled.data, bundled.training_names, {})


def _link(store: Path, names: list[str]) -> None:
    for name in names:
        (store / name).symlink_to(BUNDLED / name)
