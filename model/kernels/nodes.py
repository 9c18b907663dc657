"""Finds the nodes of a plan. See `model.nodes` for what they are."""

import numpy as np

from model.kernels.compilation import inlined, kernel

_HASH = np.int64(-7046029254386353131)  # 2^64 / golden ratio, as a signed integer
_ABSENT = np.int64(-1)
_FIRST_NODES = 4096
_NUMBER_BITS = np.int64(21)
"""Of an entry of a hash table, the lowest: a number. Above stands its key."""
_NUMBER_MASK = (np.int64(1) << _NUMBER_BITS) - np.int64(1)
_NONE = np.int64(2**31 - 1)


@inlined
def _place(key, table):
    """Where a key stands in a hash table (a power of two), or may be put."""
    mask = np.int64(len(table) - 1)
    place = ((key * _HASH) >> np.int64(20)) & mask
    while table[place] != _ABSENT and table[place] >> _NUMBER_BITS != key:
        place = (place + 1) & mask
    return place


@kernel
def _grown(array, used, needed):
    """The array itself, or a longer one that begins with its first `used` numbers, followed by zeros."""
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, 2 * len(array)), dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


@kernel
def _table_of(keys, count, size):
    """A hash table of `size` places of the numbers 0 to count - 1, by their `keys`, but for those without one."""
    table = np.full(size, _ABSENT, dtype=np.int64)
    for number in range(count):
        if keys[number] != _ABSENT:
            table[_place(keys[number], table)] = (keys[number] << _NUMBER_BITS) | number
    return table


@kernel
def _with_room(table, keys, count, more):
    """The hash table itself, or a larger one where it would be more than half full with `more` numbers."""
    size = len(table)
    while 2 * (count + more) > size:
        size *= 4
    return table if size == len(table) else _table_of(keys, count, size)


@kernel
def discover(moves, others, arcs, classes, class_count, start, max_depth, max_nodes, max_arcs):
    """Breadth-first search over (state, other state, state of the model).

    `moves` and `others` (states, symbols) are two automata; the model begins in state `start`, and `classes` (states,)
    are equal for states with the same arcs. Returns of each node its key, (state * other states + other state) * model
    states + model state, its depth in letters, its block, its base and the least node that follows; then where blocks
    begin, and the `successors` of all blocks and bases (see `arrays.Nodes`). No more than `max_nodes` are looked for,
    and not many more than `max_arcs` of blocks: with one more of either, the result is not whole.
    """
    size = moves.shape[1]
    state_count = len(arcs.backoffs)
    node_keys = np.empty(_FIRST_NODES, dtype=np.int64)
    depths = np.zeros(_FIRST_NODES, dtype=np.int32)
    blocks = np.zeros(_FIRST_NODES, dtype=np.int32)
    bases = np.zeros(_FIRST_NODES, dtype=np.int32)
    block_keys = np.empty(_FIRST_NODES, dtype=np.int64)
    block_starts = np.empty(_FIRST_NODES, dtype=np.int64)
    block_least = np.empty(_FIRST_NODES, dtype=np.int32)
    base_least = np.empty(_FIRST_NODES, dtype=np.int32)
    successors = np.zeros(size * 64, dtype=np.int32)
    base_successors = np.zeros(size if len(arcs.base) > 0 else 0, dtype=np.int32)
    base_numbers = np.full(len(moves) * len(others) if len(arcs.base) > 0 else 1, -1, dtype=np.int32)
    node_keys[0] = _ABSENT
    node_keys[1] = start
    count = 2
    block_keys[0] = _ABSENT  # what nothing follows: of node 0, and of nodes after the last letter
    block_starts[0] = 0
    block_least[0] = _NONE
    arc_count = np.int64(size)
    block_count = 1
    base_count = 0
    table = _table_of(node_keys, count, 4 * _FIRST_NODES)
    block_table = _table_of(block_keys, block_count, 4 * _FIRST_NODES)
    node = 1
    while node < count and depths[node] < max_depth and count <= max_nodes and arc_count <= max_arcs:
        model_state = node_keys[node] % state_count
        pair = node_keys[node] // state_count
        if count + 2 * size > len(node_keys):
            room = 2 * (count + 2 * size)
            node_keys = _grown(node_keys, count, room)
            depths = _grown(depths, count, room)
            blocks = _grown(blocks, count, room)
            bases = _grown(bases, count, room)
        table = _with_room(table, node_keys, count, 2 * size)
        block_key = pair * class_count + classes[model_state]
        place = _place(block_key, block_table)
        if block_table[place] == _ABSENT:
            begin = arcs.starts[model_state]
            row = arcs.starts[model_state + 1] - begin
            block_keys = _grown(block_keys, block_count, block_count + 1)
            block_starts = _grown(block_starts, block_count, block_count + 1)
            block_least = _grown(block_least, block_count, block_count + 1)
            successors = _grown(successors, arc_count, arc_count + row)
            count, block_least[block_count] = _follow(
                moves, others, pair, arcs.symbols[begin : begin + row], arcs.weights[begin : begin + row],
                arcs.successors[begin : begin + row], state_count, depths[node] + 1, node_keys, depths, table, count,
                successors[arc_count : arc_count + row],
            )  # fmt: skip
            block_table[place] = (block_key << _NUMBER_BITS) | block_count
            block_keys[block_count] = block_key
            block_starts[block_count] = arc_count
            arc_count += row
            block_count += 1
            block_table = _with_room(block_table, block_keys, block_count, 1)
            blocks[node] = block_count - 1
        else:
            blocks[node] = block_table[place] & _NUMBER_MASK
        if len(arcs.base) > 0 and arcs.backoffs[model_state] > 0.0:
            if base_numbers[pair] < 0:
                base_numbers[pair] = base_count
                base_successors = _grown(base_successors, base_count * size, (base_count + 1) * size)
                base_least = _grown(base_least, base_count, base_count + 1)
                count, base_least[base_count] = _follow(
                    moves, others, pair, np.arange(size).astype(np.uint16), arcs.base, arcs.base_successors,
                    state_count, depths[node] + 1, node_keys, depths, table, count,
                    base_successors[base_count * size : (base_count + 1) * size],
                )  # fmt: skip
                base_count += 1
            bases[node] = base_numbers[pair]
        node += 1
    least = np.full(count, _NONE, dtype=np.int32)
    for node in range(1, count):
        least[node] = block_least[blocks[node]]
        if base_count > 0 and blocks[node] > 0 and arcs.backoffs[node_keys[node] % state_count] > 0.0:
            least[node] = min(least[node], base_least[bases[node]])
    return (
        node_keys[:count].copy(),
        depths[:count].copy(),
        blocks[:count].copy(),
        bases[:count].copy(),
        least,
        block_starts[:block_count].copy(),
        successors[:arc_count].copy(),
        base_successors[: base_count * size].copy(),
    )


@kernel
def _follow(
    moves, others, pair, symbols, weights, targets, state_count, depth, node_keys, depths, table, count, found
):  # fmt: skip
    """Writes the node after each of `symbols` to `found`, 0 where none is, and enters those that are new. Returns how
    many nodes there are then, and the least of those found. There is room for all in the tables."""
    state = pair // len(others)
    other = pair % len(others)
    least = _NONE
    for i in range(len(symbols)):
        found[i] = 0
        if targets[i] < 0 or not weights[i] > 0.0:
            continue
        after, other_after = np.int64(moves[state, symbols[i]]), np.int64(others[other, symbols[i]])
        if after < 0 or other_after < 0:
            continue
        key = (after * len(others) + other_after) * state_count + targets[i]
        place = _place(key, table)
        if table[place] == _ABSENT:
            table[place] = (key << _NUMBER_BITS) | count
            node_keys[count] = key
            depths[count] = depth
            count += 1
        found[i] = table[place] & _NUMBER_MASK
        least = min(least, np.int64(found[i]))
    return count, least


@kernel
def layer_ranges(least, depths, max_length, low, high):
    """Least node and one past the greatest node after each number of letters, into `low` and `high` (max_length + 1,),
    both 0 where there is none; nodes are numbered in the order in which they are met, after `depths` letters, and
    `least` (nodes,) is the least that follows each. A range may hold nodes that cannot be met at that time."""
    low[:] = 0
    high[:] = 0
    low[0] = 1
    high[0] = 2
    for letters in range(1, max_length + 1):
        first = _NONE
        for node in range(low[letters - 1], high[letters - 1]):
            first = min(first, np.int64(least[node]))
        last = np.searchsorted(depths, letters, side="right")
        if first >= last:
            return
        low[letters] = first
        high[letters] = last
