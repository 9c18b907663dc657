"""What counting alone reaches on the same parts of a list: the losses that a network should beat."""

import numpy as np

from training.compressed_rows import CompressedRows, Floats, Ints
from training.examples import Counts
from training.lessons import counting

_ADDED = 1.0
"""What unigram and bigram counts are raised by, so that nothing is held impossible."""


def baseline_losses(train: Counts, part: Counts) -> dict[str, float]:
    """Mean negative log-likelihood a character (nats) of `part` under counts of `train`, by the name of the way of
    counting: `unigram`, `bigram` (each count plus one), and `kneser_ney` with the network's own context."""
    contexts, asked = part.contexts.numpy(), part.following
    last = contexts[asked.row_of, -1].astype(np.int64)
    return {
        "unigram": _loss(
            _raised(train, np.zeros(len(train.contexts), dtype=np.int64), np.zeros_like(last), asked), asked
        ),
        "bigram": _loss(_raised(train, train.contexts[:, -1].long().numpy(), last, asked), asked),
        "kneser_ney": _loss(counting(train).of_pairs(contexts, asked.row_of, asked.symbols), asked),
    }


def _raised(train: Counts, kind_of: Ints, kinds: Ints, asked: CompressedRows) -> Floats:
    """The probability (n,) of each symbol asked for after a context of one of the `kinds` (n,), from counts raised by
    one; `kind_of` (m,) tells those of the contexts that were counted."""
    following = train.following
    rows = kind_of[following.row_of]
    counts = CompressedRows.of(rows, following.symbols, following.values, train.symbols, train.symbols)
    totals = counts.sums() + _ADDED * train.symbols
    return (counts.at(kinds, asked.symbols) + _ADDED) / totals[kinds]


def _loss(probabilities: Floats, observed: CompressedRows) -> float:
    """Of what was observed, given the probability of each."""
    return float(-(observed.values * np.log(probabilities)).sum() / observed.values.sum(dtype=np.float64))
