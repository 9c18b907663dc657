"""Kneser-Ney estimates against a dictionary implementation written from the definition."""

import math
import tracemalloc
from collections import defaultdict
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.kernels.arrays import Floats
from model.text.vocabulary import BOUNDARY, Vocabulary
from tests.training.counting import told
from training.data.examples import Counts, count_examples, count_names, make_examples
from training.data.read_list import read_names
from training.learning.lessons import counting

Context = tuple[int, ...]
Table = dict[Context, dict[int, float]]

US_NAMES = Path(__file__).parents[3] / "data" / "us-names.csv"
NAMES = st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=40)


def naive_kneser_ney(counts: Table, symbols: int) -> Table:
    """Interpolated modified Kneser-Ney (Chen & Goodman 1999), with the whole counts of a name's beginning, of which
    only one symbol of the padding says anything."""
    told = {context: row for context, row in counts.items() if context[:2] != (BOUNDARY, BOUNDARY)}
    everything = [math.ceil(count) for row in told.values() for count in row.values()]
    n1, n2, n3, n4 = (everything.count(k) for k in (1, 2, 3, 4))
    if n1 and n2 and n3:
        y = n1 / (n1 + 2 * n2)
        discounts = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    else:
        discounts = [0.75, 0.75, 0.75]
    discounts = [min(max(discount, 0.1), k + 1.0) for k, discount in enumerate(discounts)]

    def discount(count: float) -> float:
        return min(discounts[min(math.ceil(count), 3) - 1], count)

    lower = naive_kneser_ney(naive_shorter(counts), symbols) if all(counts) else {}
    estimates: Table = {}
    for context, row in counts.items():
        if context not in told:
            estimates[context] = dict(lower[context[1:]])
            continue
        total = sum(row.values())
        spare = sum(discount(count) for count in row.values())
        estimates[context] = {}
        for symbol in range(symbols):
            count = row.get(symbol, 0.0)
            kept = count - discount(count) if count else 0.0
            behind = lower[context[1:]][symbol] if context else 1 / symbols
            estimates[context][symbol] = (kept + spare * behind) / total
    return estimates


def naive_shorter(counts: Table) -> Table:
    """What contexts without their first symbol are estimated from."""
    found: Table = defaultdict(lambda: defaultdict(float))
    for context, row in counts.items():
        shorter = context[1:]
        for symbol, count in row.items():
            begins = bool(shorter) and shorter[0] == BOUNDARY
            found[shorter][symbol] += count if begins else 1
    return found


def counted(names: list[str], weights: list[float], block_size: int) -> tuple[Counts, int]:
    vocabulary = Vocabulary.from_names(names)
    return count_examples(make_examples(names, weights, vocabulary, block_size), vocabulary.size), vocabulary.size


def estimate(counts: Counts) -> Floats:
    return counting(counts)(counts.contexts.numpy())


def assert_equals_naive(counts: Counts, symbols: int) -> None:
    naive = naive_kneser_ney(told(counts), symbols)
    expected = [[naive[tuple(context)][s] for s in range(symbols)] for context in counts.contexts.tolist()]
    np.testing.assert_allclose(estimate(counts), expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(NAMES, st.sampled_from([1, 2, 3, 4]))
def test_estimates_equal_the_dictionary_implementation(names: list[str], block_size: int) -> None:
    assert_equals_naive(*counted(names, [1.0] * len(names), block_size))


@settings(deadline=None)
@given(NAMES, st.sampled_from([1, 2, 3]), st.data())
def test_estimates_from_weighted_names_equal_the_dictionary_implementation(
    names: list[str], block_size: int, data: st.DataObject
) -> None:
    weights = st.sampled_from([0.25, 0.5, 1.0, 1.75, 3.0, 20.0])
    drawn = data.draw(st.lists(weights, min_size=len(names), max_size=len(names)))
    assert_equals_naive(*counted(names, drawn, block_size))


@settings(deadline=None)
@given(NAMES, st.sampled_from([1, 2, 3]))
@example(["a", "a", "a", "baacba"], 1)  # the formula for the discount of counts over two gives nothing here
def test_rows_are_distributions_without_a_zero(names: list[str], block_size: int) -> None:
    estimates = estimate(counted(names, [1.0] * len(names), block_size)[0])
    np.testing.assert_allclose(estimates.sum(axis=1), 1, rtol=1e-12)
    assert (estimates > 0).all()


@pytest.mark.parametrize("block_size", [1, 2, 3])
def test_estimates_predict_held_out_us_names_better_than_add_one_bigrams(block_size: int) -> None:
    """Measured on the characters whose whole context occurs in training, which both can predict."""
    names = read_names(US_NAMES).names[::20]
    train, held_out = names[::2], sorted(set(names[1::2]) - set(names[::2]))
    vocabulary = Vocabulary.from_names(names)
    size = vocabulary.size
    counts = count_examples(make_examples(train, [1.0] * len(train), vocabulary, block_size), size)
    estimates = estimate(counts)
    row_of = {tuple(context): row for row, context in enumerate(counts.contexts.tolist())}
    bigrams = np.ones((size, size))
    for name in train:
        ids = [BOUNDARY, *vocabulary.encode(name), BOUNDARY]
        np.add.at(bigrams, (ids[:-1], ids[1:]), 1)
    bigrams /= bigrams.sum(axis=1, keepdims=True)
    examples = make_examples(held_out, [1.0] * len(held_out), vocabulary, block_size)
    pairs = [
        (row_of[tuple(context)], context[-1], target)
        for context, target in zip(examples.contexts.tolist(), examples.targets.tolist(), strict=True)
        if tuple(context) in row_of
    ]
    assert len(pairs) > 0.9 * len(examples)
    rows, last, targets = np.array(pairs).T
    assert -np.log(estimates[rows, targets]).mean() < -np.log(bigrams[last, targets]).mean()


def test_counts_that_were_counted_once_are_asked_again_and_again() -> None:
    """Of known contexts, of shorter knowledge, of none: each row is the same however it is asked for."""
    counts, size = counted(["anna", "hana", "nah", "ann"], [1.0] * 4, 3)
    contexts = counts.contexts.numpy()
    estimates = counting(counts)
    first = estimates(contexts)
    np.testing.assert_array_equal(first, estimate(counts))
    np.testing.assert_array_equal(estimates(contexts[::-1]), first[::-1])
    every = np.array(list(product(range(size), repeat=3)))
    rows = estimates(every)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-12)
    assert (rows > 0).all()
    known = {tuple(context): row for context, row in zip(contexts.tolist(), first, strict=True)}
    for context, row in zip(every.tolist(), rows, strict=True):
        if tuple(context) in known:
            np.testing.assert_array_equal(row, known[tuple(context)])
    np.testing.assert_array_equal(estimates(contexts), first)
    assert estimates(contexts[:0]).shape == (0, size)


def test_a_context_that_was_not_counted_is_answered_by_its_longest_end_that_was() -> None:
    """`hna` never occurs, `na` does; so does every context that ends in it, but for those counted themselves."""
    counts, size = counted(["anna", "hana", "nah", "ann"], [1.0] * 4, 3)
    ids = Vocabulary.from_names(["anna", "hana", "nah", "ann"])
    hna = tuple(ids.encode("hna"))
    assert hna not in told(counts)
    (row,) = counting(counts)(np.array([hna]))
    expected = naive_kneser_ney(naive_shorter(told(counts)), size)[hna[1:]]
    np.testing.assert_allclose(row, [expected[symbol] for symbol in range(size)], rtol=1e-12)


@settings(deadline=None)
@given(NAMES, NAMES, st.sampled_from([1, 2, 3, 5]))
def test_the_probabilities_of_pairs_are_those_of_the_rows(names: list[str], others: list[str], block_size: int) -> None:
    """Whatever was counted of them."""
    both = [*names, *others]
    vocabulary = Vocabulary.from_names(both)
    counts, asked = (count_names(some, [1.0] * len(some), vocabulary, block_size) for some in (names, both))
    estimates, contexts = counting(counts), asked.contexts.numpy()
    rows, symbols = asked.following.row_of, asked.following.symbols
    pairs = estimates.chances(contexts[rows], symbols)
    np.testing.assert_allclose(pairs, estimates(contexts)[rows, symbols], rtol=1e-12)


def test_counting_over_a_large_alphabet_takes_no_memory_for_what_did_not_occur() -> None:
    """Contexts times symbols would be 400 MB."""
    letters = [chr(0x4E00 + i) for i in range(5_000)]
    names = [first + second for first, second in zip(letters, letters[::-1], strict=True)]
    vocabulary = Vocabulary.from_names(names)
    tracemalloc.start()
    try:
        counts = count_names(names, [1.0] * len(names), vocabulary, 3)
        estimates = counting(counts)
        estimates.chances(counts.contexts.numpy()[counts.following.row_of], counts.following.symbols)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20
    np.testing.assert_allclose(estimates(counts.contexts.numpy()[:3]).sum(axis=1), 1, rtol=1e-12)
