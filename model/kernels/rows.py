"""One row of a plan as an alias table (Walker 1977, Vose 1991), in integers, and the random numbers that read it.

A row has a column for each symbol and is filled up to a power of two. Each column holds 2^32 parts: those below
its threshold are its own symbol's, the others those of its alias. Probabilities are rounded once, to whole parts;
from there on everything is exact, so that the last bits of a float hardly ever decide a name.
"""

import numpy as np

from model.kernels.compilation import inlined, kernel
from model.kernels.conditional import weigh
from model.kernels.trie import keep_beside

_WEYL = np.uint64(0x9E3779B97F4A7C15)
LOW = np.uint64(0xFFFFFFFF)
_PARTS = np.int64(1) << np.int64(32)
_PARTS_AS_FLOAT = 2.0**32


@inlined
def word(stream, step):
    """Number `step` (from 1) of a stream, 64 bits: as `model.kernels.random_numbers`."""
    z = np.uint64(stream) + np.uint64(step) * _WEYL
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def fill_row(weights, nodes, parts, queue, row):
    """Makes the alias table `row` (columns, 2) of `weights` (symbols,), which need not sum to 1.

    `row[c, 0]` holds the threshold (32 bits) and twice the alias (32 bits); `row[c, 1]` the nodes after the column's
    own symbol and after its alias (32 bits each). `parts` and `queue` (columns,) are room to work in. False if the
    weights are all zero.
    """
    columns = len(parts)
    size = len(weights)
    total = 0.0
    for symbol in range(size):
        total += weights[symbol]
    if not total > 0.0:
        return False
    scale = columns * _PARTS_AS_FLOAT
    whole = np.int64(columns) * _PARTS
    so_far = 0.0
    before = np.int64(0)
    last = 0
    for symbol in range(size):
        if weights[symbol] > 0.0:
            so_far += weights[symbol]
            until = min(np.int64(so_far / total * scale + 0.5), whole)
            parts[symbol] = until - before
            before = until
            last = symbol
        else:
            parts[symbol] = 0
    parts[last] += whole - before
    for column in range(size, columns):
        parts[column] = 0
    # Columns with too few parts wait at the front of the queue, those with too many at its back.
    small = 0
    large = columns
    for column in range(columns):
        if parts[column] < _PARTS:
            queue[small] = column
            small += 1
        else:
            large -= 1
            queue[large] = column
    while small > 0:
        small -= 1
        column = queue[small]
        giver = queue[large]
        _set_column(row, nodes, column, parts[column], giver)
        parts[giver] -= _PARTS - parts[column]
        if parts[giver] < _PARTS:
            large += 1
            queue[small] = giver
            small += 1
    for place in range(large, columns):
        column = queue[place]
        _set_column(row, nodes, column, np.int64(0), column)
    return True


@inlined
def _set_column(row, nodes, column, threshold, alias):
    own = np.uint64(nodes[column]) if column < len(nodes) else np.uint64(0)
    row[column, 1] = (own << np.uint64(32)) | np.uint64(nodes[alias])
    row[column, 0] = (np.uint64(threshold) << np.uint64(32)) | (np.uint64(alias) << np.uint64(1))


@inlined
def bits_of(columns):
    """How many bits of a random number choose one of `columns`, a power of two."""
    bits = 0
    while (1 << bits) < columns:
        bits += 1
    return bits


@inlined
def drawn_symbol(near, fine, row, random, bits, half):
    """The symbol that a random number draws from a row: its column's own, or the alias."""
    column = random >> (np.uint64(64) - bits)
    part = (random >> (np.uint64(32) - bits)) & LOW
    entry = np.uint64(near[row, column])
    threshold = entry >> half
    coarse = part >> (np.uint64(32) - half)
    below = coarse < threshold
    if coarse == threshold:
        below = part < fine[row, column]
    # All bits where the column's own symbol is drawn, none where its alias is: arithmetic, since no processor can guess
    # a branch that is random.
    own = np.uint64(0) - np.uint64(below)
    return (column & own) | (entry & ((np.uint64(1) << half) - np.uint64(1)) & ~own)


@kernel
def make_rows(wanted, first_slot, plan, trie, places, rows, slots):
    """Makes the rows of the cells `wanted`, from number `first_slot` on while there is room; `slots` (wanted,) takes
    the number of each, -1 where it got none. `places` (wanted, 2): node and letters so far of each. Cells that follow
    the plan's are the beginnings in `trie`. Returns how many were made.

    What is read of a row is as small as can be, since rows are read at random and few fit the processor's cache: in
    `rows.near` (rows, at least columns + symbols) the highest `half_bits` bits of each threshold and the alias. Only
    where a part has the same highest bits is the whole threshold looked at, in `rows.fine` (rows, columns).
    `rows.after` (rows, symbols) takes the cell that follows each symbol; behind the columns of `near` no row follows
    yet.
    """
    near, fine, half_bits = rows.near, rows.fine, rows.half_bits
    size = rows.size
    width = fine.shape[1]
    plan_cells = len(plan.chances)
    weights = np.empty(size)
    cells = np.empty(size, dtype=np.int64)
    parts = np.empty(width, dtype=np.int64)
    queue = np.empty(width, dtype=np.int64)
    row = np.empty((width, 2), dtype=np.uint64)
    slot = first_slot
    for i in range(len(wanted)):
        slots[i] = -1
        if slot == len(near):
            continue
        node, letters = places[i, 0], places[i, 1]
        weigh(plan, node, letters, weights, cells)
        if wanted[i] >= plan_cells:
            keep_beside(trie, wanted[i] - plan_cells, plan, node, weights, cells)
        if fill_row(weights, cells, parts, queue, row):
            for column in range(width):
                entry = row[column, 0]
                fine[slot, column] = entry >> np.uint64(32)
                highest = entry >> np.uint64(64 - half_bits)
                near[slot, column] = (highest << np.uint64(half_bits)) | ((entry & LOW) >> np.uint64(1))
            for symbol in range(size):
                rows.after[slot, symbol] = cells[symbol]
                near[slot, width + symbol] = 0  # until `link_rows`: other threads may read it by then
            slots[i] = slot
            slot += 1
    return slot - first_slot


@kernel
def link_rows(count, rows):
    """Writes 1 + the number of the row that follows each symbol of the first `count` rows behind their columns, 0 where
    that was not made."""
    width = rows.fine.shape[1]
    for slot in range(count):
        for symbol in range(rows.size):
            rows.near[slot, width + symbol] = rows.index[rows.after[slot, symbol]]
