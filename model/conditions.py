"""What is asked of a name, beside the model: automata and lengths, looked at before anything is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.automata import START_STATE, Automaton
from model.errors import UnsatisfiableError
from model.groups import MAX_GROUPS, MAX_MOVES, pair_of, too_complex
from model.kernels import states
from model.shaping import Settings
from model.vocabulary import BOUNDARY


@dataclass(frozen=True, eq=False)
class Conditions:
    """Automata multiplied: `successors` (states, symbols), negative where there is none, and `accepting` (states,).
    `hopeful` (max_length + 1, states) tells whether, after so many letters, a state still leads to an accepted name of
    an allowed length. The start is state 0."""

    successors: NDArray[np.int32]
    accepting: NDArray[np.uint8]
    hopeful: NDArray[np.uint8]
    min_length: int

    @classmethod
    def of(cls, automata: Sequence[Automaton], size: int, settings: Settings) -> "Conditions":
        """Of at most two automata. Raises UnsatisfiableError where no name meets them and the lengths, whatever the
        model, ConstraintError where there are too many states."""
        first, second = pair_of(automata, size)
        limit = max(1, min(MAX_GROUPS, MAX_MOVES // size))
        moves, others = (np.array(each.moves, dtype=np.int32, order="C") for each in (first, second))
        possible = np.ones((1, size), dtype=np.bool_)
        pairs, _, _, _, successors = states.discover(moves, others, possible, settings.max_length, limit)
        if len(pairs) > limit:
            raise too_complex(f"over {limit:,} states")
        accepting = first.accepting[pairs[:, 0]] & second.accepting[pairs[:, 1]]
        hopeful = _hopeful(successors, accepting, settings.min_length, settings.max_length)
        if not hopeful[0, START_STATE]:
            raise unsatisfiable(settings)
        return cls(successors, accepting.astype(np.uint8), hopeful.astype(np.uint8), settings.min_length)

    @property
    def max_length(self) -> int:
        return len(self.hopeful) - 1

    @property
    def nbytes(self) -> int:
        return self.successors.nbytes + self.accepting.nbytes + self.hopeful.nbytes

    def ways(self, state: int, letters: int) -> NDArray[np.bool_]:
        """Which symbols (symbols,) may follow, the boundary for an end."""
        after = self.successors[state]
        if letters < self.max_length:
            ways: NDArray[np.bool_] = (after >= 0) & self.hopeful[letters + 1, after].astype(bool)
        else:
            ways = np.zeros(len(after), dtype=np.bool_)
        ways[BOUNDARY] = self.accepting[state] and letters >= self.min_length
        return ways

    def beginning(self) -> tuple[list[int], int]:
        """The letters that every name begins with, and the state after them."""
        symbols: list[int] = []
        state = START_STATE
        while True:
            ways = np.flatnonzero(self.ways(state, len(symbols)))
            if len(ways) != 1 or ways[0] == BOUNDARY:
                return symbols, state
            symbols.append(int(ways[0]))
            state = int(self.successors[state, symbols[-1]])


def unsatisfiable(settings: Settings) -> UnsatisfiableError:
    """The refusal of conditions that no name meets."""
    lengths = f"{settings.min_length} to {settings.max_length} letters"
    return UnsatisfiableError(f"no name of {lengths} meets these constraints under these settings")


def _hopeful(
    successors: NDArray[np.int32], accepting: NDArray[np.bool_], min_length: int, max_length: int
) -> NDArray[np.bool_]:
    hopeful = np.zeros((max_length + 1, len(accepting) + 1), dtype=np.bool_)  # the last one is what -1 leads to
    hopeful[max_length, :-1] = accepting
    for letters in range(max_length - 1, -1, -1):
        goes_on = hopeful[letters + 1][successors].any(axis=1)
        hopeful[letters, :-1] = goes_on | accepting if letters >= min_length else goes_on
    return hopeful[:, :-1]
