"""Draws one name with whatever may be needed for it: rows made on the spot, a list's own beginnings."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.lookup import is_listed
from model.kernels.rows import LOW, bits_of, fill_row, weigh, word

MAX_ATTEMPTS = 100_000
"""At least a quarter of the attempts are accepted, so that this many never happen."""
OFF = -1


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
    index,
    bits_each,
    listed,
    listed_ends,
    keys,
    numbers,
    children,
    terminal,
    remaining,
    name,
    room,
    missed,
    missing,
):
    """Draws one name, whatever may be needed for it, into `name`. Returns its letters, -1 if it was given up, and how
    many nodes without a row have been met so far. `room` is room to work in."""
    weights, nodes, parts, queue, row = room
    size = rows.shape[1]
    columns = len(parts)
    bits = bits_of(columns)
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    last_layer = len(layers) - 1
    step = 0
    for _ in range(MAX_ATTEMPTS):
        node = np.int64(0)
        beginning = 0 if len(children) else OFF
        letters = 0
        while True:
            step += 1
            random = word(stream, step)
            column = np.int64(random >> to_column) if bits else 0
            cell = node // size
            first = node - cell * size
            group = cell - layers[min(letters, last_layer), 0]
            weigh(
                rows, successors, tails, accepting, chances, layers,
                group, first, letters, letters >= may_end_from, weights, nodes,
            )  # fmt: skip
            if beginning == OFF:
                if index[node] == 0:
                    if missing < len(missed):
                        missed[missing] = node
                    missing += 1
            else:
                if terminal[beginning]:
                    weights[0] = 0.0
                for symbol in range(1, size):
                    child = children[beginning, symbol]
                    if child != OFF and weights[symbol] > 0.0:
                        weights[symbol] = rows[tails[group], symbol, first] * remaining[child]
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
            if beginning != OFF:
                beginning = children[beginning, symbol]
        if letters < lengths[0] or letters > lengths[1]:
            continue
        if len(keys) and is_listed(name, 0, letters, bits_each, listed, listed_ends, keys, numbers):
            continue
        return letters, missing
    return -1, missing
