"""What a plan reckons with: states of the automata of a request together with a state of the model.

Only those are looked for that a name can come to. They are numbered in the order of the letters that it takes.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from model.constraints.automata import Automaton, anything
from model.errors import ConstraintError
from model.kernels import backward as steps
from model.kernels import nodes as search
from model.kernels.arrays import Arcs, Floats, Ints, Nodes, Numbers
from model.transitions.shaping import Shaped

MAX_NODES = 2_000_000
MAX_ARCS = 30_000_000
"""Of all blocks of nodes together, some 120 MB: what the search may look at."""
START = 1
"""The node of the empty name; node 0 is where no name goes."""
_SHARED_SWEEP = 32_768
"""Nodes from which on two threads share a sweep."""
_FAR = 1 << 24
_pool = ThreadPoolExecutor(2, thread_name_prefix="namesmith-plan")


class NodeGraph:
    """The nodes of a request, and the backward pass over them."""

    def __init__(self, arcs: Arcs, nodes: Nodes, depths: Numbers, least: Numbers) -> None:
        self.arcs = arcs
        self.nodes = nodes
        self._depths, self._least = depths, least

    @classmethod
    def find(cls, shaped: Shaped, automata: Sequence[Automaton], max_length: int) -> "NodeGraph":
        """The nodes that names of up to `max_length` letters come to, which all of (at most two) `automata` accept.
        Raises ConstraintError where there are too many."""
        arcs, classes = shaped.arcs, shaped.classes
        first, second = pair_of(automata, shaped.size)
        keys, depths, blocks, bases, least, block_starts, successors, base_successors = search.discover(
            _writable(first.moves), _writable(second.moves), arcs, classes, len(arcs.backoffs), shaped.start,
            max_length, MAX_NODES, MAX_ARCS,
        )  # fmt: skip
        if len(keys) > MAX_NODES or len(successors) > MAX_ARCS:
            raise too_complex(f"over {min(len(keys), MAX_NODES):,} states")
        pairs, states = np.divmod(keys, len(arcs.backoffs))
        ours, theirs = np.divmod(pairs, len(second))
        accepting = first.accepting[ours] & second.accepting[theirs]
        states[0] = accepting[0] = 0
        base_rows = base_successors.reshape(-1, shaped.size)
        numbers = (states.astype(np.int32), accepting.astype(np.uint8), blocks, block_starts, successors, bases)
        return cls(arcs, Nodes(*numbers, base_rows), depths, least)

    def __len__(self) -> int:
        """Node 0 included."""
        return len(self.nodes.states)

    @property
    def nbytes(self) -> int:
        return 2 * self._depths.nbytes + sum(part.nbytes for part in self.nodes)

    def ranges(self, max_length: int) -> tuple[Ints, Ints]:
        """Least node, and one past the greatest, that can be met after 0 to `max_length` letters (max_length + 1,)."""
        low, high = np.zeros((2, max_length + 1), dtype=np.int64)
        steps.layer_ranges(self._least, self._depths, max_length, low, high)
        return low, high

    def step(
        self, after: Floats, out: Floats, low: int, high: int, *, may_end: bool = True, best: bool = False,
        arcs: Arcs | None = None,
    ) -> None:  # fmt: skip
        """One step of the backward pass, for the nodes `low` to `high - 1`: `out` (nodes,) from `after` (nodes,), the
        chances one letter later, which are 0 for nodes that cannot be met then. `arcs` may have other weights."""

        def part(begin: int, end: int) -> None:
            steps.sweep(self.arcs if arcs is None else arcs, self.nodes, after, begin, end, may_end, best, out)

        if high - low < _SHARED_SWEEP:
            part(low, high)
            return
        middle = (low + high) // 2
        other = _pool.submit(part, low, middle)
        part(middle, high)
        other.result()

    @cached_property
    def shortest_ends(self) -> Numbers:
        """The least number of letters (nodes,) from each node to an accepted end."""
        least = np.empty(len(self), dtype=np.int32)
        steps.shortest_ends(self.arcs, self.nodes, _FAR, least)
        return least


def pair_of(automata: Sequence[Automaton], size: int) -> tuple[Automaton, Automaton]:
    """Exactly two automata, filled up with one that accepts anything."""
    if len(automata) > 2:
        raise ValueError("a plan multiplies at most two automata; intersect the others first")
    first, second, *_ = [*automata, anything(size), anything(size)]
    return first, second


def too_complex(what: str) -> ConstraintError:
    return ConstraintError("pattern", f"the constraints are too complex ({what}): simplify them or lower max_length")


def _writable(array: Numbers) -> Numbers:
    """Kernels are compiled for writable arrays in C order."""
    return np.array(array, dtype=np.int32, order="C")
