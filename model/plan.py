"""Exact conditioning: the chance that a name begun so far ends as the constraints ask.

Backward dynamic programming gives every node (see `model.groups`) its chance to end well; a next symbol's
probability times the chance after it, renormalised, is the true conditional distribution of the next symbol.

A plan has one of two forms. In a *layered* one the chances are those after 0, 1, 2 ... letters, and lengths are met as
everything else is. In a *lengthless* one there is a single layer, of the chances to end well at any length, and
lengths are met by drawing again: a name costs at most four attempts on average, for the form is taken only where at
least a quarter of the names have an allowed length. It takes a fraction of the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.automata import Automaton
from model.chances import sweep
from model.groups import Groups, find_groups, too_complex
from model.kernels import states
from model.shaping import Shaped
from model.transitions import Floats, Ints
from model.vocabulary import MAX_NAME_LENGTH

MAX_BYTES = 256 * 1024 * 1024
"""Memory for the chances of one plan."""
MOST_LAYERS = 16
"""Layers that a group may be in, on average, for a plan to be layered at once: few letters, or a counting pattern."""
LEAST_ACCEPTED = 0.25
"""Share of the attempts that a lengthless plan's names need to have an allowed length."""
MAX_LENGTHLESS = 50_000
"""Groups of a lengthless plan, whose chances settle only after many sweeps."""
_MAX_SWEEPS = 200
_CONVERGED = 2.0**-34
_LOOK_EVERY = 4


@dataclass(frozen=True, eq=False)
class Plan:
    """`chances` (cells, width): the chance to end well, by cell (a group in a layer) and by the context's first
    symbol. `layers` (layers, 3): what to add to a group to get its cell, and the range of groups of the layer; the
    last layer stands for all that follow. `probability` is the exact chance that an unconditioned draw meets the
    constraints, lengths included. Names are accepted from `may_end_from` letters on."""

    shaped: Shaped
    groups: Groups
    chances: Floats
    layers: Ints
    may_end_from: int
    min_length: int
    max_length: int
    probability: float

    @property
    def layered(self) -> bool:
        return len(self.layers) > 1

    @property
    def nbytes(self) -> int:
        return self.chances.nbytes + self.groups.nbytes + self.shaped.rows.nbytes

    @property
    def nodes(self) -> int:
        return len(self.chances) * self.shaped.size

    @property
    def arrays(self) -> tuple[object, ...]:
        """What kernels take a plan as."""
        groups = self.groups
        return (
            self.shaped.rows,
            groups.successors,
            groups.tails,
            groups.accepting,
            self.chances,
            self.layers,
            self.may_end_from,
        )

    def all_nodes(self) -> Ints:
        """The nodes (n,) of a plan without layers that can be met."""
        size, groups = self.shaped.size, self.groups
        every = np.arange(self.nodes, dtype=np.int64).reshape(len(groups), size)
        alone = np.flatnonzero(groups.only_first >= 0)
        return np.concatenate([every[groups.only_first < 0].ravel(), every[alone, groups.only_first[alone]]])

    def places(self, nodes: Ints) -> Ints:
        """Group, context's first symbol and letters so far (n, 3) of nodes (n,); 0 letters in a plan without layers."""
        cells, firsts = np.divmod(nodes, self.shaped.size)
        if not self.layered:
            return np.column_stack([cells, firsts, np.zeros_like(cells)])
        starts = (self.layers[:, 0] + self.layers[:, 1])[:-1]  # the last layer is empty
        letters = np.searchsorted(starts, cells, side="right") - 1
        return np.column_stack([cells - self.layers[letters, 0], firsts, letters])


def make_plan(
    shaped: Shaped, automata: Sequence[Automaton], min_length: int, max_length: int, *, layered: bool = False
) -> Plan:
    """The plan for names that all of (at most two) `automata` accept. With `layered` it has that form.

    Raises ConstraintError where it would take too much memory.
    """
    groups = find_groups(shaped, automata, max_length)
    low, high = groups.ranges(max_length)
    cells = int((high - low).sum())
    needed = cells * shaped.rows.shape[2] * 8
    if cells > MOST_LAYERS * len(groups) and not layered:
        longer = max_length < MAX_NAME_LENGTH
        of_all = find_groups(shaped, automata, MAX_NAME_LENGTH) if longer else groups
        plan = _lengthless(shaped, of_all, min_length, max_length)
        if plan is not None:
            return plan
    if needed > MAX_BYTES:
        raise too_complex(f"{needed >> 20:,} MiB of chances")
    return _layered(shaped, groups, low, high, min_length, max_length)


def _layered(shaped: Shaped, groups: Groups, low: Ints, high: Ints, min_length: int, max_length: int) -> Plan:
    counts = high - low
    starts = np.concatenate([[0], np.cumsum(counts)])
    chances = np.zeros((int(starts[-1]) + 1, shaped.rows.shape[2]))
    layers = np.zeros((max_length + 2, 3), dtype=np.int64)
    layers[:-1] = np.column_stack([starts[:-1] - low, low, high])
    for letters in range(max_length, -1, -1):
        after = slice(starts[letters + 1], starts[letters + 2]) if letters < max_length else slice(0, 0)
        following = layers[letters + 1]
        sweep(
            shaped,
            groups,
            chances[after],
            (following[1], following[2]),
            chances[starts[letters] : starts[letters + 1]],
            (low[letters], high[letters]),
            letters >= min_length,
        )
    probability = min(1.0, float(chances[0, 0]))
    return Plan(shaped, groups, chances, layers, min_length, min_length, max_length, probability)


def _lengthless(shaped: Shaped, groups: Groups, min_length: int, max_length: int) -> Plan | None:
    """None where there are too many groups, the chances do not settle, or too few names have an allowed length."""
    count, width = len(groups), shaped.rows.shape[2]
    if count > max(MAX_LENGTHLESS, 2 * len(shaped.rows)) or count * width * 8 > MAX_BYTES:
        return None
    before, after = np.zeros((2, count, width))
    up_to = np.zeros(MAX_NAME_LENGTH + 1)  # chance to end well within so many letters
    for letters in range(_MAX_SWEEPS):
        sweep(shaped, groups, before, (0, count), after, (0, count), True)
        up_to[letters:] = after[0, 0]
        settled = letters % _LOOK_EVERY == 0 and states.greatest_change(before, after) <= _CONVERGED
        before, after = after, before
        if settled:
            break
    else:
        return None
    probability = float(up_to[max_length] - up_to[min_length - 1])
    if probability < LEAST_ACCEPTED * before[0, 0]:
        return None
    layers = np.array([[0, 0, count]], dtype=np.int64)
    return Plan(shaped, groups, before, layers, 0, min_length, max_length, min(1.0, probability))
