"""Evaluates a network once for every context: from a checkpoint to its table of transitions."""

from collections.abc import Iterator

import numpy as np
import torch

from model.checkpoint import Checkpoint
from model.transitions import DEFAULT_BUDGET_BYTES, Transitions, check_budget

_CHUNK = 4096


@torch.no_grad()
def compile_table(checkpoint: Checkpoint, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> Transitions:
    """Evaluates the stack in float64 on every context, always in batches of one shape, so that a row
    does not depend on its neighbours. Raises TableTooLargeError before any memory is taken."""
    size, block_size = checkpoint.vocabulary.size, checkpoint.block_size
    check_budget(size, block_size, budget_bytes)
    stack = checkpoint.stack.to(dtype=torch.float64).eval()
    log_probs = np.empty((size**block_size, size))
    for start, contexts in _all_contexts(size, block_size):
        rows = torch.log_softmax(stack(contexts), dim=1).numpy()
        log_probs[start : start + _CHUNK] = rows[: len(log_probs) - start]
    log_probs.setflags(write=False)
    return Transitions(log_probs, block_size)


def _all_contexts(size: int, block_size: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Chunks of (_CHUNK, block_size) ids in row order; the last one is filled up with repeats of row 0."""
    powers = size ** np.arange(block_size - 1, -1, -1)
    for start in range(0, size**block_size, _CHUNK):
        rows = np.arange(start, start + _CHUNK)
        rows[rows >= size**block_size] = 0
        yield start, torch.from_numpy(rows[:, None] // powers % size)
