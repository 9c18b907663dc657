"""What can be asked of a model: names, what follows a beginning, how likely a name is."""

from collections.abc import Sequence
from threading import Lock

import numpy as np
from cachetools import LRUCache

from model.constraints.automata import Automaton
from model.sampling.sampler import Sampler
from model.text.names import Names, NameSet
from model.transitions.automaton import Floats, Transitions
from model.transitions.shaping import Shaped, ShapeSettings, shape_distribution

_SHAPES = 4
"""Shaped tables that are kept; plans hold on to their own."""


class LanguageModel:
    """Answers from the table. Threads can share it."""

    def __init__(self, transitions: Transitions) -> None:
        self.transitions = transitions
        self._shapes: LRUCache[object, Shaped] = LRUCache(_SHAPES)
        self._lock = Lock()

    def sampler(self, settings: ShapeSettings, automata: Sequence[Automaton], avoid: NameSet | None = None) -> Sampler:
        """Raises UnsatisfiableError where no name meets the constraints, ConstraintError where they are too complex."""
        return Sampler(self._shaped(settings), settings, automata, avoid)

    def next_probabilities(self, symbols: Sequence[int], settings: ShapeSettings) -> Floats:
        """(symbols,): the shaped distribution of what follows these letters."""
        log_probs, _ = self.transitions.rows(np.array([self.transitions.state(symbols)]))
        probabilities: Floats = shape_distribution(log_probs, settings)[0]
        return probabilities

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each letter and of each end at temperature 1, name after name."""
        return names.log_probs(self.transitions.arcs, self.transitions.start)

    def _shaped(self, settings: ShapeSettings) -> Shaped:
        with self._lock:
            shaped = self._shapes.get(settings.shape)
        if shaped is None:
            shaped = Shaped.of(self.transitions, settings)
            with self._lock:
                self._shapes[settings.shape] = shaped
        return shaped
