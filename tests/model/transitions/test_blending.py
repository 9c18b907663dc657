"""A blend's chances are the weighted means of those of its tables."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import BlendError
from model.text.names import NameSet
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.blending import blend

WEIGHTS = st.lists(st.integers(1, 1000), min_size=2, max_size=4)


def table(seed: int, size: int = 3, block_size: int = 2) -> Transitions:
    """Chances drawn at random, some of them 0."""
    random = np.random.default_rng(seed)
    chances = random.random((size**block_size, size)) * (random.random((size**block_size, size)) > 0.2)
    chances[:, 0] += 0.1
    with np.errstate(divide="ignore"):
        return Transitions.dense(np.log(chances / chances.sum(axis=1, keepdims=True)), block_size)


@settings(deadline=None)
@given(WEIGHTS, st.integers(0, 100))
def test_each_chance_is_the_weighted_mean(weights: list[int], seed: int) -> None:
    tables = [table(seed + i) for i in range(len(weights))]
    mixed = blend(tables, weights)
    for letters in itertools.chain.from_iterable(itertools.product((1, 2), repeat=k) for k in range(5)):
        rows = [np.exp(each.log_probs[each.state(letters)]) for each in (mixed, *tables)]
        if reached(tables, letters):
            assert rows[0] == pytest.approx(np.average(rows[1:], axis=0, weights=weights), abs=1e-15)


def reached(tables: list[Transitions], letters: tuple[int, ...]) -> bool:
    """Whether any of the tables gives each of these letters a chance after those before it."""
    return all(
        any(each.log_probs[each.state(letters[:place]), letter] > -np.inf for each in tables)
        for place, letter in enumerate(letters)
    )


def test_a_blend_of_a_table_with_itself_is_that_table() -> None:
    only = table(1)
    mixed = blend([only, only], [2, 5])
    for letters in itertools.product((1, 2), repeat=3):
        if reached([only], letters):
            expected = np.exp(only.log_probs[only.state(letters)])
            assert np.exp(mixed.log_probs[mixed.state(letters)]) == pytest.approx(expected, abs=1e-15)


def test_a_blend_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        blend([table(1), table(2)], [1, 1]).log_probs[0, 0] = 0


def test_models_of_other_memories_are_blended() -> None:
    short, long = table(1, block_size=1), table(2, block_size=3)
    mixed = blend([short, long], [1, 3])
    for letters in itertools.product((1, 2), repeat=4):
        if reached([short, long], letters):
            rows = [np.exp(each.log_probs[each.state(letters)]) for each in (mixed, short, long)]
            assert rows[0] == pytest.approx(0.25 * rows[1] + 0.75 * rows[2], abs=1e-15)


def test_models_of_other_alphabets_are_refused() -> None:
    with pytest.raises(BlendError, match="same alphabet"):
        blend([table(1), table(2, size=4)], [1, 1])


@settings(deadline=None)
@given(st.lists(st.frozensets(st.text("abc", min_size=1, max_size=4)), min_size=1, max_size=4))
def test_joined_listings_hold_what_any_of_them_holds_once(sets: list[frozenset[str]]) -> None:
    vocabulary = Vocabulary(tuple("abc"))
    listings = [NameSet.listing(names, vocabulary) for names in sets]
    joined = listings[0].joined(listings[1:])
    assert sorted(joined.decode(vocabulary)) == sorted(frozenset().union(*sets))
    for name in ("a", "ab", "abca", "cc"):
        assert (vocabulary.encode(name) in joined) == any(name in names for names in sets)
