"""Exact facts of a model, as sums over all names: backward passes (see `model.sampling.plan_nodes`).

They hold for plain draws: temperature 1, names of 1 to 64 letters, nothing blocked.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.constraints.automata import anything
from model.errors import UnsatisfiableError
from model.kernels import listing as kernels
from model.kernels.arrays import Arcs, Floats
from model.measures.repeats import first_repeat
from model.sampling.plan_nodes import START, NodeGraph
from model.text.names import NameSet
from model.text.vocabulary import MAX_NAME_LENGTH
from model.transitions.automaton import Transitions
from model.transitions.shaping import Shaped, ShapeSettings

EXACT = "exact"
"""Their entry in the manifest of a version, so that whoever serves it need not compute them."""


@dataclass(frozen=True)
class Facts:
    """`entropy` of a name in nats, and its `expected_length` in letters; `training_mass` is the chance that a draw is
    one of the training names, None where no list is known; `repeat_after` the least number of draws of which two are
    equal with probability 1/2 or more, None where that is over MAX_DRAWS or cannot be told (see `first_repeat`)."""

    entropy: float
    expected_length: float
    training_mass: float | None
    repeat_after: int | None


def facts(transitions: Transitions, listing: NameSet | None, max_length: int = MAX_NAME_LENGTH) -> Facts:
    """Exact but for rounding. Raises UnsatisfiableError where the model has no name of 1 to `max_length` letters."""
    shaped = Shaped.of(transitions, ShapeSettings())
    graph = NodeGraph.find(shaped, [], max_length)
    draws = _Draws(graph, without_end(shaped.arcs, shaped.start), max_length)
    mass, weighted = np.zeros((2, len(graph)))
    up_to = []  # the chance of a name of so many letters at most
    surprises, of_base = _surprises(draws.arcs)
    for _ in range(max_length + 1):
        weighted = (
            draws.step(mass, surprises) + draws.step(mass, of_base) + draws.step(weighted, draws.arcs, may_end=False)
        )
        mass = draws.step(mass, draws.arcs)
        up_to.append(float(mass[START]))
    whole = up_to[-1]
    if whole == 0:
        raise UnsatisfiableError(f"no name of 1 to {max_length} letters is possible")
    training_mass = (
        None
        if listing is None
        else min(1.0, _mass_of(listing, draws.arcs, shaped.start, shaped.size, max_length) / whole)
    )
    # Each name ends once: with its end divided by the mass, its chance is the conditional one.
    given = replaced(draws.arcs, ends=draws.arcs.ends / whole)
    return Facts(
        entropy=max(0.0, math.log(whole) + float(weighted[START]) / whole),
        expected_length=1 + math.fsum(whole - value for value in up_to[1:]) / whole,
        training_mass=training_mass,
        repeat_after=first_repeat(
            lambda power: draws.total(_to_the(given, power)), min(1.0, draws.total(given, best=True))
        ),
    )


def mass(transitions: Transitions, max_length: int = MAX_NAME_LENGTH) -> float:
    """The chance that a plain draw has 1 to `max_length` letters."""
    shaped = Shaped.of(transitions, ShapeSettings())
    draws = _Draws(NodeGraph.find(shaped, [], max_length), without_end(shaped.arcs, shaped.start), max_length)
    return draws.total(draws.arcs)


@dataclass(frozen=True, eq=False)
class _Draws:
    """Plain draws of up to `max_length` letters: backward passes over them."""

    graph: NodeGraph
    arcs: Arcs
    max_length: int

    def step(self, after: Floats, arcs: Arcs, *, may_end: bool = True, best: bool = False) -> Floats:
        """What `after` (nodes,) was one letter later."""
        out = np.zeros_like(after)
        self.graph.step(after, out, START, len(self.graph), may_end=may_end, best=best, arcs=arcs)
        return out

    def total(self, arcs: Arcs, *, best: bool = False) -> float:
        """The sum over all names of the products of their weights, or the greatest product."""
        sums = np.zeros(len(self.graph))
        for _ in range(self.max_length + 1):
            before, sums = sums, self.step(sums, arcs, best=best)
            if (before == sums).all():
                break
        return float(sums[START])


def without_end(arcs: Arcs, start: int) -> Arcs:
    """The same, but that no name ends before its first letter."""
    ends = arcs.ends.copy()
    ends[start] = 0
    return replaced(arcs, ends=ends)


def replaced(arcs: Arcs, **parts: Any) -> Arcs:
    """With other arrays of weights."""
    for part in parts.values():
        part.setflags(write=False)
    return arcs._replace(**parts)


def _surprises(arcs: Arcs) -> tuple[Arcs, Arcs]:
    """Arcs with -p log p as weights, in two parts whose sum counts: what symbols without an arc have is -b r log b r,
    for weights b and the base r, and so -b log b times r, and b times -r log r."""
    weights, ends, backoffs, base = (_surprise(part) for part in (arcs.weights, arcs.ends, arcs.backoffs, arcs.base))
    nothing = np.zeros_like
    return (
        replaced(arcs, weights=weights, ends=ends, backoffs=backoffs),
        replaced(arcs, weights=nothing(weights), ends=nothing(ends), base=base),
    )


def _surprise(chances: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chances > 0, -chances * np.log(chances), 0.0)


def _to_the(arcs: Arcs, power: int) -> Arcs:
    parts = ("weights", "ends", "backoffs", "base")
    return replaced(arcs, **{part: getattr(arcs, part) ** power for part in parts})


def _mass_of(listing: NameSet, arcs: Arcs, start: int, size: int, max_length: int) -> float:
    free = anything(size)
    moves, accepting = np.array(free.moves, order="C"), np.array(free.accepting)
    lengths = np.array([1, max_length], dtype=np.int64)
    chances = np.zeros(len(listing))
    kernels.listed_chances(
        listing.symbols, listing.ends, arcs, start, moves, moves, accepting, accepting, lengths, chances
    )
    return float(chances.sum())
