"""The conditional distribution at a node of a plan."""

import numpy as np

from model.kernels.compilation import kernel


@kernel
def weigh(plan, node, letters, weights, cells):
    """Fills `weights` and `cells` (symbols,) with the unnormalised conditional probabilities of the next symbol at
    `node` after so many `letters`, and with the cells that follow, 0 where none does; see `arrays.PlanArrays`."""
    arcs, nodes, chances, layers, may_end_from = plan
    layer = min(letters + 1, len(layers) - 1)
    offset, low, high = layers[layer, 0], layers[layer, 1], layers[layer, 2]
    state = nodes.states[node]
    begin = arcs.starts[state]
    row = arcs.starts[state + 1] - begin
    first = nodes.block_starts[nodes.blocks[node]]
    if row < len(weights):
        weights[:] = 0.0
        cells[:] = 0
        if len(arcs.base) > 0 and nodes.blocks[node] > 0 and arcs.backoffs[state] > 0.0:
            base = nodes.bases[node]
            for symbol in range(1, len(weights)):
                number = np.int64(nodes.base_successors[base, symbol])
                if number >= low and number < high:
                    weights[symbol] = arcs.backoffs[state] * arcs.base[symbol] * chances[offset + number]
                    cells[symbol] = offset + number
    for i in range(row):
        symbol = arcs.symbols[begin + i]
        number = np.int64(nodes.successors[first + i])
        weights[symbol] = 0.0
        cells[symbol] = 0
        if number >= low and number < high:
            weights[symbol] = arcs.weights[begin + i] * chances[offset + number]
            cells[symbol] = offset + number
    if letters >= may_end_from and nodes.accepting[node]:
        weights[0] = arcs.ends[state]
