"""The names within a few edits of a given one: letters inserted, deleted or replaced, and neighbours swapped.

The distance is that of optimal string alignment: Damerau and Levenshtein's, where letters that were swapped are not
edited again. The automaton is that of Schulz and Mihov (2002): a state tells how many edits may have led to each place
in the given name. What a letter makes of a state depends on a few letters of the name only, so steps are remembered.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from model.constraints.automata import DEAD, MAX_WORKING_STATES, START_STATE, Automaton, minimise, too_complex
from model.text.vocabulary import BOUNDARY

UNKNOWN = -1
"""In place of a letter's id: a letter that no name has, so that it must be edited away."""
MAX_NEAR_STATES = 6_000
"""States of a finished automaton."""

_Places = tuple[tuple[int, int], ...]
"""Letters of the given name that are done with, counted from the first place, and the least number of edits."""
_State = tuple[int, _Places, _Places]
"""The first place; the places; and those where the second of two swapped letters has been read, so that the first must
follow."""


def near(ids: Sequence[int], distance: int, size: int) -> Automaton:
    """The minimal automaton of the names over `size` symbols that are 1 to `distance` edits from `ids`. Raises
    ConstraintError."""
    letters = sorted({*ids} - {UNKNOWN})
    spots = [sum(1 << place for place, each in enumerate(ids) if each == letter) for letter in letters]
    start: _State = (0, _closed({0: 0}, len(ids), distance), ())
    numbers, states, rows = {start: START_STATE}, [start], []
    for first, places, swaps in states:
        left, row = min(len(ids) - first, 2 * distance + 2), []
        for spot in (*spots, 0):  # the last stands for all other letters
            further, reached, begun = _step(places, swaps, (spot >> first) & ((1 << left) - 1), left, distance)
            after = (first + further, reached, begun)
            if reached and after not in numbers:
                numbers[after] = len(states)
                states.append(after)
            row.append(numbers[after] if reached else DEAD)
        rows.append(row)
        if len(states) > MAX_WORKING_STATES:
            raise too_complex("near", MAX_WORKING_STATES)
    table = np.array(rows, dtype=np.int32)
    moves = np.repeat(table[:, -1:], size, axis=1)
    moves[:, letters] = table[:, :-1]
    moves[:, BOUNDARY] = DEAD
    accepting = np.array([dict(places).get(len(ids) - first, 0) > 0 for first, places, _ in states])
    return minimise(Automaton(moves, accepting), "near", MAX_NEAR_STATES)


@lru_cache(maxsize=1 << 15)
def _step(places: _Places, swaps: _Places, hits: int, left: int, distance: int) -> _State:
    """What a letter makes of a state, whose first place is now told by how much further it lies. `hits` has a bit for
    each of the `left` letters from the first place on that is the one read; letters further on do not matter."""
    found: dict[int, int] = {}
    begun: dict[int, int] = {}

    def reach(place: int, edits: int) -> None:
        found[place] = min(edits, found.get(place, edits))

    for place, edits in places:
        hit, next_hit = hits >> place & 1, hits >> place + 1 & 1
        reach(place, edits + 1)
        if place < left:
            reach(place + 1, edits + 1 - hit)
        if next_hit and not hit and edits < distance:
            begun[place] = edits + 1
    for place, edits in swaps:
        if hits >> place & 1:
            reach(place + 2, edits)
    closed = _closed(found, left, distance)
    further = closed[0][0] if closed else 0
    return further, _from(further, closed), _from(further, begun.items())


def _from(first: int, places: Iterable[tuple[int, int]]) -> _Places:
    return tuple((place - first, edits) for place, edits in places)


def _closed(found: dict[int, int], left: int, distance: int) -> _Places:
    """With the places that deletions lead to, and those a place further back with an edit more, from which nothing is
    accepted that is not accepted anyway: then equal states are the same."""
    steps = range(left)
    for place in steps:
        if place in found:
            found[place + 1] = min(found[place] + 1, found.get(place + 1, distance + 1))
    for place in reversed(steps):
        if place + 1 in found:
            found[place] = min(found[place + 1] + 1, found.get(place, distance + 1))
    return tuple(sorted((place, edits) for place, edits in found.items() if edits <= distance))
