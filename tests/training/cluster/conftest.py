"""A Ray cluster of three small machines, which are processes of this one."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_SECONDS = 120.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes of one processor each."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("RAY_AUTH_MODE", "disabled")  # a token would be kept in the home directory
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # as other tests that run beside these
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(2):
            started.add_node(num_cpus=1)
        try:
            yield started
        finally:
            started.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def address(cluster: Any) -> str:
    """Where commands find the cluster."""
    found: str = cluster.address
    return found


class Killer:
    """Kills a worker of the cluster that has been at work for a second; `killed` holds its title."""

    def __init__(self, cluster: Any) -> None:
        self._raylets = {node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()}
        self.killed: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def at_work(self, at: str) -> Iterator[None]:
        """One worker whose title begins so is killed meanwhile."""
        thread = threading.Thread(target=self._kill_one, args=(f"ray::{at}",))
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _kill_one(self, at: str) -> None:
        since: dict[tuple[int, str], float] = {}
        until = time.monotonic() + _SECONDS
        while not self._over.wait(0.05) and time.monotonic() < until:
            now = time.monotonic()
            since = {worker: since.get(worker, now) for worker in self._busy(at)}
            for (pid, title), began in since.items():
                if now - began > 1:
                    os.kill(pid, signal.SIGKILL)
                    self.killed.append(title)
                    return

    def _busy(self, at: str) -> set[tuple[int, str]]:
        """Workers of this cluster, not of others on this machine, with their titles."""
        found = set()
        for raylet in self._raylets:
            for pid in Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split():
                title = _title(int(pid))
                if title.startswith(at):
                    found.add((int(pid), title))
        return found


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().strip("\0 ")
    except OSError:
        return ""


@pytest.fixture
def killer(cluster: Any) -> Killer:
    return Killer(cluster)
