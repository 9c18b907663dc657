"""Blends of models of one vocabulary, mixed by weight."""

from collections.abc import Sequence

import numpy as np

from model.errors import BlendError, TableTooLargeError
from model.transitions.automaton import Transitions
from model.transitions.product import product


def blend(models: Sequence[Transitions], weights: Sequence[float]) -> Transitions:
    """The automaton in which the chance of each next symbol is the weighted mean of its chances in `models` (linear
    interpolation; Jelinek & Mercer 1980). Its states are those that the models come to side by side. It is an automaton
    like any other, so that all that is exact for one is exact for a blend. Weights are over 0; only their proportions
    matter. Raises BlendError for models of different alphabets, and where the states are too many."""
    if len({model.vocabulary_size for model in models}) != 1:
        raise BlendError("only models of the same alphabet can be blended")
    together, share = models[0], float(weights[0])
    for model, weight in zip(models[1:], weights[1:], strict=True):
        together = _both(together, share, model, weight)
        share += weight
    return together


def _both(p: Transitions, weight_p: float, q: Transitions, weight_q: float) -> Transitions:
    size = p.vocabulary_size
    try:
        pairs = product(p, q, np.arange(size), np.zeros(size, dtype=np.bool_), of_either=True)
    except TableTooLargeError as error:
        raise BlendError(f"these models are too large to be blended: {error}") from None
    total = weight_p + weight_q
    with np.errstate(divide="ignore"):  # what no model of them gives a chance has none
        mean = np.log(weight_p / total * np.exp(pairs.log_p) + weight_q / total * np.exp(pairs.log_q))
    return Transitions.full(mean, pairs.successors, start=0)
