"""A context tree (Rissanen 1983; Ron, Singer & Tishby 1996): contexts of different lengths, each with a distribution of
the next symbol, as a finite automaton.

The state of a name begun so far is the longest suffix of it, with the boundary in front, that the tree holds. A tree
that is closed under dropping the first symbol of a context and under dropping the last one makes the next state a
function of state and symbol.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import StoreError
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import NOWHERE, Floats, Ints, Numbers, Symbols, Transitions
from model.transitions.tree_successors import ROOT, successors_of

STEPS_A_NAT = 2048
"""A probability is kept as a whole number of steps of its negative logarithm: within 0.025 %."""
IMPOSSIBLE = 65_535
"""The cost of what cannot follow."""
DEFAULT_CONTEXTS = 32_768
"""A model of that many contexts over 27 symbols takes as much memory as the dense table of 3 characters."""
MAX_CONTEXTS = 1 << 20


@dataclass(frozen=True, eq=False)
class ContextTree:
    """State 0 is the root. State i > 0 is the symbol `firsts[i]` in front of the context of state `suffixes[i]`, which
    is smaller than i. State s has the arcs `starts[s]` to `starts[s + 1] - 1`, one for each of its `symbols`, in order,
    with a cost: the negative logarithm in steps of 1 / 2048, not normalised. A symbol without an arc costs
    `backoffs[s]` more than in the root's row, which is complete."""

    size: int
    suffixes: Numbers
    firsts: Symbols
    starts: Ints
    symbols: Symbols
    costs: Symbols
    backoffs: Symbols

    @classmethod
    def of_rows(cls, suffixes: Numbers, firsts: Symbols, probabilities: Floats) -> "ContextTree":
        """With an arc for each symbol: `probabilities` are (states, symbols)."""
        states, size = probabilities.shape
        return cls(
            size,
            suffixes,
            firsts,
            np.arange(states + 1, dtype=np.int64) * size,
            np.tile(np.arange(size, dtype=np.uint16), states),
            costs_of(probabilities).reshape(-1),
            np.full(states, IMPOSSIBLE, dtype=np.uint16),
        )

    def __len__(self) -> int:
        return len(self.suffixes)

    def contexts(self) -> list[tuple[int, ...]]:
        """The symbol ids of each context."""
        found: list[tuple[int, ...]] = [()]
        for suffix, first in zip(self.suffixes.tolist()[1:], self.firsts.tolist()[1:], strict=True):
            found.append((first, *found[suffix]))
        return found

    def transitions(self) -> Transitions:
        """The automaton. Raises StoreError where the tree is none, is not closed, or a row is no distribution."""
        self._check()
        successors = successors_of(self.size, self.suffixes, self.firsts, self.starts, self.symbols)
        reached = np.zeros(len(self), dtype=np.bool_)
        reached[successors[successors != NOWHERE]] = True
        start = self._boundary()
        reached[[ROOT, start]] = True
        if not reached.all():
            lost = self.contexts()[int(np.argmin(reached))]
            raise StoreError(f"the context tree is not closed: no state leads to the context {lost}")
        log_probs, log_backoffs = self._normalised()
        return Transitions(self.starts, self.symbols, log_probs, successors, log_backoffs, self.size, start, ROOT, self)

    def _check(self) -> None:
        states, arcs = len(self.suffixes), len(self.symbols)
        numbers = np.arange(states)
        rows = np.diff(self.starts)
        if not (
            2 <= states <= MAX_CONTEXTS
            and len(self.firsts) == len(self.backoffs) == len(self.starts) - 1 == states
            and len(self.costs) == arcs == self.starts[-1]
            and self.starts[0] == 0
            and (rows >= 1).all()
        ):
            raise StoreError("the parts of the context tree do not fit together")
        if not ((self.suffixes[1:] >= 0).all() and (self.suffixes[1:] < numbers[1:]).all()):
            raise StoreError("the context tree holds a context without its suffix")
        if (self.firsts[1:] >= self.size).any() or (self.symbols >= self.size).any():
            raise StoreError("the context tree holds symbols that the alphabet does not have")
        within = np.ones(arcs, dtype=np.bool_)
        within[self.starts[:-1]] = False
        rising = (np.diff(self.symbols.astype(np.int64)) > 0) | ~within[1:]
        if not rising.all() or (self.symbols[self.starts[:-1]] != BOUNDARY).any():
            raise StoreError("the context tree holds rows whose symbols are not in order")
        if rows[ROOT] != self.size or ((rows < self.size) & (self.backoffs == IMPOSSIBLE)).any():
            raise StoreError("the context tree holds rows without a weight for every symbol")

    def _boundary(self) -> int:
        """The state of the empty name."""
        found = np.flatnonzero((self.suffixes == ROOT) & (self.firsts == BOUNDARY) & (np.arange(len(self)) > ROOT))
        if len(found) != 1:
            raise StoreError("the context tree lacks the context before the first letter")
        return int(found[0])

    def _normalised(self) -> tuple[Floats, Floats]:
        """Natural logarithms: of the arcs' probabilities, and of the weights of the root's row."""
        log_probs = -self.costs.astype(np.float64) / STEPS_A_NAT
        log_probs[self.costs == IMPOSSIBLE] = -np.inf
        log_backoffs = -self.backoffs.astype(np.float64) / STEPS_A_NAT
        log_backoffs[self.backoffs == IMPOSSIBLE] = -np.inf
        counts = np.diff(self.starts)
        log_backoffs[counts == self.size] = -np.inf
        chances = np.exp(log_probs)
        totals = np.add.reduceat(chances, self.starts[:-1])
        if not totals[ROOT] > 0:
            raise StoreError("the context tree holds a row in which nothing can follow")
        root = chances[: self.size] / totals[ROOT]
        spoken_for = np.add.reduceat(root[self.symbols], self.starts[:-1])
        totals += np.exp(log_backoffs) * np.maximum(1 - spoken_for, 0)
        if not (totals > 0).all():
            raise StoreError("the context tree holds a row in which nothing can follow")
        log_totals = np.log(totals)
        log_backoffs -= log_totals
        log_probs -= np.repeat(log_totals, counts)
        return log_probs, log_backoffs


def costs_of(probabilities: Floats) -> NDArray[np.uint16]:
    """Probabilities of any shape as costs."""
    with np.errstate(divide="ignore"):
        costs = -np.log(probabilities) * STEPS_A_NAT
    return np.where(probabilities > 0, np.minimum(np.round(costs), IMPOSSIBLE - 1), IMPOSSIBLE).astype(np.uint16)
