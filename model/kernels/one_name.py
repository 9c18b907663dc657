"""Draws one name with rows made on the spot."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.listing import keep_beside
from model.kernels.lookup import is_listed
from model.kernels.rows import LOW, bits_of, fill_row, weigh, word

MAX_ATTEMPTS = 100_000
"""At least a quarter of the attempts are accepted, so that this many never happen."""


@kernel
def draw_name(
    stream,
    rows,
    successors,
    tails,
    accepting,
    chances,
    layers,
    may_end_from,
    lengths,
    start_node,
    index,
    bits_each,
    listed,
    listed_ends,
    keys,
    numbers,
    trie,
    name,
    room,
    missed,
    missing,
):
    """Draws one name, whatever may be needed for it, into `name`. Returns its letters, -1 if it was given up, and how
    many nodes without a row have been met so far. `room` is room to work in."""
    weights, nodes, parts, queue, row = room
    size = rows.shape[1]
    plan_nodes = len(chances) * size
    columns = len(parts)
    bits = bits_of(columns)
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    last_layer = len(layers) - 1
    step = 0
    for _ in range(MAX_ATTEMPTS):
        node = np.int64(start_node)
        letters = 0
        while True:
            step += 1
            random = word(stream, step)
            column = np.int64(random >> to_column) if bits else 0
            beginning = node - plan_nodes
            place = node if beginning < 0 else trie[3][beginning]
            cell = place // size
            first = place - cell * size
            group = cell - layers[min(letters, last_layer), 0]
            weigh(
                rows, successors, tails, accepting, chances, layers,
                group, first, letters, letters >= may_end_from, weights, nodes,
            )  # fmt: skip
            if beginning >= 0:
                keep_beside(trie, beginning, rows, tails[group], first, plan_nodes, weights, nodes)
            if index[node] == 0:
                if missing < len(missed):
                    missed[missing] = node
                missing += 1
            if not fill_row(weights, nodes, parts, queue, row):
                return -1, missing
            entry = row[column, 0]
            after = row[column, 1]
            own = (random >> to_part) & LOW < entry >> np.uint64(32)
            symbol = column if own else np.int64((entry & LOW) >> np.uint64(1))
            if symbol == 0:
                break
            if letters == lengths[1]:
                letters += 1
                break
            name[letters] = symbol
            letters += 1
            node = np.int64(after >> np.uint64(32)) if own else np.int64(after & LOW)
        if letters < lengths[0] or letters > lengths[1]:
            continue
        if len(keys) and is_listed(name, 0, letters, bits_each, listed, listed_ends, keys, numbers):
            continue
        return letters, missing
    return -1, missing
