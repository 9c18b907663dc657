"""Log-probabilities of given names under a model, at temperature 1."""

from collections.abc import Sequence

import numpy as np

from model.text.names import Names
from model.transitions.automaton import Floats, Transitions


def character_log_probs(transitions: Transitions, names: Sequence[Sequence[int]]) -> list[Floats]:
    """For each name (letter ids), the natural log-probability of each letter and of the end: (letters + 1,)."""
    if not names:
        return []
    many = Names.of(names)
    return np.split(
        many.log_probs(transitions.arcs, transitions.start), (many.ends[1:] + np.arange(1, len(many) + 1))[:-1]
    )
