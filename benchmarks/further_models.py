"""What each further model costs a worker: copies of the bundled one under other names, and all that are bundled."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.servers import namesmith
from benchmarks.tables import print_table
from model.store import BUNDLED, Store

_COPIES = 4


class _Measured(NamedTuple):
    mib: float | None
    seconds_to_ready: float
    seconds_to_all: float


def main() -> None:
    others = [name for name in Store(BUNDLED).names() if name != "us-names"]
    measured = {
        "us-names": _measure(lambda _: None),
        f"us-names and {_COPIES} copies": _measure(_publish_copies),
        f"us-names, {', '.join(others)}": _measure(lambda store: _link(store, others)),
    }
    rows = [
        [models, "?" if mib is None else f"{mib:.0f}", f"{ready:.2f}", f"{everything:.2f}"]
        for models, (mib, ready, everything) in measured.items()
    ]
    print_table("Models in a worker:", ["models", "MiB with all", "s to ready", "s to all"], rows)
    alone, together, _ = (each.mib for each in measured.values())
    if alone is not None and together is not None:
        print(f"\neach further model of the size of us-names: {(together - alone) / _COPIES:.0f} MiB")


def _measure(prepare: Callable[[Path], None]) -> _Measured:
    with namesmith(prepare) as server:
        began = time.perf_counter()
        server.status("GET", "/models")  # waits for all that the stores held
        waited = time.perf_counter() - began
        return _Measured(server.memory_mib(), server.seconds_to_ready, server.seconds_to_ready + waited)


def _publish_copies(store: Path) -> None:
    bundled = Store(BUNDLED).open("us-names")
    for i in range(_COPIES):
        Store(store).publish(f"copy-{i}", bundled.data, bundled.training_names, {})


def _link(store: Path, names: list[str]) -> None:
    for name in names:
        (store / name).symlink_to(BUNDLED / name)
