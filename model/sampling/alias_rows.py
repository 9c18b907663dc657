"""Rows of a plan and of a trie beside it, made as their cells are met."""

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.kernels import rows
from model.kernels.arrays import AliasRows, Ints
from model.sampling.excluded_names import Trie
from model.sampling.plan import Plan
from model.sampling.plan_nodes import START

MAX_BYTES = 48 * 1024 * 1024
"""Memory for the rows of one plan, taken as they are made: as many rows as 16 bits can number, of 64 columns."""
_AT_ONCE = 512
_AHEAD = 8192
"""Rows made at a time that were not met yet: some milliseconds."""
_FEWEST = 64
_MOST = 2**16 - 1
"""Rows that 16 bits can number."""
_LINE = 64
"""Bytes of a cache line."""
_NARROW = 256
"""Columns up to which an alias takes 8 bits."""


class RowCache:
    """`index` (cells,) holds 1 + the number of a cell's row in `near` and `fine` (see kernels.rows.make_rows): first
    the cells of the plan, then those of the trie. In `near`, behind the columns, is 1 + the number of the row that
    follows each symbol, 0 where it is not made yet. So what a draw reads of a row lies together, from the beginning
    of a cache line on.

    A row is the same whenever it is made. Kernels of other threads may read meanwhile: rows are written first, and
    their numbers only after a lock in between has made what was written visible.
    """

    def __init__(self, plan: Plan, trie: Trie) -> None:
        size, cells = plan.shaped.size, plan.cells + len(trie)
        width = 1 << (size - 1).bit_length()
        self._half_bits = 8 if width <= _NARROW else 16
        entry = np.dtype(np.uint16 if self._half_bits == 8 else np.uint32)
        across = -(-(width + size) * entry.itemsize // _LINE) * _LINE // entry.itemsize
        bytes_each = across * entry.itemsize + (width + size) * 4
        slots = max(_FEWEST, min(cells, MAX_BYTES // bytes_each, _MOST))
        self.index = np.zeros(cells, dtype=np.int32)
        self.near = _on_lines(slots, across, entry)
        self.fine = np.zeros((slots, width), dtype=np.uint32)
        self._after = np.zeros((slots, size), dtype=np.uint32)
        self._plan, self._trie = plan, trie
        self._used = 0
        self._waiting: list[Ints] = []
        self._count = 0
        self._ahead: Ints | None = None
        self._lock = Lock()
        self._barrier = Lock()

    @property
    def arrays(self) -> AliasRows:
        """What kernels take the rows as."""
        return AliasRows(self.index, self.near, self.fine, self._after, self._half_bits, self._plan.shaped.size)

    def __len__(self) -> int:
        return self._used

    @property
    def nbytes(self) -> int:
        parts = (self.index, self.near, self.fine, self._after)
        return sum(part.nbytes for part in parts)

    def make_all(self) -> None:
        """Makes the rows of all cells of a plan without layers, where there is room for all: some milliseconds. Where
        there is not, rows are made as names come to them, so that the most frequent ones have theirs."""
        with self._lock:
            self._make(self._all_cells())

    def missed(self, cells: Ints) -> None:
        """Notes cells that had no row, and makes rows once they are enough to be worth the trouble."""
        if not len(cells) or self._used == len(self.near):
            return
        cells = cells.copy()  # of a longer array
        with self._lock:
            self._waiting.append(cells)
            self._count += len(cells)
            if self._count >= _AT_ONCE:
                wanted, self._waiting, self._count = np.concatenate([*self._waiting, self._some_ahead()]), [], 0
                self._make(np.unique(wanted))

    def _all_cells(self) -> Ints:
        """Those of the trie and of a plan without layers, where there is room for all; else none."""
        if self._plan.layered:
            return np.zeros(0, dtype=np.int64)
        reached = np.flatnonzero(self._trie.arrays.places >= 0) + self._plan.cells
        every = np.concatenate([reached, np.arange(START, self._plan.cells)])
        return every if len(every) <= len(self.near) else every[:0]

    def _some_ahead(self) -> Ints:
        """The next cells of all, where there is room for all: a row costs less than a name that lacks it, and most are
        met so rarely that waiting for each would slow a million names. None at first: many samplers draw few names."""
        if not self._used:
            return np.zeros(0, dtype=np.int64)
        if self._ahead is None:
            self._ahead = self._all_cells()
        some, self._ahead = self._ahead[:_AHEAD], self._ahead[_AHEAD:]
        return some

    def _make(self, cells: Ints) -> None:
        wanted = cells[self.index[cells] == 0]
        if not len(wanted):
            return
        places = self._plan.places(self._trie.plan_cells(wanted, self._plan.cells))
        slots = np.empty(len(wanted), dtype=np.int64)
        with self._barrier:
            self._used += rows.make_rows(
                wanted, self._used, self._plan.arrays, self._trie.arrays, places, self.arrays, slots
            )
        with self._barrier:
            made = slots >= 0
            self.index[wanted[made]] = slots[made] + 1
            rows.link_rows(self._used, self.arrays)


def _on_lines(rows: int, columns: int, entry: np.dtype[Any]) -> NDArray[Any]:
    """An array whose rows begin where cache lines do."""
    size = rows * columns * entry.itemsize
    room = np.empty(size + _LINE, dtype=np.uint8)
    begin = -room.ctypes.data % _LINE
    return room[begin : begin + size].view(entry).reshape(rows, columns)
