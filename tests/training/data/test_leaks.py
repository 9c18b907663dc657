"""Held-out names do not influence what is trained: with others in their place the same weights come out."""

import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.network import checkpoint
from tests.training.conftest import hurried
from training.data.read_list import NameList
from training.data.splits import Side, SplitRule, side_of, split
from training.recipe.presets import PRESETS
from training.run.run import Config, fit

LETTERS = "aiklmno"
RANDOM = random.Random(1)
SOME = ("".join(RANDOM.choices(LETTERS, k=RANDOM.randint(1, 12))) for _ in range(2_000))
HELD_OUT = st.sampled_from(sorted(name for name in SOME if side_of(name) != Side.TRAIN))


def weights_of(names: NameList, preset: str, rule: SplitRule) -> dict[str, torch.Tensor]:
    config = Config(hurried(preset, 40 if preset == "classic" else 6), split=rule)
    return checkpoint.loads(fit(names, config).data).stack.state()


def assert_same(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert some.keys() == others.keys()
    assert all(torch.equal(some[name], others[name]) for name in some)


def list_of(names: list[str]) -> NameList:
    return NameList(names, np.ones(len(names)), "names.txt")


def scattered(train: list[str], held_out: list[str], seed: int) -> list[str]:
    """Both in one list, each in its order, mixed by chance."""
    places = set(random.Random(seed).sample(range(len(train) + len(held_out)), len(held_out)))
    sources = {True: iter(held_out), False: iter(train)}
    return [next(sources[i in places]) for i in range(len(train) + len(held_out))]


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held_out=st.lists(HELD_OUT, min_size=4, max_size=60), seed=st.integers(0, 99))
def test_other_held_out_names_give_the_same_weights(
    preset: str, held_out: list[str], seed: int, tiny_names: list[str]
) -> None:
    """Any number of them, anywhere in the list, so long as both parts have some and no new letter comes in."""
    train = [name for name in tiny_names if side_of(name) == Side.TRAIN]
    assert set("".join(train)) == set(LETTERS)
    changed = scattered(train, [*held_out, *_one_of_each()], seed)
    assert [changed[i] for i in split(changed, SplitRule.NAMES).train] == train
    expected = weights_of(list_of(tiny_names), preset, SplitRule.NAMES)
    assert_same(weights_of(list_of(changed), preset, SplitRule.NAMES), expected)


def _one_of_each() -> list[str]:
    names = ["l" * count for count in range(1, 60)]
    return [next(name for name in names if side_of(name) == side) for side in (Side.DEV, Side.TEST)]


@pytest.mark.parametrize("preset", PRESETS)
def test_other_held_out_lines_give_the_same_weights(preset: str, tiny_names: list[str]) -> None:
    parts = split(tiny_names, SplitRule.LECTURE)
    changed = list(tiny_names)
    for i in (*parts.dev, *parts.test):
        changed[i] = "ok" * (1 + i % 5)
    expected = weights_of(list_of(tiny_names), preset, SplitRule.LECTURE)
    assert_same(weights_of(list_of(changed), preset, SplitRule.LECTURE), expected)


@pytest.mark.parametrize("preset", PRESETS)
def test_another_train_name_does_give_other_weights(preset: str, tiny_names: list[str]) -> None:
    """So that the tests above would notice."""
    changed = list(tiny_names)
    changed[split(tiny_names, SplitRule.NAMES).train[0]] = next(
        name for name in ("okok", "okokok", "kokoko", "lololo", "nonono") if side_of(name) == Side.TRAIN
    )
    some, others = (weights_of(list_of(names), preset, SplitRule.NAMES) for names in (tiny_names, changed))
    assert any(not torch.equal(some[name], others[name]) for name in some)


@settings(max_examples=50, deadline=None)
@given(
    names=st.lists(st.text("abcdef", min_size=1, max_size=5), min_size=60, max_size=120),
    repeats=st.lists(st.integers(1, 4), min_size=120, max_size=120),
    rng=st.randoms(use_true_random=False),
)
def test_every_repeat_of_a_held_out_name_is_unseen_in_training(
    names: list[str], repeats: list[int], rng: random.Random
) -> None:
    repeated = [name for name, count in zip(names, repeats, strict=False) for _ in range(count)]
    rng.shuffle(repeated)
    parts = split(repeated, SplitRule.NAMES)
    train, dev, test = ({repeated[i] for i in part} for part in (parts.train, parts.dev, parts.test))
    assert not train & dev
    assert not train & test
    assert not dev & test
