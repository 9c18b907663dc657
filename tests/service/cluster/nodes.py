"""What the tests know of the cluster that they share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
