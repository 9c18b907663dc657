"""Each character of a name together with those before it, as an n-gram of symbol ids.

A list is gone through in chunks of names, so that counting takes memory for the distinct n-grams alone, however many
names there are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.kernels.arrays import Floats as Floats
from model.kernels.arrays import Ints
from model.text.vocabulary import BOUNDARY, Vocabulary

Ids = NDArray[np.unsignedinteger]
Keys = NDArray[np.bytes_]
Chunk = tuple[Ids, Floats]
"""N-grams (n, block_size + 1), the character itself last, and their weights (n,)."""

CHUNK = 16_384
"""Names that are looked at together."""


def ngrams_of(names: Sequence[str], vocabulary: Vocabulary, block_size: int) -> tuple[Ids, Ints]:
    """One n-gram (block_size + 1) a character, the end included, so k + 1 for a name of k letters, and the number (n,)
    of the name that each is of. Raises UnknownCharacterError."""
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names)) + 1
    name_of = np.repeat(np.arange(len(names)), lengths)
    # Symbol k of all stands block_size further right in `padded` for each name up to its own.
    places = np.arange(len(name_of)) + (name_of + 1) * block_size
    padded = np.full(len(name_of) + block_size * len(names), BOUNDARY, dtype=ids_dtype(vocabulary.size))
    letters = np.ones(len(name_of), dtype=bool)
    letters[np.cumsum(lengths) - 1] = False  # the end of each name
    padded[places[letters]] = _encode(names, vocabulary)
    return padded[places[:, None] + np.arange(-block_size, 1)], name_of


def _encode(names: Sequence[str], vocabulary: Vocabulary) -> NDArray[np.uint16]:
    """Ids of all letters, one name after the other."""
    ids = vocabulary.ids_of(np.frombuffer("".join(names).encode("utf-32-le"), dtype="<u4"))
    if (ids == BOUNDARY).any():
        for name in names:
            vocabulary.encode(name)  # the first that cannot be spelled raises
    return ids


def ids_dtype(symbols: int) -> type[np.unsignedinteger]:
    """The narrowest type that holds the ids of that many symbols."""
    return np.uint8 if symbols <= 1 << 8 else np.uint16 if symbols <= 1 << 16 else np.uint32


def count_ngrams(chunks: Callable[[], Iterator[Chunk]]) -> tuple[Ids, Floats]:
    """The distinct n-grams (m, n) in order, and the sums (m,) of their weights, which are added up one by one in the
    order of the list, so that chunks leave no trace. `chunks` is gone through twice."""
    ngrams = _distinct(ngrams for ngrams, _ in chunks())
    keys = _keys(ngrams)
    sums = np.zeros(len(ngrams))
    for found, weights in chunks():
        local, rows = np.unique(_keys(found), return_inverse=True)
        np.add.at(sums, np.searchsorted(keys, local)[rows], weights)
    return ngrams, sums


def _distinct(chunks: Iterable[Ids]) -> Ids:
    """What the chunks hold is put aside until it is as much as is known already, and then merged: few merges, and never
    more memory than twice the distinct rows and one chunk."""
    chunks = iter(chunks)
    known = _unique(next(chunks))
    aside: list[Ids] = []
    for chunk in chunks:
        aside.append(_unique(chunk))
        if sum(map(len, aside)) >= len(known):
            known, aside = _unique(np.concatenate([known, *aside])), []
    return _unique(np.concatenate([known, *aside])) if aside else known


def _unique(ngrams: Ids) -> Ids:
    return ngrams[np.unique(_keys(ngrams), return_index=True)[1]]


def _keys(ngrams: Ids) -> Keys:
    """Each row as one string of bytes (n,). They sort as the rows do, and no length of context overflows them."""
    wide = np.ascontiguousarray(ngrams, dtype=ngrams.dtype.newbyteorder(">"))
    return wide.view(f"S{wide.itemsize * wide.shape[1]}")[:, 0]
