"""Distances between sets of names against scipy, and against the known noise floor of the lectures' list."""

import math
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from training.data.read_list import read_names
from training.data.splits import SplitRule
from training.gate.quality import Reference, novelty
from training.gate.resemblance import WeighedNames, distances, jensen_shannon

NAMES = st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=20)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 9)),
    st.dictionaries(st.sampled_from("cdef"), st.floats(0.1, 9)),
)
def test_the_divergence_is_scipys_distance_squared(p: dict[str, float], q: dict[str, float]) -> None:
    if not p or not q:
        return
    expected = jensenshannon(*([d.get(key, 0.0) for key in "abcdef"] for d in (p, q)), base=2) ** 2
    assert jensen_shannon(p, q) == pytest.approx(expected, abs=1e-9)


@given(NAMES, NAMES)
def test_distances_are_those_of_windows_counted_by_hand(some: list[str], others: list[str]) -> None:
    found = distances(WeighedNames.even(some), WeighedNames.even(others))
    for feature, size in (("bigram", 2), ("trigram", 3)):
        p, q = (
            Counter(f".{name}."[i : i + size] for name in names for i in range(len(name) + 3 - size))
            for names in (some, others)
        )
        assert found[feature] == pytest.approx(jensen_shannon(p, q), abs=1e-12)
    assert 0 <= found["length"] <= 1


@given(NAMES)
def test_equal_sets_are_no_way_apart_and_weights_count_as_repeats_do(names: list[str]) -> None:
    even = WeighedNames.even(names)
    weights = Counter(names)
    weighed = WeighedNames(list(weights), np.array(list(weights.values()), dtype=float))
    assert distances(even, weighed) == pytest.approx({"length": 0, "bigram": 0, "trigram": 0}, abs=1e-12)
    assert even.uniqueness_among(7) == pytest.approx(weighed.uniqueness_among(7))


def test_names_without_anything_in_common_are_one_bit_apart() -> None:
    far = distances(WeighedNames.even(["aa", "aaa"]), WeighedNames.even(["bbbb"]))
    assert far == pytest.approx({"length": 1, "bigram": 1, "trigram": 1})


def test_weights_lower_the_effective_number_of_names() -> None:
    assert WeighedNames.even(["a"] * 40).effective == 40
    assert WeighedNames(["a", "b", "c"], np.array([1.0, 1e-9, 1e-9])).effective == 1
    assert WeighedNames.even([]).effective == 0


def test_thinning_takes_names_from_everywhere() -> None:
    many = WeighedNames([str(i) for i in range(1_000)], np.arange(1_000.0))
    thinned = many.thinned(10)
    assert thinned.names == [str(i) for i in range(0, 1_000, 100)]
    assert thinned.weights.tolist() == [float(name) for name in thinned.names]
    assert many.thinned(1_000) is many


def test_the_expected_uniqueness_is_that_of_draws() -> None:
    """A thousand times 50 draws, to 4 standard errors of at most 0.01."""
    names = WeighedNames(["a", "b", "c", "d"] + [f"x{i}" for i in range(40)], np.array([30.0, 20, 10, 5] + [1] * 40))
    random = np.random.default_rng(0)
    drawn = random.choice(44, p=names.weights / names.weights.sum(), size=(1_000, 50))
    shares = np.array([len(set(row)) / 50 for row in drawn.tolist()])
    assert abs(shares.mean() - names.uniqueness_among(50)) < 4 * shares.std() / math.sqrt(1_000) < 0.01


def test_the_noise_floor_of_the_lectures_list_is_the_known_one() -> None:
    """Divergences in bits, a boundary on either side of each name; novelty of the test part."""
    path = os.environ.get("NAMESMITH_MAKEMORE")
    if not path:
        pytest.skip("NAMESMITH_MAKEMORE does not name the lectures' names.txt")
    reference = Reference.of(read_names(Path(path)), SplitRule.LECTURE)
    floor = distances(reference.dev, reference.test)
    assert floor == pytest.approx({"length": 0.0015, "bigram": 0.0088, "trigram": 0.0918}, abs=0.00005)
    assert novelty(reference.test, set(reference.train.names)) == pytest.approx(0.88, abs=0.005)
