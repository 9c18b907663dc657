"""Rows of next-symbol probabilities over a large alphabet, each kept as the symbols that matter.

A row has explicit symbols, whose probabilities it holds. Every other symbol a has `beta * root[a]`, where `root` is the
row without any context (Katz 1987). Explicit probabilities are exact, so a row sums to 1 with
beta = (1 - the sum of explicit p) / (1 - the sum of explicit root), and its Kullback-Leibler divergence is the minimum
over beta of the sum, over the other symbols, of

    d(a) = p(a) * log(p(a) / (beta * root[a])) - p(a) + beta * root[a] >= 0.

So two steps in turn lower the sum of all divergences until nothing changes: with the betas fixed the best explicit
symbols are those of the largest d, and with the symbols fixed the best betas are the ones above.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.kernels.arrays import Floats, Ints, Numbers, Symbols

Mask = NDArray[np.bool_]

_ROUNDS = 3
"""Of the two steps on rows that are just read, or when candidates are dropped."""
_LAST_ROUNDS = 30
"""At most, when all rows are known; few change a choice after ten."""
_POOL = 2
"""Candidates that are held while rows are read, for each arc of the budget."""
_AT_ONCE = 1 << 18
"""Candidates whose gains are made together: the most memory that takes is that of so many."""
_LEAST = 1e-300
"""Under any probability, so that logarithms are finite."""


class SymbolSets(NamedTuple):
    """Of state s the symbols `symbols[starts[s]:starts[s + 1]]`; `starts` (states + 1,)."""

    starts: Ints
    symbols: Symbols


class SparseRows(NamedTuple):
    """Row s: the symbols `symbols[starts[s]:starts[s + 1]]`, ascending, have the `probabilities` at the same places,
    every other one `betas[s]` times its probability in the root's row. `starts` (states + 1,), `betas` (states,)."""

    starts: Ints
    symbols: Symbols
    probabilities: Floats
    betas: Floats


def sparse_rows(
    chunks: Iterable[tuple[Ints, Floats]], root: Floats, required: SymbolSets, weights: Floats, budget: int
) -> SparseRows:
    """At most `budget` explicit symbols in all, chosen to lower the divergences of all rows, summed with `weights`
    (states,). `chunks` are states (n,) and their probabilities (n, symbols), in any order, each state once; they are
    gone through once. `required` symbols are explicit in any case. Raises ValueError for a budget below their number,
    and for a `root` (symbols,) that is not positive."""
    if budget < len(required.symbols):
        raise ValueError(f"{len(required.symbols):,} symbols must be explicit, but the budget is {budget:,}")
    if not (root > 0).all():
        raise ValueError("each symbol needs a probability above 0 in the root's row")
    pool = _Pool(root, required, weights)
    for states, probabilities in chunks:
        pool.add(states, probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64))
        if len(pool.places) > _POOL * budget:
            pool.keep((1 + _POOL) * budget // 2, _ROUNDS)
    pool.keep(budget, _LAST_ROUNDS)
    return pool.rows()


class _Pool:
    """Symbols of rows that may become explicit: `places` (n,) are state * symbols + symbol, with `probabilities` (n,).
    The others of each row count together, in `other_mass` and `other_root` (states,)."""

    def __init__(self, root: Floats, required: SymbolSets, weights: Floats) -> None:
        self._root, self._required, self._weights = root, required, weights
        self._threshold = 0.0
        self.places = np.empty(0, dtype=np.int64)
        self.probabilities = np.empty(0)
        self._fixed = np.empty(0, dtype=bool)
        self._other_mass, self._other_root = np.zeros(len(weights)), np.zeros(len(weights))
        self._betas = np.ones(len(weights))

    def add(self, states: Ints, p: Floats) -> None:
        """Rows (n, symbols) that sum to 1. Those of their symbols that would be explicit at the present threshold."""
        fixed = self._fixed_of(states)
        explicit, betas = fixed | (p > self._root), np.ones(len(states))
        surprise = p * np.log(np.maximum(p, _LEAST) / self._root)
        for _ in range(_ROUNDS):
            betas = _ratio(*self._others(p, explicit), betas)
            gains = surprise - p * np.log(betas * np.e)[:, None] + betas[:, None] * self._root
            explicit = fixed | (gains * self._weights[states][:, None] > self._threshold)
        rows, symbols = np.nonzero(explicit)
        self.places = np.concatenate([self.places, states[rows] * len(self._root) + symbols])
        self.probabilities = np.concatenate([self.probabilities, p[rows, symbols]])
        self._fixed = np.concatenate([self._fixed, fixed[rows, symbols]])
        self._other_mass[states], self._other_root[states] = self._others(p, explicit)
        self._betas[states] = betas

    def keep(self, most: int, rounds: int) -> None:
        """At most so many candidates: of all rows those without which the divergence would grow the most."""
        states = (self.places // len(self._root)).astype(np.int32)
        root = self._root[self.places % len(self._root)]
        chosen = np.ones(len(states), dtype=bool)
        for _ in range(rounds):
            gains = self._gains(states, root)
            before, chosen = chosen, _largest(gains, most)
            mass, under_root = self._with_dropped(states, root, ~chosen)
            self._betas = _ratio(mass, under_root, self._betas)
            if (chosen == before).all():
                break
        self._threshold = max(self._threshold, float(gains[~chosen].max(initial=0.0)))
        self._other_mass, self._other_root = mass, under_root
        self.places, self.probabilities = self.places[chosen], self.probabilities[chosen]
        self._fixed = self._fixed[chosen]

    def rows(self) -> SparseRows:
        """What is held, in order."""
        order = np.argsort(self.places)
        places, symbols = self.places[order], len(self._root)
        starts = np.searchsorted(places, np.arange(len(self._weights) + 1) * symbols)
        betas = np.where(self._other_root > 0, self._betas, 0.0)
        return SparseRows(starts, (places % symbols).astype(np.uint16), self.probabilities[order], betas)

    def _gains(self, states: Numbers, root: Floats) -> Floats:
        """How much the divergence would grow without each candidate, by its weight; without end for those required."""
        gains = np.empty(len(states))
        for begin in range(0, len(states), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            p, shared = self.probabilities[some], self._betas[states[some]] * root[some]
            grown = p * np.log(np.maximum(p, _LEAST) / np.maximum(shared, _LEAST)) - p + shared
            gains[some] = grown * self._weights[states[some]]
        gains[self._fixed] = np.inf
        return gains

    def _with_dropped(self, states: Numbers, root: Floats, dropped: Mask) -> tuple[Floats, Floats]:
        """Sums (states,) of the probabilities of all symbols that are not explicit, and of the root's for them."""
        count = len(self._weights)
        mass = np.bincount(states[dropped], self.probabilities[dropped], count)
        return self._other_mass + mass, self._other_root + np.bincount(states[dropped], root[dropped], count)

    def _fixed_of(self, states: Ints) -> Mask:
        """Which symbols (n, symbols) are required."""
        fixed = np.zeros((len(states), len(self._root)), dtype=bool)
        for row, state in enumerate(states):
            fixed[row, self._required.symbols[self._required.starts[state] : self._required.starts[state + 1]]] = True
        return fixed

    def _others(self, p: Floats, explicit: Mask) -> tuple[Floats, Floats]:
        """Sums (n,) of rows and of the root's row over the symbols that are not explicit."""
        return p.sum(axis=1, where=~explicit), ~explicit @ self._root


def _ratio(mass: Floats, under_root: Floats, otherwise: Floats) -> Floats:
    """Betas (n,), as they were where no symbol needs one."""
    betas = np.divide(mass, under_root, out=otherwise.copy(), where=under_root > 0)
    return np.maximum(betas, _LEAST)


def _largest(gains: Floats, most: int) -> Mask:
    """At most so many of those over 0; among equal ones the first."""
    chosen = gains > 0
    if chosen.sum() > most:
        place = len(gains) - most - 1
        left_out = np.partition(gains, place)[place]
        chosen = gains > left_out
        chosen[np.flatnonzero(gains == left_out)[: most - chosen.sum()]] = True
    return chosen
