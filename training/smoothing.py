"""Interpolated Kneser-Ney estimates of next-character distributions from counts (Chen & Goodman 1999)."""

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import BOUNDARY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


def kneser_ney(contexts: Ints, counts: Floats) -> Floats:
    """Probabilities (m, symbols) for distinct `contexts` (m, length) with `counts` (m, symbols); rows sum to 1.

    Modified Kneser-Ney: three discounts estimated from the counts; a shorter context is estimated from how
    many different symbols precede it, save where it stands at a name's beginning, which nothing precedes.
    """
    totals = counts.sum(axis=1, keepdims=True)
    discounts = _discounts(counts)
    spare = discounts.sum(axis=1, keepdims=True) / totals
    estimates: Floats = (counts - discounts) / totals + spare * _shorter(contexts, counts)
    return estimates


def _shorter(contexts: Ints, counts: Floats) -> Floats:
    """For each row, the estimate for its context without the first symbol."""
    symbols = counts.shape[1]
    if contexts.shape[1] == 0:
        return np.full_like(counts, 1 / symbols)
    shorter, rows = np.unique(contexts[:, 1:], axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    types, raw = np.zeros((len(shorter), symbols)), np.zeros((len(shorter), symbols))
    np.add.at(types, rows, (counts > 0).astype(float))
    np.add.at(raw, rows, counts)
    if shorter.shape[1]:
        types = np.where(shorter[:, :1] == BOUNDARY, raw, types)
    return kneser_ney(shorter, types)[rows]


def _discounts(counts: Floats) -> Floats:
    """What is taken from each count: D1, D2 or D3+ by its size, from how many counts are 1, 2, 3 and 4.
    Fractional counts are rounded up for this. Small data, where the formula fails, falls back to 0.75 of one."""
    sizes = np.ceil(counts).astype(np.int64)
    ones, twos, threes, fours = (float((sizes == k).sum()) for k in (1, 2, 3, 4))
    if min(ones, twos, threes) > 0:
        y = ones / (ones + 2 * twos)
        table = np.array([0.0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes])
    else:
        table = np.array([0.0, 0.75, 0.75, 0.75])
    table = np.clip(table, [0.0, _LEAST, _LEAST, _LEAST], [0.0, 1.0, 2.0, 3.0])
    return np.minimum(table[np.minimum(sizes, 3)], counts)  # type: ignore[no-any-return]
