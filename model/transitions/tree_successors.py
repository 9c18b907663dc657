"""Where each arc of a context tree leads."""

import numpy as np

from model.errors import StoreError
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import NOWHERE, Ints, Numbers, Symbols

ROOT = 0
"""The state of the empty context."""


def successors_of(size: int, suffixes: Numbers, firsts: Symbols, starts: Ints, symbols: Symbols) -> Numbers:
    """The state after each arc (arcs,) of a tree (see `model.transitions.context_tree`): the longest suffix in the tree
    of the context and the symbol. It is that of the context without its first symbol, or that one with this symbol in
    front. Raises StoreError for a tree that holds a context twice, or lacks an arc that a longer context needs."""
    counts = np.diff(starts)
    owners = np.repeat(np.arange(len(suffixes)), counts)
    arc_keys = owners * size + symbols
    keys = suffixes.astype(np.int64) * size + firsts
    keys[ROOT] = -1
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    if (np.diff(ordered) == 0).any():
        raise StoreError("the context tree holds a context twice")
    children = _find(ordered, ROOT * size + np.arange(size))
    from_root = np.where(children >= 0, order[children], ROOT).astype(np.int32)
    from_root[BOUNDARY] = NOWHERE
    successors = np.full(len(symbols), NOWHERE, dtype=np.int32)
    successors[:size] = from_root
    depths = np.zeros(len(suffixes), dtype=np.int64)
    for level in _levels(suffixes, depths):
        here = np.zeros(len(suffixes), dtype=np.bool_)
        here[level] = True
        arcs = np.flatnonzero(np.repeat(here, counts) & (symbols != BOUNDARY))
        wanted = symbols[arcs].astype(np.int64)
        places = _find(arc_keys, suffixes[owners[arcs]] * size + wanted)
        target = np.where(places >= 0, successors[places], from_root[wanted])
        longer = _find(ordered, target.astype(np.int64) * size + firsts[owners[arcs]])
        extends = (longer >= 0) & (depths[target] == depths[owners[arcs]])
        successors[arcs] = np.where(extends, order[longer], target)
    if len(symbols) < len(suffixes) * size:
        shared = _find(arc_keys, suffixes[owners].astype(np.int64) * size + symbols)
        _check_arcs(suffixes, owners, shared, successors, depths)
    return successors


def _levels(suffixes: Numbers, depths: Ints) -> list[Ints]:
    """The states of each length from 1 on; `depths` (states,) takes the lengths."""
    levels: list[Ints] = []
    here = np.array([ROOT])
    order = np.argsort(suffixes[1:], kind="stable")
    ordered = suffixes[1:][order]
    while True:
        low, high = np.searchsorted(ordered, here), np.searchsorted(ordered, here, side="right")
        counts = high - low
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - low, counts)
        here = np.sort(order[places] + 1)
        if not len(here):
            return levels
        levels.append(here)
        depths[here] = len(levels)


def _check_arcs(suffixes: Numbers, owners: Ints, shared: Ints, successors: Numbers, depths: Ints) -> None:
    """A symbol without an arc leads where it leads from the root. So where it leads to a longer context from the end of
    a state, the state needs an arc, too. `shared` (arcs,) is the arc of the same symbol at the end of the owner."""
    far = successors != NOWHERE
    far[far] = depths[successors[far]] > 1
    needed = np.bincount(owners[far], minlength=len(suffixes))
    counted = (shared >= 0) & (owners != ROOT)
    counted[counted] = far[shared[counted]]
    has = np.bincount(owners[counted], minlength=len(suffixes))
    if (has[1:] < needed[suffixes[1:]]).any():
        raise StoreError("the context tree holds rows that lack an arc that a longer context needs")


def _find(ordered: Ints, keys: Ints) -> Ints:
    """Where `keys` stand in `ordered`; -1 where they do not."""
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.where(ordered[places] == keys, places, -1)
