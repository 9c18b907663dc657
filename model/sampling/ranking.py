"""The most probable names under a plan, in order: best-first search with an exact bound."""

import heapq
from dataclasses import dataclass

import numpy as np

from model.errors import ConstraintError
from model.kernels import conditional
from model.kernels.arrays import Floats
from model.sampling.plan import Plan, backwards
from model.sampling.plan_nodes import START
from model.text.names import NameSet
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH

_DIGITS = 10
MAX_OPENED = 100_000
"""Beginnings that may be opened, each with the ways on from it."""
MAX_WAYS = 20_000_000
"""Of all of them together, some 200 MB."""


@dataclass(frozen=True)
class RankedName:
    """Letter ids, and the natural log-probability under the shaped distribution, end included."""

    symbols: tuple[int, ...]
    log_prob: float


@dataclass(frozen=True, eq=False)
class _Opened:
    """A beginning, with the symbols that may follow, the most promising first: their bounds (rounded, negative), and
    the log-probability so far and the cell after each. Of equal bounds the smaller symbol comes first."""

    symbols: tuple[int, ...]
    ways: list[int]
    bounds: list[float]
    log_probs: list[float]
    cells: list[int]


def most_probable(plan: Plan, count: int, avoid: NameSet | None = None) -> list[RankedName]:
    """The `count` most probable names that meet the plan's constraints and are not in the list `avoid`; fewer where
    there are no more.

    Of each beginning that was opened its best way on waits in a queue, with the log-probability of its best completion
    or with a bound above it, so what comes out of the queue comes in order. Names of equal probability (to 10 digits: a
    rearranged name often has the same) come in the order of their letter ids. Raises ConstraintError where too many
    would be opened.
    """
    search = _Search(plan)
    queue: list[tuple[float, tuple[int, ...], bool, int, int]] = []

    def wait(number: int, place: int) -> None:
        opened = search.opened[number]
        if place < len(opened.ways):
            symbol = opened.ways[place]
            ends = symbol == BOUNDARY
            name = opened.symbols if ends else (*opened.symbols, symbol)
            heapq.heappush(queue, (opened.bounds[place], name, not ends, number, place))

    wait(search.open((), START, 0.0), 0)
    found: list[RankedName] = []
    while queue and len(found) < count:
        _, symbols, unfinished, number, place = heapq.heappop(queue)
        log_prob = search.opened[number].log_probs[place]
        if unfinished:
            if search.full:
                raise ConstraintError("k", f"k={count} has too many candidates here: lower k or narrow the constraints")
            wait(search.open(symbols, search.opened[number].cells[place], log_prob), 0)
        elif avoid is None or symbols not in avoid:
            found.append(RankedName(symbols, log_prob))
        wait(number, place + 1)
    return found


class _Search:
    """What was opened so far."""

    def __init__(self, plan: Plan) -> None:
        self.opened: list[_Opened] = []
        self._plan = plan
        best = _best_chances(plan)
        with np.errstate(divide="ignore"):
            self._log_best = np.log(best)
            self._log_chances = np.log(plan.chances)
        self._weights = np.empty(plan.shaped.size)
        self._cells = np.empty(plan.shaped.size, dtype=np.int64)
        self._ways = 0

    @property
    def full(self) -> bool:
        return len(self.opened) >= MAX_OPENED or self._ways >= MAX_WAYS

    def open(self, symbols: tuple[int, ...], cell: int, so_far: float) -> int:
        """The number of the beginning, opened."""
        plan, letters = self._plan, len(symbols)
        node = cell - int(plan.layers[min(letters, len(plan.layers) - 1), 0])
        conditional.weigh(plan.arrays, node, letters, self._weights, self._cells)
        ways = np.flatnonzero(self._weights > 0)
        cells = self._cells[ways]
        log_probs = so_far + np.log(self._weights[ways])
        going_on = ways != BOUNDARY
        log_probs[going_on] -= self._log_chances[cells[going_on]]
        bounds = np.where(going_on, log_probs + self._log_best[cells], log_probs)
        allowed = np.where(going_on, letters < plan.max_length, letters >= plan.min_length) & (bounds > -np.inf)
        ways, cells, log_probs = ways[allowed], cells[allowed], log_probs[allowed]
        rounded = -np.round(bounds[allowed], _DIGITS)
        order = np.lexsort((ways, rounded))
        self._ways += len(order)
        ordered = (each[order].tolist() for each in (ways, rounded, log_probs, cells))
        self.opened.append(_Opened(symbols, *ordered))
        return len(self.opened) - 1


def _best_chances(plan: Plan) -> Floats:
    """As `plan.chances`, with the most probable way to end well in place of the chance of all ways. In a lengthless
    plan it is the most probable way at any length."""
    if plan.layered:
        best = np.zeros_like(plan.chances)
        for letters, layer in backwards(plan.graph, plan.layers, plan.min_length, best=True):
            offset, low, high = plan.layers[letters].tolist()
            best[offset + low : offset + high] = layer
        return best
    before, after = np.zeros((2, len(plan.graph)))
    for _ in range(MAX_NAME_LENGTH + 1):
        plan.graph.step(before, after, START, len(plan.graph), best=True)
        if (after == before).all():
            break
        before, after = after, before
    return after
