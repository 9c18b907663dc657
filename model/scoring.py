"""Log-probabilities of given names under a model, at temperature 1."""

from collections.abc import Sequence

import numpy as np

from model.transitions import START, Floats, Transitions
from model.vocabulary import BOUNDARY


def character_log_probs(transitions: Transitions, names: Sequence[Sequence[int]]) -> list[Floats]:
    """For each name (letter ids), the natural log-probability of each letter and of the end: (letters + 1,)."""
    if not names:
        return []
    symbols = np.array([symbol for name in names for symbol in (*name, BOUNDARY)], dtype=np.int64)
    contexts = np.empty_like(symbols)
    size, tails = transitions.vocabulary_size, len(transitions.log_probs) // transitions.vocabulary_size
    row = START
    for i, symbol in enumerate(symbols.tolist()):
        contexts[i] = row
        row = START if symbol == BOUNDARY else row % tails * size + symbol
    scores = transitions.log_probs[contexts, symbols]
    ends = np.cumsum([len(name) + 1 for name in names])
    return np.split(scores, ends[:-1])
