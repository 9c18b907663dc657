"""Automata against brute force over every short name, and against an independent count of states."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constraints import automata
from model.constraints.automata import DEAD, Automaton, accepts, anything, intersect, is_empty, minimise, nothing
from model.constraints.literals import avoid_substrings, contains, literal_prefix, literal_suffix
from model.errors import ConstraintError, NamesmithError

SIZE = 4
NAMES = [name for length in range(7) for name in product(range(1, SIZE), repeat=length)]
Word = tuple[int, ...]
words = st.lists(st.integers(1, SIZE - 1), min_size=0, max_size=5).map(tuple)
block_lists = st.lists(st.lists(st.integers(1, SIZE - 1), min_size=1, max_size=4).map(tuple), max_size=6)


def holds(part: Word, name: Word) -> bool:
    return any(name[start : start + len(part)] == part for start in range(len(name) - len(part) + 1))


def language(automaton: Automaton) -> list[Word]:
    return [name for name in NAMES if accepts(automaton, name)]


def equivalence_classes(automaton: Automaton) -> int:
    """Myhill-Nerode classes but for the dead one: beginnings of up to 3 letters (of at most 4 states) told
    apart by every continuation of up to 4."""
    ends = [end for length in range(5) for end in product(range(1, SIZE), repeat=length)]
    futures = {tuple(accepts(automaton, begin + end) for end in ends) for begin in NAMES[:40]}
    return len(futures - {(False,) * len(ends)})


@st.composite
def random_automata(draw: st.DrawFn) -> Automaton:
    states = draw(st.integers(1, 4))
    targets = st.lists(st.integers(DEAD, states - 1), min_size=SIZE - 1, max_size=SIZE - 1)
    moves = np.array([[DEAD, *draw(targets)] for _ in range(states)], dtype=np.int32)
    return Automaton(moves, np.array(draw(st.lists(st.booleans(), min_size=states, max_size=states))))


@settings(deadline=None)
@given(words)
def test_literals_accept_what_text_search_finds(word: Word) -> None:
    assert language(literal_prefix(word, SIZE)) == [name for name in NAMES if name[: len(word)] == word]
    assert language(literal_suffix(word, SIZE)) == [name for name in NAMES if name[len(name) - len(word) :] == word]
    assert language(contains(word, SIZE)) == [name for name in NAMES if holds(word, name)]


@settings(deadline=None)
@given(block_lists)
def test_avoid_substrings_accepts_names_without_any_of_the_words(blocked: list[Word]) -> None:
    free = [name for name in NAMES if not any(holds(word, name) for word in blocked)]
    assert language(avoid_substrings(blocked, SIZE)) == free


def test_the_empty_word_is_in_every_name() -> None:
    assert is_empty(avoid_substrings([(1,), ()], SIZE))


@settings(deadline=None)
@given(random_automata(), random_automata())
def test_an_intersection_accepts_what_both_accept(a: Automaton, b: Automaton) -> None:
    both = intersect(a, b)
    assert language(both) == [name for name in language(a) if accepts(b, name)]
    assert np.array_equal(minimise(both).moves, minimise(intersect(b, a)).moves)


@settings(deadline=None)
@given(random_automata())
def test_minimising_keeps_the_language_with_the_fewest_states(automaton: Automaton) -> None:
    small = minimise(automaton)
    assert language(small) == language(automaton)
    assert len(small) == max(1, equivalence_classes(automaton))
    assert is_empty(small) == is_empty(automaton) == (not language(automaton))
    assert (small.moves[:, 0] == DEAD).all()
    assert small.moves.dtype == np.int32


@settings(deadline=None)
@given(random_automata())
def test_the_minimal_form_does_not_depend_on_how_states_were_numbered(automaton: Automaton) -> None:
    states = len(automaton)
    order = np.array([0, *range(states - 1, 0, -1)])
    place = np.append(np.argsort(order), DEAD)
    shuffled = Automaton(place[automaton.moves[order]].astype(np.int32), automaton.accepting[order])
    assert np.array_equal(minimise(shuffled).moves, minimise(automaton).moves)
    assert np.array_equal(minimise(shuffled).accepting, minimise(automaton).accepting)


def test_states_are_numbered_breadth_first_by_letter() -> None:
    met = [int(state) for state in dict.fromkeys(minimise(contains((2, 1, 3), SIZE)).moves.ravel())]
    assert [state for state in met if state != DEAD] == [0, 1, 2, 3]


def test_anything_and_nothing() -> None:
    assert language(anything(SIZE)) == NAMES
    assert language(nothing(SIZE)) == []
    assert is_empty(nothing(SIZE))
    assert not is_empty(anything(SIZE))


def test_arrays_are_read_only() -> None:
    automaton = minimise(contains((1,), SIZE))
    with pytest.raises(ValueError, match="read-only"):
        automaton.moves[0, 0] = 0


def test_long_chains_take_one_round_of_refinement(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = literal_prefix((1, 2) * 450, SIZE)
    monkeypatch.setattr(automata, "MAX_STEPS", 2 * len(chain))
    assert len(minimise(chain)) == 901


def test_a_result_over_the_limit_is_refused() -> None:
    with pytest.raises(
        ConstraintError, match=r"prefix is too complex: .* more than 1,000 states; simplify it"
    ) as caught:
        minimise(literal_prefix((1,) * 1_000, SIZE), "prefix")
    assert caught.value.field == "prefix"
    assert isinstance(caught.value, NamesmithError)


def test_a_product_stops_at_the_limit() -> None:
    def cycle(states: int) -> Automaton:
        moves = np.full((states, SIZE), DEAD, dtype=np.int32)
        moves[:, 1:] = ((np.arange(states) + 1) % states)[:, None]
        return Automaton(moves, np.arange(states) == 0)

    assert len(intersect(cycle(97), cycle(101))) == 97 * 101
    with pytest.raises(ConstraintError, match="more than 10,000 states"):
        intersect(cycle(997), cycle(991))


def test_refinement_is_bounded_by_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automata, "MAX_STEPS", 20)
    with pytest.raises(ConstraintError, match="too complex"):
        minimise(avoid_substrings([(1, 2, 3) * 8], SIZE))


@pytest.mark.parametrize("words", [[(1,) * 10_000], [(1, 2) * 5_000, (3,)]])
def test_literals_over_the_working_limit_are_refused(words: list[Word]) -> None:
    for build in (literal_prefix, literal_suffix, contains):
        with pytest.raises(ConstraintError, match="more than 10,000 states"):
            build(words[0], SIZE)
    with pytest.raises(ConstraintError, match="blocked is too complex"):
        avoid_substrings(words, SIZE)
