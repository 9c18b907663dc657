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


class RowCache:
    """`index` (nodes,) holds 1 + the number of a node's row in `entries` (rows, columns, 2); see kernels.rows.

    A row is the same whenever it is made. Kernels may read while rows are added: an entry is written as a whole, and
    counts only when it is there.
    """

    def __init__(self, plan: Plan) -> None:
        columns = 1 << (plan.shaped.size - 1).bit_length()
        slots = max(_FEWEST, min(plan.nodes, MAX_BYTES // (16 * columns)))
        self.index = np.zeros(plan.nodes, dtype=np.int32)
        self.entries = np.zeros((slots, columns, 2), dtype=np.uint64)
        self._plan = plan
        self._used = 0
        self._waiting: list[Ints] = []
        self._count = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return self._used

    @property
    def nbytes(self) -> int:
        return self.index.nbytes + self.entries.nbytes

    def missed(self, nodes: Ints) -> None:
        """Notes nodes that had no row, and makes rows once they are enough to be worth the trouble."""
        if not len(nodes) or self._used == len(self.entries):
            return
        nodes = nodes.copy()  # of a longer array
        with self._lock:
            self._waiting.append(nodes)
            self._count += len(nodes)
            if self._count >= _AT_ONCE:
                wanted, self._waiting, self._count = np.unique(np.concatenate(self._waiting)), [], 0
                self._make(wanted[self.index[wanted] == 0])

    def _make(self, wanted: Ints) -> None:
        if len(wanted):
            groups, letters = self._plan.places(wanted)
            self._used += rows.make_rows(
                wanted, self._used, *self._plan.arrays, np.column_stack([groups, letters]), self.index, self.entries
            )
