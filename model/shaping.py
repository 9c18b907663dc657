"""How a request shapes the model's distribution: temperature, then top_k, then top_p."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.transitions import Floats, Transitions
from model.vocabulary import MAX_NAME_LENGTH

_WIDTH = 4
"""Rows are filled up to a multiple of this many first symbols, for the processor's sake."""


@dataclass(frozen=True)
class Settings:
    """What shapes the distribution, and the lengths (letters) that condition it."""

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

    @property
    def shape(self) -> tuple[float, int | None, float | None]:
        """What shapes the distribution, without the lengths."""
        return self.temperature, self.top_k, self.top_p


@dataclass(frozen=True, eq=False)
class Shaped:
    """A shaped distribution, laid out for plans: `rows` (tails, symbols, width) is the probability of a symbol
    after a context, by the context's tail (all but its first symbol), the symbol and the context's first symbol."""

    rows: Floats
    block_size: int

    @classmethod
    def of(cls, transitions: Transitions, settings: Settings) -> "Shaped":
        return cls(lay_out(shape_distribution(transitions.log_probs, settings)), transitions.block_size)

    @property
    def size(self) -> int:
        return int(self.rows.shape[1])

    @cached_property
    def possible(self) -> NDArray[np.bool_]:
        """(tails, symbols): whether a symbol can follow a tail at all."""
        possible: NDArray[np.bool_] = np.any(self.rows > 0, axis=2)
        return possible

    @cached_property
    def log_probs(self) -> Floats:
        """(contexts, symbols), natural logarithms."""
        size = self.size
        with np.errstate(divide="ignore"):
            return np.log(np.ascontiguousarray(self.rows[:, :, :size].transpose(2, 0, 1))).reshape(-1, size)


def lay_out(probabilities: Floats) -> Floats:
    """(contexts, symbols) as `Shaped.rows`."""
    size = probabilities.shape[1]
    width = -(-size // _WIDTH) * _WIDTH
    rows = np.zeros((len(probabilities) // size, size, width))
    rows[:, :, :size] = probabilities.reshape(size, -1, size).transpose(1, 2, 0)
    return rows


def shape_distribution(log_probs: Floats, settings: Settings) -> Floats:
    """Probabilities (contexts, symbols) after temperature, top_k and top_p; rows sum to 1.

    top_k keeps the k most probable symbols, ties going to the smaller id; top_p keeps the fewest most
    probable symbols whose sum reaches p (Holtzman et al. 2020). Both renormalise.
    """
    with np.errstate(over="ignore"):  # a tiny temperature leaves only the most probable symbols
        probabilities: Floats = np.exp((log_probs - log_probs.max(axis=1, keepdims=True)) / settings.temperature)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    top_p = settings.top_p if settings.top_p != 1 else None  # rounded sums reach 1 too early
    if settings.top_k is None and top_p is None:
        return probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    if settings.top_k is not None:
        ranked[:, settings.top_k :] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    if top_p is not None:
        before = np.cumsum(ranked, axis=1) - ranked
        ranked[before >= top_p] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    np.put_along_axis(probabilities, order, ranked, axis=1)
    return probabilities
