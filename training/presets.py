"""The network's layers, one line a layer, and the ways to train it."""

from dataclasses import dataclass
from typing import Any, Literal


def tanh_stack(vocabulary_size: int, block_size: int, dim: int = 10, width: int = 100) -> list[dict[str, Any]]:
    """Embedding, five hidden layers of Linear + BatchNorm1d + Tanh, and the output layer.

    Edit a line, or pass another list as JSON with `--layers`: training, checkpoint and service follow.
    """
    return [
        {"type": "Embedding", "num_embeddings": vocabulary_size, "embedding_dim": dim},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": block_size * dim, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": vocabulary_size, "bias": False},
        {"type": "BatchNorm1d", "num_features": vocabulary_size},
    ]


@dataclass(frozen=True)
class Preset:
    """How to train: optimiser, schedule, batch size and number of steps.

    `batch_size` None means every distinct context in each step, with smoothed targets (see objectives).
    """

    name: str
    optimizer: Literal["sgd", "adamw"]
    schedule: Literal["halves", "one-cycle"]
    learning_rate: float
    batch_size: int | None
    steps: int
    evaluate_every: int


PRESETS = {
    preset.name: preset
    for preset in (
        # Gradient descent at 0.1, at 0.01 for the second half: the loop of Karpathy's makemore lectures.
        Preset("classic", "sgd", "halves", learning_rate=0.1, batch_size=32, steps=200_000, evaluate_every=10_000),
        # AdamW (Loshchilov & Hutter 2019) under the one-cycle schedule (Smith & Topin 2018).
        Preset("fast", "adamw", "one-cycle", learning_rate=0.03, batch_size=None, steps=300, evaluate_every=10),
    )
}
