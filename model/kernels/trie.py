"""The trie of names that are never begun (see `model.sampling.excluded_names`)."""

import numpy as np

from model.kernels.arcs import after
from model.kernels.compilation import kernel
from model.kernels.conditional import weigh
from model.kernels.lookup import place_of

OFF = -1


@kernel
def make_trie(listed, listed_ends, chosen, size):
    """The names `chosen` (numbers in a list) as a trie: `parents` (nodes,) and `symbols` (nodes,), the way to each
    node, and `terminal` (nodes,), where a name ends. A node's number is greater than its parent's."""
    room = 1
    for name in chosen:
        room += listed_ends[name + 1] - listed_ends[name]
    places = 16
    while places < 2 * room:
        places *= 2
    keys = np.zeros(places, dtype=np.uint64)
    numbers = np.empty(places, dtype=np.int32)
    parents = np.zeros(room, dtype=np.int32)
    symbols = np.zeros(room, dtype=np.uint16)
    terminal = np.zeros(room, dtype=np.uint8)
    mask = np.uint64(places - 1)
    count = 1
    for name in chosen:
        node = np.int64(0)
        for place in range(listed_ends[name], listed_ends[name + 1]):
            key = np.uint64(node * size + listed[place])  # not 0, as a letter is none
            at = place_of(key, keys)
            while keys[at] != np.uint64(0) and keys[at] != key:
                at = (at + np.uint64(1)) & mask
            if keys[at] == np.uint64(0):
                keys[at] = key
                numbers[at] = count
                parents[count] = node
                symbols[count] = listed[place]
                count += 1
            node = np.int64(numbers[at])
        terminal[node] = 1
    return parents[:count].copy(), symbols[:count].copy(), terminal[:count].copy()


@kernel
def chances_beside(starts, symbols, children, terminal, plan, size):
    """Of each beginning in the trie, `remaining`: the chance to end well from there with a name that is not in it (a
    sum of what is left, never a difference); and `places`: the plan's cell there, OFF where no name leads."""
    count = len(starts) - 1
    letters = np.zeros(count, dtype=np.int64)
    places = np.full(count, OFF, dtype=np.int64)
    places[0] = 1
    last = len(plan.layers) - 1
    weights = np.empty(size)
    cells = np.empty(size, dtype=np.int64)
    for node in range(count):
        if places[node] == OFF:
            continue
        weigh(plan, places[node] - plan.layers[min(letters[node], last), 0], letters[node], weights, cells)
        for i in range(starts[node], starts[node + 1]):
            if cells[symbols[i]] > 0:
                places[children[i]] = cells[symbols[i]]
                letters[children[i]] = letters[node] + 1
    remaining = np.zeros(count)
    for node in range(count - 1, -1, -1):
        if places[node] == OFF:
            continue
        at = places[node] - plan.layers[min(letters[node], last), 0]
        weigh(plan, at, letters[node], weights, cells)
        if terminal[node]:
            weights[0] = 0.0
        for i in range(starts[node], starts[node + 1]):
            symbol = symbols[i]
            if cells[symbol] > 0:
                weights[symbol] = after(plan.arcs, plan.nodes.states[at], symbol)[0] * remaining[children[i]]
        value = 0.0
        for symbol in range(size):
            value += weights[symbol]
        remaining[node] = value
    return remaining, places


@kernel
def keep_beside(trie, beginning, plan, node, weights, cells):
    """Changes `weights` and `cells` (symbols,), as `conditional.weigh` fills them for a plan's node, to those of a
    beginning in the trie (see `model.sampling.excluded_names`): a name of it cannot end there, and its other beginnings
    are cells that follow the plan's."""
    if trie.terminal[beginning]:
        weights[0] = 0.0
    for i in range(trie.starts[beginning], trie.starts[beginning + 1]):
        symbol = trie.symbols[i]
        if weights[symbol] > 0.0:
            child = trie.children[i]
            weights[symbol] = after(plan.arcs, plan.nodes.states[node], symbol)[0] * trie.remaining[child]
            cells[symbol] = len(plan.chances) + child
