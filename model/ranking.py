"""The most probable names under a plan, in order: best-first search with an exact bound."""

import heapq
from dataclasses import dataclass

import numpy as np

from model.errors import ConstraintError
from model.plan import FIRST_NODE, Plan
from model.transitions import Floats
from model.vocabulary import BOUNDARY

_DIGITS = 10
MAX_WAITING = 300_000
"""Beginnings that may wait at once, some 100 MB."""


@dataclass(frozen=True)
class RankedName:
    """Letter ids, and the natural log-probability under the shaped distribution, end included."""

    symbols: tuple[int, ...]
    log_prob: float


def most_probable(plan: Plan, count: int) -> list[RankedName]:
    """The `count` most probable names that meet the plan's constraints; fewer where there are no more.

    A beginning waits in a queue with the log-probability of its best completion, known exactly, so what
    comes out of the queue comes in order. Names of equal probability (to 10 digits: a rearranged name often
    has the same) come in the order of their letter ids. Raises ConstraintError where too many would wait.
    """
    with np.errstate(divide="ignore"):
        log_probs = np.log(plan.probabilities)
    best = _best_completions(plan, log_probs)
    queue: list[tuple[float, tuple[int, ...], bool, int, float]] = []

    def wait(bound: float, symbols: tuple[int, ...], unfinished: bool, node: int, so_far: float) -> None:
        if bound > -np.inf:
            if len(queue) >= MAX_WAITING:
                raise ConstraintError("k", f"k={count} has too many candidates here: lower k or narrow the constraints")
            heapq.heappush(queue, (-round(bound, _DIGITS), symbols, unfinished, node, so_far))

    wait(float(best[0, FIRST_NODE]), (), True, FIRST_NODE, 0.0)
    found: list[RankedName] = []
    while queue and len(found) < count:
        _, symbols, unfinished, node, so_far = heapq.heappop(queue)
        if not unfinished:
            found.append(RankedName(symbols, so_far))
            continue
        letters = len(symbols)
        steps = so_far + log_probs[plan.contexts[node]]
        bounds = steps + best[letters + 1][plan.moves[node]]
        if plan.accepting[node] and letters >= plan.min_length:
            wait(float(steps[BOUNDARY]), symbols, False, node, float(steps[BOUNDARY]))
        for symbol in np.flatnonzero(bounds > -np.inf).tolist():
            after = int(plan.moves[node, symbol])
            wait(float(bounds[symbol]), (*symbols, symbol), True, after, float(steps[symbol]))
    return found


def _best_completions(plan: Plan, log_probs: Floats) -> Floats:
    """(max_length + 2, nodes + 1): log-probability of the best way to end well, as `plan.chances` for the sum."""
    best = np.full(plan.chances.shape, -np.inf)
    letters = log_probs[plan.contexts, 1:]
    ends = np.where(plan.accepting, log_probs[plan.contexts, BOUNDARY], -np.inf)
    for so_far in range(len(best) - 2, -1, -1):
        here = (letters + best[so_far + 1][plan.moves[:, 1:]]).max(axis=1)
        best[so_far, :-1] = np.maximum(here, ends) if so_far >= plan.min_length else here
    return best
