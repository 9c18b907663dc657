"""What a network is taught: contexts, what should follow each, and how much each counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from training.data.evaluation import rows_at_once
from training.data.examples import Counts
from training.data.smoothing import KneserNey

MOST_HELD = 1 << 26
"""Probabilities that are held, which take 256 MiB: where contexts times symbols are more, each batch has its own
computed."""

Rows = Callable[[Tensor], Tensor]
"""Probabilities (n, symbols) for the contexts of these numbers (n,)."""


class Targets(Protocol):
    """Probabilities (m, symbols) float32, which need not be held."""

    def __getitem__(self, numbers: Tensor, /) -> Tensor:
        """Rows (n, symbols) by their numbers (n,)."""

    def to(self, device: str, /) -> "Targets":
        """The same on another device."""


@dataclass(frozen=True)
class Lessons:
    """`contexts` (m, block_size) symbol ids, their `targets` (m, symbols), `weights` (m,) float64."""

    contexts: Tensor
    targets: Targets
    weights: Tensor


@dataclass(frozen=True)
class Computed:
    """Targets of which each batch has its own computed."""

    rows: Rows
    device: str = "cpu"

    def __getitem__(self, numbers: Tensor) -> Tensor:
        return self.rows(numbers.cpu()).float().to(self.device)

    def to(self, device: str) -> "Computed":
        return Computed(self.rows, device)


def lessons_of(contexts: Tensor, weights: Tensor, rows: Rows, symbols: int) -> Lessons:
    """Targets are computed here and now, unless they are too many to hold."""
    targets = Computed(rows)
    if len(contexts) * symbols > MOST_HELD:
        return Lessons(contexts, targets, weights)
    held = torch.empty(len(contexts), symbols)
    for numbers in torch.split(torch.arange(len(contexts)), rows_at_once(symbols)):
        held[numbers] = targets[numbers]
    return Lessons(contexts, held, weights)


def observed(counts: Counts) -> Lessons:
    """Each distinct context with the shares of what followed it."""

    def rows(numbers: Tensor) -> Tensor:
        shares = np.zeros((len(numbers), counts.symbols))
        counts.following.add_to(shares, numbers.numpy())
        return torch.from_numpy(shares) / counts.weights[numbers, None]

    return lessons_of(counts.contexts, counts.weights, rows, counts.symbols)


def smoothed(counts: Counts) -> Lessons:
    """The same with Kneser-Ney estimates from the training counts alone, which leave room for what did not occur."""
    estimates = counting(counts)

    def rows(numbers: Tensor) -> Tensor:
        return torch.from_numpy(estimates(counts.contexts[numbers].numpy()))

    return lessons_of(counts.contexts, counts.weights, rows, counts.symbols)


def counting(counts: Counts) -> KneserNey:
    following = counts.following
    ngrams = np.column_stack([counts.contexts.numpy()[following.row_of], following.symbols])
    return KneserNey(ngrams, following.values.astype(np.float64), counts.symbols)
