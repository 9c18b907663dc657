"""Exact conditioning: the chance that a name begun so far ends as the constraints ask.

Backward dynamic programming gives every node (see `model.sampling.plan_nodes`) its chance to end well; a next symbol's
probability times the chance after it, renormalised, is the true conditional distribution of the next symbol.

A plan has one of two forms. In a *layered* one the chances are those after 0, 1, 2 ... letters, and lengths are met as
everything else is. In a *lengthless* one there is a single layer, of the chances to end well at any length, and
lengths are met by drawing again: a name costs at most four attempts on average, for the form is taken only where at
least a quarter of the names have an allowed length. It takes a fraction of the memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.constraints.automata import Automaton
from model.kernels import backward
from model.kernels.arrays import Floats, Ints, PlanArrays
from model.sampling.plan_nodes import START, NodeGraph, too_complex
from model.text.vocabulary import MAX_NAME_LENGTH
from model.transitions.shaping import Shaped

MAX_BYTES = 256 * 1024 * 1024
"""Memory for the chances of one plan."""
MOST_LAYERS = 16
"""Layers that a node may be in, on average, for a plan to be layered at once: few letters, or a counting pattern."""
FEW_LAYERS = 8
"""Layers from which on a plan is not layered where nearly all names have an allowed length."""
LEAST_ACCEPTED = 0.25
"""Share of the attempts that a lengthless plan's names need to have an allowed length."""
NEARLY_ALL = 0.95
MAX_LENGTHLESS = 400_000
"""Nodes of a lengthless plan, whose chances settle only after many sweeps."""
_MAX_SWEEPS = 200
_CONVERGED = 2.0**-34
_LOOK_EVERY = 4


@dataclass(frozen=True, eq=False)
class Plan:
    """`chances` (cells,): the chance to end well, by cell (a node in a layer); cell 0 is where no name goes, cell 1
    where all begin. `layers` (layers, 3): what to add to a node to get its cell, and the range of nodes of the layer;
    the last layer stands for all that follow. `probability` is the exact chance that an unconditioned draw meets the
    constraints, lengths included. Names are accepted from `may_end_from` letters on."""

    shaped: Shaped
    graph: NodeGraph
    chances: Floats
    layers: Ints
    may_end_from: int
    min_length: int
    max_length: int
    probability: float

    @property
    def layered(self) -> bool:
        return len(self.layers) > 1

    @property
    def nbytes(self) -> int:
        return self.chances.nbytes + self.graph.nbytes + self.shaped.nbytes

    @property
    def cells(self) -> int:
        return len(self.chances)

    @property
    def arrays(self) -> PlanArrays:
        """What kernels take a plan as."""
        return PlanArrays(self.shaped.arcs, self.graph.nodes, self.chances, self.layers, self.may_end_from)

    def places(self, cells: Ints) -> Ints:
        """Node and letters so far (n, 2) of cells (n,); 0 letters in a plan without layers."""
        if not self.layered:
            return np.column_stack([cells, np.zeros_like(cells)])
        starts = (self.layers[:, 0] + self.layers[:, 1])[:-1]  # the last layer is empty
        letters = np.searchsorted(starts, cells, side="right") - 1
        return np.column_stack([cells - self.layers[letters, 0], letters])


def make_plan(
    shaped: Shaped, automata: Sequence[Automaton], min_length: int, max_length: int, *, layered: bool = False
) -> Plan:
    """The plan for names that all of (at most two) `automata` accept. With `layered` it has that form.

    Raises ConstraintError where it would take too much memory.
    """
    graph = NodeGraph.find(shaped, automata, max_length)
    low, high = graph.ranges(max_length)
    cells = int((high - low).sum())
    beyond = cells + int(high[-1] - low[-1])  # a layer more: what is met last is met in the rest of the layers
    if beyond > FEW_LAYERS * len(graph) and not layered:
        longer = max_length < MAX_NAME_LENGTH
        of_all = NodeGraph.find(shaped, automata, MAX_NAME_LENGTH) if longer else graph
        accepted = LEAST_ACCEPTED if beyond > MOST_LAYERS * len(graph) else NEARLY_ALL
        plan = _lengthless(shaped, of_all, min_length, max_length, accepted)
        if plan is not None:
            return plan
    if cells * 8 > MAX_BYTES:
        raise too_complex(f"{cells * 8 >> 20:,} MiB of probabilities")
    return _layered(shaped, graph, low, high, min_length, max_length)


def _layered(shaped: Shaped, graph: NodeGraph, low: Ints, high: Ints, min_length: int, max_length: int) -> Plan:
    starts = np.concatenate([[1], 1 + np.cumsum(high - low)])
    chances = np.zeros(int(starts[-1]))
    layers = np.zeros((max_length + 2, 3), dtype=np.int64)
    layers[:-1] = np.column_stack([starts[:-1] - low, low, high])
    for letters, layer in backwards(graph, layers, min_length):
        chances[starts[letters] : starts[letters + 1]] = layer
    probability = min(1.0, float(chances[START]))
    return Plan(shaped, graph, chances, layers, min_length, min_length, max_length, probability)


def backwards(graph: NodeGraph, layers: Ints, min_length: int, *, best: bool = False) -> Iterator[tuple[int, Floats]]:
    """The chances (nodes of the layer,) of each layer of a layered plan, the last one first, with its letters."""
    after, out = np.zeros((2, len(graph)))
    for letters in range(len(layers) - 2, -1, -1):
        _, low, high = layers[letters].tolist()
        graph.step(after, out, low, high, may_end=letters >= min_length, best=best)
        yield letters, out[low:high]
        _, after_low, after_high = layers[letters + 1].tolist()
        after[after_low:after_high] = 0.0
        after, out = out, after


def _lengthless(shaped: Shaped, graph: NodeGraph, min_length: int, max_length: int, accepted: float) -> Plan | None:
    """None where there are too many nodes, the chances do not settle, or less than the share `accepted` of the names
    have an allowed length."""
    count = len(graph)
    if count > max(MAX_LENGTHLESS, 2 * len(shaped.arcs.backoffs)):
        return None
    before, after = np.zeros((2, count))
    up_to = np.zeros(MAX_NAME_LENGTH + 1)  # chance to end well within so many letters
    for letters in range(_MAX_SWEEPS):
        graph.step(before, after, START, count)
        up_to[letters:] = after[START]
        settled = letters % _LOOK_EVERY == 0 and backward.greatest_change(before, after) <= _CONVERGED
        before, after = after, before
        if settled:
            break
    else:
        return None
    probability = float(up_to[max_length] - up_to[min_length - 1])
    if probability < accepted * before[START]:
        return None
    layers = np.array([[0, START, count]], dtype=np.int64)
    return Plan(shaped, graph, before, layers, 0, min_length, max_length, min(1.0, probability))
