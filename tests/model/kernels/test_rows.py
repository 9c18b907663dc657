"""Alias tables against the weights they are made of, in whole numbers; and the random numbers that read them."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from model.kernels import random_numbers, rows
from model.kernels.compilation import kernel
from model.kernels.lanes import prefetch
from model.transitions.automaton import Floats

PARTS = 2**32
LOW = PARTS - 1


def columns_for(symbols: int) -> int:
    columns = 1
    while columns < symbols:
        columns *= 2
    return columns


def fill(weights: list[float], columns: int | None = None, nodes: list[int] | None = None) -> list[list[int]] | None:
    """The row as Python integers, or None where it is refused. The room to work in is full of rubbish before."""
    columns = columns or columns_for(len(weights))
    after = np.array(nodes if nodes is not None else range(len(weights)), dtype=np.int64)
    parts, queue = np.full((2, columns), 12_345_678_901, dtype=np.int64)
    row = np.full((columns, 2), 2**64 - 1, dtype=np.uint64)
    made = rows.fill_row(np.array(weights), after, parts, queue, row)
    found: list[list[int]] = row.tolist()
    return found if made else None


def parts_of(row: list[list[int]], symbols: int) -> list[int]:
    """Parts of each symbol, all columns together."""
    parts = [0] * max(symbols, len(row))
    for column, (entry, _) in enumerate(row):
        threshold, alias = entry >> 32, (entry & LOW) >> 1
        parts[column] += threshold
        parts[alias] += PARTS - threshold
    return parts


def check(weights: list[float], columns: int | None = None) -> None:
    row = fill(weights, columns)
    assert row is not None
    total = sum(map(Fraction, weights))
    parts = parts_of(row, len(weights))
    assert sum(parts) == len(row) * PARTS
    assert not any(parts[len(weights) :])
    for weight, part in zip(weights, parts[: len(weights)], strict=True):
        assert abs(Fraction(part, len(row) * PARTS) - Fraction(weight) / total) < Fraction(1, 2**31)
        # Within a part and what adding floats may cost.
        assert abs(part - Fraction(weight) / total * len(row) * PARTS) <= 1 + Fraction(1, 16)
        if weight == 0:
            assert part == 0


WEIGHTS = (
    st.just(0.0)
    | st.floats(0, 1)
    | st.floats(1e-20, 1e-18)
    | st.floats(-300, 0).map(lambda power: 10.0**power)
    | st.sampled_from([0.25, 0.5, 1.0, 1e-300, 5e-324])
)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(WEIGHTS, min_size=1, max_size=90), st.integers(0, 2))
@example([1.0], 0)
@example([1.0], 2)
@example([5e-324], 0)
@example([5e-324, 5e-324, 5e-324], 0)
@example([1e-300, 3e-300], 0)
@example([1.0, 1e-20], 0)
@example([1e-20, 1.0, 0.0], 0)
@example([0.0, 0.0, 1.0], 0)
@example([1.0, 0.0, 0.0], 0)
@example([1.0] * 64, 0)
@example([1.0] * 65, 0)
@example([1.0] * 65 + [0.0] * 25, 1)
@example([1 / 3] * 3, 0)
@example([0.1] * 10, 0)
@example([1.0, 2**-33], 0)
@example([1.0, 3 * 2**-34], 0)
def test_parts_are_the_probabilities_to_31_bits_and_exactly_none_for_what_cannot_be(
    weights: list[float], more: int
) -> None:
    columns = columns_for(len(weights)) << more
    if sum(weights) == 0:
        assert fill(weights, columns) is None
        return
    check(weights, columns)


@pytest.mark.parametrize("size", [2, 27, 64, 65, 100, 1_000, 30_000])
@pytest.mark.parametrize("shape", ["flat", "falling", "one great", "random", "sparse"])
def test_alphabets_of_any_size_have_their_probabilities(size: int, shape: str) -> None:
    random = np.random.default_rng(size)
    weights = {
        "flat": np.ones(size),
        "falling": 0.7 ** np.arange(size),
        "one great": np.array([1.0] + [1e-20] * (size - 1)),
        "random": random.random(size) * 1e-300,
        "sparse": np.where(np.arange(size) % 7 == 1, random.random(size), 0.0),
    }[shape]
    row = fill(weights.tolist())
    assert row is not None
    parts = np.array(parts_of(row, size)[:size], dtype=np.float64)
    assert int(parts.sum()) == len(row) * PARTS
    np.testing.assert_allclose(parts / (len(row) * PARTS), weights / math.fsum(weights), rtol=0, atol=2.0**-31)
    assert not parts[weights == 0].any()


def test_weights_that_are_multiples_of_a_part_are_met_exactly() -> None:
    """Eighths of two columns and of eight: nothing is rounded, so nothing may be off."""
    for weights in ([0.125, 0.875], [1, 2, 3, 4, 5, 6, 7, 4], [1, 1, 6], [8, 0, 0, 0, 0, 0, 0, 8]):
        row = fill([float(weight) for weight in weights])
        assert row is not None
        exact = [Fraction(weight) / sum(map(Fraction, weights)) * len(row) * PARTS for weight in weights]
        assert parts_of(row, len(weights))[: len(weights)] == exact


@pytest.mark.parametrize("nothing", [[0.0], [0.0, 0.0, 0.0], [math.nan, 1.0], [0.0, math.nan]], ids=str)
def test_nothing_to_choose_from_is_refused_and_writes_nothing(nothing: list[float]) -> None:
    columns = columns_for(len(nothing))
    row = np.zeros((columns, 2), dtype=np.uint64)
    parts, queue = np.zeros((2, columns), dtype=np.int64)
    assert not rows.fill_row(np.array(nothing), np.zeros(len(nothing), dtype=np.int64), parts, queue, row)
    assert not row.any()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2**31 - 1)), min_size=1, max_size=70))
def test_each_part_of_a_column_leads_to_the_node_after_its_symbol(pairs: list[tuple[float, int]]) -> None:
    weights, nodes = [weight for weight, _ in pairs], [node for _, node in pairs]
    row = fill(weights, nodes=nodes)
    if row is None:
        assert not any(weights)
        return
    for column, (entry, after) in enumerate(row):
        threshold, alias = entry >> 32, (entry & LOW) >> 1
        assert weights[alias] > 0
        assert after & LOW == nodes[alias]
        if threshold:
            assert weights[column] > 0
            assert after >> 32 == nodes[column]


def test_symbols_read_off_random_words_follow_the_weights() -> None:
    """As the drawing kernels do it: the highest bits choose a column, the next 32 its part."""
    weights = [0.05, 0.0, 0.3, 0.15, 1e-3, 0.499]
    row = fill(weights)
    assert row is not None
    counts = np.zeros(len(weights), dtype=np.int64)
    for step in range(40_000):
        random = int(rows.word(np.uint64(99), np.uint64(step + 1)))
        entry, _ = row[random >> 61]
        own = random >> 29 & LOW < entry >> 32
        counts[random >> 61 if own else (entry & LOW) >> 1] += 1
    assert counts[1] == 0
    possible = np.array(weights) > 0
    assert chisquare(counts[possible], np.array(weights)[possible] * 40_000).pvalue > 1e-4


def finalise(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**64 - 1), st.integers(1, 10_000))
@example(0, 1)
@example(2**64 - 1, 1)
def test_words_of_kernels_are_the_words_of_the_published_generator(stream: int, step: int) -> None:
    """Against unbounded integers, and against the numpy form: its 32 bits are the upper half."""
    found = int(rows.word(np.uint64(stream), np.uint64(step)))
    assert found == finalise((stream + step * 0x9E3779B97F4A7C15) % 2**64)
    assert found == int(rows.word(np.uint64(stream), step))
    assert found >> 32 == random_numbers.draw(np.array([stream], dtype=np.uint64), step - 1).tolist()[0]


@kernel
def fetch_and_add(table: Floats, row: int, column: int) -> float:
    prefetch(table, row, column)
    return float(table.sum())


def test_what_is_fetched_ahead_may_lie_anywhere_and_changes_nothing() -> None:
    table = np.arange(12.0).reshape(3, 4)
    for row, column in [(0, 0), (2, 3), (-1, 0), (3, 0), (2**40, -5)]:
        assert fetch_and_add(table, row, column) == 66.0
    assert table.tolist() == np.arange(12.0).reshape(3, 4).tolist()


@pytest.mark.parametrize("seed", [0, 2**63 - 1, "ada"])
def test_streams_of_names_are_words_of_the_seed(seed: int | str) -> None:
    indices = np.array([0, 1, 2, 8_192, 2**40], dtype=np.uint64)
    start = finalise(int(random_numbers.key(seed)))
    expected = [int(rows.word(np.uint64(start), np.uint64(i))) for i in indices.tolist()]
    assert random_numbers.streams(seed, indices).tolist() == expected
