"""Kneser-Ney estimates over a tree of contexts (Chen & Goodman 1999; Siivola, Hirsimaki & Virpioja 2007)."""

from dataclasses import dataclass

import numpy as np

from model.compiler.context_choice import Kept
from model.compiler.suffix_tree import SuffixTree
from model.compiler.visits import Contexts, Observed
from model.transitions.automaton import Floats, Ints

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


@dataclass(frozen=True, eq=False)
class KneserNey:
    """Probabilities of the next symbol at the kept contexts of `tree`. `keys` (n,), in order, are a context times the
    number of symbols plus a symbol that followed it, `shares` (n,) what its own count gives it; of its suffix's
    probability each context takes `spare` (contexts,)."""

    tree: SuffixTree
    keys: Ints
    shares: Floats
    spare: Floats

    @classmethod
    def of(cls, tree: SuffixTree, kept: Kept, contexts: Contexts, observed: Observed) -> "KneserNey":
        """From what followed `contexts` (n, block_size) in a list.

        Each visit counts at the longest kept suffix alone. To a shorter context a longer one passes on which symbols
        followed it, not how often. Modified: three discounts, estimated from the counts of the contexts of a length.
        """
        states = tree.longest(contexts, kept)[observed.contexts]
        keys, weights = states * tree.symbols + observed.symbols, observed.weights
        found: list[tuple[Ints, Floats]] = []
        spare = np.ones(len(tree))
        for length in range(len(tree.lengths), -1, -1):
            own = keys >= tree.levels[length] * tree.symbols
            mine, counts = _summed(keys[own], weights[own])
            nodes = mine // tree.symbols
            if len(mine):
                found.append((mine, _shares(nodes, counts, spare)))
            behind = tree.suffixes[nodes] * tree.symbols + mine % tree.symbols
            keys, weights = np.append(keys[~own], behind), np.append(weights[~own], np.ones(len(behind)))
        every, shares = (np.concatenate(parts) for parts in zip(*reversed(found), strict=True))
        return cls(tree, every, shares, spare)

    def chances(self, states: Ints, symbols: Ints) -> Floats:
        """Of `symbols` (n,) after the contexts `states` (n,)."""
        chances, factors = np.zeros(len(states)), np.ones(len(states))
        for length in range(len(self.tree.lengths), -1, -1):
            there = states >= self.tree.levels[length]
            wanted = states[there] * self.tree.symbols + symbols[there]
            places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            shares = np.where(self.keys[places] == wanted, self.shares[places], 0.0)
            chances[there] += factors[there] * shares
            factors[there] *= self.spare[states[there]]
            states = np.where(there, self.tree.suffixes[states], states)
        return chances + factors / self.tree.symbols

    def rows(self, states: Ints) -> Floats:
        """All probabilities (n, symbols) after the contexts `states` (n,)."""
        rows, factors = np.zeros((len(states), self.tree.symbols)), np.ones(len(states))
        for length in range(len(self.tree.lengths), -1, -1):
            there = np.flatnonzero(states >= self.tree.levels[length])
            nodes = states[there]
            begins, ends = (np.searchsorted(self.keys, (nodes + after) * self.tree.symbols) for after in (0, 1))
            counts = ends - begins
            places = np.repeat(begins - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            owners = np.repeat(there, counts)
            rows[owners, self.keys[places] % self.tree.symbols] += factors[owners] * self.shares[places]
            factors[there] *= self.spare[nodes]
            states = states.copy()
            states[there] = self.tree.suffixes[nodes]
        return np.asarray(rows + factors[:, None] / self.tree.symbols)


def _summed(keys: Ints, weights: Floats) -> tuple[Ints, Floats]:
    distinct, which = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(which, weights, minlength=len(distinct)).astype(np.float64)


def _shares(nodes: Ints, counts: Floats, spare: Floats) -> Floats:
    """What `counts` (n,) less their discounts are of those at the same of `nodes` (n,); sets what that leaves."""
    discounts = _discounts(counts)
    begins = np.flatnonzero(np.append(True, nodes[1:] != nodes[:-1]))
    totals = np.add.reduceat(counts, begins)
    spare[nodes[begins]] = np.add.reduceat(discounts, begins) / totals
    return np.asarray((counts - discounts) / np.repeat(totals, np.diff(np.append(begins, len(nodes)))))


def _discounts(counts: Floats) -> Floats:
    """What is taken from each of `counts` (n,), by its size, from how many are 1, 2, 3 and 4: fractions are rounded up
    for this. Where there are too few, 0.75 of one."""
    sizes = np.ceil(counts).astype(np.int64)
    ones, twos, threes, fours = np.bincount(np.minimum(sizes, 5), minlength=6)[1:5].tolist()
    table = np.array([0.0, 0.75, 0.75, 0.75])
    if min(ones, twos, threes) > 0:
        y = ones / (ones + 2 * twos)
        table[1:] = 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes
    table = np.clip(table, [0.0, _LEAST, _LEAST, _LEAST], [0.0, 1.0, 2.0, 3.0])
    return np.asarray(np.minimum(table[np.minimum(sizes, 3)], counts))
