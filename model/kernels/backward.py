"""The backward pass over the nodes of a plan (see `model.sampling.plan_nodes`): one step of it."""

import numpy as np

from model.kernels.compilation import kernel

NO_NODE = np.int64(2**31 - 1)
"""Greater than the number of any node."""


@kernel
def sweep(arcs, nodes, after, low, high, may_end, best, out):
    """One letter back, for the nodes `low` to `high - 1`: `after` (nodes,) holds the chances one letter later, 0 for
    nodes that cannot be met then and for node 0; `out` (nodes,) takes the sum over next symbols, or with `best` the
    greatest of the products."""
    has_base = len(arcs.base) > 0
    totals, met, order = _base_sums(arcs, nodes, after, best)
    for node in range(low, high):
        state = nodes.states[node]
        begin = arcs.starts[state]
        row = arcs.starts[state + 1] - begin
        first = nodes.block_starts[nodes.blocks[node]]
        value = arcs.ends[state] if may_end and nodes.accepting[node] else 0.0
        if best:
            for i in range(row):
                value = max(value, arcs.weights[begin + i] * after[nodes.successors[first + i]])
        else:
            for i in range(row):
                value += arcs.weights[begin + i] * after[nodes.successors[first + i]]
        if has_base and nodes.blocks[node] > 0 and arcs.backoffs[state] != 0.0:
            base = nodes.bases[node]
            if best:
                value = max(value, arcs.backoffs[state] * _best_of_base(arcs, nodes, after, order[base], state, base))
            else:
                left, left_met = totals[base], met[base]
                for i in range(1, row):
                    symbol = arcs.symbols[begin + i]
                    term = arcs.base[symbol] * after[nodes.base_successors[base, symbol]]
                    left -= term
                    left_met -= term != 0.0
                if left_met > 0:  # rounding must not make the impossible possible
                    value += arcs.backoffs[state] * max(left, 0.0)
        out[node] = value


@kernel
def _base_sums(arcs, nodes, after, best):
    """For each row of base successors the sum over all symbols of the base, how many of them have a chance, and with
    `best` the symbols in the order of their products, the greatest first."""
    rows, size = nodes.base_successors.shape
    totals = np.zeros(rows)
    met = np.zeros(rows, dtype=np.int64)
    order = np.zeros((rows, size if best else 0), dtype=np.int64)
    terms = np.zeros(size)
    for row in range(rows):
        for symbol in range(1, size):
            terms[symbol] = arcs.base[symbol] * after[nodes.base_successors[row, symbol]]
            totals[row] += terms[symbol]
            met[row] += terms[symbol] != 0.0
        if best:
            order[row] = np.argsort(-terms)
    return totals, met, order


@kernel
def _best_of_base(arcs, nodes, after, order, state, base):
    """The greatest product among the symbols for which `state` has no arc."""
    begin, end = arcs.starts[state], arcs.starts[state + 1]
    for symbol in order:
        if symbol == 0:
            continue
        place = begin + np.searchsorted(arcs.symbols[begin:end], symbol)
        if place == end or arcs.symbols[place] != symbol:
            return arcs.base[symbol] * after[nodes.base_successors[base, symbol]]
    return 0.0


@kernel
def greatest_change(before, after):
    """The greatest relative growth between two arrays (nodes,) of which the second is nowhere smaller."""
    worst = 0.0
    for node in range(len(after)):
        if after[node] > 0.0:
            worst = max(worst, (after[node] - before[node]) / after[node])
    return worst


@kernel
def shortest_ends(arcs, nodes, far, least):
    """The least number of letters from each node to an accepted end, into `least` (nodes,); `far` where there is
    none."""
    least[:] = far
    changed = True
    while changed:
        changed = False
        of_bases = np.full(len(nodes.base_successors), far, dtype=np.int32)
        for base in range(len(of_bases)):
            of_bases[base] = least[nodes.base_successors[base]].min() + 1
        of_blocks = np.full(len(nodes.block_starts), far, dtype=np.int32)
        for block in range(1, len(of_blocks)):
            end = nodes.block_starts[block + 1] if block + 1 < len(of_blocks) else len(nodes.successors)
            for number in nodes.successors[nodes.block_starts[block] : end]:
                of_blocks[block] = min(of_blocks[block], least[number] + 1)
        for node in range(1, len(least)):
            state = nodes.states[node]
            value = of_blocks[nodes.blocks[node]]
            if nodes.blocks[node] > 0 and len(of_bases) > 0 and arcs.backoffs[state] > 0.0:
                value = min(value, of_bases[nodes.bases[node]])
            if nodes.accepting[node] and arcs.ends[state] > 0.0:
                value = np.int32(0)
            if value < least[node]:
                least[node] = value
                changed = True


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
        first = NO_NODE
        for node in range(low[letters - 1], high[letters - 1]):
            first = min(first, np.int64(least[node]))
        last = np.searchsorted(depths, letters, side="right")
        if first >= last:
            return
        low[letters] = first
        high[letters] = last
