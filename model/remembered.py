"""Rows of numbers by context, remembered within bounds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.kernels import remembered
from model.transitions import Ints

Contexts = NDArray[np.uint16]
"""(contexts, block_size): the symbol ids before a character, boundaries before the first letter."""


class RememberedRows:
    """Rows (width,) of `max_bytes` at most, but always room for one. Full, it forgets all of them and begins anew. Not
    for threads: who shares it holds a lock."""

    def __init__(self, block_size: int, width: int, dtype: type[np.generic], max_bytes: int) -> None:
        self.room = max(1, max_bytes // (2 * block_size + width * np.dtype(dtype).itemsize + 16))
        self.keys = np.empty((self.room, block_size), dtype=np.uint16)
        self.rows: NDArray[Any] = np.empty((self.room, width), dtype=dtype)
        self.table = np.full(1 << (2 * self.room - 1).bit_length(), remembered.ABSENT, dtype=np.int32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.rows.nbytes + self.table.nbytes

    def find(self, contexts: Contexts) -> Ints:
        """Numbers of the rows (contexts,), negative where one is not known."""
        found = np.empty(len(contexts), dtype=np.int64)
        remembered.find(contexts, self.keys, self.table, found)
        return found

    def put(self, contexts: Contexts, rows: NDArray[Any]) -> None:
        """Remembers `rows`, or as many of the first ones as there is room for."""
        if self._used + len(contexts) > self.room:
            self.table.fill(remembered.ABSENT)
            self._used = 0
        contexts, rows = contexts[: self.room], rows[: self.room]
        numbers = np.empty(len(contexts), dtype=np.int64)
        self._used = remembered.enter(contexts, self.keys, self.table, self._used, numbers)
        self.rows[numbers] = rows


def distinct(contexts: Contexts) -> tuple[Contexts, Ints]:
    """The different ones among them, and for each of them all its place among those."""
    packed = np.ascontiguousarray(contexts)
    whole = packed.view(np.dtype((np.void, packed.shape[1] * packed.itemsize)))[:, 0]
    _, firsts, places = np.unique(whole, return_index=True, return_inverse=True)
    return packed[firsts], places.reshape(-1)
