"""What a stack says in evaluation mode, and its losses on counted data."""

import torch
from torch import Tensor

from model.stack import Stack
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


@torch.no_grad()
def probabilities(stack: Stack, contexts: Tensor) -> Tensor:
    """After `contexts` (n, block_size): (n, symbols) float64, on the CPU. Leaves the stack in evaluation mode."""
    stack.eval()
    device = stack.parameters()[0].device
    parts = [torch.softmax(stack(rows.to(device)).double(), dim=1).cpu() for rows in torch.split(contexts, _ROWS)]
    return torch.cat(parts)
