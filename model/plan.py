"""Exact conditioning: the chance that a name begun so far ends as the constraints ask.

A *node* is an automaton state together with a context, reachable from the start. Most constraints remember
little beyond the context, so there are hardly more nodes than contexts. Backward dynamic programming over
(letters so far, node) gives each node's chance to end well; a next symbol's probability times the chance
after it, renormalised, is the true conditional distribution of the next symbol.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.automata import Automaton
from model.errors import ConstraintError, TableTooLargeError
from model.transitions import START, Floats, Ints
from model.vocabulary import BOUNDARY, MAX_NAME_LENGTH

MAX_PAIRS = 32_000_000
"""Automaton states times contexts: what the search for nodes may mark, one byte and one integer each."""
MAX_BYTES = 256 * 1024 * 1024
"""Memory that making one plan may take, or half again as many nodes as there are contexts if that is more."""
MAX_UNCONDITIONED_BYTES = 512 * 1024 * 1024
"""The same for a plan without constraints; a model that needs more cannot be sampled from."""
FIRST_NODE = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """`contexts` (nodes,) and `accepting` (nodes,) describe the nodes; `moves` (nodes, symbols) leads from one
    to the next, to the number `nodes` where it leads nowhere. `chances` (max_length + 2, nodes + 1): row t is
    the chance to end well after t letters; the last row and the last column are 0."""

    probabilities: Floats
    contexts: Ints
    accepting: NDArray[np.bool_]
    moves: NDArray[np.int32]
    chances: Floats
    min_length: int

    @property
    def probability(self) -> float:
        """Chance that an unconditioned draw meets the constraints."""
        return min(1.0, float(self.chances[0, FIRST_NODE]))

    @property
    def nbytes(self) -> int:
        parts = (self.probabilities, self.contexts, self.accepting, self.moves, self.chances)
        return sum(part.nbytes for part in parts)

    def weights(self, nodes: Ints, letters: int) -> Floats:
        """Unnormalised conditional probabilities (n, symbols) of the next symbol at `nodes` (n,)."""
        weights: Floats = self.probabilities[self.contexts[nodes]]
        weights[:, 1:] *= self.chances[letters + 1][self.moves[nodes, 1:]]
        weights[:, BOUNDARY] *= self.accepting[nodes] & (letters >= self.min_length)
        return weights


def make_plan(probabilities: Floats, automaton: Automaton, min_length: int, max_length: int) -> Plan:
    """Finds the nodes and fills the chances, from the longest names to the first letter.

    `probabilities` is (contexts, symbols). Raises ConstraintError where that would take too much memory.
    """
    count = len(probabilities)
    states = len(automaton.moves)
    if states * count > MAX_PAIRS:
        raise _too_complex(f"{states:,} states over {count:,} contexts")
    codes = _reachable(probabilities > 0, automaton, max_length)
    contexts, node_states = codes % count, codes // count
    moves = _moves_between(codes, probabilities, automaton)
    accepting = automaton.accepting[node_states]
    ends = probabilities[contexts, BOUNDARY] * accepting
    letters = probabilities[contexts, 1:]
    chances = np.zeros((max_length + 2, len(codes) + 1))
    for so_far in range(max_length, -1, -1):
        here = np.einsum("na,na->n", letters, np.take(chances[so_far + 1], moves[:, 1:]))
        chances[so_far, :-1] = here + ends if so_far >= min_length else here
    return Plan(probabilities, contexts, accepting, moves, chances, min_length)


def _bytes_per_node(size: int, max_length: int) -> int:
    """The chances, and four working arrays of the width of the vocabulary."""
    return 8 * (max_length + 2 + 4 * size)


def check_contexts(vocabulary_size: int, block_size: int) -> None:
    """Raises TableTooLargeError if even without constraints a plan over such a model would take too much memory."""
    reachable = sum((vocabulary_size - 1) ** letters for letters in range(block_size + 1))
    if reachable > MAX_UNCONDITIONED_BYTES // _bytes_per_node(vocabulary_size, MAX_NAME_LENGTH):
        raise TableTooLargeError(
            f"{block_size} characters of context over {vocabulary_size} symbols are {reachable:,} contexts, "
            "more than can be sampled from in memory; use a smaller --block-size or a smaller alphabet"
        )


def _successors(codes: Ints, possible: NDArray[np.bool_], automaton: Automaton) -> tuple[Ints, NDArray[np.bool_]]:
    """Codes (state * contexts + context) after each letter (n, letters), and which of them can be reached."""
    count, size = possible.shape
    contexts, states = codes % count, codes // count
    tails = contexts % (count // size) * size
    after_states = automaton.moves[states, 1:].astype(np.int64)
    after = after_states * count + tails[:, None] + np.arange(1, size)
    return after, (after_states >= 0) & possible[contexts, 1:]


def _reachable(possible: NDArray[np.bool_], automaton: Automaton, max_length: int) -> Ints:
    """Codes of the nodes that `max_length` letters reach, ascending; the first one is the start. Breadth first."""
    limit = max(MAX_BYTES // _bytes_per_node(possible.shape[1], max_length), len(possible) * 3 // 2)
    seen = np.zeros(len(automaton.moves) * len(possible), dtype=np.bool_)
    frontier = np.array([START], dtype=np.int64)
    seen[START] = True
    count = 1
    for _ in range(max_length):
        after, reached = _successors(frontier, possible, automaton)
        new = after[reached]
        frontier = np.unique(new[~seen[new]])
        seen[frontier] = True
        count += len(frontier)
        if count > limit:
            raise _too_complex(f"over {limit:,} reachable states")
        if not len(frontier):
            break
    return np.flatnonzero(seen)


def _moves_between(codes: Ints, probabilities: Floats, automaton: Automaton) -> NDArray[np.int32]:
    """(nodes, symbols): numbers of the nodes reached; `nodes` for the boundary and where nothing is reached."""
    numbers = np.full(len(automaton.moves) * len(probabilities), len(codes), dtype=np.int32)
    numbers[codes] = np.arange(len(codes), dtype=np.int32)
    after, reached = _successors(codes, probabilities > 0, automaton)
    moves = np.full((len(codes), probabilities.shape[1]), len(codes), dtype=np.int32)
    moves[:, 1:][reached] = numbers[after[reached]]
    return moves


def _too_complex(what: str) -> ConstraintError:
    return ConstraintError("pattern", f"the constraints are too complex ({what}): simplify them or lower max_length")
