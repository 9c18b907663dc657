"""Options of commands that can spread runs over a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.search.collection import Work

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="HOST:PORT|auto|local",
        help="Train in parallel on the Ray cluster at this address; `local` turns this "
        "machine into one. Needs scripts/venv ray.",
    ),
]
CpusOption = Annotated[
    int, typer.Option("--cpus", min=1, max=1024, help="Number of processors and threads for each run on the cluster.")
]


@contextmanager
def on_cluster(address: str | None, cpus: int) -> Iterator[None]:
    """Connected to the cluster, if one is asked for. Raises ClusterError."""
    if address is None:
        yield
        return
    from training.cluster.connection import connected

    with connected(address, cpus):
        yield


def spread_over(address: str | None, cpus: int, device: str) -> "Work":
    """Who makes runs: the cluster that is connected, or this process."""
    if address is None:
        from training.search.collection import one_by_one

        return one_by_one
    from training.cluster.workers import spread

    return spread(cpus, gpus=1 if device == "cuda" else 0)
