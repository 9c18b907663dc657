"""Interpolated Kneser-Ney estimates of next-character distributions from counts (Chen & Goodman 1999)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import BOUNDARY
from training.compressed_rows import CompressedRows, Floats, Ints

_LEAST = 0.1
"""Least discount: with none, a context's rare continuations would be held impossible."""


@dataclass(frozen=True, eq=False)
class _Order:
    """What is known of contexts of one length. `keys` (n,), in order, are those of the trie of reversed contexts: the
    number of the context without its first symbol, times the size of the alphabet, plus that symbol. A symbol's
    probability is the `kept` one (n, symbols) plus `spare` (n,) times what the shorter context says."""

    keys: Ints
    kept: CompressedRows
    spare: Floats

    def numbers_of(self, keys: Ints) -> Ints:
        """The numbers (n,) of contexts; -1 for those that were not counted."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def spare_of(self, numbers: Ints) -> Floats:
        return np.where(numbers >= 0, self.spare[numbers], 1.0)


class KneserNey:
    """Probabilities of the next symbol after any context, from distinct `contexts` (m, length) with what followed them,
    `following` (m, symbols).

    Modified Kneser-Ney: three discounts estimated from the counts; a shorter context is estimated from how
    many different symbols precede it, save where it stands at a name's beginning, which nothing precedes. After a
    context that was not counted stands what the longest part of it that was counted says; so it does after one that
    begins with two boundaries, the first of which says nothing.

    Memory is taken for what was counted alone, not for the size of the alphabet.
    """

    def __init__(self, contexts: NDArray[np.integer], following: CompressedRows) -> None:
        self.symbols = following.width
        keys, numbers = _trie(contexts, self.symbols)
        counts = CompressedRows.of(
            numbers[following.row_of], following.symbols, following.values, len(following), self.symbols
        )
        orders = []
        for length in range(len(keys) - 1, -1, -1):
            orders.append(_order(keys[length], counts, ~_padded(keys[: length + 1], self.symbols)))
            if length:
                begins = (keys[length - 1] % self.symbols == BOUNDARY) & (length > 1)
                counts = _shorter(counts, keys[length], begins)
        first, *self._longer = reversed(orders)
        self._nothing_before = np.full(self.symbols, first.spare[0] / self.symbols)
        first.kept.add_to(self._nothing_before[None], np.zeros(1, dtype=np.int64))

    def __call__(self, contexts: NDArray[np.integer]) -> Floats:
        """Rows (n, symbols) that sum to 1, after `contexts` (n, length)."""
        estimates = np.tile(self._nothing_before, (len(contexts), 1))
        for order, numbers in self._known(contexts):
            estimates *= order.spare_of(numbers)[:, None]
            order.kept.add_to(estimates, numbers)
        return estimates

    def of_pairs(
        self, contexts: NDArray[np.integer], rows: NDArray[np.integer], symbols: NDArray[np.integer]
    ) -> Floats:
        """The probability (k,) of each of `symbols` (k,) after the context `contexts[rows]` (k, length)."""
        estimates: Floats = self._nothing_before[symbols]
        for order, numbers in self._known(contexts):
            estimates = estimates * order.spare_of(numbers)[rows] + order.kept.at(numbers[rows], symbols)
        return estimates

    def _known(self, contexts: NDArray[np.integer]) -> Iterator[tuple[_Order, Ints]]:
        """From the shortest contexts to the longest, with the number of each context's own end (n,), -1 for unknown."""
        numbers = np.zeros(len(contexts), dtype=np.int64)
        for length, order in enumerate(self._longer, start=1):
            numbers = order.numbers_of(numbers * self.symbols + contexts[:, -length])
            yield order, numbers


def _trie(contexts: NDArray[np.integer], symbols: int) -> tuple[list[Ints], Ints]:
    """The keys of all ends of contexts by their length, from 0 on, and the numbers (m,) of whole contexts."""
    keys, numbers = [np.zeros(1, dtype=np.int64)], np.zeros(len(contexts), dtype=np.int64)
    for length in range(1, contexts.shape[1] + 1):
        found, numbers = np.unique(numbers * symbols + contexts[:, -length], return_inverse=True)
        keys.append(found)
    return keys, numbers


def _shorter(counts: CompressedRows, keys: Ints, begins: NDArray[np.bool_]) -> CompressedRows:
    """What contexts without their first symbol (n,) are estimated from; `begins` (n,) says which begin a name."""
    rows = (keys // counts.width)[counts.row_of]
    values = np.where(begins[rows], counts.values, 1.0)
    return CompressedRows.of(rows, counts.symbols, values, len(begins), counts.width)


def _padded(keys: list[Ints], symbols: int) -> NDArray[np.bool_]:
    """Which contexts of the last length (n,) are the same beginning of a name as without their first symbol."""
    if len(keys) < 3:
        return np.zeros(len(keys[-1]), dtype=bool)
    second = keys[-2][keys[-1] // symbols] % symbols
    return (keys[-1] % symbols == BOUNDARY) & (second == BOUNDARY)  # type: ignore[no-any-return]


def _order(keys: Ints, counts: CompressedRows, told: NDArray[np.bool_]) -> _Order:
    """Contexts that are not `told` (n,) have nothing to say beyond what the shorter ones do."""
    row_of, values = counts.row_of, counts.values
    taken = _discounts(values, told[row_of])
    totals = counts.sums()
    kept = np.where(told[row_of], (values - taken) / totals[row_of], 0.0)
    spare = np.where(told, np.bincount(row_of, taken, len(counts)) / totals, 1.0)
    return _Order(keys, CompressedRows(counts.starts, counts.symbols, kept, counts.width), spare)


def _discounts(counts: NDArray[np.floating], told: NDArray[np.bool_]) -> Floats:
    """What is taken from each count: D1, D2 or D3+ by its size, from how many of those `told` are 1, 2, 3 and 4.
    Fractional counts are rounded up for this. Small data, where the formula fails, falls back to 0.75 of one."""
    sizes = np.minimum(np.ceil(counts), 5).astype(np.int64)
    ones, twos, threes, fours = np.bincount(sizes[told], minlength=6)[1:5].astype(float)
    if min(ones, twos, threes) > 0:
        y = ones / (ones + 2 * twos)
        table = np.array([0.0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes])
    else:
        table = np.array([0.0, 0.75, 0.75, 0.75])
    table = np.clip(table, [0.0, _LEAST, _LEAST, _LEAST], [0.0, 1.0, 2.0, 3.0])
    return np.minimum(table[np.minimum(sizes, 3)], counts)  # type: ignore[no-any-return]
