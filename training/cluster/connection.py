"""The way to a Ray cluster, and what all work there has in common."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from model.errors import NamesmithError
from training.run.run_key import program

LOCAL = "local"
"""In place of an address: a cluster on this machine alone, for as long as it is needed."""
_CONNECT_SECONDS = 10.0
RETRIES = 3
"""Of a run whose worker or machine is lost: it starts again, and comes to the same result."""
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leaves CUDA_VISIBLE_DEVICES as it is, and does not warn of a change
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_AIR_NEW_OUTPUT": "0",  # the other one shows itself even where it is told to be silent
}


class ClusterError(NamesmithError):
    """A cluster that is not there, or that could not finish its work."""


@contextmanager
def connected(address: str, cpus: int) -> Iterator[None]:
    """A connection to the cluster at `address` (`HOST:PORT`, `auto` for the one that this machine belongs to, or
    `local`), for runs that take `cpus` processors each. Raises ClusterError where Ray is not installed, nothing
    answers, or this machine alone is too small."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise ClusterError(
            "a cluster needs Ray, which is not installed: run scripts/venv ray, or pip install 'namesmith[ray]'"
        ) from None
    logging.getLogger("ray").setLevel(logging.ERROR)
    _check_answers(address)
    dashboard = False if address == LOCAL else None
    try:
        ray.init(address=address, include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ClusterError(f"cannot use a Ray cluster at {address[:64]!a}: {reason[:200]}") from None
    try:
        there = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
        if address == LOCAL and there < cpus:
            raise ClusterError(f"this machine has {there} processors, so no run can use {cpus}: lower --cpus")
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raises ClusterError at once where Ray would try for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ClusterError(f"no Ray cluster answers at {address[:64]!a}: {error}") from None
    elif address not in (LOCAL, "auto"):
        raise ClusterError(f"{address[:64]!a} is not the address of a cluster: use HOST:PORT, auto or local")


def as_here(program_here: str, threads: int) -> None:
    """Begins a run on a worker: it must have the very program of whoever asks for it, and compute with so many threads,
    as both decide the last bits of the result. Raises ClusterError."""
    if program() != program_here:
        raise ClusterError(
            "a machine of the cluster has another version of namesmith: install the same "
            "version on all, then restart Ray there"
        )
    torch.set_num_threads(threads)
