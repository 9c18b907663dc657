"""Context trees of random shape, and what they mean, told without the automaton's arithmetic."""

import itertools
import math
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from model.compiler.suffix_tree import SuffixTree
from model.transitions.context_tree import IMPOSSIBLE, STEPS_A_NAT, ContextTree, costs_of
from model.transitions.shaping import ShapeSettings

Context = tuple[int, ...]


def longest(letters: Context, kept: Container[Context]) -> Context:
    """The longest end of `letters` that is kept."""
    return next(letters[i:] for i in range(len(letters) + 1) if letters[i:] in kept)


def contexts_of(tree: SuffixTree) -> list[Context]:
    found: list[Context] = [()]
    for suffix, first in zip(tree.suffixes.tolist()[1:], tree.firsts.tolist()[1:], strict=True):
        found.append((first, *found[suffix]))
    return found


@dataclass(frozen=True)
class Told:
    """A tree as a dictionary: the probability of each symbol after each context that it holds."""

    tree: ContextTree
    rows: dict[Context, list[float]]

    def row(self, letters: Context) -> list[float]:
        """After a name's beginning: the row of its longest suffix that the tree holds, boundary in front."""
        return self.rows[longest((0, *letters), self.rows)]

    def names(self, most: int, settings: ShapeSettings | None = None) -> dict[Context, float]:
        """The chance of each name of up to so many letters, shaped but whatever its length."""
        size, found = self.tree.size, {}
        rows = {context: shaped(row, settings or ShapeSettings()) for context, row in self.rows.items()}
        told = Told(self.tree, rows)
        for letters in itertools.chain.from_iterable(
            itertools.product(range(1, size), repeat=k) for k in range(most + 1)
        ):
            chance = math.prod(told.row(letters[:i])[symbol] for i, symbol in enumerate((*letters, 0)))
            if chance > 0:
                found[letters] = chance
        return found


def shaped(row: list[float], settings: ShapeSettings) -> list[float]:
    powers = [chance ** (1 / settings.temperature) for chance in row]
    chances = [power / sum(powers) for power in powers]
    order = sorted(range(len(row)), key=lambda symbol: (-chances[symbol], symbol))
    kept = order if settings.top_k is None else order[: settings.top_k]
    if settings.top_p is not None and settings.top_p < 1:
        mass, within = sum(chances[symbol] for symbol in kept), []
        for symbol in kept:
            within.append(symbol)
            if sum(chances[each] / mass for each in within) >= settings.top_p:
                break
        kept = within
    left = [chance if symbol in kept else 0.0 for symbol, chance in enumerate(chances)]
    return [chance / sum(left) for chance in left]


def closed(contexts: set[Context], size: int) -> list[Context]:
    """With the root, every symbol, and whatever is left of a context without its first or its last symbol."""
    kept: set[Context] = {()}
    waiting = [*contexts, *((symbol,) for symbol in range(size))]
    while waiting:
        context = waiting.pop()
        if context not in kept:
            kept.add(context)
            waiting += [context[1:], context[:-1]]
    return sorted(kept, key=lambda context: (len(context), context))


def random_tree(seed: int, size: int = 4, *, sparse: bool = False, impossible: float = 0.0, contexts: int = 12) -> Told:
    """Contexts and rows drawn at random; some symbols `impossible`; with `sparse` rows fall back on the root's where
    they may."""
    random = np.random.default_rng(seed)
    drawn = {
        (int(random.integers(0, size)), *random.integers(1, size, random.integers(0, 4)).tolist())
        for _ in range(contexts)
    }
    kept = closed(drawn, size)
    numbers = {context: number for number, context in enumerate(kept)}
    suffixes = np.array([0, *(numbers[context[1:]] for context in kept[1:])], dtype=np.int32)
    firsts = np.array([0, *(context[0] for context in kept[1:])], dtype=np.uint16)
    chances = random.dirichlet(np.full(size, 0.7), len(kept)) + 1e-6
    gone = random.random(chances.shape) < impossible
    gone[:, 0] = False
    costs = costs_of(np.where(gone, 0.0, chances))
    if not sparse:
        tree = ContextTree.of_rows(suffixes, firsts, np.where(gone, 0.0, chances))
        return Told(tree, {context: _row(costs[number], size) for number, context in enumerate(kept)})
    own = random.random(chances.shape) < 0.4
    own[0], own[:, 0] = True, True
    for number, context in enumerate(kept):
        for symbol in range(1, size):
            own[number, symbol] |= len(longest((*context, symbol), numbers)) > 1
    backoffs = random.integers(0, 4000, len(kept)).astype(np.uint16)
    backoffs[own.all(axis=1)] = IMPOSSIBLE
    starts = np.concatenate([[0], np.cumsum(own.sum(axis=1))]).astype(np.int64)
    tree = ContextTree(size, suffixes, firsts, starts, np.nonzero(own)[1].astype(np.uint16), costs[own], backoffs)
    root = _row(costs[0], size)
    rows = {}
    for number, context in enumerate(kept):
        weights = np.exp(costs[number] / -STEPS_A_NAT) * (costs[number] != IMPOSSIBLE)
        share = 0.0 if backoffs[number] == IMPOSSIBLE else math.exp(-int(backoffs[number]) / STEPS_A_NAT)
        row = np.where(own[number], weights, share * np.array(root))
        rows[context] = (row / row.sum()).tolist()
    return Told(tree, rows)


def _row(costs: np.ndarray[tuple[int, ...], np.dtype[np.uint16]], size: int) -> list[float]:
    weights = [0.0 if cost == IMPOSSIBLE else math.exp(-int(cost) / STEPS_A_NAT) for cost in costs.tolist()]
    assert len(weights) == size
    return [weight / sum(weights) for weight in weights]
