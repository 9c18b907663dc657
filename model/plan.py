"""Exact conditioning: the chance that a name begun so far ends as the constraints ask.

Backward dynamic programming gives every node (see `model.groups`) its chance to end well; a next symbol's
probability times the chance after it, renormalised, is the true conditional distribution of the next symbol.

A plan has one of two forms. In a *layered* one the chances are those after 0, 1, 2 ... letters, and lengths are met as
everything else is. In a *lengthless* one there is a single layer, of the chances to end well at any length, and
lengths are met by drawing again: a name costs at most four attempts on average, for the form is taken only where at
least a quarter of the names have an allowed length. It takes a fraction of the memory.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from model.automata import Automaton
from model.groups import Groups, find_groups, too_complex
from model.kernels import states
from model.shaping import Shaped
from model.transitions import Floats, Ints
from model.vocabulary import MAX_NAME_LENGTH

MAX_BYTES = 256 * 1024 * 1024
"""Memory for the chances of one plan."""
LAYERED_BYTES = 16 * 1024 * 1024
"""Up to here a plan is layered, whatever the lengths."""
LEAST_ACCEPTED = 0.25
"""Share of the attempts that a lengthless plan's names need to have an allowed length."""
MAX_LENGTHLESS = 50_000
"""Groups of a lengthless plan, whose chances settle only after many sweeps."""
_WORTH_IT = 4
"""Layers that the groups must be in, on average, for a plan without layers to be much the smaller one."""
_MAX_SWEEPS = 200
_CONVERGED = 2.0**-38
_SHARED_SWEEP = 4_096
"""Groups from which on two threads share a sweep."""
_pool = ThreadPoolExecutor(2, thread_name_prefix="namesmith-plan")


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
    if needed > LAYERED_BYTES and cells > _WORTH_IT * len(groups) and not layered:
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
        _sweep(
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
    """None where the chances do not settle, or too few names have an allowed length."""
    count, width = len(groups), shaped.rows.shape[2]
    if count > max(MAX_LENGTHLESS, 2 * len(shaped.rows)) or count * width * 8 > MAX_BYTES:
        raise too_complex(f"{count:,} states")
    before, after = np.zeros((2, count, width))
    up_to = np.zeros(MAX_NAME_LENGTH + 1)  # chance to end well within so many letters
    for letters in range(_MAX_SWEEPS):
        _sweep(shaped, groups, before, (0, count), after, (0, count), True)
        up_to[letters:] = after[0, 0]
        settled = states.greatest_change(before, after) <= _CONVERGED
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


def _sweep(
    shaped: Shaped,
    groups: Groups,
    after: Floats,
    after_range: tuple[int, int],
    out: Floats,
    out_range: tuple[int, int],
    may_end: bool,
    best: bool = False,
) -> None:
    """One layer of chances, `out` (groups of `out_range`, width), from the next one."""

    def part(low: int, high: int) -> None:
        states.sweep(
            shaped.rows,
            groups.successors,
            groups.tails,
            groups.only_first,
            groups.accepting,
            after,
            *after_range,
            out[low - out_range[0] :],
            low,
            high,
            may_end,
            best,
        )

    low, high = map(int, out_range)
    if high - low < _SHARED_SWEEP:
        part(low, high)
        return
    middle = (low + high) // 2
    other = _pool.submit(part, low, middle)
    part(middle, high)
    other.result()


def best_chances(plan: Plan) -> Floats:
    """As `plan.chances`, with the most probable way to end well in place of the chance of all ways. In a lengthless
    plan it is the most probable way at any length."""
    best: Floats = np.zeros_like(plan.chances)
    if plan.layered:
        for letters in range(len(plan.layers) - 2, -1, -1):
            offset, low, high = plan.layers[letters]
            next_offset, next_low, next_high = plan.layers[letters + 1]
            _sweep(
                plan.shaped,
                plan.groups,
                best[next_offset + next_low : next_offset + next_high],
                (next_low, next_high),
                best[offset + low : offset + high],
                (low, high),
                letters >= plan.min_length,
                best=True,
            )
        return best
    before = np.zeros_like(best)
    whole = (0, len(plan.groups))
    for _ in range(MAX_NAME_LENGTH + 1):
        _sweep(plan.shaped, plan.groups, before, whole, best, whole, True, best=True)
        if (best == before).all():
            break
        before, best = best, before
    return best
