"""The contexts that names pass through, how often, and what a network says after each. Brings PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.network.stack import Stack
from model.text.names import Names
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH
from model.transitions.automaton import Floats, Ints

Contexts = NDArray[np.uint16]
Rows = NDArray[np.float32]

_CHUNK = 4_096
_AT_ONCE = 1_024
"""Names that draw a letter together: a row over a large alphabet takes 40 KB."""
_SEED = 0


@dataclass(frozen=True, eq=False)
class Visits:
    """Distinct `contexts` (n, block_size), passed `weights` (n,) times, and the network's `rows` (n, symbols) there."""

    contexts: Contexts
    weights: Floats
    rows: Rows

    def __add__(self, other: "Visits") -> "Visits":
        """Both; a context may then stand there twice."""
        return _together([self, other])

    def weighing(self, total: float) -> "Visits":
        """The same with weights of that sum."""
        return Visits(self.contexts, self.weights * (total / self.weights.sum()), self.rows)


@dataclass(frozen=True, eq=False)
class Observed:
    """What followed in a list: symbol `symbols[i]` came `weights[i]` times after context number `contexts[i]`."""

    contexts: Ints
    symbols: Ints
    weights: Floats


def listed(stack: Stack, names: Names, weights: Floats, block_size: int) -> tuple[Visits, Observed]:
    """Those of `names`, name i counted `weights[i]` times, and what followed."""
    contexts, visits, observed = passed(names, weights, block_size)
    return Visits(contexts, visits, rows_after(stack, contexts)), observed


def passed(names: Names, weights: Floats, block_size: int) -> tuple[Contexts, Floats, Observed]:
    """The same without what a network says: distinct contexts (n, block_size), how often each was passed (n,), and what
    followed."""
    contexts, following, owners = _passed(names, block_size)
    order = np.lexsort((following, *contexts.T[::-1]))
    contexts, following, heavy = contexts[order], following[order].astype(np.int64), weights[owners[order]]
    new = _begins(contexts)
    numbers = np.cumsum(new) - 1
    pairs = np.flatnonzero(new | _begins(following[:, None]))
    observed = Observed(numbers[pairs], following[pairs].astype(np.int64), np.add.reduceat(heavy, pairs))
    return contexts[new], np.bincount(numbers, heavy).astype(np.float64), observed


def drawn(stack: Stack, names: int, block_size: int) -> Visits:
    """Those of so many names, drawn from the network side by side: of the names in one context each symbol goes to its
    share of them, rounded up or down at random, always with the same seed."""
    generator = np.random.default_rng(_SEED)
    contexts, counts = np.zeros((1, block_size), dtype=np.uint16), np.array([names])
    parts = []
    for _ in range(MAX_NAME_LENGTH + 1):
        rows = rows_after(stack, contexts)
        parts.append(Visits(contexts, counts.astype(np.float64), rows))
        before, symbols, moved = _moved(rows, counts, generator)
        if not len(before):
            break
        after = np.concatenate([contexts[before, 1:], symbols[:, None].astype(np.uint16)], axis=1)
        order = np.lexsort(after.T[::-1])
        begins = np.flatnonzero(_begins(after[order]))
        contexts, counts = after[order][begins], np.add.reduceat(moved[order], begins)
    return _together(parts)


def _together(parts: list[Visits]) -> Visits:
    return Visits(
        np.concatenate([part.contexts for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.rows for part in parts]),
    )


def _moved(rows: Rows, counts: Ints, generator: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Of `counts` (n,) names in each context: the context, the symbol and how many of them draw it; none that end."""
    found: list[tuple[Ints, Ints, Ints]] = []
    for begin in range(0, len(rows), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        up_to = np.cumsum(rows[part], axis=1, dtype=np.float64)
        up_to *= (counts[part] / up_to[:, -1])[:, None]
        up_to += generator.random((len(up_to), 1))
        whole = np.floor(up_to).astype(np.int64)
        moved: Ints = whole[:, 1:] - whole[:, :-1]  # the end comes first, and is left out
        before, symbols = np.nonzero(moved)
        found.append((before + begin, symbols + 1, moved[before, symbols]))
    before, symbols, moved = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return before, symbols, moved


def drawn_names(stack: Stack, count: int, block_size: int) -> Names:
    """So many names, drawn from the network one by one, always the same ones; those of no letter are left out."""
    generator = np.random.default_rng(_SEED)
    symbols = np.zeros((count, block_size + MAX_NAME_LENGTH), dtype=np.uint16)
    alive = np.arange(count)
    for place in range(block_size, block_size + MAX_NAME_LENGTH):
        found = []
        for some in np.array_split(alive, -(-len(alive) // _AT_ONCE)):
            up_to = np.cumsum(rows_after(stack, symbols[some, place - block_size : place]), axis=1, dtype=np.float64)
            found.append((up_to < generator.random((len(some), 1)) * up_to[:, -1:]).sum(axis=1))
        symbols[alive, place] = np.concatenate(found)
        alive = alive[symbols[alive, place] != BOUNDARY]
        if not len(alive):
            break
    lengths = (symbols != BOUNDARY).sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return Names(symbols[symbols != BOUNDARY], ends).chosen(lengths > 0)


@torch.no_grad()
def rows_after(stack: Stack, contexts: Contexts) -> Rows:
    """Probabilities (n, symbols) after `contexts` (n, block_size)."""
    parts = torch.split(torch.from_numpy(contexts.astype(np.int64)), _CHUNK)
    return np.concatenate([torch.softmax(stack(part), dim=1).numpy() for part in parts])


def _passed(names: Names, block_size: int) -> tuple[Contexts, Contexts, Ints]:
    """The context of each letter and of each end (letters + names, block_size), what follows it, and whose it is."""
    count, lengths = len(names), names.lengths
    letter_owners, owners = np.repeat(np.arange(count), lengths), np.repeat(np.arange(count), lengths + 1)
    framed = np.full(len(names.symbols) + count * (block_size + 1), BOUNDARY, dtype=np.uint16)
    places = np.arange(len(names.symbols)) + letter_owners * block_size + block_size
    framed[places] = names.symbols
    following = np.full(len(owners), BOUNDARY, dtype=np.uint16)
    following[np.arange(len(names.symbols)) + letter_owners] = names.symbols
    starts = np.arange(len(owners)) + owners * (block_size - 1)
    return np.lib.stride_tricks.sliding_window_view(framed, block_size)[starts], following, owners


def _begins(rows: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which of `rows` (n, width) differ from the one before."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return new
