"""How far two models' names are apart: the exact Kullback-Leibler divergence of their distributions of whole names.

A name's log-probability is a sum over its characters, so the expected difference of two models' log-probabilities
is one backward pass over the pairs of their states. As for `model.measures.facts`, draws are plain: temperature 1,
names of 1 to 64 letters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsatisfiableError
from model.measures import facts
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH, Vocabulary
from model.transitions.automaton import Floats, Ints, Numbers, Transitions
from model.transitions.product import product


@dataclass(frozen=True)
class Divergence:
    """Nats a name and nats a character (ends included; names as the first model gives them). Infinite where the first
    model gives names that the second cannot."""

    per_name: float
    per_character: float


@dataclass(frozen=True)
class NameChain:
    """An automaton together with the letters that its symbols stand for."""

    transitions: Transitions
    vocabulary: Vocabulary


def divergence(p: NameChain, q: NameChain, max_length: int = MAX_NAME_LENGTH) -> Divergence:
    """Kullback-Leibler divergence of q from p, exact but for rounding. Models may differ in context and alphabet.
    Raises UnsatisfiableError where one has no name of 1 to `max_length` letters, TableTooLargeError where the
    contexts of both are too many."""
    both = product(p.transitions, q.transitions, *_ids_in(q.vocabulary, p.vocabulary))
    chances = np.exp(both.log_p)
    chances[0, BOUNDARY] = 0  # no name is empty
    mass = _expected_sum(chances, np.zeros_like(chances), both.successors, max_length)[0]
    own = facts.mass(q.transitions, max_length)
    if not mass or not own:
        raise UnsatisfiableError(f"no name of 1 to {max_length} letters is possible")
    possible = chances > 0
    forbidden = possible & np.isneginf(both.log_q)
    if forbidden.any() and _expected_sum(chances, forbidden.astype(float), both.successors, max_length)[1] > 0:
        return Divergence(math.inf, math.inf)
    differences = np.subtract(both.log_p, both.log_q, out=np.zeros_like(chances), where=possible & ~forbidden)
    total = _expected_sum(chances, differences, both.successors, max_length)[1]
    characters = _expected_sum(chances, np.ones_like(chances), both.successors, max_length)[1] / mass
    per_name = max(0.0, total / mass - math.log(mass) + math.log(own))
    return Divergence(per_name, per_name / characters)


def _expected_sum(chances: Floats, values: Floats, successors: Numbers, max_length: int) -> tuple[float, float]:
    """The chance that a name ends in time, and the mean of `values` (states, symbols) summed over its characters, its
    end included, where characters follow with `chances` (states, symbols) and names that do not end count as 0."""
    at_end, on = chances[:, BOUNDARY], chances.copy()
    on[:, BOUNDARY] = 0
    values_at_end, weighed = at_end * values[:, BOUNDARY], on * values
    mass, total = np.zeros((2, len(chances) + 1))  # the last one is what NOWHERE leads to
    for _ in range(max_length + 1):
        mass_after, total_after = mass[successors], total[successors]
        total[:-1] = values_at_end + np.einsum("sa,sa->s", weighed, mass_after)
        total[:-1] += np.einsum("sa,sa->s", on, total_after)
        mass[:-1] = at_end + np.einsum("sa,sa->s", on, mass_after)
    return float(mass[0]), float(total[0])


def _ids_in(other: Vocabulary, vocabulary: Vocabulary) -> tuple[Ints, NDArray[np.bool_]]:
    """For each symbol of `vocabulary` its id in the other one, and whether it is lacking there."""
    places = {letter: i for i, letter in enumerate(other.letters, start=1)}
    found: Sequence[int | None] = [BOUNDARY, *(places.get(letter) for letter in vocabulary.letters)]
    return np.array([i or 0 for i in found]), np.array([i is None for i in found])
