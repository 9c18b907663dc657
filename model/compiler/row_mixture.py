"""The row of a context, from what a network says and what counting says."""

import math

import numpy as np

from model.transitions.automaton import Floats

_COUNTED_SHARE = 0.5
"""Of Kneser-Ney counts in the logarithm of a row, for a long list."""
_OF_A_SHORT_LIST = 0.6
_SHORT, _LONG = 2_000, 20_000
"""Characters of lists: networks learn less from a short one. The shares are those with the lowest loss on names outside
the list, see docs/training.md."""
_LEAST = 1e-30


def counted_share(characters: float) -> float:
    """How much counts have to say after a list of so many characters."""
    length = math.log(max(1.0, characters) / _SHORT) / math.log(_LONG / _SHORT)
    return _OF_A_SHORT_LIST + min(1.0, max(0.0, length)) * (_COUNTED_SHARE - _OF_A_SHORT_LIST)


def mixed(guessed: Floats, counted: Floats, share: float = _COUNTED_SHARE) -> Floats:
    """Rows (n, symbols) between both, by their logarithms; `share` is that of `counted`."""
    logs = (1 - share) * np.log(np.maximum(guessed, _LEAST)) + share * np.log(counted)
    rows = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))
