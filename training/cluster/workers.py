"""Orders of a collection as tasks of a Ray cluster: each worker is sent all it needs, and has no list and no store."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import ray
from ray.exceptions import RayError

from training.cluster.connection import RETRIES, ClusterError, as_here
from training.run.run_key import program
from training.search.collection import Made, Order, Work

_AHEAD = 64
"""Orders under way at a time, so that not all lists of a folder are in memory at once."""


def spread(cpus: int, gpus: int = 0) -> Work:
    """Runs side by side on the cluster that this process is connected to, each on `cpus` processors and with as many
    threads. One whose worker dies is made again."""
    task = ray.remote(_make).options(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)
    here = program()

    def work(orders: Iterable[Order]) -> Iterator[tuple[Order, Made]]:
        waiting = iter(orders)
        under_way: dict[Any, Order] = {}
        while True:
            for order in islice(waiting, _AHEAD - len(under_way)):
                under_way[task.remote(order, here, cpus)] = order
            if not under_way:
                return
            (done, *_), _ = ray.wait(list(under_way))
            yield under_way.pop(done), _result(done)

    return work


def _make(order: Order, program_here: str, threads: int) -> Made:
    try:
        as_here(program_here, threads)
    except ClusterError as error:
        return str(error)
    return order()


def _result(done: Any) -> Made:
    try:
        made: Made = ray.get(done)
    except RayError as error:
        return f"the cluster could not finish this run: {str(error).strip().splitlines()[-1][:300]}"
    return made
