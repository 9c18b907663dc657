"""The probable names of a list as a trie beside a plan, so that a draw never begins what could only be one of them."""

from dataclasses import dataclass

import numpy as np

from model.kernels import trie as kernels
from model.kernels.arrays import Ints, TrieArrays
from model.sampling.plan import Plan
from model.text.names import NameSet


@dataclass(frozen=True, eq=False)
class Trie:
    """Beginning b has the `arrays.children` `starts[b]` to `starts[b + 1] - 1`, each behind one of `symbols`;
    `terminal` (beginnings,) is not 0 where a name ends. `remaining` (beginnings,) is the chance to end well from a
    beginning with a name that is not in the trie, in the place of the plan's own chances; `places` (beginnings,) is the
    plan's cell there, negative where no name leads. Beginning 0 is the empty one; without names there is none."""

    arrays: TrieArrays

    @classmethod
    def beside(cls, plan: Plan, names: NameSet, chosen: Ints) -> "Trie":
        """Of the names `chosen` (numbers in the list)."""
        if not len(chosen):
            return cls(_arrays(np.zeros(1, dtype=np.int64)))
        parents, symbols, terminal = kernels.make_trie(names.symbols, names.ends, chosen, plan.shaped.size)
        order = 1 + np.lexsort((symbols[1:], parents[1:]))
        starts = np.concatenate([[0], np.cumsum(np.bincount(parents[1:], minlength=len(parents)))])
        ways = (starts, symbols[order], order.astype(np.int32), terminal)
        return cls(TrieArrays(*ways, *kernels.chances_beside(*ways, plan.arrays, plan.shaped.size)))

    def __len__(self) -> int:
        return len(self.arrays.starts) - 1

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.arrays)

    def plan_cells(self, cells: Ints, of_plan: int) -> Ints:
        """The plan's cells (n,) at cells (n,), of which those from `of_plan` on are the trie's."""
        found = cells.copy()
        own = cells >= of_plan
        found[own] = self.arrays.places[cells[own] - of_plan]
        return found


def _arrays(starts: Ints) -> TrieArrays:
    """Those of a trie without beginnings."""
    nothing = (np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.uint8))
    return TrieArrays(starts, *nothing, np.zeros(0), np.zeros(0, np.int64))
