"""One row of a plan as an alias table (Walker 1977, Vose 1991), in integers, and the random numbers that read it.

A row has a column for each symbol and is filled up to a power of two. Each column holds 2^32 parts: those below
its threshold are its own symbol's, the others those of its alias. Probabilities are rounded once, to whole parts;
from there on everything is exact, so that the last bits of a float hardly ever decide a name.
"""

import numpy as np

from model.kernels.compilation import inlined, kernel
from model.kernels.listing import keep_beside

_WEYL = np.uint64(0x9E3779B97F4A7C15)
LOW = np.uint64(0xFFFFFFFF)
_PARTS = np.int64(1) << np.int64(32)
_PARTS_AS_FLOAT = 2.0**32


@inlined
def word(stream, step):
    """Number `step` (from 1) of a stream, 64 bits: as `model.random_numbers`."""
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


@kernel
def weigh(rows, successors, tails, accepting, chances, layers, group, first, letters, may_end, weights, nodes):
    """Fills `weights` and `nodes` (symbols,) with the unnormalised conditional probabilities of the next symbol at
    (`letters` so far, `group`, `first`), and with the nodes that follow; see `model.plan` for the arrays."""
    tail_count, size, _ = rows.shape
    tail = np.int64(tails[group])
    weights[0] = rows[tail, 0, first] if may_end and accepting[group] else 0.0
    nodes[0] = 0
    layer = min(letters + 1, len(layers) - 1)
    offset = layers[layer, 0]
    low = layers[layer, 1]
    high = layers[layer, 2]
    first_of_tail = tail * size // tail_count
    for symbol in range(1, size):
        number = np.int64(successors[group, symbol])
        weights[symbol] = 0.0
        nodes[symbol] = 0
        if number >= low and number < high:
            first_after = symbol if tail_count == 1 else first_of_tail
            cell = offset + number
            weights[symbol] = rows[tail, symbol, first] * chances[cell, first_after]
            nodes[symbol] = cell * size + first_after


@inlined
def bits_of(columns):
    """How many bits of a random number choose one of `columns`, a power of two."""
    bits = 0
    while (1 << bits) < columns:
        bits += 1
    return bits


@kernel
def make_rows(
    wanted,
    first_slot,
    rows,
    successors,
    tails,
    accepting,
    chances,
    layers,
    may_end_from,
    trie,
    places,
    near,
    fine,
    nodes_after,
    half_bits,
    slots,
):
    """Makes the rows of the nodes `wanted`, from number `first_slot` on while there is room; `slots` (wanted,) takes
    the number of each, -1 where it got none. `places` (wanted, 3): group, context's first symbol and letters so far of
    each. Nodes that follow the plan's are the beginnings in `trie`. Returns how many were made.

    What is read of a row is as small as can be, since rows are read at random and few fit the processor's cache: in
    `near` (rows, at least columns + symbols) the highest `half_bits` bits of each threshold and the alias. Only where a
    part has the same highest bits is the whole threshold looked at, in `fine` (rows, columns). `nodes_after` (rows,
    symbols) takes the node that follows each symbol; behind the columns of `near` no row follows yet.
    """
    size = rows.shape[1]
    width = fine.shape[1]
    plan_nodes = len(chances) * size
    weights = np.empty(size)
    nodes = np.empty(size, dtype=np.int64)
    parts = np.empty(width, dtype=np.int64)
    queue = np.empty(width, dtype=np.int64)
    row = np.empty((width, 2), dtype=np.uint64)
    slot = first_slot
    for i in range(len(wanted)):
        slots[i] = -1
        if slot == len(near):
            continue
        group, first, letters = places[i, 0], places[i, 1], places[i, 2]
        weigh(
            rows, successors, tails, accepting, chances, layers,
            group, first, letters, letters >= may_end_from, weights, nodes,
        )  # fmt: skip
        if wanted[i] >= plan_nodes:
            keep_beside(trie, wanted[i] - plan_nodes, rows, tails[group], first, plan_nodes, weights, nodes)
        if fill_row(weights, nodes, parts, queue, row):
            for column in range(width):
                entry = row[column, 0]
                fine[slot, column] = entry >> np.uint64(32)
                highest = entry >> np.uint64(64 - half_bits)
                near[slot, column] = (highest << np.uint64(half_bits)) | ((entry & LOW) >> np.uint64(1))
            for symbol in range(size):
                nodes_after[slot, symbol] = nodes[symbol]
                near[slot, width + symbol] = 0  # until `link_rows`: other threads may read it by then
            slots[i] = slot
            slot += 1
    return slot - first_slot


@kernel
def link_rows(count, index, nodes_after, width, near):
    """Writes 1 + the number of the row that follows each symbol of the first `count` rows behind their `width` columns,
    0 where that was not made; `index` (nodes,) holds these numbers."""
    for slot in range(count):
        for symbol in range(nodes_after.shape[1]):
            near[slot, width + symbol] = index[nodes_after[slot, symbol]]
