"""Numbers computed in any order: equal to SplitMix64 run step by step with Python's unbounded integers."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model.kernels import random_numbers
from model.kernels.random_numbers import MAX_SEED, Words

GAMMA = 0x9E3779B97F4A7C15
WORDS = st.integers(0, 2**64 - 1)


def finalise(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def splitmix(state: int) -> Iterator[int]:
    """The published generator: the state advances by the golden gamma, then is mixed."""
    while True:
        state = (state + GAMMA) % 2**64
        yield finalise(state)


def start_of(key: int, name: int) -> int:
    return finalise((finalise(key) + name * GAMMA) % 2**64)


def draws(seed: int | str, names: int, steps: int) -> Words:
    """(names, steps)"""
    streams = random_numbers.streams(seed, np.arange(names, dtype=np.uint64))
    return np.stack([random_numbers.draw(streams, step) for step in range(steps)], axis=1)


def test_the_oracle_gives_the_published_numbers() -> None:
    """SplitMix64's known answers for the state 1234567."""
    generator = splitmix(1234567)
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [next(generator) for _ in expected] == expected


@given(st.lists(WORDS, min_size=1, max_size=50))
@settings(deadline=None, derandomize=True)
def test_mixing_equals_unbounded_arithmetic_and_loses_no_word(words: list[int]) -> None:
    mixed = random_numbers.mix(np.array(words, dtype=np.uint64))
    assert mixed.dtype == np.uint64
    assert mixed.tolist() == [finalise(word) for word in words]
    assert len(set(mixed.tolist())) == len(set(words))


def test_mixing_keeps_shapes_and_its_argument() -> None:
    words = np.arange(24, dtype=np.uint64).reshape(2, 3, 4)
    mixed = random_numbers.mix(words)
    assert mixed.shape == words.shape
    assert mixed.ravel().tolist() == [finalise(word) for word in range(24)]
    assert words.ravel().tolist() == list(range(24))


@given(st.integers(0, MAX_SEED), st.lists(WORDS, min_size=1, max_size=20), st.integers(0, 70))
@settings(deadline=None, derandomize=True)
def test_number_t_of_a_name_is_the_tth_of_a_sequential_generator(seed: int, names: list[int], step: int) -> None:
    streams = random_numbers.streams(seed, np.array(names, dtype=np.uint64))
    assert streams.tolist() == [start_of(seed, name) for name in names]
    for name, word in zip(names, random_numbers.draw(streams, step).tolist(), strict=True):
        generator = splitmix(start_of(seed, name))
        sequence = [next(generator) for _ in range(step + 1)]
        assert word == sequence[step] >> 32


def test_a_name_does_not_depend_on_its_neighbours() -> None:
    together = random_numbers.streams(5, np.arange(100, dtype=np.uint64))
    for i in (0, 1, 42, 99):
        assert random_numbers.streams(5, np.array([i], dtype=np.uint64)).tolist() == [together[i]]


def test_names_and_seeds_have_different_streams() -> None:
    seeds: list[int | str] = [*range(50), MAX_SEED, MAX_SEED - 1, 2**32, "", "0", "1", "ada"]
    indices = np.arange(2_000, dtype=np.uint64)
    starts = np.concatenate([random_numbers.streams(seed, indices) for seed in seeds])
    assert len(np.unique(starts)) == len(starts)
    words = {draws(seed, 1, 4).tobytes() for seed in seeds}
    assert len(words) == len(seeds)


@pytest.mark.parametrize("seed", [0, 1, MAX_SEED, "ada"])
@pytest.mark.parametrize("shift", [0, 12, 24], ids=["low byte", "middle byte", "high byte"])
def test_words_are_uniform_over_names_and_over_steps(seed: int | str, shift: int) -> None:
    words = draws(seed, 5_000, 40)
    assert words.dtype == np.uint64
    assert int(words.max()) < 2**32
    for part in (words, words[:, 0], words[:, 1]):
        counts = np.bincount((part.ravel() >> np.uint64(shift)).astype(np.int64) & 255, minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-4


def test_neighbouring_names_steps_and_seeds_are_independent() -> None:
    """Pairs of 4-bit numbers over all 256 cells."""
    words, other = draws(0, 20_000, 3) >> np.uint64(28), draws(1, 20_000, 3) >> np.uint64(28)
    pairs = {
        "names": (words[:-1:2, 0], words[1::2, 0]),
        "steps": (words[:, 0], words[:, 1]),
        "seeds": (words[:, 0], other[:, 0]),
        "name plus step": (words[:-1:2, 1], words[1::2, 0]),
    }
    for what, (left, right) in pairs.items():
        counts = np.bincount((left * np.uint64(16) + right).astype(np.int64), minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-4, what


def test_an_integer_is_its_own_key() -> None:
    for seed in (0, 1, 2**53 + 1, MAX_SEED):
        assert int(random_numbers.key(seed)) == seed


@pytest.mark.parametrize("seed", ["", "0", "42", "Zoë", "ада", "a" * 64])
def test_a_string_is_hashed_even_if_it_looks_like_a_number(seed: str) -> None:
    digest = hashlib.sha256(seed.encode("utf-8")).digest()
    assert int(random_numbers.key(seed)) == sum(byte << (8 * i) for i, byte in enumerate(digest[:8]))
    if seed.isdigit():
        assert random_numbers.key(seed) != random_numbers.key(int(seed))


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 2**64])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"a seed must be in 0..{MAX_SEED}"):
        random_numbers.key(seed)
    with pytest.raises(ValueError, match="a seed must be in"):
        random_numbers.streams(seed, np.zeros(1, dtype=np.uint64))
