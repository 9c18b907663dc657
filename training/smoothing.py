"""Interpolated Kneser-Ney estimates of next-character distributions from counts (Chen & Goodman 1999)."""

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import BOUNDARY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


def kneser_ney(contexts: Ints, counts: Floats, asked: Ints | None = None) -> Floats:
    """Probabilities (n, symbols) after the contexts `asked` (n, length), which are `contexts` themselves if left out;
    rows sum to 1. Counted were distinct `contexts` (m, length) with `counts` (m, symbols).

    Modified Kneser-Ney: three discounts estimated from the counts; a shorter context is estimated from how
    many different symbols precede it, save where it stands at a name's beginning, which nothing precedes. After a
    context that was not counted stands what the longest part of it that was counted says; so it does after one that
    begins with two boundaries, the first of which says nothing.
    """
    asked = contexts if asked is None else asked
    rows = _rows_of(asked, contexts)
    below = _shorter(contexts, counts, asked)
    known = np.flatnonzero((rows >= 0) & ~_padded(asked))
    counted = counts[rows[known]]
    totals = counted.sum(axis=1, keepdims=True)
    discounts = _discounts(counts[~_padded(contexts)], counted)
    spare = discounts.sum(axis=1, keepdims=True) / totals
    below[known] = (counted - discounts) / totals + spare * below[known]
    return below


def _padded(contexts: Ints) -> NDArray[np.bool_]:
    """Which contexts (m,) are the same beginning of a name as without their first symbol."""
    if contexts.shape[1] < 2:
        return np.zeros(len(contexts), dtype=bool)
    return (contexts[:, :2] == BOUNDARY).all(axis=1)  # type: ignore[no-any-return]


def _rows_of(asked: Ints, contexts: Ints) -> Ints:
    """The row (n,) of each context asked for, -1 where it was not counted."""
    numbers = {context.tobytes(): row for row, context in enumerate(np.ascontiguousarray(contexts))}
    found = (numbers.get(context.tobytes(), -1) for context in np.ascontiguousarray(asked))
    return np.fromiter(found, dtype=np.int64, count=len(asked))


def _shorter(contexts: Ints, counts: Floats, asked: Ints) -> Floats:
    """For each context asked for, the estimate for it without the first symbol."""
    symbols = counts.shape[1]
    if contexts.shape[1] == 0:
        return np.full((len(asked), symbols), 1 / symbols)
    shorter, rows = np.unique(contexts[:, 1:], axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    types, raw = np.zeros((len(shorter), symbols)), np.zeros((len(shorter), symbols))
    np.add.at(types, rows, (counts > 0).astype(float))
    np.add.at(raw, rows, counts)
    if shorter.shape[1]:
        types = np.where(shorter[:, :1] == BOUNDARY, raw, types)
    return kneser_ney(shorter, types, asked[:, 1:])


def _discounts(counts: Floats, taken: Floats) -> Floats:
    """What is taken from each count in `taken`: D1, D2 or D3+ by its size, from how many `counts` are 1, 2, 3 and 4.
    Fractional counts are rounded up for this. Small data, where the formula fails, falls back to 0.75 of one."""
    sizes = np.ceil(counts).astype(np.int64)
    ones, twos, threes, fours = (float((sizes == k).sum()) for k in (1, 2, 3, 4))
    if min(ones, twos, threes) > 0:
        y = ones / (ones + 2 * twos)
        table = np.array([0.0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes])
    else:
        table = np.array([0.0, 0.75, 0.75, 0.75])
    table = np.clip(table, [0.0, _LEAST, _LEAST, _LEAST], [0.0, 1.0, 2.0, 3.0])
    return np.minimum(table[np.minimum(np.ceil(taken).astype(np.int64), 3)], taken)  # type: ignore[no-any-return]
