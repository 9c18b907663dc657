"""What a training step lowers: the loss of a stack in training mode on the next batch."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from model.network.batch_shard import WHOLE, BatchShard
from model.network.stack import Stack
from training.data.examples import Examples
from training.learning.lessons import Lessons

Objective = Callable[[Stack], Tensor]
"""Gives the loss of the next batch, a scalar to differentiate; of the rows at hand, what they add to it."""


class MiniBatches:
    """Cross-entropy of `batch_size` examples drawn at random with replacement, in proportion to their weights."""

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        generator: torch.Generator,
        device: str = "cpu",
        share: BatchShard = WHOLE,
    ) -> None:
        self._contexts = examples.contexts.to(device)
        self._targets = examples.targets.to(device)
        self._draw = Draws(examples.weights, batch_size, generator)
        self._share = share

    def __call__(self, stack: Stack) -> Tensor:
        batch = self._share.take(self._draw()).to(self._contexts.device)
        return self._share.mean(F.cross_entropy(stack(self._contexts[batch].long()), self._targets[batch].long()))


class SoftTargets:
    """Cross-entropy against the targets of lessons: of all of them, weighted, in each step; or with a `batch_size` of
    so many, drawn at random with replacement in proportion to their weights.

    A list has far fewer distinct contexts than examples, and each comes with all that may follow it, so the gradient
    is that of many examples at the cost of one. BatchNorm statistics are weighted in the same way.
    """

    def __init__(
        self,
        lessons: Lessons,
        batch_size: int | None,
        generator: torch.Generator,
        device: str = "cpu",
        share: BatchShard = WHOLE,
    ) -> None:
        self._contexts = lessons.contexts.to(device)
        self._targets = lessons.targets.to(device)
        self._draw = None if batch_size is None else Draws(lessons.weights, batch_size, generator)
        self._row_weights = lessons.weights.float().to(device)
        self._share = share

    def __call__(self, stack: Stack) -> Tensor:
        take = self._share.take
        if self._draw is not None:
            batch = take(self._draw()).to(self._contexts.device)
            return self._share.mean(F.cross_entropy(stack(self._contexts[batch].long()), self._targets[batch]))
        rows = take(torch.arange(len(self._contexts), device=self._contexts.device))
        weights = self._row_weights[rows]
        for layer in stack.layers:
            layer.row_weights = weights
        losses = F.cross_entropy(stack(self._contexts[rows].long()), self._targets[rows], reduction="none")
        return weights @ losses / self._row_weights.sum()


class Draws:
    """Indices of a batch (batch_size,), drawn with replacement in proportion to `weights` (n,) float64."""

    def __init__(self, weights: Tensor, batch_size: int, generator: torch.Generator) -> None:
        self._count = len(weights)
        self._batch_size = batch_size
        self._generator = generator
        even = bool((weights == weights[0]).all())
        self._cumulative = None if even else torch.cumsum(weights, 0)

    def __call__(self) -> Tensor:
        if self._cumulative is None:
            return torch.randint(0, self._count, (self._batch_size,), generator=self._generator)
        points = torch.rand(self._batch_size, generator=self._generator, dtype=torch.float64) * self._cumulative[-1]
        return torch.searchsorted(self._cumulative, points, right=True).clamp_(max=self._count - 1)
