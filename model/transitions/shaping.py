"""How a request shapes the model's distribution: temperature, then top_k, then top_p."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.errors import ConstraintError
from model.kernels.arrays import Arcs, Floats, Ints, Numbers
from model.kernels.random_numbers import mix
from model.text.vocabulary import MAX_NAME_LENGTH
from model.transitions.automaton import Transitions

MAX_ARCS = 16_000_000
"""Arcs of a shaped automaton whose rows are written out, some 220 MB."""
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class ShapeSettings:
    """What shapes the distribution, and the lengths (letters) that condition it."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_length: int = 1
    max_length: int = MAX_NAME_LENGTH

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= 10:
            raise ValueError("temperature must be greater than 0 and at most 10")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError("top_k must be at least 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError("top_p must be greater than 0 and at most 1")
        if not 1 <= self.min_length <= self.max_length <= MAX_NAME_LENGTH:
            raise ValueError(f"lengths must be in 1..{MAX_NAME_LENGTH}, and the least must not exceed the greatest")

    @property
    def shape(self) -> tuple[float, int | None, float | None]:
        """What shapes the distribution, without the lengths."""
        return self.temperature, self.top_k, self.top_p


@dataclass(frozen=True, eq=False)
class Shaped:
    """A shaped distribution: the arcs of an automaton with probabilities as weights."""

    arcs: Arcs
    start: int
    size: int
    """Symbols of the vocabulary."""

    @classmethod
    def of(cls, transitions: Transitions, settings: ShapeSettings) -> "Shaped":
        """Raises ConstraintError where `top_k` or `top_p` leaves too much of a large alphabet to be written out."""
        return cls(_shaped_arcs(transitions, settings), transitions.start, transitions.vocabulary_size)

    @property
    def nbytes(self) -> int:
        """Memory that the automaton itself does not take."""
        return self.arcs.weights.nbytes + self.arcs.ends.nbytes

    @cached_property
    def classes(self) -> Numbers:
        """(states,): equal for states that the same symbols can follow and lead to the same states."""
        return classes_of(self.arcs)

    @cached_property
    def logarithms(self) -> Arcs:
        """The same with natural logarithms as weights."""
        arcs = self.arcs
        with np.errstate(divide="ignore"):
            logs = [np.log(part) for part in (arcs.weights, arcs.ends, arcs.backoffs, arcs.base)]
        for part in logs:
            part.setflags(write=False)
        return arcs._replace(weights=logs[0], ends=logs[1], backoffs=logs[2], base=logs[3])


def classes_of(arcs: Arcs) -> Numbers:
    """Rows are told apart by a hash of their arcs, and states that do share one are compared with its first."""
    counts = np.diff(arcs.starts)
    targets = np.where(arcs.weights > 0, arcs.successors, -1)
    words = (targets.astype(np.int64) + 1).astype(np.uint64) << np.uint64(16) | arcs.symbols
    falls_back = (arcs.backoffs > 0).astype(np.uint64)
    hashes = np.add.reduceat(mix(words), arcs.starts[:-1]) + mix(counts.astype(np.uint64)) * np.uint64(2) + falls_back
    _, firsts, classes = np.unique(hashes, return_index=True, return_inverse=True)
    classes = classes.reshape(-1).astype(np.int32)
    shift = np.repeat(arcs.starts[firsts[classes]] - arcs.starts[:-1], counts)
    at_first = np.minimum(np.arange(len(words)) + shift, len(words) - 1)
    same_length = counts == counts[firsts[classes]]
    if same_length.all() and (words[at_first] == words).all():
        return np.asarray(classes, dtype=np.int32)
    return np.arange(len(counts), dtype=np.int32)


def _shaped_arcs(transitions: Transitions, settings: ShapeSettings) -> Arcs:
    if transitions.complete:
        weights = shape_distribution(transitions.log_probs, settings).reshape(-1)
        return transitions.weighted(weights, np.zeros(len(transitions)), 0.0)
    if settings.top_k is None and settings.top_p in (None, 1):
        return _tempered(transitions, settings.temperature)
    return _written_out(transitions, settings)


def _tempered(transitions: Transitions, temperature: float) -> Arcs:
    """Rows that share the root's: raised to a power they still do."""
    with np.errstate(under="ignore"):
        logs, log_backoffs = transitions.arc_log_probs / temperature, transitions.log_backoffs / temperature
        highest = np.maximum.reduceat(logs, transitions.starts[:-1])
        root = slice(transitions.starts[transitions.root], transitions.starts[transitions.root + 1])
        highest = np.maximum(highest, log_backoffs + logs[root].max())
        root_highest = highest[transitions.root]
        chances = np.exp(logs - np.repeat(highest, np.diff(transitions.starts)))
        base = np.exp(logs[root] - root_highest)
        backoffs = np.exp(log_backoffs + root_highest - highest)
    spoken_for = np.add.reduceat(base[transitions.symbols], transitions.starts[:-1])
    totals = np.add.reduceat(chances, transitions.starts[:-1])
    totals += backoffs * np.maximum(base.sum() - spoken_for, 0)
    chances /= np.repeat(totals, np.diff(transitions.starts))
    # The base is the root's shaped row: what is taken off its weights is put on those of the rows that fall back on it.
    return transitions.weighted(chances, backoffs / totals * totals[transitions.root], 0.0)


def _written_out(transitions: Transitions, settings: ShapeSettings) -> Arcs:
    """Rows whose less probable symbols are gone, each with an arc for every symbol that is left."""
    at_once = max(1, _NUMBERS_AT_ONCE // transitions.vocabulary_size)
    counts, parts, total = [], [], 0
    for begin in range(0, len(transitions), at_once):
        states: Ints = np.arange(begin, min(begin + at_once, len(transitions)))
        log_probs, successors = transitions.rows(states)
        chances = shape_distribution(log_probs, settings)
        kept = chances > 0
        kept[:, 0] = True  # every row has its boundary
        counts.append(kept.sum(axis=1))
        parts.append((np.nonzero(kept)[1].astype(np.uint16), chances[kept], successors[kept]))
        total += len(parts[-1][0])
        if total > MAX_ARCS:
            field = "top_k" if settings.top_p is None else "top_p"
            raise ConstraintError(field, f"{field} keeps too many of this model's symbols: lower it or leave it out")
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    symbols, weights, successors = (np.concatenate(each) for each in zip(*parts, strict=True))
    ends = weights[starts[:-1]].copy()
    arcs = Arcs(
        starts, symbols, weights, successors, ends, np.zeros(len(ends)), np.zeros(0), np.zeros(0, dtype=np.int32)
    )
    for part in arcs:
        part.setflags(write=False)
    return arcs


def shape_distribution(log_probs: Floats, settings: ShapeSettings) -> Floats:
    """Probabilities (states, symbols) after temperature, top_k and top_p; rows sum to 1.

    top_k keeps the k most probable symbols, ties going to the smaller id; top_p keeps the fewest most
    probable symbols whose sum reaches p (Holtzman et al. 2020). Both renormalise.
    """
    with np.errstate(over="ignore"):  # a tiny temperature leaves only the most probable symbols
        probabilities: Floats = np.exp((log_probs - log_probs.max(axis=1, keepdims=True)) / settings.temperature)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    top_p = settings.top_p if settings.top_p != 1 else None  # rounded sums reach 1 too early
    if settings.top_k is None and top_p is None:
        return probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    if settings.top_k is not None:
        ranked[:, settings.top_k :] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    if top_p is not None:
        before = np.cumsum(ranked, axis=1) - ranked
        ranked[before >= top_p] = 0
        ranked /= ranked.sum(axis=1, keepdims=True)
    np.put_along_axis(probabilities, order, ranked, axis=1)
    return probabilities
