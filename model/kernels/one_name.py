"""Draws one name with rows made on the spot."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.conditional import weigh
from model.kernels.lookup import is_listed
from model.kernels.rows import LOW, bits_of, fill_row, word
from model.kernels.trie import keep_beside

MAX_ATTEMPTS = 100_000
"""At least a quarter of the attempts are accepted, so that this many never happen."""


@kernel
def draw_name(stream, plan, lengths, start_cell, index, listed, trie, name, room, missed, missing):
    """Draws one name, whatever may be needed for it, into `name`. Returns its letters, -1 if it was given up, and how
    many cells without a row have been met so far. `room` is room to work in."""
    weights, cells, parts, queue, row = room
    plan_cells = len(plan.chances)
    bits = bits_of(len(parts))
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    last_layer = len(plan.layers) - 1
    step = 0
    for _ in range(MAX_ATTEMPTS):
        cell = np.int64(start_cell)
        letters = 0
        while True:
            step += 1
            random = word(stream, step)
            column = np.int64(random >> to_column) if bits else 0
            beginning = cell - plan_cells
            place = cell if beginning < 0 else trie.places[beginning]
            node = place - plan.layers[min(letters, last_layer), 0]
            weigh(plan, node, letters, weights, cells)
            if beginning >= 0:
                keep_beside(trie, beginning, plan, node, weights, cells)
            if index[cell] == 0:
                if missing < len(missed):
                    missed[missing] = cell
                missing += 1
            if not fill_row(weights, cells, parts, queue, row):
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
            cell = np.int64(after >> np.uint64(32)) if own else np.int64(after & LOW)
        if letters < lengths[0] or letters > lengths[1]:
            continue
        if len(listed.keys) and is_listed(name, 0, letters, listed):
            continue
        return letters, missing
    return -1, missing
