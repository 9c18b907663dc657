"""Deterministic automata over letter ids: what every constraint on a name becomes.

All loops are bounded by counts of states and steps, never by time, so the same request is accepted or
refused on every machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import ConstraintError
from model.text.vocabulary import BOUNDARY

DEAD = -1
"""What `moves` holds where no accepted name goes on."""
START_STATE = 0

MAX_STATES = 1_000
"""States of a finished automaton."""
MAX_WORKING_STATES = 10_000
"""States at any moment of a construction."""
MAX_STEPS = 1_000_000
"""Elementary steps (a state looked at once) of one construction."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """`moves` (states, vocabulary size) holds the next state or DEAD, `accepting` (states,) where a name may end.

    The start is state 0; the column of the boundary is always DEAD. Both arrays are read-only.
    """

    moves: NDArray[np.int32]
    accepting: NDArray[np.bool_]

    def __post_init__(self) -> None:
        self.moves.setflags(write=False)
        self.accepting.setflags(write=False)

    def __len__(self) -> int:
        return len(self.moves)

    @property
    def vocabulary_size(self) -> int:
        return int(self.moves.shape[1])


def anything(size: int) -> Automaton:
    """Accepts every name over a vocabulary of `size` symbols."""
    moves = np.zeros((1, size), dtype=np.int32)
    moves[:, BOUNDARY] = DEAD
    return Automaton(moves, np.ones(1, dtype=np.bool_))


def nothing(size: int) -> Automaton:
    """Accepts no name."""
    return Automaton(np.full((1, size), DEAD, dtype=np.int32), np.zeros(1, dtype=np.bool_))


def accepts(automaton: Automaton, ids: Iterable[int]) -> bool:
    """True if the name with these letter ids is accepted."""
    state = START_STATE
    for letter in ids:
        state = int(automaton.moves[state, letter])
        if state == DEAD:
            return False
    return bool(automaton.accepting[state])


def is_empty(automaton: Automaton) -> bool:
    """True if no name at all is accepted."""
    return not automaton.accepting[_breadth_first(automaton.moves)].any()


def too_complex(field: str, limit: int) -> ConstraintError:
    """The refusal of a constraint that needs more than `limit` states or steps."""
    return ConstraintError(field, f"{field} is too complex: it would take more than {limit:,} states; simplify it")


def intersect(a: Automaton, b: Automaton, field: str = "pattern") -> Automaton:
    """Accepts what both accept: the reachable part of their product. Raises ConstraintError."""
    classes, letters = group_rows(np.vstack([a.moves, b.moves]).T)
    left, right = a.moves[:, letters].tolist(), b.moves[:, letters].tolist()
    limit = min(MAX_WORKING_STATES, MAX_STEPS // len(letters))
    pairs, numbers, rows = [(START_STATE, START_STATE)], {(START_STATE, START_STATE): START_STATE}, []
    for i, j in pairs:
        row = []
        for pair in zip(left[i], right[j], strict=True):
            if DEAD in pair:
                row.append(DEAD)
                continue
            if pair not in numbers:
                numbers[pair] = len(pairs)
                pairs.append(pair)
            row.append(numbers[pair])
        rows.append(row)
        if len(pairs) > limit:
            raise too_complex(field, limit)
    first, second = np.array(pairs).T
    return Automaton(np.array(rows, dtype=np.int32)[:, classes], a.accepting[first] & b.accepting[second])


def minimise(automaton: Automaton, field: str = "pattern", limit: int = MAX_STATES) -> Automaton:
    """The smallest equivalent automaton, its states numbered breadth first by letter id.

    Equivalent automata give equal arrays. States from which nothing is accepted become DEAD. Raises
    ConstraintError where more than `limit` states remain.
    """
    classes, letters = group_rows(automaton.moves.T)
    reachable = _breadth_first(automaton.moves[:, letters])
    moves = _renumber(automaton.moves[np.ix_(reachable, letters)], reachable, len(automaton))
    accepting = automaton.accepting[reachable]
    distances = _distances(moves, accepting)
    if distances[START_STATE] == DEAD:
        return nothing(automaton.vocabulary_size)
    live = np.flatnonzero(distances != DEAD)
    moves, accepting = _renumber(moves[live], live, len(moves)), accepting[live]
    blocks, firsts = _refine(moves, distances[live], field, limit)
    moves = np.where(moves[firsts] == DEAD, DEAD, blocks[moves[firsts]])
    order = _breadth_first(moves)
    return Automaton(_renumber(moves[order], order, len(moves))[:, classes], accepting[firsts][order])


def _refine(
    moves: NDArray[np.int32], distances: NDArray[np.int64], field: str, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block of each state (states,) and first state of each block: Moore's partition refinement.

    It starts from the distance to acceptance, which tells long chains apart at once. Blocks only ever
    split, so their number is a lower bound of the result's at any time.
    """
    blocks, firsts = group_rows(distances[:, None])
    rounds, count = 0, 0
    while count < len(firsts):
        rounds, count = rounds + 1, len(firsts)
        if count > limit or rounds * len(moves) > MAX_STEPS:
            raise too_complex(field, limit)
        after = np.append(blocks, DEAD)[moves]  # DEAD is the last index
        blocks, firsts = group_rows(np.column_stack([blocks, after]))
    return blocks, firsts


def group_rows(rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Label (n,) of each row of (n, k), equal where rows are, in order of appearance; first row of each label."""
    compact = np.ascontiguousarray(rows)
    width = compact.shape[1] * compact.itemsize
    data = compact.tobytes()
    numbers: dict[bytes, int] = {}
    keys = (data[start : start + width] for start in range(0, len(data), width))
    labels = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    return labels, np.unique(labels, return_index=True)[1]


def _breadth_first(moves: NDArray[np.int32]) -> NDArray[np.int64]:
    """The states that can be reached, in the order in which they are met."""
    rows = moves.tolist()
    order, seen = [START_STATE], {START_STATE, DEAD}
    for state in order:
        for target in rows[state]:
            if target not in seen:
                seen.add(target)
                order.append(target)
    return np.array(order, dtype=np.int64)


def _renumber(moves: NDArray[Any], kept: NDArray[np.int64], states: int) -> NDArray[np.int32]:
    """`moves` whose targets were numbered 0..states - 1, now by their place in `kept`; DEAD if not there."""
    numbers = np.full(states + 1, DEAD, dtype=np.int32)
    numbers[kept] = np.arange(len(kept), dtype=np.int32)
    renumbered: NDArray[np.int32] = numbers[moves]  # DEAD is the last index, and stays DEAD
    return renumbered


def _distances(moves: NDArray[np.int32], accepting: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Letters (states,) of the shortest way from a state to acceptance; DEAD where there is none."""
    states = len(moves)
    sources, columns = np.nonzero(moves != DEAD)
    edges = np.unique(moves[sources, columns].astype(np.int64) * states + sources)
    starts = np.searchsorted(edges, np.arange(states + 1, dtype=np.int64) * states)
    sources = edges % states
    distances = np.where(accepting, 0, DEAD).astype(np.int64)
    queue, missing = np.flatnonzero(accepting).tolist(), states - int(accepting.sum())
    for state in queue:
        if not missing:
            break
        before = sources[starts[state] : starts[state + 1]]
        new = before[distances[before] == DEAD]
        distances[new] = distances[state] + 1
        queue.extend(new.tolist())
        missing -= len(new)
    return distances
