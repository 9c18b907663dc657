"""How alike two sets of names are, whatever they were made by: distances of their lengths, bigrams and trigrams."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.transitions.automaton import Floats

_BOUNDARY = "\0"
"""Stands once before and once after each name: a letter that begins or ends it is a bigram too."""


@dataclass(frozen=True, eq=False)
class WeighedNames:
    """Names, repeats included, with their weights (n,)."""

    names: list[str]
    weights: Floats

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def even(cls, names: list[str]) -> "WeighedNames":
        return cls(names, np.ones(len(names)))

    @cached_property
    def totals(self) -> Mapping[str, float]:
        """The weight of each distinct name."""
        return _weighed(zip(self.names, self.weights.tolist(), strict=True))

    @property
    def effective(self) -> int:
        """So many names of equal weight would be as uncertain (Kish 1965): without weights, their number."""
        return round(float(self.weights.sum() ** 2 / (self.weights**2).sum())) if len(self) else 0

    def uniqueness_among(self, count: int) -> float:
        """The share of different names that is expected among `count` of them, drawn by weight."""
        shares = np.array(list(self.totals.values())) / self.weights.sum()
        return float((1 - (1 - shares) ** count).sum()) / count

    def thinned(self, most: int) -> "WeighedNames":
        """At most `most` of them, evenly taken from the whole list: a list can be sorted."""
        if len(self) <= most:
            return self
        chosen = np.arange(most) * len(self) // most
        return WeighedNames([self.names[i] for i in chosen], self.weights[chosen])


def distances(some: WeighedNames, others: WeighedNames) -> dict[str, float]:
    """Jensen-Shannon divergences in bits, 0 for equal distributions and 1 for disjoint ones, of the names' `length`,
    `bigram` and `trigram`. They shrink as names are added: compare sets of equal sizes only."""
    first, second = _features(some), _features(others)
    return {feature: jensen_shannon(first[feature], second[feature]) for feature in first}


def jensen_shannon(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """Divergence in bits between two distributions, given as weights that need not sum to 1."""
    totals = math.fsum(p.values()), math.fsum(q.values())
    pairs = ((p.get(key, 0.0) / totals[0], q.get(key, 0.0) / totals[1]) for key in p.keys() | q.keys())
    return max(0.0, math.fsum(_part(a, a + b) + _part(b, a + b) for a, b in pairs) / 2)


def _part(share: float, sum_of_both: float) -> float:
    return share * math.log2(2 * share / sum_of_both) if share > 0 else 0.0


def _features(names: WeighedNames) -> dict[str, Mapping[str, float]]:
    return {"length": _lengths(names), "bigram": _grams(names, 2), "trigram": _grams(names, 3)}


def _lengths(names: WeighedNames) -> Mapping[str, float]:
    return _weighed((str(len(name)), weight) for name, weight in names.totals.items())


def _grams(names: WeighedNames, size: int) -> Mapping[str, float]:
    framed = ((f"{_BOUNDARY}{name}{_BOUNDARY}", weight) for name, weight in names.totals.items())
    return _weighed((name[i : i + size], weight) for name, weight in framed for i in range(len(name) - size + 1))


def _weighed(items: Iterable[tuple[str, float]]) -> Mapping[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for item, weight in items:
        found[item] += weight
    return found
