"""What a list of names says about spelling: where separators stand, and how often a new pair of letters comes up."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.text.names import Names
from model.text.vocabulary import BOUNDARY, Vocabulary
from model.transitions.automaton import Floats, Ints

_LETTER_CATEGORIES = ("L", "M", "N")
"""Of Unicode: letters, the marks that belong to them, and numbers. Everything else separates."""
_HALF_A_PAIR = 0.5
"""Added to the pairs that one name has, so that no pair of letters is impossible."""
_LEAST_SEEN = 10
"""Times that a list must have a separator for its rule to be known."""


@dataclass(frozen=True, eq=False)
class ListRules:
    """`forbidden[a, b]` where symbol b never follows a: a separator (space, hyphen, apostrophe) that the list never has
    at a beginning, at an end, or after that other separator. `unseen[a, b]` where no name has that pair of letters, and
    `unseen_share` is how many of the pairs in new names would be such. Both arrays are (symbols, symbols); the boundary
    stands for a beginning as the first symbol and for an end as the second one."""

    forbidden: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    unseen_share: float

    @classmethod
    def of(cls, names: Names, weights: Floats, vocabulary: Vocabulary) -> "ListRules":
        """Those of `names`, name i counted `weights[i]` times. The share of new pairs is Good and Turing's estimate:
        that of the pairs which one distinct name alone has."""
        size = vocabulary.size
        pairs, owners = _pairs(names, size)
        found, which = np.unique(pairs, return_inverse=True)
        seen = np.zeros(size * size, dtype=bool)
        seen[found] = True
        absent = ~seen.reshape(size, size)
        known = np.bincount(names.symbols, minlength=size) >= _LEAST_SEEN
        separators = np.array([False, *map(_separates, vocabulary.letters)]) & known
        edge = separators.copy()
        edge[BOUNDARY] = True
        unseen = absent & ~(edge[:, None] & edge[None, :])
        unseen[BOUNDARY], unseen[:, BOUNDARY] = False, False
        letters = (found >= size) & (found % size != BOUNDARY)
        alone = _names_with(which, owners, len(found)) == 1
        heavy = np.bincount(which, weights[owners], minlength=len(found))
        return cls(
            absent & edge[:, None] & edge[None, :],
            unseen,
            float((heavy[letters & alone].sum() + _HALF_A_PAIR) / max(1.0, heavy[letters].sum())),
        )


def _separates(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in _LETTER_CATEGORIES


def _pairs(names: Names, size: int) -> tuple[Ints, Ints]:
    """Each symbol of each name times `size` plus the one after it (letters + names,), and the number of the name."""
    lengths = names.lengths + 1
    owners = np.repeat(np.arange(len(names)), lengths)
    framed = np.full(len(owners) + 1, BOUNDARY, dtype=np.int64)
    framed[np.arange(len(names.symbols)) + np.repeat(np.arange(len(names)), names.lengths) + 1] = names.symbols
    return framed[:-1] * size + framed[1:], owners


def _names_with(pairs: Ints, owners: Ints, count: int) -> Ints:
    """How many names hold each of `count` pairs (count,)."""
    return np.bincount(np.unique(pairs * (owners[-1] + 1) + owners) // (owners[-1] + 1), minlength=count)
