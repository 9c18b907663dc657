"""The table of a model's next-character distributions, one row a context (made by `model/tabulation.py`).

With a context of `block_size` symbols out of V the network is a Markov chain over V ** block_size contexts.
Context (a, b, c) has the row ((a * V) + b) * V + c, so the context after drawing symbol s from row r is
row (r mod V ** (block_size - 1)) * V + s; a name begins at row 0, all boundaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from model.errors import TableTooLargeError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = TypeVar("Rows", int, Ints)

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
START = 0
"""Row of the context before the first letter."""


@dataclass(frozen=True)
class Transitions:
    """`log_probs` is (vocabulary size ** block_size, vocabulary size), float64, natural logarithms; read-only."""

    log_probs: Floats
    block_size: int

    def __len__(self) -> int:
        """Number of states, which are contexts."""
        return len(self.log_probs)

    @property
    def vocabulary_size(self) -> int:
        return int(self.log_probs.shape[1])

    def row(self, symbols: Sequence[int]) -> int:
        """Row of the context that these letter ids end in, a name's beginning."""
        row = START
        for symbol in symbols:
            row = self.next_context(row, symbol)
        return row

    def next_context(self, contexts: Rows, symbols: Rows) -> Rows:
        """Rows after `symbols` were drawn in rows `contexts` (numbers, or arrays of equal shapes)."""
        tails = len(self.log_probs) // self.vocabulary_size
        return contexts % tails * self.vocabulary_size + symbols


def check_budget(vocabulary_size: int, block_size: int, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
    """Raises TableTooLargeError if the table of such a model would take more than `budget_bytes`."""
    needed = vocabulary_size ** (block_size + 1) * np.dtype(np.float64).itemsize
    if needed > budget_bytes:
        raise TableTooLargeError(
            f"{block_size} characters of context over {vocabulary_size} symbols make a table of "
            f"{needed / 2**20:,.0f} MiB; the budget is {budget_bytes / 2**20:,.0f} MiB"
        )
