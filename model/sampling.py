"""Exact draws of names from a table, conditioned on their length.

Backward dynamic programming gives, for every context and number of letters so far, the chance that the name
ends with an allowed length. Weighting each next symbol by that chance draws from the true conditional
distribution: nothing is rejected, nothing is cut off. Thresholds are 32-bit integers, so a seed gives
the same names on every machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model import random_numbers
from model.errors import UnsatisfiableError
from model.transitions import START, Floats, Ints, Transitions
from model.vocabulary import BOUNDARY, MAX_NAME_LENGTH, Vocabulary

SAMPLER_VERSION = 1
"""Changes whenever the names of a seed would."""

_CHUNK = 8192
_RANGE = 2.0**32


@dataclass(frozen=True)
class Settings:
    """What shapes the distribution (temperature first, then top_k, then top_p) and what conditions it."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_length: int = 1
    max_length: int = MAX_NAME_LENGTH

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= 10:
            raise ValueError("temperature lies over 0 and at most at 10")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError("top_k is at least 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError("top_p lies over 0 and at most at 1")
        if not 1 <= self.min_length <= self.max_length <= MAX_NAME_LENGTH:
            raise ValueError(f"lengths lie in 1..{MAX_NAME_LENGTH}, the least not over the greatest")


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


def shape_distribution(log_probs: Floats, settings: Settings) -> Floats:
    """Probabilities (contexts, symbols) after temperature, top_k and top_p; rows sum to 1.

    top_k keeps the k most probable symbols, ties going to the smaller id; top_p keeps the fewest most
    probable symbols whose sum reaches p (Holtzman et al. 2020). Both renormalise.
    """
    scaled = log_probs / settings.temperature
    probabilities: Floats = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    if settings.top_k is None and settings.top_p is None:
        return probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    if settings.top_k is not None:
        ranked[:, settings.top_k :] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    if settings.top_p is not None:
        before = np.cumsum(ranked, axis=1) - ranked
        ranked[before >= settings.top_p] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    np.put_along_axis(probabilities, order, ranked, axis=1)
    return probabilities


class Sampler:
    """A table under fixed settings, ready to draw. Raises UnsatisfiableError if no name meets them.

    `probability` is the exact chance that an unconditioned draw has an allowed length. Immutable, so that
    threads can share one.
    """

    def __init__(self, transitions: Transitions, settings: Settings) -> None:
        self._transitions = transitions
        self._settings = settings
        self._probabilities = shape_distribution(transitions.log_probs, settings)
        self._completion = self._completion_chances()
        self.probability = min(1.0, float(self._completion[0, START]))
        if self.probability <= 0:
            raise UnsatisfiableError(
                f"no name of {settings.min_length} to {settings.max_length} letters is possible under these settings"
            )

    @cached_property
    def nbytes(self) -> int:
        """Memory held, for caches that are bounded in bytes."""
        return self._probabilities.nbytes + self._completion.nbytes

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Draws]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone."""
        for start in range(first, first + count, _CHUNK):
            indices = np.arange(start, min(start + _CHUNK, first + count), dtype=np.uint64)
            yield self._draw_chunk(random_numbers.streams(seed, indices))

    def _completion_chances(self) -> Floats:
        """(max_length + 2, contexts): row t is the chance to end with an allowed length after t letters."""
        size, contexts = self._transitions.vocabulary_size, len(self._probabilities)
        by_tail = self._probabilities.reshape(size, contexts // size, size)
        chances = np.zeros((self._settings.max_length + 2, contexts))
        for letters in range(self._settings.max_length, -1, -1):
            after = chances[letters + 1].reshape(contexts // size, size)
            chances[letters] = (by_tail[:, :, 1:] * after[None, :, 1:]).sum(axis=2).reshape(-1)
            if letters >= self._settings.min_length:
                chances[letters] += self._probabilities[:, BOUNDARY]
        return chances

    def _weights(self, contexts: Ints, letters: int) -> Floats:
        """(n, symbols): probability of each next symbol times the chance to end well after it."""
        size = self._transitions.vocabulary_size
        weights: Floats = self._probabilities[contexts]
        after = self._completion[letters + 1].reshape(-1, size)
        weights[:, 1:] *= after[contexts % len(after), 1:]
        if letters < self._settings.min_length:
            weights[:, BOUNDARY] = 0
        return weights

    def _draw_chunk(self, streams: random_numbers.Words) -> Draws:
        count = len(streams)
        symbols = np.zeros((count, self._settings.max_length), dtype=np.int64)
        lengths = np.zeros(count, dtype=np.int64)
        log_probs = np.zeros(count)
        contexts = np.full(count, START, dtype=np.int64)
        alive = np.arange(count)
        letters = 0
        while len(alive):
            drawn = _choose(self._weights(contexts, letters), random_numbers.draw(streams[alive], letters))
            log_probs[alive] += np.log(self._probabilities[contexts, drawn])
            going = drawn != BOUNDARY
            lengths[alive[~going]] = letters
            alive, drawn, contexts = alive[going], drawn[going], contexts[going]
            if len(alive):
                symbols[alive, letters] = drawn
                contexts = self._transitions.next_context(contexts, drawn)
                letters += 1
        return Draws(symbols[:, :letters], lengths, log_probs)


def _choose(weights: Floats, words: NDArray[np.uint64]) -> Ints:
    """One symbol a row: the first whose integer threshold lies over the row's 32-bit word."""
    cumulative = np.cumsum(weights, axis=1)
    thresholds = np.rint(cumulative * (_RANGE / cumulative[:, -1:])).astype(np.uint64)
    chosen: Ints = (thresholds <= words[:, None]).sum(axis=1)
    return chosen
