"""Losses of a stack on counted data, and how its samples compare with the list it was trained on."""

from dataclasses import dataclass

import torch

from model.engine import Engine
from model.shaping import Settings
from model.stack import Stack
from model.vocabulary import Vocabulary
from training.examples import Counts

_ROWS = 16_384


@torch.no_grad()
def cross_entropy(stack: Stack, data: Counts) -> float:
    """Mean negative log-likelihood a character (nats), ends included. Leaves the stack in evaluation mode."""
    stack.eval()
    device = stack.parameters()[0].device
    total = 0.0
    for start in range(0, len(data.contexts), _ROWS):
        log_probs = torch.log_softmax(stack(data.contexts[start : start + _ROWS].to(device)), dim=1)
        total -= float((log_probs.double() * data.counts[start : start + _ROWS].to(device)).sum())
    return total / float(data.counts.double().sum())


@dataclass(frozen=True)
class Quality:
    """Shares of `count` sampled names: that differ from each other, and that are not in the list."""

    count: int
    uniqueness: float
    novelty: float


def sample_quality(engine: Engine, vocabulary: Vocabulary, known: frozenset[str], count: int = 1000) -> Quality:
    """Draws `count` names at the default settings with seed 0. Raises UnsatisfiableError or TooRareError where the
    model gives none."""
    sampler = engine.sampler(Settings(), [], None)
    names = [name for draws in sampler.draw(0, count) for name in draws.decode(vocabulary)]
    return Quality(count, len(set(names)) / count, sum(name not in known for name in names) / count)
