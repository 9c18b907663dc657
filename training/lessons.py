"""What a network is taught: contexts, what should follow each, and how much each counts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.examples import Counts
from training.smoothing import KneserNey


@dataclass(frozen=True)
class Lessons:
    """`contexts` (m, block_size) symbol ids, `targets` (m, symbols) probabilities, `weights` (m,) float64."""

    contexts: Tensor
    targets: Tensor
    weights: Tensor


def observed(counts: Counts) -> Lessons:
    """Each distinct context with the shares of what followed it."""
    weights = counts.counts.double().sum(1)
    return Lessons(counts.contexts, (counts.counts / weights[:, None]).float(), weights)


def smoothed(counts: Counts) -> Lessons:
    """The same with Kneser-Ney estimates from the training counts alone, which leave room for what did not occur."""
    estimates = counting(counts)(counts.contexts.numpy())
    return Lessons(counts.contexts, torch.from_numpy(estimates).float(), counts.counts.double().sum(1))


def counting(counts: Counts) -> KneserNey:
    return KneserNey.of_counts(counts.contexts.numpy(), counts.counts.double().numpy())
