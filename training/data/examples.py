"""Names as training examples: each character with the characters before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from model.text.vocabulary import Vocabulary
from training.data.compressed_rows import CompressedRows
from training.data.ngrams import CHUNK, Chunk, Floats, Ids, count_ngrams, ngrams_of


@dataclass(frozen=True)
class Examples:
    """`contexts` (n, block_size) and `targets` (n,) are symbol ids, in the narrowest type that holds them, for a
    network to be given as `long()`. `weights` (n,) count them."""

    contexts: Tensor
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class Counts:
    """The same data by distinct context: `contexts` (m, block_size) int32, and how often each symbol followed them,
    `following` (m, vocabulary size) float32.

    Losses and BatchNorm statistics over all examples need only these rows.
    """

    contexts: Tensor
    following: CompressedRows

    @property
    def symbols(self) -> int:
        """The size of the vocabulary."""
        return self.following.width

    @cached_property
    def weights(self) -> Tensor:
        """How often each context occurred (m,) float64."""
        return torch.from_numpy(self.following.sums())


@dataclass(frozen=True, eq=False)
class Ngrams:
    """The same data as distinct n-grams: `ngrams` (m, block_size + 1) symbol ids, the next character last, and how
    often each came, `weights` (m,). `symbols` is the size of the alphabet."""

    ngrams: Ids
    weights: Floats
    symbols: int

    def mean(self, values: Floats) -> float:
        """Of a number for each n-gram (m,)."""
        return float(self.weights @ values / self.weights.sum())


def make_examples(
    names: Sequence[str], weights: Sequence[float] | Floats, vocabulary: Vocabulary, block_size: int
) -> Examples:
    """One example a character, the end included, so a name of k letters gives k + 1."""
    heavy = np.asarray(weights, dtype=np.float64)
    total = sum(map(len, names)) + len(names)
    ngrams = torch.empty((total, block_size + 1), dtype=_narrowest(vocabulary.size))
    even = bool((heavy == heavy[0]).all())
    counted = torch.from_numpy(heavy[:1].copy()).expand(total) if even else torch.empty(total, dtype=torch.float64)
    at = 0
    for found, of_each in _chunks(names, heavy, vocabulary, block_size):
        ngrams[at : at + len(found)] = torch.from_numpy(found.astype(np.int32))
        if not even:
            counted[at : at + len(found)] = torch.from_numpy(of_each)
        at += len(found)
    return Examples(ngrams[:, :-1], ngrams[:, -1], counted)


def names_as_ngrams(
    names: Sequence[str], weights: Sequence[float] | Floats, vocabulary: Vocabulary, block_size: int
) -> Ngrams:
    heavy = np.asarray(weights, dtype=np.float64)
    return Ngrams(*count_ngrams(lambda: _chunks(names, heavy, vocabulary, block_size)), vocabulary.size)


def count_names(
    names: Sequence[str], weights: Sequence[float] | Floats, vocabulary: Vocabulary, block_size: int
) -> Counts:
    """What counting `make_examples` gives, without ever making them: memory for the distinct contexts alone."""
    heavy = np.asarray(weights, dtype=np.float64)
    return _by_context(*count_ngrams(lambda: _chunks(names, heavy, vocabulary, block_size)), vocabulary.size)


def count_examples(examples: Examples, vocabulary_size: int) -> Counts:
    ngrams = np.column_stack([examples.contexts.numpy(), examples.targets.numpy()]).astype(np.uint32)
    return _by_context(*count_ngrams(lambda: iter([(ngrams, examples.weights.numpy())])), vocabulary_size)


def _chunks(names: Sequence[str], weights: Floats, vocabulary: Vocabulary, block_size: int) -> Iterator[Chunk]:
    for start in range(0, len(names), CHUNK):
        ngrams, name_of = ngrams_of(names[start : start + CHUNK], vocabulary, block_size)
        yield ngrams, weights[start : start + CHUNK][name_of]


def _by_context(ngrams: Ids, sums: Floats, vocabulary_size: int) -> Counts:
    """Distinct n-grams in order: those of one context are neighbours."""
    contexts = ngrams[:, :-1]
    first = np.ones(len(ngrams), dtype=bool)
    first[1:] = (contexts[1:] != contexts[:-1]).any(axis=1)
    starts = np.append(np.flatnonzero(first), len(ngrams))
    following = CompressedRows(starts, ngrams[:, -1].astype(np.int32), sums.astype(np.float32), vocabulary_size)
    return Counts(torch.from_numpy(contexts[first].astype(np.int32)), following)


def _narrowest(symbols: int) -> torch.dtype:
    """The narrowest type that torch can index with and that holds the ids of that many symbols."""
    return torch.uint8 if symbols <= 1 << 8 else torch.int16 if symbols <= 1 << 15 else torch.int32
