"""The rows of a training batch that are at hand: all of them, unless several processes compute a batch together."""

import torch
from torch import Tensor


class BatchShard:
    """All rows of a batch. A process among others has some of them (see `training/run/parallel.py`)."""

    alone = True
    """Whether all rows are here."""

    def take(self, batch: Tensor) -> Tensor:
        """The rows at hand, in order, of a `batch` (rows, ...) that every process has."""
        return batch

    def summed(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Sums over the rows at hand, added up over all rows; no gradient flows through."""
        return tensors

    def total(self, rows: int) -> int:
        """Rows of the batch last taken, of which so many are at hand."""
        return rows

    def mean(self, loss: Tensor) -> Tensor:
        """What a mean over the rows at hand adds to that over all rows of the batch last taken."""
        return loss

    def random(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Uniform random numbers for the rows at hand, `shape` (rows, ...), the same for a row whoever has it."""
        return torch.rand(shape, generator=generator)


WHOLE = BatchShard()
