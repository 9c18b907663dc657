"""Interpolated Kneser-Ney estimates of next-character distributions from counts (Chen & Goodman 1999)."""

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import BOUNDARY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


class KneserNey:
    """Probabilities of the next symbol after any context, from distinct `contexts` (m, length) with their `counts`
    (m, symbols).

    Modified Kneser-Ney: three discounts estimated from the counts; a shorter context is estimated from how
    many different symbols precede it, save where it stands at a name's beginning, which nothing precedes. After a
    context that was not counted stands what the longest part of it that was counted says; so it does after one that
    begins with two boundaries, the first of which says nothing.
    """

    def __init__(self, contexts: Ints, counts: Floats) -> None:
        self._symbols = counts.shape[1]
        self._shorter = _shorter(contexts, counts) if contexts.shape[1] else None
        told = ~_padded(contexts)
        contexts, counts = contexts[told], counts[told]
        self._rows = {context.tobytes(): row for row, context in enumerate(_as_keys(contexts))}
        totals = counts.sum(axis=1, keepdims=True)
        discounts = _discounts(counts)
        spare = discounts.sum(axis=1, keepdims=True) / totals
        self._estimates = (counts - discounts) / totals + spare * self._behind(contexts)

    def __call__(self, contexts: Ints) -> Floats:
        """Rows (n, symbols) that sum to 1, after `contexts` (n, length)."""
        found = (self._rows.get(context.tobytes(), -1) for context in _as_keys(contexts))
        rows = np.fromiter(found, dtype=np.int64, count=len(contexts))
        estimates = np.empty((len(contexts), self._symbols))
        known = rows >= 0
        estimates[known] = self._estimates[rows[known]]
        estimates[~known] = self._behind(contexts[~known])
        return estimates

    def _behind(self, contexts: Ints) -> Floats:
        """What is said without the first symbol."""
        if self._shorter is None:
            return np.full((len(contexts), self._symbols), 1 / self._symbols)
        return self._shorter(contexts[:, 1:])


def kneser_ney(contexts: Ints, counts: Floats, asked: Ints | None = None) -> Floats:
    """Estimates (n, symbols) after the contexts `asked` (n, length), which are `contexts` themselves if left out."""
    return KneserNey(contexts, counts)(contexts if asked is None else asked)


def _as_keys(contexts: Ints) -> Ints:
    return np.ascontiguousarray(contexts, dtype=np.int64)


def _shorter(contexts: Ints, counts: Floats) -> KneserNey:
    """The same of contexts without their first symbol."""
    shorter, rows = np.unique(contexts[:, 1:], axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    types, raw = np.zeros((len(shorter), counts.shape[1])), np.zeros((len(shorter), counts.shape[1]))
    np.add.at(types, rows, (counts > 0).astype(float))
    np.add.at(raw, rows, counts)
    if shorter.shape[1]:
        types = np.where(shorter[:, :1] == BOUNDARY, raw, types)
    return KneserNey(shorter, types)


def _padded(contexts: Ints) -> NDArray[np.bool_]:
    """Which contexts (m,) are the same beginning of a name as without their first symbol."""
    if contexts.shape[1] < 2:
        return np.zeros(len(contexts), dtype=bool)
    return (contexts[:, :2] == BOUNDARY).all(axis=1)  # type: ignore[no-any-return]


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
