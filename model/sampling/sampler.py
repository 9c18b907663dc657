"""Exact draws of names from a table, conditioned on constraints.

Each next symbol is drawn from the true conditional distribution (see plan). Of a list that is to be avoided the
probable names are never begun: their beginnings are weighed beside the plan (see trie). The others are drawn again;
where that would be too often, all names of the list are in the trie, so that the work for a name is bounded.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from model.constraints.automata import Automaton
from model.errors import ConstraintError, NamesmithError, UnsatisfiableError
from model.kernels import distinct, drawing, listing, random_numbers
from model.sampling.alias_rows import RowCache
from model.sampling.excluded_names import Trie
from model.sampling.plan import LEAST_ACCEPTED, make_plan
from model.sampling.plan_nodes import START, pair_of
from model.sampling.ranking import RankedName, most_probable
from model.sampling.step_distributions import step_distributions
from model.text.names import Names, NameSet, nothing_listed
from model.transitions.automaton import Floats, Transitions
from model.transitions.shaping import Shaped, ShapeSettings

SAMPLER_VERSION = 4
"""Changes whenever the names of a seed would."""

CHUNK = 8192
MAX_DISTINCT = 100_000
_PROBABLE = 2.0**-17
"""Share of the draws from which on a name to avoid is never begun. A few names are most of a list's mass, and a small
trie keeps them away; one of all would not fit the processor's cache."""
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
        settings: ShapeSettings,
        automata: Sequence[Automaton] | Automaton | None = None,
        avoid: NameSet | None = None,
    ) -> None:
        shaped = transitions if isinstance(transitions, Shaped) else Shaped.of(transitions, settings)
        chosen = [automata] if isinstance(automata, Automaton) else list(automata or [])
        self._automata = chosen
        self._lengths = np.array([settings.min_length, settings.max_length], dtype=np.int64)
        self._avoid = avoid or nothing_listed()
        self.plan = make_plan(shaped, chosen, settings.min_length, settings.max_length)
        self.probability = self.plan.probability
        self._trie, self._rejected = Trie.beside(self.plan, self._avoid, np.zeros(0, np.int64)), nothing_listed()
        if self.probability > 0 and len(self._avoid):
            self._keep_away(chosen, settings)
        if self.probability == 0:
            lengths = f"{settings.min_length} to {settings.max_length} letters"
            raise UnsatisfiableError(f"no name of {lengths} meets these constraints under these settings")
        self._rows = RowCache(self.plan, self._trie)
        self._fixed = (
            self.plan.arrays,
            self._lengths,
            self._rows.arrays,
            self._rejected.search,
            self._rejected.sieve,
            self._trie.arrays,
        )
        """What the kernel that draws takes of a sampler, which a name more or less does not change."""

    @property
    def nbytes(self) -> int:
        """Memory held, for caches that are bounded in bytes; that of the list to avoid is not counted."""
        return self.plan.nbytes + self._rows.nbytes + self._trie.nbytes

    def get_ready(self) -> None:
        """Makes in advance what would be made as names are drawn, for a sampler that will be asked often."""
        self._rows.make_all()

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Names]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone."""
        start = random_numbers.start(seed)
        for begin in range(first, first + count, CHUNK):
            yield self._draw_chunk(start, begin, min(CHUNK, first + count - begin))

    def draw_distinct(self, seed: int | str, count: int) -> Names:
        """`count` different names, in the order in which repeated draws would bring them; fewer if there are no more.
        Name i depends on (seed, i) alone. Raises ConstraintError where the search would take too much memory."""
        plan, size, avoid = self.plan, self.plan.shaped.size, self._avoid
        symbols = np.empty(count * plan.max_length, dtype=np.uint16)
        ends = np.zeros(count + 1, dtype=np.int64)
        enough = 64 * plan.max_length * (count + 16) + len(avoid.symbols)  # a list's names are opened like others
        most = min(_RECORD_BYTES // (8 * size + 56), enough)
        shortest = plan.graph.shortest_ends
        key = random_numbers.key(seed)
        found = distinct.draw_distinct(
            key, count, most, plan.arrays, self._lengths, shortest, avoid.search, symbols, ends, size
        )
        if found < 0:
            raise ConstraintError(
                "unique", f"{count:,} names without repeats are too many under these settings: ask for fewer"
            )
        return Names(symbols[: ends[found]].copy(), ends[: found + 1].copy())

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each name (names,) under the shaped distribution, the end included and the
        conditions not."""
        shaped = self.plan.shaped
        return names.totals(names.log_probs(shaped.logarithms, shaped.start))

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

    def _draw_chunk(self, start: np.uint64, first: int, count: int) -> Names:
        most = count * self.plan.max_length
        for room in (min(most, 16 * count + 64), most):  # names of over 16 letters on average are rare
            symbols = np.empty(room + drawing.COPIED, dtype=np.uint16)
            ends = np.empty(count + 1, dtype=np.int64)
            missed = np.empty(min(_MISSED, 16 * count + 64), dtype=np.int64)
            missing = drawing.draw(
                start,
                first,
                count,
                *self._fixed,
                symbols,
                ends,
                missed,
            )
            if missing != drawing.NO_ROOM:
                break
        if missing == drawing.GIVEN_UP:
            raise NamesmithError("a name could not be drawn: its chances are too small to distinguish")
        self._rows.missed(missed[:missing])
        return Names(symbols[: ends[-1]], ends)

    def _keep_away(self, automata: Sequence[Automaton], settings: ShapeSettings) -> None:
        """Takes the mass of the list to avoid off the probability, and chooses how its names are kept away."""
        plan, avoid = self.plan, self._avoid
        first, second = pair_of(automata, plan.shaped.size)
        chances = np.zeros(len(avoid))
        listing.listed_chances(
            avoid.symbols,
            avoid.ends,
            plan.shaped.arcs,
            plan.shaped.start,
            *(np.array(a.moves, order="C") for a in (first, second)),  # kernels are compiled for this order alone
            *(np.array(a.accepting) for a in (first, second)),
            self._lengths,
            chances,
        )
        of_attempts, mass, possible = float(plan.chances[START]), float(chances.sum()), chances > 0
        if not possible.any():
            return
        if self.probability - mass >= LEAST_ACCEPTED * of_attempts:
            self.probability -= mass
            never_begun = possible & (chances >= _PROBABLE * of_attempts)
            self._trie = Trie.beside(plan, avoid, np.flatnonzero(never_begun))
            if (never_begun < possible).any():
                self._rejected = avoid
            return
        if not plan.layered:
            self.plan = plan = make_plan(plan.shaped, automata, settings.min_length, settings.max_length, layered=True)
        self._trie = Trie.beside(plan, avoid, np.flatnonzero(possible))
        self.probability = min(1.0, float(self._trie.arrays.remaining[0]))
