"""A list of names to keep away from: how probable each is, and the trie of those that are never begun."""

import numpy as np

from model.kernels.compilation import kernel

OFF = -1
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
def listed_chances(listed, listed_ends, rows, moves, others, accepting, other_accepting, lengths, found):
    """Writes to `found` (names,), all 0 before, the chance that the shaped distribution gives each name of a list that
    meets two automata and the lengths. `rows` (tails, symbols, width) as in `sweep`."""
    tail_count, size, _ = rows.shape
    for name in range(len(listed_ends) - 1):
        begin, end = listed_ends[name], listed_ends[name + 1]
        if end - begin < lengths[0] or end - begin > lengths[1]:
            continue
        state, other, tail, first = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        chance = 1.0
        for place in range(begin, end):
            symbol = np.int64(listed[place])
            state = np.int64(moves[state, symbol])
            other = np.int64(others[other, symbol])
            if state < 0 or other < 0:
                chance = 0.0
                break
            chance *= rows[tail, symbol, first]
            first = (tail * size + symbol) // tail_count
            tail = (tail * size + symbol) % tail_count
        if chance > 0.0 and accepting[state] and other_accepting[other]:
            found[name] = chance * rows[tail, 0, first]


@kernel
def make_trie(listed, listed_ends, chosen, size):
    """The names `chosen` (numbers in a list) as a trie: `children` (nodes, size), OFF where there is none, and
    `terminal` (nodes,), where a name ends. A node's number is smaller than those of its children."""
    room = 1
    for name in chosen:
        room += listed_ends[name + 1] - listed_ends[name]
    children = np.full((room, size), OFF, dtype=np.int32)
    terminal = np.zeros(room, dtype=np.uint8)
    count = 1
    for name in chosen:
        node = 0
        for place in range(listed_ends[name], listed_ends[name + 1]):
            symbol = listed[place]
            if children[node, symbol] == OFF:
                children[node, symbol] = count
                count += 1
            node = children[node, symbol]
        terminal[node] = 1
    return children[:count].copy(), terminal[:count].copy()


@kernel
def chances_beside(children, terminal, rows, successors, tails, accepting, chances, layers, may_end_from):
    """Of each beginning in the trie, `remaining`: the chance to end well from there with a name that is not in it (a
    sum of what is left, never a difference); and `places`: the plan's node there, OFF where no name leads."""
    tail_count, size, _ = rows.shape
    count = len(children)
    groups = np.full(count, OFF, dtype=np.int64)
    firsts = np.zeros(count, dtype=np.int64)
    letters = np.zeros(count, dtype=np.int64)
    places = np.full(count, OFF, dtype=np.int64)
    groups[0] = 0
    places[0] = 0
    last = len(layers) - 1
    for node in range(count):
        group = groups[node]
        if group == OFF:
            continue
        layer = min(letters[node] + 1, last)
        tail = np.int64(tails[group])
        for symbol in range(1, size):
            child = children[node, symbol]
            number = np.int64(successors[group, symbol])
            if child != OFF and number >= layers[layer, 1] and number < layers[layer, 2]:
                groups[child] = number
                firsts[child] = (tail * size + symbol) // tail_count
                places[child] = (layers[layer, 0] + number) * size + firsts[child]
                letters[child] = letters[node] + 1
    remaining = np.zeros(count)
    for node in range(count - 1, -1, -1):
        group = groups[node]
        if group == OFF:
            continue
        layer = min(letters[node] + 1, last)
        tail = np.int64(tails[group])
        first = firsts[node]
        value = 0.0
        if letters[node] >= may_end_from and accepting[group] and not terminal[node]:
            value = rows[tail, 0, first]
        for symbol in range(1, size):
            number = np.int64(successors[group, symbol])
            if number < layers[layer, 1] or number >= layers[layer, 2]:
                continue
            child = children[node, symbol]
            if child != OFF:
                value += rows[tail, symbol, first] * remaining[child]
            else:
                after = chances[layers[layer, 0] + number, (tail * size + symbol) // tail_count]
                value += rows[tail, symbol, first] * after
        remaining[node] = value
    return remaining, places


@kernel
def keep_beside(trie, beginning, rows, tail, first, plan_nodes, weights, nodes):
    """Changes `weights` and `nodes` (symbols,), as `rows.weigh` fills them, to those of a beginning in the trie (see
    `model.trie`): a name of it cannot end there, and its other beginnings are nodes that follow the plan's."""
    children, terminal, remaining, _ = trie
    if terminal[beginning]:
        weights[0] = 0.0
    for symbol in range(1, len(weights)):
        child = children[beginning, symbol]
        if child != OFF and weights[symbol] > 0.0:
            weights[symbol] = rows[tail, symbol, first] * remaining[child]
            nodes[symbol] = plan_nodes + child
