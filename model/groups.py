"""What a plan reckons with: automaton states together with the end of a context.

A *tail* is a context without its first symbol. All contexts of one tail lead to the same next contexts, so the
states of the automata together with a tail, a *group*, share one vector of chances after the next letter; a
context within a group is a *node*.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.automata import Automaton, anything
from model.errors import ConstraintError
from model.kernels import states
from model.shaping import Shaped
from model.transitions import Floats, Ints

MAX_GROUPS = 100_000
MAX_MOVES = 4_000_000
"""Groups times symbols: what the search for groups may look at."""


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups that can be met, the start first, in the order of the letters that it takes to meet them.

    `successors` (groups, symbols) is the group after each letter, negative where there is none. `only_first` is the
    one first symbol of a group's contexts, negative where there are several; `lone_rows` (groups, symbols) are the
    probabilities of those with one.
    """

    tails: NDArray[np.int32]
    only_first: NDArray[np.int32]
    lone_rows: Floats
    accepting: NDArray[np.uint8]
    successors: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.tails)

    @property
    def nbytes(self) -> int:
        return sum(
            part.nbytes for part in (self.tails, self.only_first, self.lone_rows, self.accepting, self.successors)
        )

    def ranges(self, max_length: int) -> tuple[Ints, Ints]:
        """Least group, and one past the greatest, that can be met after 0 to `max_length` letters (max_length + 1,)."""
        low, high = np.zeros((2, max_length + 1), dtype=np.int64)
        states.layer_ranges(self.successors, max_length, low, high)
        return low, high


def pair_of(automata: Sequence[Automaton], size: int) -> tuple[Automaton, Automaton]:
    """Exactly two automata, filled up with one that accepts anything."""
    if len(automata) > 2:
        raise ValueError("a plan multiplies at most two automata; intersect the others first")
    first, second, *_ = [*automata, anything(size), anything(size)]
    return first, second


def find_groups(shaped: Shaped, automata: Sequence[Automaton], max_length: int) -> Groups:
    """The groups that names of up to `max_length` letters meet. Raises ConstraintError where there are too many."""
    size = shaped.size
    first, second = pair_of(automata, size)
    limit = max(min(MAX_GROUPS, MAX_MOVES // size), len(shaped.rows) * 2)
    found, tails, depths, only_first, successors = states.discover(
        _writable(first.moves), _writable(second.moves), shaped.possible, max_length, limit
    )
    if len(tails) > limit:
        raise too_complex(f"over {limit:,} states")
    order = np.lexsort((tails, depths))
    numbers = np.empty(len(order) + 1, dtype=np.int32)
    numbers[order] = np.arange(len(order), dtype=np.int32)
    numbers[-1] = states.DEAD  # what the number -1 leads to
    accepting = first.accepting[found[:, 0]] & second.accepting[found[:, 1]]
    tails, only_first = tails[order], only_first[order]
    return Groups(
        tails,
        only_first,
        lone_rows(shaped.rows, tails, only_first),
        accepting[order].astype(np.uint8),
        numbers[successors[order]],
    )


def lone_rows(rows: Floats, tails: NDArray[np.int32], only_first: NDArray[np.int32]) -> Floats:
    """(groups, symbols): of `rows` (tails, symbols, width) what the groups with one first symbol need; else 0."""
    lone = np.zeros((len(tails), rows.shape[1]))
    alone = np.flatnonzero(only_first >= 0)
    lone[alone] = rows[tails[alone], :, only_first[alone]]
    return lone


def shortest_ends(groups: Groups, rows_end: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The least number of letters (groups,) from each group to one that accepts and may end (`rows_end`, by tail)."""
    far = np.iinfo(np.int32).max // 2
    least = np.where(groups.accepting.astype(bool) & rows_end[groups.tails], 0, far).astype(np.int64)
    after = np.append(least, far)
    while True:
        shorter = np.minimum(after[:-1], after[groups.successors[:, 1:]].min(axis=1, initial=far) + 1)
        if (shorter == after[:-1]).all():
            break
        after[:-1] = shorter
    return after[:-1].astype(np.int32)


def too_complex(what: str) -> ConstraintError:
    return ConstraintError("pattern", f"the constraints are too complex ({what}): simplify them or lower max_length")


def _writable(array: NDArray[np.int32]) -> NDArray[np.int32]:
    """Kernels are compiled for writable arrays in C order."""
    return np.array(array, dtype=np.int32, order="C")
