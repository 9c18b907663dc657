"""Finds the nodes of a plan. See `model.sampling.plan_nodes` for what they are."""

from typing import NamedTuple

import numpy as np

from model.kernels.arrays import Ints, Numbers
from model.kernels.backward import NO_NODE
from model.kernels.compilation import kernel
from model.kernels.lookup import ABSENT, NUMBER_BITS, NUMBER_MASK, number_at, table_of, with_room

_FIRST_NODES = 4096


class _Product(NamedTuple):
    """What is multiplied: two automata (states, symbols), and how many states the model has."""

    moves: Numbers
    others: Numbers
    model_states: int


class _Met(NamedTuple):
    """The nodes met so far, with room for more: see `discover`; `table` tells the number of a key."""

    keys: Ints
    depths: Numbers
    blocks: Numbers
    bases: Numbers
    table: Ints


class _Blocks(NamedTuple):
    """The blocks met so far, with room for more: key, begin and least successor of each, and the successors of all."""

    keys: Ints
    starts: Ints
    least: Numbers
    successors: Numbers
    table: Ints


@kernel
def _grown(array, used, needed):
    """The array itself, or a longer one that begins with its first `used` numbers, followed by zeros."""
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, 2 * len(array)), dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


@kernel
def _nodes_with_room(met, count, more):
    keys, depths, blocks, bases = met.keys, met.depths, met.blocks, met.bases
    if count + more > len(keys):
        room = 2 * (count + more)
        keys, depths = _grown(keys, count, room), _grown(depths, count, room)
        blocks, bases = _grown(blocks, count, room), _grown(bases, count, room)
    return _Met(keys, depths, blocks, bases, with_room(met.table, keys, count, more))


@kernel
def _blocks_with_room(blocks, count, arc_count, more_arcs):
    """Room for one more block, of so many arcs."""
    return _Blocks(
        _grown(blocks.keys, count, count + 1),
        _grown(blocks.starts, count, count + 1),
        _grown(blocks.least, count, count + 1),
        _grown(blocks.successors, arc_count, arc_count + more_arcs),
        with_room(blocks.table, blocks.keys, count, 1),
    )


@kernel
def _beginning(start, symbols):
    """Node 0, where no name goes, and node 1, the empty name; block 0, which nothing follows: that of node 0, and of
    nodes after the last letter."""
    keys = np.empty(_FIRST_NODES, dtype=np.int64)
    keys[0] = ABSENT
    keys[1] = start
    numbers = np.zeros((3, _FIRST_NODES), dtype=np.int32)
    table = table_of(keys, 2, 4 * _FIRST_NODES)
    met = _Met(keys, numbers[0].copy(), numbers[1].copy(), numbers[2].copy(), table)
    block_keys = np.full(_FIRST_NODES, ABSENT, dtype=np.int64)
    starts = np.zeros(_FIRST_NODES, dtype=np.int64)
    least = np.full(_FIRST_NODES, NO_NODE, dtype=np.int32)
    successors = np.zeros(64 * symbols, dtype=np.int32)
    return met, _Blocks(block_keys, starts, least, successors, np.full(4 * _FIRST_NODES, ABSENT, dtype=np.int64))


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
    product = _Product(moves, others, len(arcs.backoffs))
    met, blocks = _beginning(start, size)
    count, block_count, arc_count, base_count = 2, 1, np.int64(size), 0
    has_base = len(arcs.base) > 0
    base_least = np.empty(_FIRST_NODES, dtype=np.int32)
    base_successors = np.zeros(size if has_base else 0, dtype=np.int32)
    base_numbers = np.full(len(moves) * len(others) if has_base else 1, -1, dtype=np.int32)
    all_symbols = np.arange(size).astype(np.uint16)
    node = 1
    while node < count and met.depths[node] < max_depth and count <= max_nodes and arc_count <= max_arcs:
        state = met.keys[node] % product.model_states
        pair = met.keys[node] // product.model_states
        depth = met.depths[node] + 1
        if 2 * (count + 2 * size) > min(2 * len(met.keys), len(met.table)):
            met = _nodes_with_room(met, count, 2 * size)
        key = pair * class_count + classes[state]
        place = number_at(key, blocks.table)
        if blocks.table[place] == ABSENT:
            begin, end = arcs.starts[state], arcs.starts[state + 1]
            blocks = _blocks_with_room(blocks, block_count, arc_count, end - begin)
            found = blocks.successors[arc_count : arc_count + end - begin]
            row = (arcs.symbols[begin:end], arcs.weights[begin:end], arcs.successors[begin:end])
            count, blocks.least[block_count] = _follow(product, pair, row, depth, met, count, found)
            place = number_at(key, blocks.table)
            blocks.table[place] = (key << NUMBER_BITS) | block_count
            blocks.keys[block_count] = key
            blocks.starts[block_count] = arc_count
            arc_count += end - begin
            block_count += 1
        met.blocks[node] = blocks.table[place] & NUMBER_MASK
        if has_base and arcs.backoffs[state] > 0.0:
            if base_numbers[pair] < 0:
                base_numbers[pair] = base_count
                base_successors = _grown(base_successors, base_count * size, (base_count + 1) * size)
                base_least = _grown(base_least, base_count, base_count + 1)
                found = base_successors[base_count * size : (base_count + 1) * size]
                row = (all_symbols, arcs.base, arcs.base_successors)
                count, base_least[base_count] = _follow(product, pair, row, depth, met, count, found)
                base_count += 1
            met.bases[node] = base_numbers[pair]
        node += 1
    least = _least(met, count, arcs, blocks, base_least, base_count)
    nodes = (met.keys[:count].copy(), met.depths[:count].copy(), met.blocks[:count].copy(), met.bases[:count].copy())
    starts, successors = blocks.starts[:block_count].copy(), blocks.successors[:arc_count].copy()
    return (*nodes, least, starts, successors, base_successors[: base_count * size].copy())


@kernel
def _least(met, count, arcs, blocks, base_least, base_count):
    """The least node that follows each (count,)."""
    least = np.full(count, NO_NODE, dtype=np.int32)
    for node in range(1, count):
        least[node] = blocks.least[met.blocks[node]]
        if base_count > 0 and met.blocks[node] > 0 and arcs.backoffs[met.keys[node] % len(arcs.backoffs)] > 0.0:
            least[node] = min(least[node], base_least[met.bases[node]])
    return least


@kernel
def _follow(product, pair, row, depth, met, count, found):
    """Writes the node after each symbol of `row` (symbols, weights, states of the model) to `found`, 0 where none is,
    and enters those that are new. Returns how many nodes there are then, and the least of those found. There is room
    for all in the tables."""
    symbols, weights, targets = row
    moves, others, model_states = product
    keys, depths, table = met.keys, met.depths, met.table
    state, other = pair // len(others), pair % len(others)
    least = NO_NODE
    for i in range(len(symbols)):
        found[i] = 0
        if targets[i] < 0 or not weights[i] > 0.0:
            continue
        after, other_after = np.int64(moves[state, symbols[i]]), np.int64(others[other, symbols[i]])
        if after < 0 or other_after < 0:
            continue
        key = (after * len(others) + other_after) * model_states + targets[i]
        place = number_at(key, table)
        if table[place] == ABSENT:
            table[place] = (key << NUMBER_BITS) | count
            keys[count] = key
            depths[count] = depth
            count += 1
        found[i] = table[place] & NUMBER_MASK
        least = min(least, np.int64(found[i]))
    return count, least
