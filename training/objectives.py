"""What a training step lowers: the loss of a stack in training mode on the next batch."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.layers import BatchNorm1d
from model.stack import Stack
from training.examples import Counts, Examples
from training.smoothing import kneser_ney

Objective = Callable[[Stack], Tensor]
"""Gives the loss of the next batch, a scalar to differentiate."""


class MiniBatches:
    """Cross-entropy of `batch_size` examples drawn at random with replacement, in proportion to their weights."""

    def __init__(self, examples: Examples, batch_size: int, generator: torch.Generator, device: str = "cpu") -> None:
        self._contexts = examples.contexts.to(device)
        self._targets = examples.targets.to(device)
        self._batch_size = batch_size
        self._generator = generator
        even = bool((examples.weights == examples.weights[0]).all())
        self._cumulative = None if even else torch.cumsum(examples.weights, 0)

    def __call__(self, stack: Stack) -> Tensor:
        batch = self._draw().to(self._contexts.device)
        return F.cross_entropy(stack(self._contexts[batch].long()), self._targets[batch].long())

    def _draw(self) -> Tensor:
        count = len(self._targets)
        if self._cumulative is None:
            return torch.randint(0, count, (self._batch_size,), generator=self._generator)
        points = torch.rand(self._batch_size, generator=self._generator, dtype=torch.float64) * self._cumulative[-1]
        return torch.searchsorted(self._cumulative, points, right=True).clamp_(max=count - 1)


class AllContexts:
    """Cross-entropy of the whole training data in one batch: each distinct context once, weighted by its count.

    A list has far fewer distinct contexts than examples, so this is the exact loss at a fraction of the cost.
    Full batches lack the noise that regularises; the targets are therefore smoothed, by Kneser-Ney
    estimates from the training counts alone. BatchNorm statistics are weighted in the same way.
    """

    def __init__(self, counts: Counts, device: str = "cpu") -> None:
        smoothed = kneser_ney(counts.contexts.numpy(), counts.counts.double().numpy())
        self._contexts = counts.contexts.to(device)
        self._targets = torch.from_numpy(smoothed.astype(np.float32)).to(device)
        self._row_weights = counts.counts.sum(1).to(device)
        self._shares = self._row_weights / self._row_weights.sum()

    def __call__(self, stack: Stack) -> Tensor:
        for layer in stack.layers:
            if isinstance(layer, BatchNorm1d):
                layer.row_weights = self._row_weights
        losses = F.cross_entropy(stack(self._contexts), self._targets, reduction="none")
        return self._shares @ losses
