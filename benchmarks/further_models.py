"""What each further model costs a worker, by copies of the bundled one under other names."""

from pathlib import Path

from benchmarks.servers import namesmith
from benchmarks.tables import print_table
from model.store import BUNDLED, Store

_COPIES = 4


def main() -> None:
    measured = starts()
    rows = [
        [f"{1 + copies}", "?" if mib is None else f"{mib:.0f}", f"{seconds:.2f}"]
        for copies, (mib, seconds) in measured.items()
    ]
    print_table("Models in a worker:", ["models", "MiB at start", "s to ready"], rows)
    if (further := further_mib(measured)) is not None:
        print(f"\neach further model: {further:.0f} MiB")


def starts() -> dict[int, tuple[float | None, float]]:
    """MiB and seconds to ready of a worker, by the number of further models."""
    measured = {}
    for copies in (0, _COPIES):
        with namesmith(lambda store, count=copies: _publish_copies(store, count)) as server:  # type: ignore[misc]
            measured[copies] = (server.memory_mib(), server.seconds_to_ready)
    return measured


def further_mib(measured: dict[int, tuple[float | None, float]]) -> float | None:
    """Of each further model."""
    alone, together = measured[0][0], measured[_COPIES][0]
    return None if alone is None or together is None else (together - alone) / _COPIES


def _publish_copies(store: Path, count: int) -> None:
    bundled = Store(BUNDLED).open("us-names")
    for i in range(count):
        Store(store).publish(f"copy-{i}", bundled.data, bundled.training_names, {})
