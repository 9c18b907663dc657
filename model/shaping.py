"""How a request shapes the model's distribution: temperature, then top_k, then top_p."""

from dataclasses import dataclass

import numpy as np

from model.transitions import Floats
from model.vocabulary import MAX_NAME_LENGTH


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
