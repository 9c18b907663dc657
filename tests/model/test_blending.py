"""A blend's chances are the weighted means of those of its tables."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.blending import blend
from model.errors import BlendError
from model.names import Listing
from model.transitions import Transitions
from model.vocabulary import Vocabulary

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
    assert mixed.block_size == 2
    for context, symbol in itertools.product(range(9), range(3)):
        parts = [
            weight * float(np.exp(t.log_probs[context, symbol])) for weight, t in zip(weights, tables, strict=True)
        ]
        assert np.exp(mixed.log_probs[context, symbol]) == pytest.approx(sum(parts) / sum(weights), abs=1e-15)
    assert np.exp(mixed.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-14)


def test_a_blend_of_a_table_with_itself_is_that_table() -> None:
    only = table(1)
    assert np.exp(blend([only, only], [2, 5]).log_probs) == pytest.approx(np.exp(only.log_probs), abs=1e-15)


def test_a_blend_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        blend([table(1), table(2)], [1, 1]).log_probs[0, 0] = 0


@pytest.mark.parametrize("other", [table(2, size=4), table(2, block_size=3), Transitions.dense(table(2).log_probs, 1)])
def test_tables_of_other_shapes_are_refused(other: Transitions) -> None:
    with pytest.raises(BlendError):
        blend([table(1), other], [1, 1])


@settings(deadline=None)
@given(st.lists(st.frozensets(st.text("abc", min_size=1, max_size=4)), min_size=1, max_size=4))
def test_joined_listings_hold_what_any_of_them_holds_once(sets: list[frozenset[str]]) -> None:
    vocabulary = Vocabulary(tuple("abc"))
    listings = [Listing.listing(names, vocabulary) for names in sets]
    joined = listings[0].joined(listings[1:])
    assert sorted(joined.decode(vocabulary)) == sorted(frozenset().union(*sets))
    for name in ("a", "ab", "abca", "cc"):
        assert (vocabulary.encode(name) in joined) == any(name in names for names in sets)
