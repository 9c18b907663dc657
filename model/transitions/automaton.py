"""A model as a finite automaton: its states are contexts, and each has a distribution of the next symbol.

States may be all contexts of one length (`dense`, as a network of short memory has) or contexts of different lengths
(see `model.transitions.context_tree`). A name begins in `start`; the next state is a function of state and symbol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from model.kernels.arcs import after
from model.kernels.arrays import Arcs as Arcs
from model.kernels.arrays import Floats as Floats
from model.kernels.arrays import Ints as Ints
from model.kernels.arrays import Numbers as Numbers
from model.kernels.arrays import Symbols as Symbols
from model.text.vocabulary import BOUNDARY

if TYPE_CHECKING:
    from model.transitions.context_tree import ContextTree

NOWHERE = -1
"""The state after the end of a name."""


@dataclass(frozen=True, eq=False)
class Transitions:
    """Arcs as in `kernels.arrays.Arcs`, with natural logarithms; `log_backoffs` (states,) is minus infinity where every
    symbol has an arc of its own. The symbols that have none take their share from the row of state `root`, which is
    complete."""

    starts: Ints
    symbols: Symbols
    arc_log_probs: Floats
    arc_successors: Numbers
    log_backoffs: Floats
    vocabulary_size: int
    start: int
    root: int = 0
    tree: "ContextTree | None" = None
    """What it was made from, where the states are contexts of different lengths."""
    block_size: int = 0
    """Symbols of each context, where they are all of one length; else 0."""

    def __post_init__(self) -> None:
        for array in (self.starts, self.symbols, self.arc_log_probs, self.arc_successors, self.log_backoffs):
            array.setflags(write=False)

    @classmethod
    def dense(cls, log_probs: Floats, block_size: int) -> "Transitions":
        """Of all contexts of `block_size` symbols, from `log_probs` (size ** block_size, size): context (a, b, c) is
        state (a * size + b) * size + c, and a name begins in state 0, all boundaries."""
        states, size = log_probs.shape
        tails = states // size
        if states != size**block_size:
            raise ValueError(f"{size} symbols make {size**block_size} contexts of {block_size}, not {states}")
        successors = np.arange(tails * size, dtype=np.int32).reshape(tails, size)
        successors = np.concatenate([successors] * size)
        successors[:, BOUNDARY] = NOWHERE
        return cls.full(log_probs, successors, start=0, block_size=block_size)

    @classmethod
    def full(cls, log_probs: Floats, successors: Numbers, start: int, block_size: int = 0) -> "Transitions":
        """With an arc for each symbol: `log_probs` and `successors` are (states, symbols)."""
        states, size = log_probs.shape
        return cls(
            starts=np.arange(states + 1, dtype=np.int64) * size,
            symbols=np.tile(np.arange(size, dtype=np.uint16), states),
            arc_log_probs=log_probs.reshape(-1),
            arc_successors=np.ascontiguousarray(successors, dtype=np.int32).reshape(-1),
            log_backoffs=np.full(states, -np.inf),
            vocabulary_size=size,
            start=start,
            block_size=block_size,
        )

    def __len__(self) -> int:
        """Number of states, which are contexts."""
        return len(self.log_backoffs)

    @property
    def nbytes(self) -> int:
        arrays = (self.starts, self.symbols, self.arc_log_probs, self.arc_successors, self.log_backoffs)
        return sum(array.nbytes for array in arrays)

    @property
    def log_probs(self) -> Floats:
        """(states, symbols), natural logarithms: a view where every symbol has an arc."""
        if self.complete:
            return self.arc_log_probs.reshape(len(self), self.vocabulary_size)
        return self.rows(np.arange(len(self)))[0]

    @property
    def successors(self) -> Numbers:
        """(states, symbols): the state after each symbol, NOWHERE after the end."""
        return self.rows(np.arange(len(self)))[1]

    @cached_property
    def complete(self) -> bool:
        """Whether every symbol has an arc in every row."""
        return len(self.symbols) == len(self) * self.vocabulary_size

    @cached_property
    def arcs(self) -> Arcs:
        """Log-probabilities as weights: `backoffs` and `base` are logarithms, too."""
        return self.weighted(self.arc_log_probs, self.log_backoffs)

    def weighted(self, weights: Floats, backoffs: Floats, nothing: float = -np.inf) -> Arcs:
        """The rows with other weights (arcs,), those of `root` being the base; `nothing` is the weight of an end that
        has no arc."""
        ends = np.full(len(self), nothing)
        at_end = self.symbols == BOUNDARY
        ends[np.searchsorted(self.starts, np.flatnonzero(at_end), side="right") - 1] = weights[at_end]
        if self.complete:
            base, base_successors = np.zeros(0), np.zeros(0, dtype=np.int32)
        else:
            row = slice(self.starts[self.root], self.starts[self.root + 1])
            base, base_successors = weights[row].copy(), self.arc_successors[row].copy()
        for array in (weights, ends, backoffs, base, base_successors):
            array.setflags(write=False)
        return Arcs(self.starts, self.symbols, weights, self.arc_successors, ends, backoffs, base, base_successors)

    def state(self, symbols: Sequence[int]) -> int:
        """The state after these letter ids, a name's beginning."""
        state = self.start
        for symbol in symbols:
            state = int(after(self.arcs, state, symbol)[1])
        return state

    def rows(self, states: Ints | Numbers) -> tuple[Floats, Numbers]:
        """(n, symbols) each: log-probabilities, and the states after each symbol, of `states` (n,)."""
        if self.complete:
            shape = (len(self), self.vocabulary_size)
            return self.arc_log_probs.reshape(shape)[states], self.arc_successors.reshape(shape)[states]
        base = self.arcs
        log_probs = self.log_backoffs[states][:, None] + base.base
        successors = np.repeat(base.base_successors[None], len(states), axis=0)
        counts = self.starts[np.asarray(states) + 1] - self.starts[states]
        rows = np.repeat(np.arange(len(states)), counts)
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - self.starts[states], counts)
        log_probs[rows, self.symbols[places]] = self.arc_log_probs[places]
        successors[rows, self.symbols[places]] = self.arc_successors[places]
        return log_probs, successors
