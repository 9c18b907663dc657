"""Many names at once, as arrays: letter ids one after the other, and where each name ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.kernels import listing, lookup, text
from model.kernels.arrays import Arcs, Floats, Ints, Listed, Symbols
from model.text.vocabulary import Vocabulary


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

    @classmethod
    def of_texts(cls, texts: Sequence[str], vocabulary: Vocabulary) -> tuple["Names", NDArray[np.bool_]]:
        """Normalised texts as names, and which of them (names,) have a character outside the vocabulary: those are
        empty names here."""
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        ids = vocabulary.ids_of(codes)
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        unknown = np.zeros(len(texts), dtype=np.bool_)
        if not ids.all():
            owners = np.repeat(np.arange(len(texts)), lengths)
            unknown[owners[ids == 0]] = True
            ids = ids[~unknown[owners]]
            lengths[unknown] = 0
        return cls(ids, np.concatenate([[0], np.cumsum(lengths)])), unknown

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def lengths(self) -> Ints:
        """Letters of each name (names,)."""
        return np.diff(self.ends)

    @property
    def nbytes(self) -> int:
        return self.symbols.nbytes + self.ends.nbytes

    def part(self, first: int, end: int) -> "Names":
        """Names `first` to `end - 1`, or as many of them as there are."""
        ends = self.ends[first : end + 1]
        return Names(self.symbols[ends[0] : ends[-1]], ends - ends[0])

    def chosen(self, which: NDArray[np.bool_]) -> "Names":
        """Those for which `which` (names,) is true."""
        lengths = self.lengths
        return Names(self.symbols[np.repeat(which, lengths)], np.concatenate([[0], np.cumsum(lengths[which])]))

    def rows(self) -> list[list[int]]:
        """The letter ids of each name."""
        symbols, ends = self.symbols.tolist(), self.ends.tolist()
        return [symbols[begin:end] for begin, end in pairwise(ends)]

    def decode(self, vocabulary: Vocabulary) -> list[str]:
        """The names as text (names,), normalised."""
        everything = "".join(map(["", *vocabulary.letters].__getitem__, self.symbols.tolist()))
        ends = self.ends.tolist()
        return [everything[begin:end] for begin, end in pairwise(ends)]

    def log_probs(self, arcs: Arcs, start: int) -> Floats:
        """Natural log-probability of each letter and of each end, name after name, under an automaton that begins in
        state `start` and whose weights are logarithms."""
        scores = np.empty(len(self.symbols) + len(self))
        text.symbol_log_probs(self.symbols, self.ends, arcs, start, scores)
        return scores

    def totals(self, scores: Floats) -> Floats:
        """Sums (names,) over each whole name, its end included, of scores as `log_probs` gives them."""
        return np.add.reduceat(scores, self.ends[:-1] + np.arange(len(self))) if len(self) else scores


@dataclass(frozen=True, eq=False)
class NameSet(Names):
    """Distinct names that can be looked for, as those of a training list, among names whose ids have up to `bits`
    bits."""

    bits: int = 16

    @classmethod
    def listing(cls, names: Iterable[str], vocabulary: Vocabulary) -> "NameSet":
        """Names with letters outside the vocabulary are left out: no model draws them."""
        letters = set(vocabulary.letters)
        known = (name for name in sorted(names) if name and letters.issuperset(name))
        found, _ = Names.of_texts(list(known), vocabulary)
        return cls(found.symbols, found.ends, (vocabulary.size - 1).bit_length())

    @classmethod
    def of_lines(cls, parts: Sequence[str], vocabulary: Vocabulary) -> "NameSet":
        """The same from text, one name a line, in parts of whole lines. Where the lines are in order, as in a version,
        hardly anything of it holds the interpreter's lock, so that other threads run meanwhile."""
        codes = [np.frombuffer(part.encode("utf-32-le"), dtype=np.uint32) for part in parts]
        ids = [vocabulary.ids_of(part) for part in codes]
        room = sum(map(len, codes))
        symbols, ends = np.empty(room, dtype=np.uint16), np.empty(room // 2 + 2, dtype=np.int64)
        every_code, every_id = np.empty(room, dtype=np.uint32), np.empty(room, dtype=np.uint16)
        if codes:
            np.concatenate(codes, out=every_code)
            np.concatenate(ids, out=every_id)
        count = listing.take_lines(every_code, every_id, symbols, ends)
        if count == listing.NOT_IN_ORDER:
            return cls.listing({name for part in parts for name in part.split("\n")}, vocabulary)
        return cls(symbols[: ends[count]].copy(), ends[: count + 1].copy(), (vocabulary.size - 1).bit_length())

    @cached_property
    def search(self) -> Listed:
        """What kernels search in (see `kernels.lookup.is_listed`). Without names there are no keys."""
        size = 1 << max(4, (2 * len(self)).bit_length()) if len(self) else 0
        keys, numbers = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int32)
        lookup.index_names(self.symbols, self.ends, self.bits, keys, numbers)
        return Listed(self.bits, self.symbols, self.ends, keys, numbers)

    @cached_property
    def sieve(self) -> NDArray[np.uint8]:
        """A bit for each of eight times as many hashes as there are names (see `kernels.lookup.may_be_listed`)."""
        sieve = np.zeros(1 << max(3, len(self).bit_length()), dtype=np.uint8)
        lookup.fill_sieve(self.search.keys, sieve)
        return sieve

    def joined(self, others: Iterable["NameSet"]) -> "NameSet":
        """With the names of other lists over the same vocabulary."""
        joined = self
        for other in others:
            new = other.chosen(~joined.holds(other))
            ends = np.concatenate([joined.ends, new.ends[1:] + joined.ends[-1]])
            joined = NameSet(np.concatenate([joined.symbols, new.symbols]), ends, self.bits)
        return joined

    def __contains__(self, symbols: Sequence[int]) -> bool:
        name = np.array(symbols, dtype=np.uint16)
        return len(self) > 0 and bool(lookup.is_listed(name, 0, len(name), self.search))

    def holds(self, names: Names) -> NDArray[np.bool_]:
        """Which of these names (names,) are listed."""
        held = np.zeros(len(names), dtype=np.bool_)
        if len(self):
            lookup.find_listed(names.symbols, names.ends, self.search, held)
        return held


def nothing_listed() -> NameSet:
    return NameSet(np.zeros(0, dtype=np.uint16), np.zeros(1, dtype=np.int64))
