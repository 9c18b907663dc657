"""Whether a checkpoint, read back from its bytes as the service will, computes what it should."""

import numpy as np
import torch
from torch import Tensor

from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.transitions.automaton import Floats, Transitions
from training.gate.checks import Check

_ROWS = 4_096
_BATCH = 64
_TOLERANCE = 1e-9
"""In float64: the order of a sum may differ from batch to batch, but nothing else may."""


def self_test(model: Checkpoint, transitions: Transitions) -> list[Check]:
    return [evaluation_mode(model), distributions(transitions)]


def evaluation_mode(model: Checkpoint) -> Check:
    """A row's answer depends on the row alone - not on its batch, as in training - and leaves no trace."""
    return Check(
        "evaluation mode",
        not any(layer.training for layer in model.stack.layers) and _rows_are_alone(model),
        f"{_BATCH} contexts must get the same answers together, in halves and one by one, and no tensor may change",
    )


@torch.no_grad()
def _rows_are_alone(model: Checkpoint) -> bool:
    stack = model.stack.to(dtype=torch.float64)
    before = {name: tensor.clone() for name, tensor in stack.state().items()}
    shape = (_BATCH, model.block_size)
    contexts = torch.from_numpy(np.random.default_rng(0).integers(model.vocabulary.size, size=shape))
    together, halves, alone = (_in_batches(stack, contexts, size) for size in (_BATCH, _BATCH // 2, 1))
    agree = all(
        bool(torch.isfinite(others).all()) and torch.allclose(together, others, rtol=_TOLERANCE, atol=_TOLERANCE)
        for others in (together, halves, alone)
    )
    return agree and all(torch.equal(before[name], tensor) for name, tensor in stack.state().items())


def distributions(transitions: Transitions) -> Check:
    """Of all contexts."""
    return Check(
        "distributions",
        all(
            _are_distributions(transitions.rows(states)[0])
            for states in np.array_split(np.arange(len(transitions)), 1 + len(transitions) // _ROWS)
        ),
        "the next-character probabilities of every context must be finite and sum to 1",
    )


def _are_distributions(log_probs: Floats) -> bool:
    return bool((log_probs <= 0).all() and np.abs(np.exp(log_probs).sum(axis=1) - 1).max() < _TOLERANCE)


def _in_batches(stack: Stack, contexts: Tensor, size: int) -> Tensor:
    return torch.cat([stack(batch) for batch in torch.split(contexts, size)])
