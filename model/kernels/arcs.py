"""Looks up one arc of an automaton."""

import numpy as np

from model.kernels.compilation import kernel

NONE = -1


@kernel
def find(arcs, state, symbol):
    """Where the arc of a symbol in a state stands, NONE where it has none of its own."""
    begin, end = arcs.starts[state], arcs.starts[state + 1]
    place = begin + np.int64(symbol)
    if place >= end or arcs.symbols[place] != symbol:
        place = begin + np.searchsorted(arcs.symbols[begin:end], symbol)
    return place if place < end and arcs.symbols[place] == symbol else NONE


@kernel
def after(arcs, state, symbol):
    """The weight of a symbol in a state, 0 where it cannot follow, and the state after it."""
    place = find(arcs, state, symbol)
    if place != NONE:
        return arcs.weights[place], arcs.successors[place]
    if len(arcs.base) == 0:
        return 0.0, np.int32(NONE)
    return arcs.backoffs[state] * arcs.base[symbol], arcs.base_successors[symbol]
