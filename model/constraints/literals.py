"""Automata of literal text: a beginning, an end, a part, and the parts that must not occur.

All but the first are the automaton of Aho and Corasick (1975), whose states are the beginnings of the words;
with one word it is that of Knuth, Morris and Pratt.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.constraints.automata import DEAD, MAX_WORKING_STATES, START_STATE, Automaton, nothing, too_complex
from model.text.vocabulary import BOUNDARY

Ids = Sequence[int]


def literal_prefix(ids: Ids, size: int) -> Automaton:
    """Names over `size` symbols that begin with `ids`. Raises ConstraintError."""
    if len(ids) >= MAX_WORKING_STATES:
        raise too_complex("prefix", MAX_WORKING_STATES)
    moves = np.full((len(ids) + 1, size), DEAD, dtype=np.int32)
    moves[np.arange(len(ids)), list(ids)] = np.arange(1, len(ids) + 1)
    moves[-1, BOUNDARY + 1 :] = len(ids)
    return Automaton(moves, np.arange(len(ids) + 1) == len(ids))


def literal_suffix(ids: Ids, size: int) -> Automaton:
    """Names that end with `ids`. Raises ConstraintError."""
    moves, _ = _aho_corasick([ids], size, "suffix")
    return Automaton(moves, np.arange(len(moves)) == len(ids))


def contains(ids: Ids, size: int) -> Automaton:
    """Names with `ids` somewhere in them. Raises ConstraintError."""
    moves, _ = _aho_corasick([ids], size, "contains")
    moves[len(ids), BOUNDARY + 1 :] = len(ids)
    return Automaton(moves, np.arange(len(moves)) == len(ids))


def avoid_substrings(words: Iterable[Ids], size: int, field: str = "blocked") -> Automaton:
    """Names in which none of `words` occurs. Raises ConstraintError."""
    moves, matched = _aho_corasick(words, size, field)
    if matched[START_STATE]:
        return nothing(size)
    alive = np.where(matched, DEAD, np.cumsum(~matched) - 1).astype(np.int32)
    after = np.append(alive, np.int32(DEAD))[moves[~matched]]  # DEAD is the last index
    return Automaton(after, np.ones(len(after), dtype=np.bool_))


def avoid_names(names: Iterable[Ids], size: int) -> Automaton:
    """All names but these. Raises ConstraintError."""
    children, matched = _trie(names, "blocked", whole=True)
    anything = len(children)
    moves = np.full((len(children) + 1, size), anything, dtype=np.int32)
    moves[:, BOUNDARY] = DEAD
    for state, after in enumerate(children):
        moves[state, list(after)] = list(after.values())
    return Automaton(moves, np.array([*(not match for match in matched), True]))


def _aho_corasick(words: Iterable[Ids], size: int, field: str) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Moves (states, size), and the states (states,) at which a word has just ended."""
    children, matched = _trie(words, field)
    moves = np.zeros((len(children), size), dtype=np.int32)
    moves[:, BOUNDARY] = DEAD
    fallback = [START_STATE] * len(children)
    order = [START_STATE]
    for state in order:
        if state != START_STATE:
            moves[state] = moves[fallback[state]]
            matched[state] |= matched[fallback[state]]
        for letter, child in children[state].items():
            if state != START_STATE:
                fallback[child] = int(moves[state, letter])
            moves[state, letter] = child
            order.append(child)
    return moves, np.array(matched, dtype=np.bool_)


def _trie(words: Iterable[Ids], field: str, whole: bool = False) -> tuple[list[dict[int, int]], list[bool]]:
    """Children by letter of every state, and whether a word ends there. What lies behind another word is left out,
    unless the words are `whole` names."""
    children: list[dict[int, int]] = [{}]
    matched = [False]
    for word in words:
        state = START_STATE
        for letter in word:
            if matched[state] and not whole:
                break
            if letter not in children[state]:
                children[state][letter] = len(children)
                children.append({})
                matched.append(False)
                if len(children) > MAX_WORKING_STATES:
                    raise too_complex(field, MAX_WORKING_STATES)
            state = children[state][letter]
        else:
            matched[state] = True
    return children, matched
