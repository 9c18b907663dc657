"""A regular expression as an automaton: parse, number the positions, determinise, minimise.

The positions are the places of a pattern that consume one letter (Glushkov 1961): an automaton with as many
states as letters written, and without empty moves. A set of positions is an integer, one bit each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.constraints.automata import (
    DEAD,
    MAX_STEPS,
    MAX_WORKING_STATES,
    START_STATE,
    Automaton,
    group_rows,
    minimise,
    too_complex,
)
from model.constraints.letter_sets import Ids
from model.constraints.pattern_syntax import parse
from model.constraints.pattern_tree import Chain, Letters, Node, Repeat, written_out
from model.text.vocabulary import Vocabulary

MAX_POSITIONS = 2_000
"""Letters of a pattern once its counted repeats are written out."""


def compile_pattern(pattern: str, vocabulary: Vocabulary) -> Automaton:
    """The minimal automaton of the names that the whole pattern matches. Raises ConstraintError."""
    tree = parse(pattern, vocabulary)
    if written_out(tree) > MAX_POSITIONS:
        raise too_complex("pattern", MAX_POSITIONS)
    positions = _Positions()
    start = positions.start(tree)
    classes, letters = _letter_classes(positions.letters, vocabulary.size)
    small = minimise(_determinise(start, positions, letters.tolist()))
    return Automaton(small.moves[:, classes], small.accepting)


@dataclass(frozen=True)
class _Fragment:
    """A part of a pattern: whether it matches the empty text, its first positions and its last ones."""

    empty: bool
    first: int
    last: int


_NOTHING_WRITTEN = _Fragment(empty=True, first=0, last=0)


@dataclass
class _Positions:
    """The letters of each position and the positions that may come next. Position 0 is the end of the name."""

    letters: list[Ids] = field(default_factory=lambda: [frozenset()])
    follow: list[int] = field(default_factory=lambda: [0])

    def start(self, tree: Node) -> int:
        """Numbers all positions; returns those where a name may begin."""
        end = _Fragment(empty=False, first=1, last=1)
        return self._join(self._add(tree), end).first

    def _add(self, node: Node) -> _Fragment:
        if isinstance(node, Letters):
            self.letters.append(node.ids)
            self.follow.append(0)
            bit = 1 << (len(self.letters) - 1)
            return _Fragment(empty=False, first=bit, last=bit)
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Chain):
            return self._chain([self._add(part) for part in node.parts])
        options = [self._add(option) for option in node.options]
        first, last = 0, 0
        for option in options:
            first, last = first | option.first, last | option.last
        return _Fragment(any(option.empty for option in options), first, last)

    def _repeat(self, node: Repeat) -> _Fragment:
        """Writes the copies out, the optional ones inside each other: x{1,3} is x(x(x)?)?."""
        if node.most is None:
            needed = [self._add(node.item) for _ in range(max(node.least, 1))]
            looped = self._join(needed[-1], needed[-1])
            tail = _Fragment(needed[-1].empty or node.least == 0, looped.first, needed[-1].last)
            return self._chain([*needed[:-1], tail])
        tail = _NOTHING_WRITTEN
        for _ in range(node.most - node.least):
            joined = self._join(self._add(node.item), tail)
            tail = _Fragment(empty=True, first=joined.first, last=joined.last)
        return self._chain([*(self._add(node.item) for _ in range(node.least)), tail])

    def _chain(self, parts: list[_Fragment]) -> _Fragment:
        whole = _NOTHING_WRITTEN
        for part in reversed(parts):
            whole = self._join(part, whole)
        return whole

    def _join(self, left: _Fragment, right: _Fragment) -> _Fragment:
        for position in _bits(left.last):
            self.follow[position] |= right.first
        first = left.first | right.first if left.empty else left.first
        last = left.last | right.last if right.empty else right.last
        return _Fragment(left.empty and right.empty, first, last)


def _bits(number: int) -> Iterator[int]:
    """Places of the ones in a binary number."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def _letter_classes(letters: list[Ids], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class (size,) of each symbol, equal where no position tells two symbols apart; first symbol of each class."""
    sets = list(dict.fromkeys(letters))
    members = np.zeros((size, len(sets)), dtype=np.bool_)
    for column, ids in enumerate(sets):
        members[list(ids), column] = True
    return group_rows(members)


def _determinise(start: int, positions: _Positions, letters: list[int]) -> Automaton:
    """The automaton over letter classes whose states are sets of next positions; `letters`: one of each class."""
    masks = [sum(1 << i for i, ids in enumerate(positions.letters) if letter in ids) for letter in letters]
    limit = min(MAX_WORKING_STATES, MAX_STEPS // len(masks))
    states, numbers, rows, steps = [start], {start: START_STATE}, [], 0
    after: dict[int, int] = {0: 0}
    for state in states:
        row = []
        for mask in masks:
            here = state & mask
            if here not in after:
                steps += here.bit_count()
                after[here] = _union(positions.follow, here)
            target = after[here]
            if target and target not in numbers:
                numbers[target] = len(states)
                states.append(target)
            row.append(numbers[target] if target else DEAD)
        rows.append(row)
        if len(states) > limit or steps > MAX_STEPS:
            raise too_complex("pattern", limit)
    accepting = np.array([state & 1 for state in states], dtype=np.bool_)
    return Automaton(np.array(rows, dtype=np.int32), accepting)


def _union(sets: list[int], chosen: int) -> int:
    union = 0
    for position in _bits(chosen):
        union |= sets[position]
    return union
