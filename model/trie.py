"""The probable names of a list as a trie beside a plan, so that a draw never begins what could only be one of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.kernels import listing
from model.names import Listing
from model.plan import Plan
from model.transitions import Floats, Ints


@dataclass(frozen=True, eq=False)
class Trie:
    """`children` (nodes, symbols), negative where there is none; `terminal` (nodes,), not 0 where a name ends.
    `remaining` (nodes,) is the chance to end well from a beginning with a name that is not in the trie, in the
    place of the plan's own chances; `places` (nodes,) is the plan's node there, negative where no name leads. Node 0
    is the empty beginning; without names there is none."""

    children: NDArray[np.int32]
    terminal: NDArray[np.uint8]
    remaining: Floats
    places: Ints

    @classmethod
    def beside(cls, plan: Plan, names: Listing, chosen: Ints) -> "Trie":
        """Of the names `chosen` (numbers in the list)."""
        if not len(chosen):
            return cls(np.zeros((0, 0), np.int32), np.zeros(0, np.uint8), np.zeros(0), np.zeros(0, np.int64))
        children, terminal = listing.make_trie(names.symbols, names.ends, chosen, plan.shaped.size)
        return cls(children, terminal, *listing.chances_beside(children, terminal, *plan.arrays))

    def __len__(self) -> int:
        return len(self.children)

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.arrays)

    @property
    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.uint8], Floats, Ints]:
        """What kernels take a trie as."""
        return self.children, self.terminal, self.remaining, self.places

    def plan_nodes(self, nodes: Ints, plan_size: int) -> Ints:
        """The plan's nodes (n,) at nodes (n,), of which those from `plan_size` on are the trie's."""
        found = nodes.copy()
        own = nodes >= plan_size
        found[own] = self.places[nodes[own] - plan_size]
        return found
