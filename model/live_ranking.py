"""The most probable names of a model without a table: best-first search over beginnings."""

import heapq

import numpy as np

from model.conditions import Conditions
from model.contexts import context_after
from model.errors import ConstraintError
from model.names import Listing
from model.ranking import MAX_WAITING, RankedName
from model.shaped_rows import ShapedRows
from model.transitions import Floats
from model.vocabulary import BOUNDARY

MAX_OPENED = 100_000
"""Beginnings that may be looked at."""
_AHEAD = 32
_DIGITS = 10
_Beginning = tuple[float, tuple[int, ...], bool, int, float]
"""Rounded negative log-probability, letters, whether it is unfinished, state of the conditions, log-probability."""


class _Search:
    def __init__(self, shaped: ShapedRows, conditions: Conditions, count: int, avoid: Listing) -> None:
        self._shaped, self._conditions, self._avoid = shaped, conditions, avoid
        self._count = count
        self._queue: list[_Beginning] = [(0.0, (), True, 0, 0.0)]
        self._rows: dict[tuple[int, ...], Floats] = {}
        self._best_ends: list[float] = []
        """Of the names met so far, the `count` most probable ones: nothing below the least of them matters."""

    def run(self) -> list[RankedName]:
        found: list[RankedName] = []
        opened = 0
        while self._queue and len(found) < self._count:
            beginning = heapq.heappop(self._queue)
            if not beginning[2]:
                found.append(RankedName(beginning[1], beginning[4]))
                continue
            opened += 1
            if opened > MAX_OPENED or len(self._queue) > MAX_WAITING:
                what = f"k={self._count} has too many candidates here"
                raise ConstraintError("k", f"{what}: lower k or narrow the constraints")
            self._open(beginning)
        return found

    def _open(self, beginning: _Beginning) -> None:
        _, symbols, _, state, so_far = beginning
        with np.errstate(divide="ignore"):
            steps = so_far + np.log(self._row(beginning))
        ways = self._conditions.ways(state, len(symbols)) & (steps > -np.inf)
        if ways[BOUNDARY] and symbols not in self._avoid:
            self._wait_finished(symbols, float(steps[BOUNDARY]))
        ways[BOUNDARY] = False
        worst = -self._best_ends[0] if len(self._best_ends) == self._count else np.inf
        for symbol in np.flatnonzero(ways).tolist():
            bound = -round(float(steps[symbol]), _DIGITS)
            if bound <= worst:
                after = int(self._conditions.successors[state, symbol])
                heapq.heappush(self._queue, (bound, (*symbols, symbol), True, after, float(steps[symbol])))

    def _wait_finished(self, symbols: tuple[int, ...], log_prob: float) -> None:
        rounded = round(log_prob, _DIGITS)
        if len(self._best_ends) < self._count:
            heapq.heappush(self._best_ends, rounded)
        elif rounded < self._best_ends[0]:
            return
        else:
            heapq.heapreplace(self._best_ends, rounded)
        heapq.heappush(self._queue, (-rounded, symbols, False, 0, log_prob))

    def _row(self, beginning: _Beginning) -> Floats:
        """The distribution after a beginning. Where it is not at hand, those of others that wait near the front of the
        queue are computed with it, for the price of one."""
        block_size = self._shaped.block_size
        wanted = beginning[1][-block_size:]
        row = self._rows.get(wanted)
        if row is None:
            near = (waiting[1][-block_size:] for waiting in self._queue[: _AHEAD * 4] if waiting[2])
            keys = [wanted, *[key for key in dict.fromkeys(near) if key not in self._rows and key != wanted]][:_AHEAD]
            rows = self._shaped.probabilities(np.concatenate([context_after(key, block_size) for key in keys]))
            if len(self._rows) * self._shaped.size > 4_000_000:
                self._rows.clear()
            self._rows.update(zip(keys, rows, strict=True))
            row = rows[0]
        return row


def most_probable(shaped: ShapedRows, conditions: Conditions, count: int, avoid: Listing) -> list[RankedName]:
    """The `count` most probable names that meet the conditions and are not in `avoid`, in order; fewer where there are
    no more. A beginning's own probability is its bound: what follows is at most certain. Names of equal probability
    (to 10 digits) come in the order of their letter ids. Raises ConstraintError where the search is too long."""
    return _Search(shaped, conditions, count, avoid).run()
