"""Exact draws of names from a table, conditioned on constraints.

Each next symbol is drawn from the true conditional distribution (see plan). Names of a list that is to be avoided
are drawn again where at least a quarter of the names is not in it; else the list's own beginnings are weighed
beside the plan (see kernels.listing), so that the work for a name is bounded in either case.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock

import numpy as np

from model import random_numbers
from model.automata import Automaton
from model.errors import ConstraintError, NamesmithError, UnsatisfiableError
from model.groups import pair_of, shortest_ends
from model.kernels import distinct, drawing, listing
from model.names import Listing, Names, nothing_listed
from model.plan import LEAST_ACCEPTED, make_plan
from model.ranking import RankedName, most_probable
from model.shaping import Settings, Shaped
from model.steps import step_distributions
from model.transitions import Floats, Ints, Transitions

SAMPLER_VERSION = 2
"""Changes whenever the names of a seed would."""

CHUNK = 8192
MAX_DISTINCT = 100_000
_ROW_BYTES = 16 * 1024 * 1024
_MISSED = 16_384
_RECORD_BYTES = 256 * 1024 * 1024


class Sampler:
    """A table under fixed settings and constraints, ready to draw. Raises UnsatisfiableError if no name meets
    them, ConstraintError if they are too complex.

    `automata` are at most two, and a name meets both; none of the names of `avoid` is drawn. `probability` is the
    exact chance that an unconditioned draw meets all that. Threads can share a sampler: what it holds is fixed, but
    for the rows that it makes as nodes are met, always the same ones.
    """

    def __init__(
        self,
        transitions: Transitions | Shaped,
        settings: Settings,
        automata: Sequence[Automaton] | Automaton | None = None,
        avoid: Listing | None = None,
    ) -> None:
        shaped = transitions if isinstance(transitions, Shaped) else Shaped.of(transitions, settings)
        chosen = [automata] if isinstance(automata, Automaton) else list(automata or [])
        self._automata = chosen
        self._lengths = np.array([settings.min_length, settings.max_length], dtype=np.int64)
        self._avoid = avoid or nothing_listed()
        self.plan = make_plan(shaped, chosen, settings.min_length, settings.max_length)
        self.probability = self.plan.probability
        self._children, self._terminal = np.zeros((0, 0), dtype=np.int32), np.zeros(0, dtype=np.uint8)
        self._remaining = np.zeros(0)
        self._rejected = self._avoid if len(self._avoid) else nothing_listed()
        if self.probability > 0 and len(self._avoid):
            self._keep_away(chosen, settings)
        if self.probability == 0:
            lengths = f"{settings.min_length} to {settings.max_length} letters"
            raise UnsatisfiableError(f"no name of {lengths} meets these constraints under these settings")
        self._make_room()

    @property
    def nbytes(self) -> int:
        """Memory held, for caches that are bounded in bytes; that of the list to avoid is not counted."""
        return self.plan.nbytes + self._index.nbytes + self._entries.nbytes + self._remaining.nbytes

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Names]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone."""
        for start in range(first, first + count, CHUNK):
            indices = np.arange(start, min(start + CHUNK, first + count), dtype=np.uint64)
            yield self._draw_chunk(random_numbers.streams(seed, indices))

    def draw_distinct(self, seed: int | str, count: int) -> Names:
        """`count` different names, in the order in which repeated draws would bring them; fewer if there are no more.
        Name i depends on (seed, i) alone. Raises ConstraintError where the search would take too much memory."""
        plan, size = self.plan, self.plan.shaped.size
        shortest = shortest_ends(plan.groups, plan.shaped.possible[:, 0])
        symbols = np.empty(count * plan.max_length, dtype=np.uint16)
        ends = np.zeros(count + 1, dtype=np.int64)
        most = min(_RECORD_BYTES // (8 * size + 56), 64 * plan.max_length * (count + 16))
        avoid = self._avoid
        found = distinct.draw_distinct(
            random_numbers.key(seed),
            count,
            most,
            *self._plan_arguments(),
            self._lengths,
            shortest,
            avoid.symbols,
            avoid.ends,
            avoid.table,
            symbols,
            ends,
        )
        if found < 0:
            raise ConstraintError("unique", f"{count:,} names without repeats are too many here: ask for fewer")
        return Names(symbols[: ends[found]].copy(), ends[: found + 1].copy())

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each name (names,) under the shaped distribution, the end included and the
        conditions not."""
        return names.total_log_probs(self.plan.shaped.log_probs)

    def most_probable(self, count: int) -> list[RankedName]:
        """The `count` most probable names that may be drawn, in order. Raises ConstraintError."""
        return most_probable(self.plan, count, self._avoid)

    def stepper(self) -> Callable[[Sequence[int]], Floats]:
        """A function from a name's letters to (letters + 1, symbols): the exact distribution of each symbol given the
        letters before it, the lengths and the automata. Raises ConstraintError where that takes too much memory."""
        plan = self.plan
        if not plan.layered:
            plan = make_plan(plan.shaped, self._automata, plan.min_length, plan.max_length, layered=True)
        return partial(step_distributions, plan)

    def _draw_chunk(self, streams: random_numbers.Words) -> Names:
        count = len(streams)
        symbols = np.empty(count * self.plan.max_length, dtype=np.uint16)
        ends = np.empty(count + 1, dtype=np.int64)
        missed = np.empty(min(_MISSED, 16 * count + 64), dtype=np.int64)
        rejected = self._rejected
        missing = drawing.draw(
            streams,
            *self._plan_arguments(),
            self._lengths,
            self._index,
            self._entries,
            rejected.symbols,
            rejected.ends,
            rejected.table if len(rejected) else _NO_TABLE,
            self._children,
            self._terminal,
            self._remaining,
            symbols,
            ends,
            missed,
        )
        if missing < 0:
            raise NamesmithError("a name could not be drawn: its chances are too small to be told apart")
        if missing and self._used < len(self._entries):
            self._make_rows(np.unique(missed[:missing]))
        return Names(symbols[: ends[-1]], ends)

    def _plan_arguments(self) -> tuple[object, ...]:
        plan, groups = self.plan, self.plan.groups
        return (
            plan.shaped.rows,
            groups.successors,
            groups.tails,
            groups.accepting,
            plan.chances,
            plan.layers,
            plan.may_end_from,
        )

    def _keep_away(self, automata: Sequence[Automaton], settings: Settings) -> None:
        """Takes the mass of the list to avoid off the probability, and chooses how its names are kept away."""
        plan, avoid = self.plan, self._avoid
        first, second = pair_of(automata, plan.shaped.size)
        mass = listing.listed_mass(
            avoid.symbols,
            avoid.ends,
            plan.shaped.rows,
            *(np.array(a.moves) for a in (first, second)),
            *(np.array(a.accepting) for a in (first, second)),
            self._lengths,
        )
        of_attempts = float(plan.chances[0, 0])
        if self.probability - mass >= LEAST_ACCEPTED * of_attempts:
            self.probability -= mass
            return
        if not plan.layered:
            self.plan = plan = make_plan(plan.shaped, automata, settings.min_length, settings.max_length, layered=True)
        self._children, self._terminal = avoid.trie(plan.shaped.size)
        self._remaining = listing.chances_beside(self._children, self._terminal, *self._plan_arguments())
        self._rejected = nothing_listed()
        self.probability = min(1.0, float(self._remaining[0]))

    def _make_room(self) -> None:
        """For rows; memory is taken only as they are made."""
        columns = 1 << (self.plan.shaped.size - 1).bit_length()
        slots = max(64, min(self.plan.nodes, _ROW_BYTES // (16 * columns)))
        self._index = np.zeros(self.plan.nodes, dtype=np.int32)
        self._entries = np.zeros((slots, columns, 2), dtype=np.uint64)
        self._used = 0
        self._lock = Lock()

    def _make_rows(self, wanted: Ints) -> None:
        plan, size = self.plan, self.plan.shaped.size
        with self._lock:
            wanted = wanted[self._index[wanted] == 0]
            cells = wanted // size
            starts = (plan.layers[:, 0] + plan.layers[:, 1])[:-1]  # the last layer is empty
            letters = np.searchsorted(starts, cells, side="right") - 1 if plan.layered else np.zeros_like(cells)
            groups_letters = np.column_stack([cells - plan.layers[letters, 0], letters])
            self._used += drawing.make_rows(
                wanted, self._used, *self._plan_arguments(), groups_letters, self._index, self._entries
            )


_NO_TABLE = np.zeros(0, dtype=np.int32)
