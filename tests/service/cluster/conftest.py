"""A cluster of three nodes on this machine, and the service on it: one for each file of tests, as a process is in one
cluster at a time."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import free_port
from tests.service.cluster.nodes import Nodes, deploy

with warnings.catch_warnings():  # of Ray's own modules, as they are imported
    warnings.simplefilter("ignore", DeprecationWarning)
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    pytest.importorskip("ray.data")
    from ray import serve
    from ray.cluster_utils import Cluster

_STORE_BYTES = 80 << 20


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """This process is connected to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # else its workers come last beside other tests
        patch.setenv("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")  # 5 are too few on two busy cores
        yield from _started(tmp_path_factory.mktemp("shared"))


def _started(store: Path) -> Iterator[Nodes]:
    cluster = Cluster()
    cluster.add_node(num_cpus=0, object_store_memory=_STORE_BYTES, include_dashboard=False)
    ports = [free_port() for _ in range(2)]
    for port in ports:
        own = {"RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(port)}  # all nodes have one address here
        cluster.add_node(num_cpus=2, object_store_memory=_STORE_BYTES, env_vars=own)
    ray.init(cluster.address, namespace="serve", log_to_driver=False, logging_level="ERROR")
    yield Nodes(cluster, free_port(), ports, store)
    ray.shutdown()
    cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def served(nodes: Nodes) -> Iterator[Nodes]:
    """The service on it: a replica on each of the two nodes."""
    serve.start(proxy_location="EveryNode", http_options={"port": nodes.head_port})
    deploy(nodes)
    yield nodes
    serve.shutdown()  # type: ignore[no-untyped-call]
