"""How a name came about: the conditional distribution at each of its steps."""

from collections.abc import Sequence

import numpy as np

from model.kernels import conditional
from model.kernels.arrays import Floats
from model.sampling.plan import Plan
from model.sampling.plan_nodes import START
from model.text.vocabulary import BOUNDARY


def step_distributions(plan: Plan, symbols: Sequence[int]) -> Floats:
    """(letters + 1, symbols): the distribution of each next symbol, given the letters before it and the plan's
    constraints. Those of a layered plan multiply to the name's conditional probability; a lengthless one leaves the
    lengths out of account."""
    steps = np.empty((len(symbols) + 1, plan.shaped.size))
    cells = np.empty(plan.shaped.size, dtype=np.int64)
    cell = START
    for letters, symbol in enumerate((*symbols, BOUNDARY)):
        node = cell - plan.layers[min(letters, len(plan.layers) - 1), 0]
        conditional.weigh(plan.arrays, node, letters, steps[letters], cells)
        steps[letters] /= steps[letters].sum()
        cell = int(cells[symbol])
    return steps
