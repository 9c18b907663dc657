"""Rows of a plan, made as their nodes are met."""

from threading import Lock

import numpy as np

from model.kernels import rows
from model.plan import Plan
from model.transitions import Ints

MAX_BYTES = 16 * 1024 * 1024
"""Memory for the rows of one plan, taken as they are made."""
_AT_ONCE = 512
_FEWEST = 64
_MOST = 2**16 - 1
"""Rows that 16 bits can number."""
_NARROW = 256
"""Columns up to which an alias takes 8 bits."""


class RowCache:
    """`index` (nodes,) holds 1 + the number of a node's row in `columns` and `fine` (see kernels.rows.make_rows).
    `after` (rows, symbols) holds 1 + the number of the row that follows each symbol, 0 where it is not made yet.

    A row is the same whenever it is made. Kernels of other threads may read meanwhile: rows are written first, and
    their numbers only after a lock in between has made what was written visible.
    """

    def __init__(self, plan: Plan) -> None:
        size = plan.shaped.size
        width = 1 << (size - 1).bit_length()
        self._half_bits = 8 if width <= _NARROW else 16
        bytes_each = width * (4 + self._half_bits // 4) + size * 6
        slots = max(_FEWEST, min(plan.nodes, MAX_BYTES // bytes_each, _MOST))
        self.index = np.zeros(plan.nodes, dtype=np.int32)
        self.columns = np.zeros((slots, width), dtype=np.uint16 if self._half_bits == 8 else np.uint32)
        self.fine = np.zeros((slots, width), dtype=np.uint32)
        self.after = np.zeros((slots, size), dtype=np.uint16)
        self._nodes_after = np.zeros((slots, size), dtype=np.uint32)
        self._plan = plan
        self._used = 0
        self._waiting: list[Ints] = []
        self._count = 0
        self._lock = Lock()
        self._barrier = Lock()

    @property
    def arrays(self) -> tuple[object, ...]:
        """What kernels take the rows as."""
        return self.index, self.columns, self.fine, self.after, self._half_bits

    def __len__(self) -> int:
        return self._used

    @property
    def nbytes(self) -> int:
        parts = (self.index, self.columns, self.fine, self.after, self._nodes_after)
        return sum(part.nbytes for part in parts)

    def make_all(self) -> None:
        """Makes the rows of all nodes of a plan without layers, as far as there is room: some milliseconds."""
        if not self._plan.layered:
            with self._lock:
                self._make(self._plan.all_nodes())

    def missed(self, nodes: Ints) -> None:
        """Notes nodes that had no row, and makes rows once they are enough to be worth the trouble."""
        if not len(nodes) or self._used == len(self.columns):
            return
        nodes = nodes.copy()  # of a longer array
        with self._lock:
            self._waiting.append(nodes)
            self._count += len(nodes)
            if self._count >= _AT_ONCE:
                wanted, self._waiting, self._count = np.unique(np.concatenate(self._waiting)), [], 0
                self._make(wanted[self.index[wanted] == 0])

    def _make(self, wanted: Ints) -> None:
        if not len(wanted):
            return
        places = np.column_stack(self._plan.places(wanted))
        slots = np.empty(len(wanted), dtype=np.int64)
        with self._barrier:
            self._used += rows.make_rows(
                wanted,
                self._used,
                *self._plan.arrays,
                places,
                self.columns,
                self.fine,
                self._nodes_after,
                self._half_bits,
                slots,
            )
        with self._barrier:
            made = slots >= 0
            self.index[wanted[made]] = slots[made] + 1
            self.after[: self._used] = self.index[self._nodes_after[: self._used]]
