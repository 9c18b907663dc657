"""The two ways to split a list."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.text.vocabulary import Vocabulary
from training.data.examples import make_examples
from training.data.splits import MIN_TO_HOLD_OUT, Split, SplitRule, split

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=60, max_size=250)


def many_names(count: int) -> list[str]:
    return [f"name{i}" for i in range(count)]


def sides(names: list[str], parts: Split) -> dict[str, str]:
    """The one side each name is on."""
    found: dict[str, set[str]] = {}
    for side, indices in (("train", parts.train), ("dev", parts.dev), ("test", parts.test)):
        for i in indices:
            found.setdefault(names[i], set()).add(side)
    assert all(len(name_sides) == 1 for name_sides in found.values())
    return {name: name_sides.pop() for name, name_sides in found.items()}


@settings(deadline=None)
@given(NAMES)
def test_no_name_is_on_two_sides_and_none_is_lost(names: list[str]) -> None:
    parts = split(names, SplitRule.NAMES)
    assert set(sides(names, parts)) == set(names)
    assert sorted(np.concatenate([parts.train, parts.dev, parts.test]).tolist()) == list(range(len(names)))


@settings(deadline=None)
@given(st.integers(200, 400), st.integers(1, 400), st.randoms(use_true_random=False))
def test_a_name_keeps_its_side_when_the_list_grows(count: int, more: int, rng: random.Random) -> None:
    names = many_names(count)
    grown = many_names(count + more)
    rng.shuffle(grown)
    before, after = sides(names, split(names, SplitRule.NAMES)), sides(grown, split(grown, SplitRule.NAMES))
    assert before == {name: after[name] for name in names}


def test_about_eight_tenths_are_trained_on_and_a_tenth_held_out_twice() -> None:
    parts = split(many_names(20_000), SplitRule.NAMES)
    # Five standard deviations of a binomial share are 0.014 and 0.011.
    assert len(parts.train) / 20_000 == pytest.approx(0.8, abs=0.014)
    assert len(parts.dev) / 20_000 == pytest.approx(0.1, abs=0.011)
    assert len(parts.test) / 20_000 == pytest.approx(0.1, abs=0.011)


@pytest.mark.parametrize("repeats", [1, 10])
def test_a_small_list_holds_nothing_out_however_often_its_names_repeat(repeats: int) -> None:
    names = many_names(MIN_TO_HOLD_OUT - 1) * repeats
    parts = split(names, SplitRule.NAMES)
    assert (parts.train.tolist(), len(parts.dev), len(parts.test)) == (list(range(len(names))), 0, 0)


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 1_000, 32_033])
def test_the_lecture_split_is_that_of_the_lectures(count: int) -> None:
    names = many_names(count)
    shuffled = list(names)
    state = random.getstate()
    try:
        random.seed(42)
        random.shuffle(shuffled)
    finally:
        random.setstate(state)
    first, second = int(0.8 * len(shuffled)), int(0.9 * len(shuffled))
    parts = split(names, SplitRule.LECTURE)
    assert [names[i] for i in parts.train] == shuffled[:first]
    assert [names[i] for i in parts.dev] == shuffled[first:second]
    assert [names[i] for i in parts.test] == shuffled[second:]


def test_the_lecture_split_leaves_the_global_random_state_alone() -> None:
    state = random.getstate()
    split(many_names(100), SplitRule.LECTURE)
    assert random.getstate() == state


def test_the_lecture_split_of_the_lecture_list_has_the_published_sizes() -> None:
    path = os.environ.get("NAMESMITH_MAKEMORE")
    if not path:
        pytest.skip("NAMESMITH_MAKEMORE does not name the lectures' names.txt")
    names = Path(path).read_text(encoding="utf-8").splitlines()
    vocabulary = Vocabulary.from_names(names)
    parts = split(names, SplitRule.LECTURE)
    examples = [
        make_examples([names[i] for i in part], [1.0] * len(part), vocabulary, 3)
        for part in (parts.train, parts.dev, parts.test)
    ]
    assert [len(part) for part in examples] == [182_625, 22_655, 22_866]
