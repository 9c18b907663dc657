"""N-grams by chunks against a plain loop and a Counter, and the memory that counting takes."""

import random
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import UnknownCharacterError
from model.text.vocabulary import Vocabulary
from tests.training.counting import told
from training.data import examples, ngrams
from training.data.examples import count_names, make_examples
from training.data.ngrams import ngrams_of

NAMES = st.lists(st.text("abcz\u00e9\U0001f600", min_size=1, max_size=9), min_size=1, max_size=40)
BLOCK_SIZES = st.sampled_from([1, 3, 8, 32])
CHUNKS = st.sampled_from([1, 2, 7, 100])
MEBIBYTE = 1 << 20


def plain(names: list[str], block_size: int) -> list[tuple[int, ...]]:
    ids = {letter: i for i, letter in enumerate(sorted(set("".join(names))), start=1)}
    padded = [[0] * block_size + [ids[char] for char in name] + [0] for name in names]
    return [tuple(name[at : at + block_size + 1]) for name in padded for at in range(len(name) - block_size)]


@settings(deadline=None)
@given(NAMES, BLOCK_SIZES)
def test_ngrams_are_those_of_a_plain_loop(names: list[str], block_size: int) -> None:
    found, name_of = ngrams_of(names, Vocabulary.from_names(names), block_size)
    assert list(map(tuple, found.tolist())) == plain(names, block_size)
    assert Counter(name_of.tolist()) == {number: len(name) + 1 for number, name in enumerate(names)}


@settings(deadline=None)
@given(NAMES, BLOCK_SIZES, CHUNKS)
def test_counts_of_names_are_those_of_a_counter_whatever_the_chunks(
    names: list[str], block_size: int, chunk: int
) -> None:
    vocabulary = Vocabulary.from_names(names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "CHUNK", chunk)
        counts = count_names(names, [1.0] * len(names), vocabulary, block_size)
    expected = Counter(plain(names, block_size))
    assert {(*context, s): n for context, row in told(counts).items() for s, n in row.items()} == dict(expected)
    assert list(map(tuple, counts.contexts.tolist())) == sorted({ngram[:-1] for ngram in expected})


@settings(deadline=None)
@given(NAMES, CHUNKS, st.randoms(use_true_random=False))
def test_weights_are_added_in_the_order_of_the_list_so_chunks_do_not_change_a_bit(
    names: list[str], chunk: int, rng: random.Random
) -> None:
    weights = [rng.random() * 10.0 ** rng.choice(range(-4, 5)) for _ in names]
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    for name, weight in zip(names, weights, strict=True):
        for ngram in plain([*names, name], 2)[-len(name) - 1 :]:
            sums[ngram] += weight
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "CHUNK", chunk)
        counts = count_names(names, weights, Vocabulary.from_names(names), 2)
    rows = told(counts)
    for ngram, total in sums.items():
        assert rows[ngram[:-1]].get(ngram[-1], 0.0) == float(np.float32(total))


def test_a_character_outside_the_alphabet_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UnknownCharacterError):
        ngrams_of(["ab", "ba", "ac"], Vocabulary(("a", "b")), 3)


@pytest.mark.parametrize(("symbols", "dtype"), [(27, np.uint8), (256, np.uint8), (257, np.uint16), (65_537, np.uint32)])
def test_ids_are_as_narrow_as_the_alphabet_allows(symbols: int, dtype: type) -> None:
    assert ngrams.ids_dtype(symbols) is dtype
    assert np.iinfo(dtype).max >= symbols - 1


def test_examples_of_even_weights_take_a_byte_a_symbol() -> None:
    names = [f"{number:x}" for number in range(20_000)]
    vocabulary = Vocabulary.from_names(names)
    held = make_examples(names, [1.0] * len(names), vocabulary, 3)
    assert held.contexts.untyped_storage().nbytes() == 4 * len(held)
    assert held.weights.untyped_storage().nbytes() == 8
    assert held.weights.shape == (len(held),)


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_counting_ten_times_the_names_takes_no_more_memory() -> None:
    """Within a mebibyte, for distinct contexts that are the same."""
    once = [f"{number:05d}" for number in range(0, 100_000, 7)]
    vocabulary = Vocabulary.from_names(once)
    fewer, more = once * 3, once * 30

    def counting(names: list[str]) -> int:
        weights = np.ones(len(names))
        return peak(lambda: count_names(names, weights, vocabulary, 3))

    assert counting(more) < counting(fewer) + MEBIBYTE
