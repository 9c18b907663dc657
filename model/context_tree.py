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
from model.transitions import NOWHERE, Floats, Ints, Numbers, Symbols, Transitions
from model.vocabulary import BOUNDARY

ROOT = 0
"""The empty context."""
STEPS_A_NAT = 2048
"""A probability is kept as a whole number of steps of its negative logarithm: within 0.025 %."""
IMPOSSIBLE = 65_535
"""The cost of what cannot follow."""
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

    @property
    def lengths(self) -> Ints:
        """Symbols of each context (states,)."""
        return np.array([len(members) for members in self.contexts()], dtype=np.int64)

    def contexts(self) -> list[tuple[int, ...]]:
        """The symbol ids of each context."""
        found: list[tuple[int, ...]] = [()]
        for suffix, first in zip(self.suffixes.tolist()[1:], self.firsts.tolist()[1:], strict=True):
            found.append((first, *found[suffix]))
        return found

    def transitions(self) -> Transitions:
        """The automaton. Raises StoreError where the tree is none, is not closed, or a row is no distribution."""
        self._check()
        successors = self._successors()
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
            raise StoreError("the context tree's parts do not belong together")
        if not ((self.suffixes[1:] >= 0).all() and (self.suffixes[1:] < numbers[1:]).all()):
            raise StoreError("the context tree holds a context whose end is not in it")
        if (self.firsts[1:] >= self.size).any() or (self.symbols >= self.size).any():
            raise StoreError("the context tree holds symbols that the alphabet does not have")
        within = np.ones(arcs, dtype=np.bool_)
        within[self.starts[:-1]] = False
        if (np.diff(self.symbols.astype(np.int64))[within[1:]] <= 0).any() or (
            self.symbols[self.starts[:-1]] != 0
        ).any():
            raise StoreError("the context tree holds rows whose symbols are not in order")
        if rows[ROOT] != self.size or ((rows < self.size) & (self.backoffs == IMPOSSIBLE)).any():
            raise StoreError("the context tree holds rows without a weight for every symbol")

    def _boundary(self) -> int:
        """The state of the empty name."""
        found = np.flatnonzero((self.suffixes == ROOT) & (self.firsts == BOUNDARY) & (np.arange(len(self)) > ROOT))
        if len(found) != 1:
            raise StoreError("the context tree does not hold the context before the first letter")
        return int(found[0])

    def _successors(self) -> Numbers:
        """The state after each arc (arcs,): the longest suffix in the tree of the context and the symbol. It is that of
        the context without its first symbol, or that one with this symbol in front."""
        states, size = len(self), self.size
        depth = np.zeros(states, dtype=np.int64)
        level = np.zeros(states, dtype=np.bool_)
        keys = self.suffixes.astype(np.int64) * size + self.firsts
        keys[ROOT] = -1
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        if (np.diff(ordered) == 0).any():
            raise StoreError("the context tree holds a context twice")
        children = _find(ordered, ROOT * size + np.arange(size))
        after = np.where(children >= 0, order[children], ROOT).astype(np.int32)
        after[BOUNDARY] = NOWHERE
        successors = np.full(len(self.symbols), NOWHERE, dtype=np.int32)
        successors[:size] = after
        by_symbol = after.copy()
        arc_keys = np.repeat(np.arange(states), np.diff(self.starts)) * size + self.symbols
        for start in self._levels(depth):
            level[:] = False
            level[start] = True
            arcs = np.flatnonzero(np.repeat(level, np.diff(self.starts)) & (self.symbols != BOUNDARY))
            owners = arc_keys[arcs] // size
            symbols = self.symbols[arcs].astype(np.int64)
            shorter = self.suffixes[owners]
            places = _find(arc_keys, shorter * size + symbols)
            target = np.where(places >= 0, successors[places], by_symbol[symbols])
            longer = _find(ordered, target.astype(np.int64) * size + self.firsts[owners])
            extends = (longer >= 0) & (depth[target] == depth[owners])
            successors[arcs] = np.where(extends, order[longer], target)
        self._check_backoffs(depth, arc_keys, successors)
        return successors

    def _levels(self, depth: Ints) -> list[Ints]:
        """The states of each length from 1 on; `depth` (states,) takes the lengths."""
        levels, here = [], np.array([ROOT])
        parents = self.suffixes[1:]
        order = np.argsort(parents, kind="stable")
        ordered = parents[order]
        while True:
            low, high = np.searchsorted(ordered, here), np.searchsorted(ordered, here, side="right")
            counts = high - low
            places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - low, counts)
            here = np.sort(order[places] + 1)
            if not len(here):
                return levels
            levels.append(here)
            depth[here] = len(levels)

    def _check_backoffs(self, depth: Ints, arc_keys: Ints, successors: Numbers) -> None:
        """A symbol without an arc leads where it leads from the root, so that none may lead to a longer context from
        the end of the state."""
        if len(arc_keys) == len(self) * self.size:
            return
        far = np.zeros(len(arc_keys), dtype=np.bool_)
        known = successors != NOWHERE
        far[known] = depth[successors[known]] > 1
        needed = np.zeros(len(self), dtype=np.int64)
        counts = np.diff(self.starts)
        np.add.at(needed, np.repeat(np.arange(len(self)), counts)[far], 1)
        owners = np.repeat(np.arange(len(self)), counts)
        shared = _find(arc_keys, self.suffixes[owners].astype(np.int64) * self.size + self.symbols)
        has = np.zeros(len(self), dtype=np.int64)
        counted = (shared >= 0) & (owners != ROOT)
        counted[counted] = far[shared[counted]]
        np.add.at(has, owners[counted], 1)
        if (has[1:] < needed[self.suffixes[1:]]).any():
            raise StoreError("the context tree holds rows without an arc that a longer context needs")

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


def _find(ordered: Ints, keys: Ints) -> Ints:
    """Where `keys` stand in `ordered`; -1 where they do not."""
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.where(ordered[places] == keys, places, -1)
