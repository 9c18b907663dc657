"""Exact draws of names from a table, conditioned on constraints.

Each next symbol is drawn from the true conditional distribution (see plan): nothing is rejected,
nothing is cut off. Thresholds are rounded to 32-bit integers, so that the last bits of a sum hardly ever
decide a name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model import random_numbers
from model.automata import Automaton, anything
from model.errors import UnsatisfiableError
from model.plan import FIRST_NODE, make_plan
from model.shaping import Settings, shape_distribution
from model.transitions import Floats, Ints, Transitions
from model.vocabulary import BOUNDARY, Vocabulary

SAMPLER_VERSION = 1
"""Changes whenever the names of a seed would."""

_CHUNK = 8192
_RANGE = 2.0**32


@dataclass(frozen=True)
class Draws:
    """Some names: `symbols` (n, longest) letter ids, `lengths` (n,), and natural log-probabilities (n,)
    under the shaped distribution, the end included and the condition not."""

    symbols: Ints
    lengths: Ints
    log_probs: Floats

    def decode(self, vocabulary: Vocabulary) -> list[str]:
        """The names as text (n,), normalised."""
        letters = np.array(["", *vocabulary.letters], dtype="U1")[self.symbols]
        return letters.view(f"U{letters.shape[1]}").ravel().tolist()


class Sampler:
    """A table under fixed settings and constraints, ready to draw. Raises UnsatisfiableError if no name meets
    them, ConstraintError if they are too complex.

    `probability` is the exact chance that an unconditioned draw meets them. Immutable, so that threads can
    share one.
    """

    def __init__(self, transitions: Transitions, settings: Settings, automaton: Automaton | None = None) -> None:
        probabilities = shape_distribution(transitions.log_probs, settings)
        constraints = automaton or anything(transitions.vocabulary_size)
        self.plan = make_plan(probabilities, constraints, settings.min_length, settings.max_length)
        self._max_length = settings.max_length
        self.probability = self.plan.probability
        if self.probability == 0:
            lengths = f"{settings.min_length} to {settings.max_length} letters"
            raise UnsatisfiableError(f"no name of {lengths} meets these constraints under these settings")

    @property
    def nbytes(self) -> int:
        """Memory held, for caches that are bounded in bytes."""
        return self.plan.nbytes

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Draws]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone."""
        for start in range(first, first + count, _CHUNK):
            indices = np.arange(start, min(start + _CHUNK, first + count), dtype=np.uint64)
            yield self._draw_chunk(random_numbers.streams(seed, indices))

    def _draw_chunk(self, streams: random_numbers.Words) -> Draws:
        count, plan = len(streams), self.plan
        symbols = np.zeros((count, self._max_length), dtype=np.int64)
        lengths = np.zeros(count, dtype=np.int64)
        log_probs = np.zeros(count)
        nodes = np.full(count, FIRST_NODE, dtype=np.int64)
        alive = np.arange(count)
        letters = 0
        while len(alive):
            drawn = _choose(plan.weights(nodes, letters), random_numbers.draw(streams[alive], letters))
            log_probs[alive] += np.log(plan.probabilities[plan.contexts[nodes], drawn])
            going = drawn != BOUNDARY
            lengths[alive[~going]] = letters
            alive, nodes, drawn = alive[going], nodes[going], drawn[going]
            if len(alive):
                symbols[alive, letters] = drawn
                nodes = plan.moves[nodes, drawn].astype(np.int64)
                letters += 1
        return Draws(symbols[:, :letters], lengths, log_probs)


def _choose(weights: Floats, words: NDArray[np.uint64]) -> Ints:
    """One symbol a row: the first whose integer threshold lies over the row's 32-bit word."""
    cumulative = np.cumsum(weights, axis=1)
    thresholds = np.rint(cumulative / cumulative[:, -1:] * _RANGE).astype(np.uint64)
    chosen: Ints = (thresholds <= words[:, None]).sum(axis=1)
    return chosen
