"""Interpolated Kneser-Ney estimates of next-character distributions from counts (see `model.compiler.kneser_ney`)."""

from copy import copy

import numpy as np
from numpy.typing import NDArray

from model.compiler.kneser_ney import KneserNey as Estimates
from model.compiler.suffix_tree import SuffixTree
from model.compiler.visits import Observed
from model.kernels.arrays import Floats, Ints

Ids = NDArray[np.integer]


class KneserNey:
    """Probabilities of the next symbol after any context, from distinct `ngrams` (m, length + 1), which came `weights`
    (m,) times. After a context that was not counted stands what the longest part of it that was counted says."""

    def __init__(self, ngrams: Ids, weights: Floats, symbols: int) -> None:
        self.symbols = symbols
        self._contexts = ngrams[:, :-1].astype(np.uint16)
        self._tree = SuffixTree.of(self._contexts, weights, symbols, least=0.0)
        self._observed = Observed(np.arange(len(ngrams)), ngrams[:, -1].astype(np.int64), weights)
        self._look_at(self._contexts.shape[1])

    def of_order(self, order: int) -> "KneserNey":
        """The same that looks at one symbol less than `order`, at most at all."""
        shorter = copy(self)
        shorter._look_at(min(order - 1, len(self._tree.lengths)))
        return shorter

    def _look_at(self, length: int) -> None:
        self._kept = np.arange(len(self._tree)) < self._tree.levels[length + 1]
        self._estimates = Estimates.of(self._tree, self._kept, self._contexts, self._observed)

    def __call__(self, contexts: Ids) -> Floats:
        """Rows (n, symbols) that sum to 1, after `contexts` (n, length)."""
        return self._estimates.rows(self._states(contexts))

    def chances(self, contexts: Ids, symbols: Ids) -> Floats:
        """Of `symbols` (n,) after `contexts` (n, length)."""
        return self._estimates.chances(self._states(contexts), symbols.astype(np.int64))

    def _states(self, contexts: Ids) -> Ints:
        return self._tree.longest(contexts, self._kept)
