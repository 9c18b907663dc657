"""Names as bytes: letters looked up, one after the other."""

import numpy as np

from model.kernels.arcs import NONE, find
from model.kernels.compilation import kernel


@kernel
def render(symbols, ends, spellings, sizes, separates, before, after, last_after, out):
    """Writes names to `out` and returns how many bytes. Name i is `symbols[ends[i]:ends[i + 1]]`.

    `spellings` (2, symbols, widest) and `sizes` (2, symbols): the bytes of each symbol where a word begins and within
    a word; after a symbol that `separates` (symbols,) a word begins. `before` and `after` stand around each name,
    and only the first `last_after` bytes of `after` behind the last one.
    """
    place = 0
    count = len(ends) - 1
    for name in range(count):
        for i in range(len(before)):
            out[place] = before[i]
            place += 1
        within = 0
        for position in range(ends[name], ends[name + 1]):
            symbol = symbols[position]
            for i in range(sizes[within, symbol]):
                out[place] = spellings[within, symbol, i]
                place += 1
            within = 0 if separates[symbol] else 1
        for i in range(len(after) if name < count - 1 else last_after):
            out[place] = after[i]
            place += 1
    return place


@kernel
def symbol_log_probs(symbols, ends, arcs, start, out):
    """Log-probability of each symbol and of each end: name i's letters + 1 values stand at `ends[i] + i` of `out`.
    The weights of `arcs` are logarithms, those of the rows that share the base too."""
    place = 0
    for name in range(len(ends) - 1):
        state = np.int64(start)
        for position in range(ends[name], ends[name + 1]):
            out[place] = -np.inf
            if state >= 0:  # what follows the impossible is impossible
                symbol = symbols[position]
                arc = find(arcs, state, symbol)
                if arc != NONE:
                    out[place] = arcs.weights[arc]
                    state = np.int64(arcs.successors[arc])
                elif len(arcs.base) > 0:
                    out[place] = arcs.backoffs[state] + arcs.base[symbol]
                    state = np.int64(arcs.base_successors[symbol])
                else:
                    state = np.int64(NONE)
            place += 1
        out[place] = arcs.ends[state] if state >= 0 else -np.inf
        place += 1
