"""What can be asked of a model, whatever answers: the table, or the network itself where a table would not fit."""

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Protocol

import numpy as np
from cachetools import LRUCache

from model.automata import Automaton
from model.names import Listing, Names
from model.ranking import RankedName
from model.sampling import Sampler
from model.shaping import Settings, Shaped, shape_distribution
from model.transitions import Floats, Transitions

_SHAPES = 4
"""Shaped tables that are kept; plans hold on to their own."""


class NameSampler(Protocol):
    """Names under fixed settings and constraints. Threads can share one."""

    @property
    def probability(self) -> float | None:
        """The exact chance that an unconditioned draw meets the constraints; None where it is not known."""
        ...

    @property
    def nbytes(self) -> int:
        """Memory held."""
        ...

    def draw(self, seed: int | str, count: int, first: int = 0) -> Iterator[Names]:
        """Names `first` to `first + count - 1` of a seed, in chunks. Name i depends on (seed, i) alone."""
        ...

    def draw_distinct(self, seed: int | str, count: int) -> Names:
        """`count` different names, fewer if there are no more. Name i depends on (seed, i) alone."""
        ...

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each name (names,), its end included, under the settings alone."""
        ...

    def most_probable(self, count: int) -> list[RankedName]:
        """The most probable names, in order."""
        ...

    def stepper(self) -> Callable[[Sequence[int]], Floats]:
        """A function from a name's letters to (letters + 1, symbols): the distribution of each of its symbols given
        those before it and the constraints."""
        ...


class Engine(Protocol):
    """A model that can be asked."""

    def sampler(self, settings: Settings, automata: Sequence[Automaton], avoid: Listing | None) -> NameSampler:
        """Raises UnsatisfiableError where no name meets the constraints, ConstraintError where they are too complex."""
        ...

    def next_probabilities(self, symbols: Sequence[int], settings: Settings) -> Floats:
        """(symbols,): the shaped distribution of what follows these letters."""
        ...

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each letter and of each end at temperature 1, name after name."""
        ...


class TableEngine:
    """Answers from the table. Threads can share it."""

    def __init__(self, transitions: Transitions) -> None:
        self.transitions = transitions
        self._shapes: LRUCache[object, Shaped] = LRUCache(_SHAPES)
        self._lock = Lock()

    def sampler(self, settings: Settings, automata: Sequence[Automaton], avoid: Listing | None = None) -> Sampler:
        return Sampler(self._shaped(settings), settings, automata, avoid)

    def next_probabilities(self, symbols: Sequence[int], settings: Settings) -> Floats:
        """(symbols,): the shaped distribution of what follows these letters."""
        log_probs, _ = self.transitions.rows(np.array([self.transitions.state(symbols)]))
        probabilities: Floats = shape_distribution(log_probs, settings)[0]
        return probabilities

    def log_probs(self, names: Names) -> Floats:
        return names.log_probs(self.transitions.arcs, self.transitions.start)

    def _shaped(self, settings: Settings) -> Shaped:
        with self._lock:
            shaped = self._shapes.get(settings.shape)
        if shaped is None:
            shaped = Shaped.of(self.transitions, settings)
            with self._lock:
                self._shapes[settings.shape] = shaped
        return shaped
