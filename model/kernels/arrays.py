"""Groups of arrays that kernels take as one argument."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Symbols = NDArray[np.uint16]
Flags = NDArray[np.uint8]


class Arcs(NamedTuple):
    """The rows of an automaton (see `model.transitions.automaton`). State s has the arcs `starts[s]` to `starts[s + 1]
    - 1`, one for each of its `symbols`, in order, the boundary first, with a weight (a probability, say) and the state
    after it; the boundary's weight is in `ends` too. A symbol without an arc has `backoffs[s]` times its weight in
    `base`, and the state after it is `base_successors`; where `backoffs[s]` is 0 it cannot follow. Without such rows
    the base is empty. All arrays are read-only."""

    starts: Ints
    symbols: Symbols
    weights: Floats
    successors: Numbers
    ends: Floats
    backoffs: Floats
    base: Floats
    base_successors: Numbers


class Nodes(NamedTuple):
    """States of the automata of a request together with states of the model (see `model.sampling.plan_nodes`). Node 0
    is where no name goes, node 1 where all begin. `successors[block_starts[blocks[n]] + i]` is the node after arc i of
    the model's state; after a symbol without an arc it is `base_successors[bases[n], symbol]`. Nodes that are followed
    by the same ones share a block."""

    states: Numbers
    accepting: Flags
    blocks: Numbers
    block_starts: Ints
    successors: Numbers
    bases: Numbers
    base_successors: Numbers


class PlanArrays(NamedTuple):
    """See `model.sampling.plan`."""

    arcs: Arcs
    nodes: Nodes
    chances: Floats
    layers: Ints
    may_end_from: int


class TrieArrays(NamedTuple):
    """See `model.sampling.excluded_names`."""

    starts: Ints
    symbols: Symbols
    children: Numbers
    terminal: Flags
    remaining: Floats
    places: Ints


class Listed(NamedTuple):
    """Names that can be looked for (see `kernels.lookup`): the bits of a symbol, letters, ends, keys, numbers."""

    bits: int
    symbols: Symbols
    ends: Ints
    keys: NDArray[np.uint64]
    numbers: Numbers


class AliasRows(NamedTuple):
    """Rows that were made (see `model.sampling.alias_rows`)."""

    index: Numbers
    near: NDArray[Any]
    fine: NDArray[np.uint32]
    after: NDArray[np.uint32]
    half_bits: int
    size: int
    """Symbols of the vocabulary."""


class Lanes(NamedTuple):
    """Names that are drawn side by side (see `kernels.lanes`), each (lanes,): the start of its stream, the numbers it
    has taken from that, the row it is at as in `AliasRows.index`, its letters so far, its number, its key."""

    streams: NDArray[np.uint64]
    steps: NDArray[np.uint64]
    slots: NDArray[np.uint64]
    letters: NDArray[np.uint64]
    names: NDArray[np.uint64]
    keys: NDArray[np.uint64]


class Block(NamedTuple):
    """Names drawn together: their letters (names, most letters), how many each has, and their keys (names,)."""

    letters: Symbols
    sizes: Ints
    keys: NDArray[np.uint64]
