"""What counting alone reaches on the same parts of a list: the losses that a network should beat."""

import numpy as np

from training.examples import Counts
from training.smoothing import Floats, kneser_ney

_ADDED = 1.0
"""What unigram and bigram counts are raised by, so that nothing is held impossible."""


def baseline_losses(train: Counts, part: Counts) -> dict[str, float]:
    """Mean negative log-likelihood a character (nats) of `part` under counts of `train`, by the name of the way of
    counting: `unigram`, `bigram` (each count plus one), and `kneser_ney` with the network's own context."""
    contexts, counts = train.contexts.numpy(), train.counts.double().numpy()
    asked, observed = part.contexts.numpy(), part.counts.double().numpy()
    everywhere = counts.sum(axis=0)
    after_last = np.full((counts.shape[1], counts.shape[1]), _ADDED)
    np.add.at(after_last, contexts[:, -1], counts)
    return {
        "unigram": _loss(np.tile(everywhere + _ADDED, (len(asked), 1)), observed),
        "bigram": _loss(after_last[asked[:, -1]], observed),
        "kneser_ney": _loss(kneser_ney(contexts, counts, asked), observed),
    }


def _loss(weights: Floats, observed: Floats) -> float:
    """Of `observed` (n, symbols) counts under `weights` (n, symbols), which need not sum to 1."""
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    seen = observed > 0
    return float(-(observed[seen] * np.log(probabilities[seen])).sum() / observed.sum())
