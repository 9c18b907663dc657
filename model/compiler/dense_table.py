"""Evaluates a network once for every context of its length: from a checkpoint to its transitions."""

from collections.abc import Iterator

import numpy as np
import torch

from model.errors import TableTooLargeError
from model.network.checkpoint import Checkpoint
from model.transitions.automaton import Transitions

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
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
    return Transitions.dense(log_probs, block_size)


def check_budget(vocabulary_size: int, block_size: int, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
    """Raises TableTooLargeError if the table of such a model would take more than `budget_bytes`."""
    needed = vocabulary_size ** (block_size + 1) * np.dtype(np.float64).itemsize
    if needed > budget_bytes:
        raise TableTooLargeError(
            f"{block_size} characters of context over {vocabulary_size} symbols make a table of "
            f"{needed / 2**20:,.0f} MiB; the budget is {budget_bytes / 2**20:,.0f} MiB"
        )


def _all_contexts(size: int, block_size: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Chunks of (_CHUNK, block_size) ids in row order; the last one is filled up with repeats of row 0."""
    powers = size ** np.arange(block_size - 1, -1, -1)
    for start in range(0, size**block_size, _CHUNK):
        rows = np.arange(start, start + _CHUNK)
        rows[rows >= size**block_size] = 0
        yield start, torch.from_numpy(rows[:, None] // powers % size)
