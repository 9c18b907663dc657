"""What the tests know of the cluster that they share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import BUNDLED


@dataclass(frozen=True)
class Nodes:
    """A head, which does no work, and two nodes of two processors each, all on this machine."""

    cluster: Any
    head_port: int
    """Where Ray's proxy on the head listens."""
    ports: list[int]
    """Where those on the two others do."""
    store: Path
    """The store that the replicas follow."""


def deploy(nodes: Nodes, **settings: str) -> None:
    """Starts a replica on each of the two nodes, or replaces those that run; `settings` become environment variables
    with the prefix NAMESMITH_."""
    from ray import serve

    from service.cluster.serving import application

    variables = {"NAMESMITH_STORE": str(nodes.store), "NAMESMITH_BUNDLED_STORE": str(BUNDLED)}
    variables |= {f"NAMESMITH_{name.upper()}": value for name, value in settings.items()}
    options = {"num_cpus": 0.5, "runtime_env": {"env_vars": variables}}
    deployment = application._bound_deployment.options(
        num_replicas=2, max_replicas_per_node=1, ray_actor_options=options, health_check_period_s=1
    )
    serve.run(deployment.bind(), route_prefix="/")
