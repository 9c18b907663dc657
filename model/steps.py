"""How a name came about: the conditional distribution at each of its steps."""

from collections.abc import Sequence

import numpy as np

from model.kernels import rows
from model.plan import Plan
from model.transitions import Floats
from model.vocabulary import BOUNDARY


def step_distributions(plan: Plan, symbols: Sequence[int]) -> Floats:
    """(letters + 1, symbols): the distribution of each next symbol, given the letters before it and the plan's
    constraints. Those of a layered plan multiply to the name's conditional probability; a lengthless one leaves the
    lengths out of account."""
    size, layers = plan.shaped.size, plan.layers
    steps = np.empty((len(symbols) + 1, size))
    nodes = np.empty(size, dtype=np.int64)
    node = 0
    for letters, symbol in enumerate((*symbols, BOUNDARY)):
        cell, first = divmod(node, size)
        group = cell - layers[min(letters, len(layers) - 1), 0]
        may_end = letters >= plan.may_end_from
        rows.weigh(*plan.arrays[:-1], group, first, letters, may_end, steps[letters], nodes)
        steps[letters] /= steps[letters].sum()
        node = int(nodes[symbol])
    return steps
