"""Every context that names pass through, shorter and longer, as a tree: a context's parent lacks its first symbol."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.compiler.visits import Contexts
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import Floats, Ints

_COLUMNS = 8
"""Symbols whose sums are made together: the most memory that takes is that of so many columns."""


@dataclass(frozen=True, eq=False)
class SuffixTree:
    """Context 0 is the empty one, 1 + s the symbol s alone, and the others follow by length. Context i is `firsts[i]`
    followed by context `suffixes[i]`. The visits that end in it are `order[begins[i]:ends[i]]`."""

    suffixes: Ints
    firsts: Ints
    begins: Ints
    ends: Ints
    levels: Ints
    """Contexts of k symbols are those from `levels[k]` to `levels[k + 1] - 1`."""
    order: Ints
    symbols: int

    @classmethod
    def of(cls, contexts: Contexts, weights: Floats, symbols: int, least: float) -> "SuffixTree":
        """Of visits to `contexts` (n, block_size), `weights` (n,) times each: those with at least so many visits, and
        all symbols. The boundary stands in a context as its first symbol alone."""
        block_size = contexts.shape[1]
        order = np.lexsort(tuple(contexts.T))
        sorted_contexts = contexts[order]
        up_to = np.concatenate([[0.0], np.cumsum(weights[order])])
        new = np.zeros(len(order), dtype=bool)
        new[:1] = True
        owners = np.zeros(len(order), dtype=np.int64)
        first_begins = np.searchsorted(sorted_contexts[:, -1], np.arange(symbols + 1))
        levels = [0, 1]
        parts = [(np.array([0]), np.array([0]), np.array([0]), np.array([len(order)]))]
        for length in range(1, block_size + 1):
            column = sorted_contexts[:, -length]
            new[1:] |= column[1:] != column[:-1]
            if length == 1:
                begins, ends = first_begins[:-1], first_begins[1:]
                suffixes, firsts = np.zeros(symbols, dtype=np.int64), np.arange(symbols)
            else:
                begins = np.flatnonzero(new)
                ends = np.append(begins[1:], len(order))
                kept = (owners[begins] > 0) & (up_to[ends] - up_to[begins] >= least)
                kept &= sorted_contexts[begins, 1 - length] != BOUNDARY
                begins, ends = begins[kept], ends[kept]
                suffixes, firsts = owners[begins], column[begins].astype(np.int64)
            owners = _spread(begins, ends, levels[-1], len(order))
            parts.append((suffixes, firsts, begins, ends))
            levels.append(levels[-1] + len(begins))
        suffixes, firsts, begins, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(suffixes, firsts, begins, ends, np.array(levels), order, symbols)

    @cached_property
    def lasts(self) -> Ints:
        """The last symbol of each context (contexts,); the boundary for the empty one."""
        lasts = np.zeros(len(self), dtype=np.int64)
        lasts[self.of_length(1)] = self.firsts[self.of_length(1)]
        for length in self.lengths[1:]:
            lasts[self.of_length(length)] = lasts[self.suffixes[self.of_length(length)]]
        return lasts

    @cached_property
    def prefixes(self) -> Ints:
        """Each context without its last symbol (contexts,), -1 where that is not in the tree: it begins as the context
        does, and goes on as the suffix without the last symbol."""
        prefixes = np.full(len(self), -1, dtype=np.int64)
        prefixes[: self.levels[2]] = 0
        for length in self.lengths[1:]:
            mine, shorter = self.of_length(length), np.arange(self.levels[length - 1], self.levels[length])
            keys = self.suffixes[shorter] * self.symbols + self.firsts[shorter]
            behind = prefixes[self.suffixes[mine]]
            wanted = np.where(behind >= 0, behind * self.symbols + self.firsts[mine], -1)
            places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            prefixes[mine] = np.where(keys[places] == wanted, shorter[places], -1)
        return prefixes

    def __len__(self) -> int:
        return len(self.suffixes)

    @property
    def lengths(self) -> range:
        """Of the contexts in it, the empty one left out."""
        return range(1, len(self.levels) - 1)

    def of_length(self, length: int) -> slice:
        return slice(int(self.levels[length]), int(self.levels[length + 1]))

    def sums(self, weights: Floats, rows: NDArray[np.floating]) -> Floats:
        """Of the `rows` (n, width) of the visits in each context, row i counted `weights[i]` times."""
        out = np.empty((len(self), rows.shape[1]))
        heavy = weights[self.order, None]
        for begin in range(0, rows.shape[1], _COLUMNS):
            up_to = np.zeros((len(self.order) + 1, min(_COLUMNS, rows.shape[1] - begin)))
            np.cumsum(rows[self.order, begin : begin + _COLUMNS] * heavy, axis=0, out=up_to[1:])
            out[:, begin : begin + _COLUMNS] = up_to[self.ends] - up_to[self.begins]
        return np.maximum(out, 0.0)

    def longest(self, contexts: NDArray[np.integer], among: NDArray[np.bool_]) -> Ints:
        """The longest suffix of each of `contexts` (n, block_size) among those contexts (contexts,) of the tree, which
        have their own suffixes among them."""
        known = np.flatnonzero(among)[1:]
        keys = self.suffixes[known] * self.symbols + self.firsts[known]
        found = np.zeros(len(contexts), dtype=np.int64)
        alive = np.arange(len(contexts))
        for length in self.lengths:
            if length > 1:
                alive = alive[contexts[alive, 1 - length] != BOUNDARY]
            wanted = found[alive] * self.symbols + contexts[alive, -length]
            places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            hit = keys[places] == wanted
            alive = alive[hit]
            found[alive] = known[places[hit]]
        return found


def _spread(begins: Ints, ends: Ints, first: int, length: int) -> Ints:
    """(length,): the number, from `first` on, of the span that each place is in, 0 outside of all."""
    lengths = ends - begins
    owners = np.zeros(length, dtype=np.int64)
    inside = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    owners[inside] = np.repeat(np.arange(first, first + len(begins)), lengths)
    return owners
