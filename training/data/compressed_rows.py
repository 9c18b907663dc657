"""Numbers by row and symbol of which most are 0, as a list's counts are: only the others are held."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.kernels.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class CompressedRows:
    """Compressed sparse rows: row i has `values[starts[i]:starts[i + 1]]` at its `symbols`, which ascend, and 0 at the
    others of `width` symbols. `starts` (rows + 1,)."""

    starts: Ints
    symbols: NDArray[np.int32]
    values: NDArray[np.floating]
    width: int

    @classmethod
    def of(
        cls, rows: Ints, symbols: NDArray[np.integer], values: NDArray[np.floating], count: int, width: int
    ) -> "CompressedRows":
        """Of entries (n,) in any order, in `count` rows; those of one row and symbol are added up."""
        places, at = np.unique(rows * width + symbols, return_inverse=True)
        sums: Floats = np.bincount(at, values, len(places)).astype(np.float64, copy=False)
        starts = np.searchsorted(places, np.arange(count + 1) * width)
        return cls(starts, (places % width).astype(np.int32), sums, width)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def row_of(self) -> NDArray[np.int32]:
        """The row (n,) of each value."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

    def sums(self) -> Floats:
        """Of each row (rows,)."""
        return np.bincount(self.row_of, self.values, len(self)).astype(np.float64, copy=False)

    def add_to(self, dense: Floats, rows: Ints) -> None:
        """Adds the rows numbered `rows` (n,) to `dense` (n, width); -1 stands for a row of zeros."""
        known = np.flatnonzero(rows >= 0)
        starts = self.starts[rows[known]]
        lengths = self.starts[rows[known] + 1] - starts
        before = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
        dense[np.repeat(known, lengths), self.symbols[places]] += self.values[places]

    def at(self, rows: Ints, symbols: NDArray[np.integer]) -> Floats:
        """The values (n,) at these rows and symbols; 0 in row -1."""
        held = self.row_of.astype(np.int64) * self.width + self.symbols
        wanted = rows * self.width + symbols
        places = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
        return np.where(held[places] == wanted, self.values[places], 0.0)
