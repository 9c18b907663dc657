"""A cluster to work on: one that runs somewhere, or the processors of this machine."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import ray
from ray.exceptions import AuthenticationError

from model.errors import NamesmithError

LOCAL = "local"
_PATIENCE_SECONDS = 5.0
_STORE_BYTES = 128 << 20
"""For a cluster of our own: hardly anything but the numbers of parts is passed around."""


class ClusterError(NamesmithError):
    """Work that a cluster could not do; says where and what to do."""


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[int]:
    """Connects this process to the cluster at `address` (HOST:PORT, ray://HOST:PORT or auto), or to one of its own
    (local), unless it is connected to one already; gives the number of workers to use, all processors unless it is
    said. Raises ClusterError."""
    ours = not ray.is_initialized()
    if ours:
        _connect(address, workers)
    resources: Callable[[], dict[str, float]] = ray.cluster_resources
    try:
        yield workers or max(1, int(resources().get("CPU", 1)))
    finally:
        if ours:
            ray.shutdown()


def _connect(address: str, workers: int | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == LOCAL:
            ray.init(LOCAL, num_cpus=workers, include_dashboard=False, object_store_memory=_STORE_BYTES, **quietly)
        else:
            _reach(address)
            ray.init(address, **quietly)
    except AuthenticationError:
        why = "it requires a token: set RAY_AUTH_MODE=token and put the token in ~/.ray/auth_token or RAY_AUTH_TOKEN"
        raise ClusterError(f"no access to the cluster at {address}: {why}") from None
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(f"no cluster at {address}: {_first_line(error)}") from None


def _reach(address: str) -> None:
    """Ray itself would try for minutes. Raises ConnectionError."""
    parsed = urlsplit(address if "://" in address else f"//{address}")
    if parsed.port is None:
        return
    try:
        socket.create_connection((parsed.hostname or "", parsed.port), _PATIENCE_SECONDS).close()
    except OSError as error:
        why = str(error.strerror or error).lower()
        raise ConnectionError(f"{why}; `ray start --head` starts one, `--cluster local` needs none") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
