"""The most probable names under a plan, in order: best-first search with an exact bound."""

import heapq
from dataclasses import dataclass

import numpy as np

from model.errors import ConstraintError
from model.names import Listing
from model.plan import Plan, best_chances
from model.vocabulary import BOUNDARY

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
    best = best_chances(plan)
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
