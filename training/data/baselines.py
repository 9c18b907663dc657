"""What counting alone reaches on the same parts of a list: the losses that a network should beat."""

import numpy as np

from training.data.examples import Ngrams
from training.data.smoothing import KneserNey

ORDERS = range(3, 9)
"""Of Kneser-Ney estimates that are always made: the symbols of an n-gram."""
LEAST_CONTEXT = ORDERS[-1] - 1
"""Symbols of context that they need."""

_ADDED = 1.0
"""What unigram and bigram counts are raised by, so that nothing is held impossible."""


def baseline_losses(train: Ngrams, parts: dict[str, Ngrams], block_size: int) -> dict[str, dict[str, float]]:
    """Mean negative log-likelihood a character (nats) of each of `parts` under counts of `train`, by the name of the
    way of counting: `unigram`, `bigram` (each count plus one), `kneser_ney_3` to `kneser_ney_8` by their order, and
    `kneser_ney` with `block_size` symbols of context. All contexts have `LEAST_CONTEXT` symbols or more."""
    pairs = np.full((train.symbols, train.symbols), _ADDED)
    np.add.at(pairs, (train.ngrams[:, -2], train.ngrams[:, -1]), train.weights)
    totals, singles = pairs.sum(axis=1), pairs.sum(axis=0) + _ADDED - train.symbols * _ADDED
    losses = {}
    for name, part in parts.items():
        before, symbols = part.ngrams[:, -2], part.ngrams[:, -1]
        losses[name] = {
            "unigram": part.mean(-np.log(singles[symbols] / singles.sum())),
            "bigram": part.mean(-np.log(pairs[before, symbols] / totals[before])),
        }
    estimates = KneserNey(train.ngrams, train.weights, train.symbols)
    for way, order in {"kneser_ney": block_size + 1, **{f"kneser_ney_{order}": order for order in ORDERS}}.items():
        of_order = estimates.of_order(order)
        for name, part in parts.items():
            chances = of_order.chances(part.ngrams[:, :-1], part.ngrams[:, -1].astype(np.int64))
            losses[name][way] = part.mean(-np.log(chances))
    return losses
