"""Scores of given names: looked up one character at a time in plain Python, and a chain that loses no chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.compiler.dense_table import compile_table
from model.store.store import BUNDLED, Store
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import Transitions
from model.transitions.scoring import character_log_probs


def random_table(seed: int, letters: int, block_size: int) -> Transitions:
    size = letters + 1
    logits = np.random.default_rng(seed).normal(scale=1.5, size=(size**block_size, size))
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def look_up(transitions: Transitions, name: tuple[int, ...]) -> list[float]:
    """The score of each letter and of the end; contexts are tuples, found by their place among all tuples."""
    size, block_size = transitions.vocabulary_size, transitions.block_size
    rows = {context: row for row, context in enumerate(itertools.product(range(size), repeat=block_size))}
    padded = (BOUNDARY,) * block_size + name + (BOUNDARY,)
    return [
        float(transitions.log_probs[rows[padded[i : i + block_size]], padded[i + block_size]])
        for i in range(len(name) + 1)
    ]


@given(
    seed=st.integers(0, 1000),
    letters=st.integers(1, 3),
    block_size=st.integers(1, 4),
    data=st.data(),
)
@settings(deadline=None, derandomize=True)
def test_scores_are_those_of_a_look_up_by_context(
    seed: int, letters: int, block_size: int, data: st.DataObject
) -> None:
    transitions = random_table(seed, letters, block_size)
    name = st.lists(st.integers(1, letters), max_size=8).map(tuple)
    names = data.draw(st.lists(name, min_size=1, max_size=6))
    scores = character_log_probs(transitions, names)
    assert [row.tolist() for row in scores] == [look_up(transitions, name) for name in names]


def test_scores_of_the_bundled_model_are_those_of_a_look_up() -> None:
    checkpoint = Store(BUNDLED).load("us-names-classic").checkpoint
    transitions, vocabulary = compile_table(checkpoint), checkpoint.vocabulary
    texts = ["emma", "a", "xzqx", "maximilian", "".join(vocabulary.letters), "ava"]
    encoded = [tuple(vocabulary.encode(text)) for text in texts]
    scores = character_log_probs(transitions, encoded)
    assert [len(row) for row in scores] == [len(text) + 1 for text in texts]
    for row, name in zip(scores, encoded, strict=True):
        assert row.tolist() == look_up(transitions, name)


@pytest.mark.parametrize("block_size", [1, 2, 3])
def test_names_up_to_a_length_and_the_unfinished_ones_have_chance_one(block_size: int) -> None:
    transitions, longest = random_table(4, 3, block_size), 6
    names = [name for n in range(longest + 1) for name in itertools.product((1, 2, 3), repeat=n)]
    scores = character_log_probs(transitions, names)
    finished = math.fsum(math.exp(math.fsum(row)) for row in scores)
    unfinished = math.fsum(
        math.exp(math.fsum(row[:-1])) * -math.expm1(row[-1])
        for name, row in zip(names, scores, strict=True)
        if len(name) == longest
    )
    assert 0 < unfinished < 1
    assert finished + unfinished == pytest.approx(1, abs=1e-12)


def test_a_name_does_not_depend_on_its_neighbours() -> None:
    transitions = random_table(9, 3, 3)
    names = [(1, 2, 3), (), (3,), (2, 2, 2, 2, 2), (1, 2, 3)]
    together = character_log_probs(transitions, names)
    for name, row in zip(names, together, strict=True):
        (alone,) = character_log_probs(transitions, [name])
        assert row.tolist() == alone.tolist()


def test_the_empty_name_has_the_score_of_ending_at_once() -> None:
    transitions = random_table(2, 2, 2)
    (row,) = character_log_probs(transitions, [()])
    assert row.tolist() == [transitions.log_probs[0, BOUNDARY]]


def test_no_names_have_no_scores() -> None:
    assert character_log_probs(random_table(2, 2, 2), []) == []
