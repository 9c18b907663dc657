"""Rows found by their context: an open-addressed table of numbers of rows, beside the contexts themselves.

`keys` (rows, block_size) holds the contexts (symbol ids); `table` (a power of two, at most half full) numbers of rows
by the hash of their context, -1 where there is none.
"""

import numpy as np

from model.kernels.compilation import kernel

ABSENT = -1
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_PRIME = np.uint64(0x100000001B3)


@kernel
def place_of(context, keys, table):
    """Where in `table` the row of `context` (block_size,) is, or would be."""
    mask = np.uint64(len(table) - 1)
    value = _HASH_START  # FNV-1a over 16-bit symbols
    for i in range(len(context)):
        value = (value ^ np.uint64(context[i])) * _HASH_PRIME
    place = (value ^ (value >> np.uint64(29))) & mask
    while table[place] >= 0:
        row = table[place]
        same = True
        for i in range(len(context)):
            if keys[row, i] != context[i]:
                same = False
                break
        if same:
            break
        place = (place + np.uint64(1)) & mask
    return place


@kernel
def find(contexts, keys, table, rows):
    """Writes the number of each context's row, or ABSENT, to `rows` (contexts,)."""
    for i in range(len(contexts)):
        rows[i] = table[place_of(contexts[i], keys, table)]


@kernel
def enter(contexts, keys, table, used, rows):
    """Gives each context a row, the next free one where it has none yet, and writes its number to `rows` (contexts,).
    Returns how many rows are in use then. There must be room."""
    for i in range(len(contexts)):
        place = place_of(contexts[i], keys, table)
        if table[place] < 0:
            table[place] = used
            for j in range(contexts.shape[1]):
                keys[used, j] = contexts[i, j]
            used += 1
        rows[i] = table[place]
    return used
