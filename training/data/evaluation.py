"""What a stack says in evaluation mode, and its losses on counted data."""

import numpy as np
import torch
from torch import Tensor

from model.network.stack import Stack
from training.data.examples import Counts

_ROWS = 16_384
_NUMBERS = 1 << 22
"""Of what is said about some contexts, 16 MiB: a large alphabet is gone through in shorter pieces."""


def rows_at_once(symbols: int) -> int:
    """Contexts of which so many symbols' probabilities are computed together."""
    return max(2, min(_ROWS, _NUMBERS // symbols))


@torch.no_grad()
def cross_entropy(stack: Stack, data: Counts) -> float:
    """Mean negative log-likelihood a character (nats), ends included. Leaves the stack in evaluation mode."""
    stack.eval()
    device = stack.parameters()[0].device
    following = data.following
    total, at_once = 0.0, rows_at_once(data.symbols)
    for start in range(0, len(data.contexts), at_once):
        contexts = data.contexts[start : start + at_once]
        log_probs = torch.log_softmax(stack(contexts.to(device)), dim=1)
        found = slice(following.starts[start], following.starts[start + len(contexts)])
        rows = torch.from_numpy(following.row_of[found] - start).to(device)
        symbols = torch.from_numpy(following.symbols[found]).to(device)
        total -= float(log_probs[rows, symbols].cpu().double().numpy() @ following.values[found].astype(np.float64))
    return total / float(data.weights.sum())


@torch.no_grad()
def probabilities(stack: Stack, contexts: Tensor) -> Tensor:
    """After `contexts` (n, block_size): (n, symbols) float64, on the CPU. Leaves the stack in evaluation mode."""
    stack.eval()
    device = stack.parameters()[0].device
    parts = [torch.softmax(stack(rows.to(device)).double(), dim=1).cpu() for rows in torch.split(contexts, _ROWS)]
    return torch.cat(parts)
