"""What a training run comes to."""

import platform
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from model.transitions.automaton import Transitions
from training.data.counted_list import Losses
from training.learning.loop import History

Baselines = dict[str, dict[str, float]]
"""What counting reaches on the held-out parts: by part, by way of counting (see `training.data.baselines`)."""


@dataclass(frozen=True)
class Result:
    data: bytes
    """The checkpoint."""
    digest: str
    parameters: int
    losses: Losses
    """Of what is served."""
    network_losses: Losses | None
    """Of the network itself, where a context tree is served in its place."""
    transitions: Transitions
    """What is served."""
    baselines: Baselines
    history: History
    seconds: float
    """Of the whole run: examples, training, evaluation."""

    def network_fields(self) -> dict[str, float | None]:
        """The network's own losses, as the results of commands name them; none where they are those of what is
        served."""
        losses = {} if self.network_losses is None else self.network_losses.fields()
        return {f"network_{name}": loss for name, loss in losses.items()}

    def facts(self) -> dict[str, Any]:
        """What the manifest keeps beyond the checkpoint: what differs from run to run."""
        return {
            "baselines": self.baselines,
            "seconds": round(self.history.seconds, 3),
            "total_seconds": round(self.seconds, 3),
            "curve": [
                {"step": point.step, "seconds": round(point.seconds, 3), "dev_loss": point.dev_loss}
                for point in self.history.points
            ],
            "environment": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": numpy.__version__,
                "machine": platform.machine(),
                "threads": torch.get_num_threads(),
            },
        }
