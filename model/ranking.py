"""The most probable names under a plan, in order: best-first search with an exact bound."""

import heapq
from dataclasses import dataclass

import numpy as np

from model.chances import sweep
from model.errors import ConstraintError
from model.names import Listing
from model.plan import Plan
from model.transitions import Floats
from model.vocabulary import BOUNDARY, MAX_NAME_LENGTH

_DIGITS = 10
MAX_WAITING = 300_000
"""Beginnings that may wait at once, some 100 MB."""


@dataclass(frozen=True)
class RankedName:
    """Letter ids, and the natural log-probability under the shaped distribution, end included."""

    symbols: tuple[int, ...]
    log_prob: float


def most_probable(plan: Plan, count: int, avoid: Listing | None = None) -> list[RankedName]:
    """The `count` most probable names that meet the plan's constraints and are not in the list `avoid`; fewer where
    there are no more.

    A beginning waits in a queue with the log-probability of its best completion, or with a bound above it, so
    what comes out of the queue comes in order. Names of equal probability (to 10 digits: a rearranged name often
    has the same) come in the order of their letter ids. Raises ConstraintError where too many would wait.
    """
    rows, groups, layers = plan.shaped.rows, plan.groups, plan.layers
    tail_count, size = rows.shape[:2]
    best = _best_chances(plan)
    every_symbol = np.arange(size)
    queue: list[tuple[float, tuple[int, ...], bool, int, int, float]] = []

    def wait(bound: float, symbols: tuple[int, ...], unfinished: bool, group: int, first: int, so_far: float) -> None:
        if bound > -np.inf:
            if len(queue) >= MAX_WAITING:
                raise ConstraintError("k", f"k={count} has too many candidates here: lower k or narrow the constraints")
            heapq.heappush(queue, (-round(bound, _DIGITS), symbols, unfinished, group, first, so_far))

    wait(0.0, (), True, 0, 0, 0.0)
    found: list[RankedName] = []
    while queue and len(found) < count:
        _, symbols, unfinished, group, first, so_far = heapq.heappop(queue)
        if not unfinished:
            if avoid is None or symbols not in avoid:
                found.append(RankedName(symbols, so_far))
            continue
        letters, tail = len(symbols), int(groups.tails[group])
        offset, low, high = layers[min(letters + 1, len(layers) - 1)]
        after = groups.successors[group]
        following = tail * size + every_symbol
        met = (after >= low) & (after < high) & (letters < plan.max_length)
        met[BOUNDARY] = False
        chances = np.where(met, best[np.where(met, after + offset, 0), following // tail_count], 0.0)
        with np.errstate(divide="ignore"):
            steps = so_far + np.log(rows[tail, :, first])
            bounds = steps + np.log(chances)
        if groups.accepting[group] and letters >= plan.min_length:
            wait(float(steps[BOUNDARY]), symbols, False, group, first, float(steps[BOUNDARY]))
        for symbol in np.flatnonzero(bounds > -np.inf).tolist():
            number, first_after = int(after[symbol]), int(following[symbol]) // tail_count
            wait(float(bounds[symbol]), (*symbols, symbol), True, number, first_after, float(steps[symbol]))
    return found


def _best_chances(plan: Plan) -> Floats:
    """As `plan.chances`, with the most probable way to end well in place of the chance of all ways. In a lengthless
    plan it is the most probable way at any length."""
    best: Floats = np.zeros_like(plan.chances)
    if plan.layered:
        for letters in range(len(plan.layers) - 2, -1, -1):
            offset, low, high = plan.layers[letters]
            next_offset, next_low, next_high = plan.layers[letters + 1]
            sweep(
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
        sweep(plan.shaped, plan.groups, before, whole, best, whole, True, best=True)
        if (best == before).all():
            break
        before, best = best, before
    return best
