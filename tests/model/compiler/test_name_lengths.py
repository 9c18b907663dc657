"""Lengths of names under rows that were fitted to a list, counted step by step."""

import numpy as np
import pytest

from model.compiler.name_lengths import fitted
from model.transitions.automaton import Floats, Transitions


def shares(rows: Floats, transitions: Transitions, most: int = 64) -> Floats:
    """Of names of each length, from the chance of each state after so many letters."""
    now, found = np.zeros(len(rows)), []
    now[transitions.start] = 1.0
    for _ in range(most):
        found.append(now @ rows[:, 0])
        after = np.zeros(len(rows))
        for state, symbol in np.ndindex(len(rows), rows.shape[1] - 1):
            after[transitions.successors[state, symbol + 1]] += now[state] * rows[state, symbol + 1]
        now = after
    return np.array(found)


@pytest.fixture
def transitions() -> Transitions:
    """Of two letters and a context of two: rows at random, ends rare."""
    rows = np.random.default_rng(1).random((9, 3)) + np.array([0.1, 1.0, 1.0])
    return Transitions.dense(np.log(rows / rows.sum(axis=1, keepdims=True)), 2)


def test_few_names_are_longer_than_those_of_the_list(transitions: Transitions) -> None:
    lengths = np.array([0.0, 50.0, 400.0, 500.0, 40.0, 9.0, 1.0])
    rows = np.exp(transitions.log_probs)
    before = shares(rows, transitions)
    after = shares(fitted(rows, transitions, lengths), transitions)
    long = lengths[5:].sum() / lengths.sum()
    assert before[5:].sum() > 3 * long
    assert after[5:].sum() <= 1.4 * long * 1.01


def test_rows_stay_distributions_and_what_is_impossible_stays_so(transitions: Transitions) -> None:
    rows = np.exp(transitions.log_probs)
    rows[4] = [0.0, 0.5, 0.5]
    found = fitted(rows, transitions, np.array([0.0, 5.0, 40.0, 50.0]))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert found[4, 0] == 0
    between = rows[:, 1] / rows[:, 2]
    np.testing.assert_allclose(found[:, 1] / found[:, 2], between, rtol=1e-9)


def test_a_list_that_is_as_the_model_is_changes_little(transitions: Transitions) -> None:
    rows = np.exp(transitions.log_probs)
    lengths = 1e6 * shares(rows, transitions)
    np.testing.assert_allclose(fitted(rows, transitions, lengths), rows, atol=0.02)
