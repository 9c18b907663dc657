"""Which contexts of a tree are kept: those that tell most about what follows."""

import numpy as np
from numpy.typing import NDArray

from model.compiler.suffix_tree import SuffixTree
from model.transitions.automaton import Floats

Kept = NDArray[np.bool_]

_HALVINGS = 30
_LEAST_GAIN, _MOST_GAIN = 1e-6, 1e9


def choose(tree: SuffixTree, gains: Floats, budget: int) -> Kept:
    """At most `budget` contexts, the empty one and each symbol among them, by what each adds (`gains`, nats) to what
    its suffix says. With a context its suffix and its prefix are kept, so that what follows a kept context is known
    from it and the next symbol alone."""
    possible = _possible(tree)
    low, high = np.log(_LEAST_GAIN), np.log(_MOST_GAIN)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _above(tree, gains, possible, float(np.exp(middle))).sum() > budget:
            low = middle
        else:
            high = middle
    return _above(tree, gains, possible, float(np.exp(high)))


def gains_over(visits: Floats, means: Floats, others: Floats) -> Floats:
    """Visits times the Kullback-Leibler divergence of each context's row from another one: (contexts,) in nats.
    Both arrays of rows are (contexts, symbols)."""
    safe = np.maximum(means, 1e-30)
    gains = visits * (means * (np.log(safe) - np.log(np.maximum(others, 1e-30)))).sum(axis=1)
    gains[0] = 0.0
    return np.asarray(gains)


def own(tree: SuffixTree, kept: Kept, sums: Floats) -> Floats:
    """Of `sums` (contexts, width) over all visits that end in a context what is left at a kept one without those that
    a longer kept context has."""
    left = sums.copy()
    chosen = np.flatnonzero(kept)[1:]
    np.subtract.at(left, tree.suffixes[chosen], sums[chosen])
    return np.maximum(left, 0.0)


def _possible(tree: SuffixTree) -> Kept:
    """Contexts whose prefixes and suffixes, down to single symbols, are in the tree."""
    possible = tree.prefixes >= 0
    possible[0] = True
    for length in tree.lengths[1:]:
        mine = tree.of_length(length)
        possible[mine] &= possible[tree.suffixes[mine]] & possible[tree.prefixes[mine]]
    return np.asarray(possible)


def _above(tree: SuffixTree, gains: Floats, possible: Kept, price: float) -> Kept:
    """Those that are worth `price` each, together with the longer ones that they are kept for."""
    worth = np.where(possible, gains, 0.0)
    for length in reversed(tree.lengths[1:]):
        mine = tree.of_length(length)
        np.add.at(worth, tree.suffixes[mine], np.maximum(worth[mine] - price, 0.0))
    kept = possible & (worth > price)
    kept[: tree.levels[2]] = True
    for length in tree.lengths[1:]:
        mine = tree.of_length(length)
        kept[mine] &= kept[tree.suffixes[mine]]
    for length in reversed(tree.lengths[1:]):
        chosen = np.arange(tree.levels[length], tree.levels[length + 1])[kept[tree.of_length(length)]]
        kept[tree.suffixes[chosen]] = True
        kept[tree.prefixes[chosen]] = True
    return np.asarray(kept)
