"""Many names at once, as arrays: letter ids one after the other, and where each name ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.kernels import drawing, listing, text
from model.transitions import Floats, Ints
from model.vocabulary import Vocabulary

Symbols = NDArray[np.uint16]
MAX_SYMBOLS = 2**16


@dataclass(frozen=True, eq=False)
class Names:
    """Name i has the letter ids `symbols[ends[i]:ends[i + 1]]`; `ends` is (names + 1,)."""

    symbols: Symbols
    ends: Ints

    @classmethod
    def of(cls, names: Sequence[Sequence[int]]) -> "Names":
        lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
        symbols = np.fromiter((symbol for name in names for symbol in name), np.uint16, count=int(lengths.sum()))
        return cls(symbols, np.concatenate([[0], np.cumsum(lengths)]))

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def lengths(self) -> Ints:
        """Letters of each name (names,)."""
        return np.diff(self.ends)

    @property
    def nbytes(self) -> int:
        return self.symbols.nbytes + self.ends.nbytes

    def rows(self) -> list[list[int]]:
        """The letter ids of each name."""
        symbols, ends = self.symbols.tolist(), self.ends.tolist()
        return [symbols[begin:end] for begin, end in pairwise(ends)]

    def decode(self, vocabulary: Vocabulary) -> list[str]:
        """The names as text (names,), normalised."""
        everything = "".join(map(["", *vocabulary.letters].__getitem__, self.symbols.tolist()))
        ends = self.ends.tolist()
        return [everything[begin:end] for begin, end in pairwise(ends)]

    def log_probs(self, log_probs: Floats) -> Floats:
        """Natural log-probability of each letter and of each end under a table (contexts, symbols), name after name."""
        scores = np.empty(len(self.symbols) + len(self))
        text.symbol_log_probs(self.symbols, self.ends, log_probs, scores)
        return scores

    def total_log_probs(self, log_probs: Floats) -> Floats:
        """Of each whole name (names,), its end included."""
        scores = self.log_probs(log_probs)
        return np.add.reduceat(scores, self.ends[:-1] + np.arange(len(self))) if len(self) else scores


class Listing(Names):
    """Distinct names that can be looked for, as those of a training list."""

    @classmethod
    def of_texts(cls, names: Iterable[str], vocabulary: Vocabulary) -> "Listing":
        """Names with letters outside the vocabulary are left out: no model draws them."""
        letters = set(vocabulary.letters)
        known = (name for name in sorted(names) if letters.issuperset(name))
        found = Names.of([vocabulary.encode(name) for name in known])
        return cls(found.symbols, found.ends)

    @cached_property
    def table(self) -> NDArray[np.int32]:
        """Numbers of names by the hash of their letters; at most a quarter is filled."""
        table = np.full(1 << max(4, (4 * len(self)).bit_length()), -1, dtype=np.int32)
        drawing.index_names(self.symbols, self.ends, table)
        return table

    def __contains__(self, symbols: Sequence[int]) -> bool:
        name = np.array(symbols, dtype=np.uint16)
        return len(self) > 0 and bool(drawing.is_listed(name, 0, len(name), self.symbols, self.ends, self.table))

    def trie(self, size: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Children (nodes, symbols) and the nodes (nodes,) at which a name ends."""
        trie: tuple[Any, Any] = listing.make_trie(self.symbols, self.ends, size)
        return trie


def nothing_listed() -> Listing:
    return Listing(np.zeros(0, dtype=np.uint16), np.zeros(1, dtype=np.int64))
