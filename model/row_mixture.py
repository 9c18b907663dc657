"""The row of a context, from what a network says and what counting says."""

import numpy as np

from model.transitions import Floats

_COUNTED_SHARE = 0.5
"""Of Kneser-Ney counts in the logarithm of a row."""
_LEAST = 1e-30


def mixed(guessed: Floats, counted: Floats) -> Floats:
    """Rows (n, symbols) in the middle of both, by their logarithms."""
    logs = (1 - _COUNTED_SHARE) * np.log(np.maximum(guessed, _LEAST)) + _COUNTED_SHARE * np.log(counted)
    rows = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))
