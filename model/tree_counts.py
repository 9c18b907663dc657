"""Kneser-Ney estimates at the contexts of a tree (Chen & Goodman 1999; Siivola, Hirsimaki & Virpioja 2007)."""

import numpy as np

from model.context_choice import Kept
from model.suffix_tree import SuffixTree
from model.transitions import Floats
from model.visits import Observed, Visits

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


def counted(tree: SuffixTree, kept: Kept, visits: Visits, observed: Observed) -> Floats:
    """Rows (contexts, symbols) of the kept contexts from what followed the `visits` of a list; others are 0.

    Each visit counts at the longest kept suffix alone. To a shorter context a longer one passes on which symbols
    followed it, not how often; and it takes what its discounts leave from the shorter one's row. Modified: the three
    discounts of a length are estimated from its counts.
    """
    counts = np.zeros((len(tree), tree.symbols))
    states = tree.longest(visits.contexts, kept)
    np.add.at(counts, (states[observed.contexts], observed.symbols), observed.weights)
    chosen = [np.flatnonzero(kept[tree.of_length(length)]) + tree.levels[length] for length in tree.lengths]
    for states in reversed(chosen):
        np.add.at(counts, tree.suffixes[states], (counts[states] > 0).astype(np.float64))
    rows = np.zeros_like(counts)
    rows[:1] = _interpolated(counts[:1], np.full((1, tree.symbols), 1 / tree.symbols))
    for states in chosen:
        rows[states] = _interpolated(counts[states], rows[tree.suffixes[states]])
    return rows


def _interpolated(counts: Floats, behind: Floats) -> Floats:
    """`counts` (n, symbols) less their discounts as shares, which leave room for the rows `behind` (n, symbols)."""
    discounts = _discounts(counts)
    totals = counts.sum(axis=1, keepdims=True)
    spare = np.where(totals > 0, discounts.sum(axis=1, keepdims=True), 1.0)
    return np.asarray((counts - discounts + spare * behind) / np.where(totals > 0, totals, 1.0))


def _discounts(counts: Floats) -> Floats:
    """What is taken from each count, by its size, from how many counts are 1, 2, 3 and 4: fractions are rounded up for
    this. Where there are too few, 0.75 of one."""
    sizes = np.ceil(counts).astype(np.int64)
    ones, twos, threes, fours = (float((sizes == size).sum()) for size in (1, 2, 3, 4))
    table = np.array([0.0, 0.75, 0.75, 0.75])
    if min(ones, twos, threes) > 0:
        y = ones / (ones + 2 * twos)
        table[1:] = 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes
    table = np.clip(table, [0.0, _LEAST, _LEAST, _LEAST], [0.0, 1.0, 2.0, 3.0])
    return np.asarray(np.minimum(table[np.minimum(sizes, 3)], counts))
