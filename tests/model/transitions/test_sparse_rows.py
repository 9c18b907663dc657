"""Sparse rows against dense ones: the divergence by its definition, the best choice by trying all of them."""

import tracemalloc
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.kernels.arrays import Floats, Ints
from model.transitions.sparse_rows import SparseRows, SymbolSets, sparse_rows


def dense(rows: SparseRows, root: Floats) -> Floats:
    """All rows (states, symbols), written out."""
    found = rows.betas[:, None] * root
    for state in range(len(rows.betas)):
        places = slice(rows.starts[state], rows.starts[state + 1])
        found[state, rows.symbols[places]] = rows.probabilities[places]
    return found


def divergence(p: Floats, q: Floats, weights: Floats) -> float:
    """Kullback-Leibler divergences of rows, summed with weights."""
    held = p > 0
    terms = np.zeros_like(p)
    terms[held] = p[held] * np.log(p[held] / q[held])
    return float(weights @ terms.sum(axis=1))


def sets(required: list[set[int]]) -> SymbolSets:
    starts = np.cumsum([0, *map(len, required)])
    return SymbolSets(starts, np.array([symbol for some in required for symbol in sorted(some)], dtype=np.uint16))


def in_chunks(p: Floats, size: int, order: Ints) -> Iterator[tuple[Ints, Floats]]:
    for start in range(0, len(p), size):
        states = order[start : start + size]
        yield states, p[states]


def random_rows(rng: np.random.Generator, states: int, symbols: int) -> tuple[Floats, Floats]:
    """Rows that are partly the root's, and the root's row."""
    root = rng.dirichlet(np.full(symbols, 0.5)) + 1e-6
    root /= root.sum()
    own = rng.dirichlet(np.full(symbols, 0.1), size=states)
    share = rng.random((states, 1))
    return share * own + (1 - share) * root, root


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(2, 9), st.floats(0, 1), st.integers(1, 5))
def test_rows_sum_to_one_and_keep_what_they_must_within_the_budget(
    seed: int, states: int, symbols: int, share: float, size: int
) -> None:
    rng = np.random.default_rng(seed)
    p, root = random_rows(rng, states, symbols)
    required = [set(np.flatnonzero(rng.random(symbols) < 0.2).tolist()) for _ in range(states)]
    needed = sum(map(len, required))
    budget = needed + round(share * (states * symbols - needed))
    order = rng.permutation(states)
    rows = sparse_rows(in_chunks(p, size, order), root, sets(required), rng.random(states), budget)
    assert len(rows.symbols) == len(rows.probabilities) == rows.starts[-1] <= budget
    assert (len(rows.starts), rows.starts[0], len(rows.betas)) == (states + 1, 0, states)
    for state in range(states):
        explicit = rows.symbols[rows.starts[state] : rows.starts[state + 1]].tolist()
        assert explicit == sorted(set(explicit))
        assert required[state] <= set(explicit)
        np.testing.assert_allclose(
            rows.probabilities[rows.starts[state] : rows.starts[state + 1]], p[state, explicit], rtol=1e-12
        )
        assert (rows.betas[state] == 0) == (len(explicit) == symbols)
    np.testing.assert_allclose(dense(rows, root).sum(axis=1), 1, rtol=0, atol=1e-12)


def least_divergence(p: Floats, root: Floats, weights: Floats, budget: int) -> float:
    """Of all ways to choose so many symbols."""
    states, symbols = p.shape
    best = np.inf
    for chosen in combinations(range(states * symbols), budget):
        explicit = np.zeros(p.shape, dtype=bool)
        explicit.flat[list(chosen)] = True
        rest = (~explicit * root).sum(axis=1)
        betas = np.divide((~explicit * p).sum(axis=1), rest, out=np.zeros(states), where=rest > 0)
        best = min(best, divergence(p, np.where(explicit, p, betas[:, None] * root), weights))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_the_divergence_is_near_the_least_of_all_choices(seed: int) -> None:
    """At most a twentieth above it, of what it is without any explicit symbol."""
    rng = np.random.default_rng(seed)
    p, root = random_rows(rng, 3, 5)
    weights, budget = rng.random(3), 5
    rows = sparse_rows(in_chunks(p, 2, np.arange(3)), root, sets([set()] * 3), weights, budget)
    found = divergence(p, dense(rows, root), weights)
    nothing = divergence(p, np.tile(root, (3, 1)), weights)
    assert found <= least_divergence(p, root, weights, budget) + nothing / 20


def test_a_larger_budget_loses_less_and_one_for_all_symbols_nothing() -> None:
    p, root = random_rows(np.random.default_rng(1), 40, 60)
    weights = np.random.default_rng(2).random(40)
    losses = []
    for budget in (0, 40, 200, 800, 1600, 2400):
        rows = sparse_rows(in_chunks(p, 7, np.arange(40)), root, sets([set()] * 40), weights, budget)
        losses.append(divergence(p, dense(rows, root), weights))
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(divergence(p, np.tile(root, (40, 1)), weights))
    assert losses[-1] == pytest.approx(0, abs=1e-12)
    assert losses[3] < losses[0] / 20


def test_rows_of_the_root_and_rows_without_weight_take_no_arcs_they_need_not() -> None:
    p, root = random_rows(np.random.default_rng(3), 4, 30)
    p[0] = root
    rows = sparse_rows(
        in_chunks(p, 4, np.arange(4)), root, sets([set(), set(), {7}, set()]), np.array([1, 1, 0, 1]), 50
    )
    assert np.diff(rows.starts).tolist()[::2] == [0, 1]
    assert rows.betas[0] == pytest.approx(1)
    assert len(rows.symbols) == 50


def test_what_cannot_be_kept_is_refused() -> None:
    p, root = random_rows(np.random.default_rng(4), 2, 4)
    with pytest.raises(ValueError, match="3 symbols must be explicit, but the budget is 2"):
        sparse_rows(in_chunks(p, 2, np.arange(2)), root, sets([{1, 2}, {3}]), np.ones(2), 2)
    with pytest.raises(ValueError, match="probability above 0"):
        sparse_rows(in_chunks(p, 2, np.arange(2)), np.array([0.5, 0.5, 0.0, 0.0]), sets([set()] * 2), np.ones(2), 2)


def peaked_rows(states: int, symbols: int, size: int, root: Floats) -> Iterator[tuple[Ints, Floats]]:
    """As those of a network: some symbols that the context makes likely, the rest near the root's row."""
    rng = np.random.default_rng(5)
    for start in range(0, states, size):
        count = min(size, states - start)
        rows = 0.3 * root * np.exp(rng.normal(scale=0.3, size=(count, symbols)))
        likely = rng.integers(symbols, size=(count, 30))
        np.add.at(rows, (np.arange(count)[:, None], likely), rng.dirichlet(np.full(30, 0.3), size=count))
        yield np.arange(start, start + count), rows


def test_rows_over_a_large_alphabet_are_read_in_less_memory_than_they_would_take() -> None:
    """20,000 of them, with a million arcs, take 293 MB and half a minute."""
    states, symbols, budget = 600, 5_500, 15_000
    root = 1 / np.arange(1, symbols + 1)
    root /= root.sum()
    nothing = SymbolSets(np.zeros(states + 1, dtype=np.int64), np.empty(0, dtype=np.uint16))
    tracemalloc.start()
    try:
        rows = sparse_rows(peaked_rows(states, symbols, 20, root), root, nothing, np.ones(states), budget)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < states * symbols * 8 / 2
    assert len(rows.symbols) == budget
    lost = unlike = 0.0
    for at, p in peaked_rows(states, symbols, 20, root):
        p /= p.sum(axis=1, keepdims=True)
        starts = rows.starts[at[0] : at[-1] + 2]
        held = slice(starts[0], starts[-1])
        some = SparseRows(starts - starts[0], rows.symbols[held], rows.probabilities[held], rows.betas[at])
        lost += divergence(p, dense(some, root), np.ones(len(at)))
        unlike += divergence(p, np.tile(root, (len(at), 1)), np.ones(len(at)))
    assert lost < unlike / 50
