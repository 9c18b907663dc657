"""Draws of names from a model that has no table, conditioned by rejection.

A name is drawn letter by letter from the model's own (shaped) distribution, and begun again, with the numbers that
follow in its own stream, as soon as it can no longer meet the conditions. That is exact: every name keeps its
conditional probability. Letters that every name begins with are not drawn. A request may use so many letters, by
the names it asks for (`letters_allowed`), and fails with TooRareError where they are used up.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from model import random_numbers
from model.allowance import Tally
from model.automata import Automaton
from model.conditions import Conditions, unsatisfiable
from model.contexts import contexts_of
from model.errors import TooRareError
from model.kernels import rejection
from model.live_ranking import most_probable
from model.names import Listing, Names, Symbols, nothing_listed
from model.ranking import RankedName
from model.shaped_rows import ShapedRows
from model.shaping import Settings
from model.transitions import Floats, Ints

CHUNK = 8192
_FIRST_CHUNK = 16
_NO_LIMIT = 2**62


class LiveSampler:
    """Implements `NameSampler` for shaped rows of a network. `automata` are at most two, and a name meets both; none of
    the names of `avoid` is drawn. Threads can share a sampler.

    Raises UnsatisfiableError where no name meets automata and lengths. Whether the model gives such names shows only in
    drawing: methods that draw raise TooRareError, `most_probable` ConstraintError.
    """

    probability: float | None = None
    """Not known: nothing sums over all names."""

    def __init__(
        self, shaped: ShapedRows, settings: Settings, automata: Sequence[Automaton], avoid: Listing | None = None
    ) -> None:
        self._shaped = shaped
        self._avoid = avoid or nothing_listed()
        self._conditions = Conditions.of(automata, shaped.size, settings)
        beginning, self._start_state = self._conditions.beginning()
        self._beginning = np.array(beginning, dtype=np.uint16)
        contexts, following = contexts_of(Names.of([beginning]), shaped.block_size)
        self._start = contexts[-1]
        chances = shaped.probabilities(contexts[:-1])[np.arange(len(beginning)), following[:-1]]
        if not (chances > 0).all():
            raise unsatisfiable(settings)

    @property
    def nbytes(self) -> int:
        """Memory held, that of the list to avoid not counted."""
        return self._shaped.nbytes + self._conditions.nbytes

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Names]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone. Raises
        TooRareError where too few attempts meet the conditions."""
        tally = Tally()
        for start in range(first, first + count, CHUNK):
            yield self._draw_chunk(seed, start, min(start + CHUNK, first + count), tally)

    def draw_distinct(self, seed: int | str, count: int) -> Names:
        """The first `count` different names of those that `draw` brings. Fewer where the next one did not come in time:
        the i-th must be among the first 16 i + 2,000 draws. Raises TooRareError."""
        tally, found = Tally(), dict[tuple[int, ...], None]()
        start, stop = 0, _FIRST_CHUNK
        while True:
            names = self._draw_chunk(seed, start, stop, tally)
            for number, name in enumerate(map(tuple, names.rows()), start):
                if number < 16 * len(found) + 2_000:
                    found.setdefault(name)
                    if len(found) < count:
                        continue
                return Names.of(list(found))
            start, stop = stop, min(2 * stop, stop + CHUNK)

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each name (names,) under the shaped distribution, the end included and the
        conditions not."""
        return self._shaped.log_probs(names)

    def most_probable(self, count: int) -> list[RankedName]:
        """The `count` most probable names that may be drawn, in order. Raises ConstraintError where the search is too
        long."""
        return most_probable(self._shaped, self._conditions, count, self._avoid)

    def stepper(self) -> Callable[[Sequence[int]], Floats]:
        """A function from a name's letters to (letters + 1, symbols): the distribution of each symbol given the letters
        before it, those that cannot lead to an accepted name left out. How likely the others are to lead to one is
        not known, so that under constraints these are not the exact conditional distributions of a plan."""
        return self._steps

    def accepted_share(self, seed: int | str, attempts: int) -> float:
        """The share of `attempts` attempts that meet the conditions."""
        indices = np.arange(attempts, dtype=np.uint64)
        progress, _ = self._run(random_numbers.streams(seed, indices), _NO_LIMIT, most_attempts=1)
        return float((progress[:, rejection.OUTCOME] == rejection.ACCEPTED).mean())

    def _steps(self, symbols: Sequence[int]) -> Floats:
        contexts, following = contexts_of(Names.of([symbols]), self._shaped.block_size)
        steps, state = self._shaped.probabilities(contexts), 0
        for letters, symbol in enumerate(following.tolist()):
            steps[letters] *= self._conditions.ways(state, letters)
            total = steps[letters].sum()
            steps[letters] /= total if total > 0 else 1.0
            state = int(self._conditions.successors[state, symbol])
        return steps

    def _draw_chunk(self, seed: int | str, start: int, stop: int, tally: Tally) -> Names:
        streams = random_numbers.streams(seed, np.arange(start, stop, dtype=np.uint64))
        progress, letters = self._run(streams, tally.left(len(streams)))
        attempts = int(progress[:, rejection.ATTEMPTS].sum())
        unfinished = progress[:, rejection.OUTCOME] == rejection.UNFINISHED
        if unfinished.any():
            raise TooRareError(tally.attempts + attempts, tally.names + int((~unfinished).sum()))
        tally.add(progress[:, rejection.STEPS], attempts)
        lengths = progress[:, rejection.LETTERS]
        symbols = letters[np.arange(letters.shape[1]) < lengths[:, None]]
        return Names(symbols, np.concatenate([[0], np.cumsum(lengths)]))

    def _run(
        self, streams: random_numbers.Words, allowance: int, most_attempts: int = _NO_LIMIT
    ) -> tuple[Ints, Symbols]:
        """Draws all names until they are done or `allowance` random numbers are used; returns `progress` and the names'
        letters (see `model.kernels.rejection`)."""
        count, remembered = len(streams), self._shaped.remembered
        contexts = np.tile(self._start, (count, 1))
        progress = np.zeros((count, 5), dtype=np.int64)
        progress[:, rejection.LETTERS], progress[:, rejection.STATE] = len(self._beginning), self._start_state
        letters = np.zeros((count, self._conditions.max_length), dtype=np.uint16)
        letters[:, : len(self._beginning)] = self._beginning
        active, waiting = np.arange(count), np.empty(count, dtype=np.int64)
        fresh = None
        while len(active):
            with self._shaped.lock:
                if fresh is not None:
                    remembered.put(*fresh)
                waits, used = rejection.draw(
                    streams,
                    active,
                    allowance,
                    most_attempts,
                    remembered.keys,
                    remembered.table,
                    remembered.rows,
                    *self._arguments(),
                    contexts,
                    progress,
                    letters,
                    waiting,
                )
            if waits < 0:
                break
            allowance -= used
            active = waiting[:waits].copy()
            fresh = self._shaped.thresholds(contexts[active]) if waits else None
        return progress, letters

    def _arguments(self) -> tuple[object, ...]:
        conditions, avoid = self._conditions, self._avoid
        return (
            conditions.successors,
            conditions.accepting,
            conditions.hopeful,
            conditions.min_length,
            self._beginning,
            self._start_state,
            self._start,
            *avoid.search,
        )
