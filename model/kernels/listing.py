"""A list of names: read from lines of text, and how probable each is."""

import numpy as np

from model.kernels.arcs import after
from model.kernels.compilation import kernel

NOT_IN_ORDER = -1
_LINE_END = 10


@kernel
def take_lines(codes, ids, symbols, ends):
    """Takes the names from lines of text, `codes` (characters,) its code points and `ids` (characters,) their symbols,
    0 for those outside the vocabulary: lines that hold such, and empty ones, are left out. Letters go to `symbols`
    (characters,), and where each name ends to `ends` (lines + 1,). Returns how many there are, NOT_IN_ORDER unless each
    line is greater than the one before."""
    count = 0
    end = 0
    ends[0] = 0
    before = 0
    before_end = 0
    begin = 0
    while begin < len(codes):
        stop = begin
        known = True
        while stop < len(codes) and codes[stop] != _LINE_END:
            known = known and ids[stop] != 0
            stop += 1
        if stop > begin:
            same = 0
            while same < before_end - before and same < stop - begin and codes[before + same] == codes[begin + same]:
                same += 1
            if same == stop - begin or (same < before_end - before and codes[before + same] > codes[begin + same]):
                return NOT_IN_ORDER
            before = begin
            before_end = stop
            if known:
                for place in range(begin, stop):
                    symbols[end] = ids[place]
                    end += 1
                count += 1
                ends[count] = end
        begin = stop + 1
    return count


@kernel
def listed_chances(listed, listed_ends, arcs, start, moves, others, accepting, other_accepting, lengths, found):
    """Writes to `found` (names,), all 0 before, the chance that the shaped distribution gives each name of a list that
    meets two automata and the lengths."""
    for name in range(len(listed_ends) - 1):
        begin, end = listed_ends[name], listed_ends[name + 1]
        if end - begin < lengths[0] or end - begin > lengths[1]:
            continue
        state, other, model_state = np.int64(0), np.int64(0), np.int64(start)
        chance = 1.0
        for place in range(begin, end):
            symbol = np.int64(listed[place])
            state = np.int64(moves[state, symbol])
            other = np.int64(others[other, symbol])
            if state < 0 or other < 0:
                chance = 0.0
                break
            weight, following = after(arcs, model_state, symbol)
            chance *= weight
            if chance == 0.0:
                break
            model_state = np.int64(following)
        if chance > 0.0 and accepting[state] and other_accepting[other]:
            found[name] = chance * arcs.ends[model_state]
