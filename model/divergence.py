"""How far two models' names are apart: the exact Kullback-Leibler divergence of their distributions of whole names.

A name's log-probability is a sum over its characters, so the expected difference of two models' log-probabilities
is one backward pass over the contexts of the longer memory. As for `model.facts`, draws are plain: temperature 1, names
of 1 to 64 letters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsatisfiableError
from model.transitions import DEFAULT_BUDGET_BYTES, Floats, Ints, Transitions, check_budget
from model.vocabulary import BOUNDARY, MAX_NAME_LENGTH, Vocabulary

_BUDGET_BYTES = DEFAULT_BUDGET_BYTES // 2
"""Of one table of both models; a handful of its size are needed at once."""


@dataclass(frozen=True)
class Divergence:
    """Nats a name and nats a character (ends included; names as the first model gives them). `standard_error` is that
    of `per_name`: None where both are exact. Infinite where the first model gives names that the second cannot."""

    per_name: float
    per_character: float
    standard_error: float | None = None


@dataclass(frozen=True)
class NameChain:
    """A table together with the letters that its symbols stand for."""

    transitions: Transitions
    vocabulary: Vocabulary


def divergence(p: NameChain, q: NameChain, max_length: int = MAX_NAME_LENGTH) -> Divergence:
    """Kullback-Leibler divergence of q from p, exact but for rounding. Models may differ in context and alphabet.
    Raises UnsatisfiableError where one has no name of 1 to `max_length` letters, TableTooLargeError where the
    contexts of both are too many."""
    block_size = max(p.transitions.block_size, q.transitions.block_size)
    check_budget(p.vocabulary.size, block_size, _BUDGET_BYTES)
    log_p, log_q = (_seen_from(p.vocabulary, model, block_size) for model in (p, q))
    chances = _without_empty_name(log_p)
    possible = chances > 0
    forbidden = possible & np.isneginf(log_q)
    if forbidden.any() and expected_sum(chances, forbidden.astype(float), max_length).sum > 0:
        return Divergence(math.inf, math.inf)
    differences = np.subtract(log_p, log_q, out=np.zeros_like(log_p), where=possible & ~forbidden)
    found = expected_sum(chances, differences, max_length)
    own = expected_sum(_without_empty_name(q.transitions.log_probs), None, max_length)
    if not found.mass or not own.mass:
        raise UnsatisfiableError(f"no name of 1 to {max_length} letters is possible")
    characters = expected_sum(chances, np.ones_like(chances), max_length).sum / found.mass
    per_name = max(0.0, found.sum / found.mass - math.log(found.mass) + math.log(own.mass))
    return Divergence(per_name, per_name / characters)


@dataclass(frozen=True)
class ExpectedSum:
    """`mass` is the chance that a name ends in time; `sum` the mean of what its characters carry, names that do not
    end counted as 0."""

    mass: float
    sum: float


def expected_sum(chances: Floats, values: Floats | None, max_length: int) -> ExpectedSum:
    """Of `values` (contexts, symbols) summed over a name's characters, its end included, where characters follow
    contexts with `chances` (contexts, symbols); values of chances of 0 must be finite."""
    size = chances.shape[1]
    weighed = None if values is None else chances * values
    mass, total = np.zeros((2, len(chances)))
    for _ in range(max_length + 1):
        if weighed is not None:
            total = _step(weighed, mass, size) + _step(chances, total, size, may_end=False)
        before, mass = mass, _step(chances, mass, size)
        if weighed is None and (before == mass).all():
            break
    return ExpectedSum(float(mass[0]), float(total[0]))


def _step(weights: Floats, after: Floats, size: int, may_end: bool = True) -> Floats:
    """What `after` (contexts,) was one character later: contexts of one tail are followed by the same ones."""
    tails = len(weights) // size
    by_tail, next_by_tail = weights.reshape(size, tails, size), after.reshape(tails, size)
    going_on = np.einsum("fts,ts->ft", by_tail[:, :, 1:], next_by_tail[:, 1:])
    chances: Floats = going_on + by_tail[:, :, BOUNDARY] if may_end else going_on
    return chances.reshape(-1)


def _without_empty_name(log_probs: Floats) -> Floats:
    chances: Floats = np.exp(log_probs)
    chances[0, BOUNDARY] = 0.0
    return chances


def _seen_from(vocabulary: Vocabulary, model: NameChain, block_size: int) -> Floats:
    """The model's log-probabilities (contexts, symbols) for contexts of `block_size` symbols of another vocabulary,
    minus infinity for letters that it lacks. What follows such letters is of no meaning."""
    ids, lacking = _ids_in(model.vocabulary, vocabulary)
    rows = _rows(ids, model.transitions, block_size)
    table: Floats = np.where(lacking, -np.inf, model.transitions.log_probs[rows[:, None], ids])
    return table


def _ids_in(other: Vocabulary, vocabulary: Vocabulary) -> tuple[Ints, NDArray[np.bool_]]:
    """For each symbol of `vocabulary` its id in the other one, and whether it is lacking there."""
    places = {letter: i for i, letter in enumerate(other.letters, start=1)}
    found: Sequence[int | None] = [BOUNDARY, *(places.get(letter) for letter in vocabulary.letters)]
    return np.array([i or 0 for i in found]), np.array([i is None for i in found])


def _rows(ids: Ints, transitions: Transitions, block_size: int) -> Ints:
    """The table's row for each context of `block_size` symbols, which have these ids there: its end counts."""
    rows = np.zeros(len(ids) ** (block_size - transitions.block_size), dtype=np.int64)
    for _ in range(transitions.block_size):
        rows = (rows[:, None] * transitions.vocabulary_size + ids).reshape(-1)
    return rows
