"""Which names a model may have seen, and the paired difference of two models against a count name by name."""

import math
from dataclasses import replace

import numpy as np
import pytest

from model.compiler.dense_table import compile_table
from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.transitions.scoring import character_log_probs
from training.data.read_list import NameList
from training.data.splits import Side, SplitRule, side_of, split
from training.gate.paired_comparison import Rival, paired_difference
from training.gate.quality import Reference
from training.gate.resemblance import WeighedNames
from training.recipe.presets import PRESETS, Preset, override
from training.run.run import Config, fit


def trained(names: NameList, preset: Preset, rule: SplitRule = SplitRule.NAMES, seed: int = 1) -> Rival:
    result = fit(names, Config(preset, seed=seed, split=rule))
    return Rival(checkpoint.loads(result.data), result.transitions, frozenset(names.names))


def part(names: NameList, first: int, end: int) -> NameList:
    return NameList(names.names[first:end], np.ones(end - first), "part.txt")


@pytest.fixture(scope="module")
def by_name(tiny: NameList, quick: Preset) -> Rival:
    return trained(tiny, quick)


@pytest.fixture(scope="module")
def by_line(tiny: NameList, quick: Preset) -> Rival:
    return trained(tiny, quick, SplitRule.LECTURE)


@pytest.mark.parametrize("rule", list(SplitRule))
def test_of_its_own_list_a_model_saw_exactly_the_train_part(
    rule: SplitRule, by_name: Rival, by_line: Rival, tiny: NameList
) -> None:
    rival = by_name if rule == SplitRule.NAMES else by_line
    assert rival.may_have_seen(tiny) == {tiny.names[i] for i in split(tiny.names, rule).train}


def test_a_name_held_out_by_its_hash_stays_unseen_in_any_list(by_name: Rival, tiny: NameList) -> None:
    other = part(tiny, 10, 90)
    assert by_name.may_have_seen(other) == {name for name in other.names if side_of(name) == Side.TRAIN}
    longer = NameList([*tiny.names, "kakakaka"], np.ones(101), "longer.txt")
    assert "kakakaka" not in by_name.may_have_seen(longer)


def test_every_name_of_another_list_split_by_line_counts_as_seen(by_line: Rival, tiny: NameList) -> None:
    grown = NameList([*tiny.names, "kakakaka"], np.ones(101), "grown.txt")
    assert by_line.may_have_seen(grown) == set(tiny.names)


def test_a_model_of_a_list_without_held_out_names_saw_all_of_them(tiny: NameList, quick: Preset) -> None:
    few = part(tiny, 0, 20)
    assert trained(few, quick).may_have_seen(tiny) == set(few.names)


@pytest.mark.parametrize("facts", [{}, {"config": 3, "data": []}, {"config": {"split": ["x"]}, "data": {}}])
def test_a_model_that_tells_nothing_of_its_training_counts_as_having_seen_its_list(
    facts: dict[str, object], by_name: Rival, tiny: NameList
) -> None:
    silent = replace(by_name.checkpoint, facts=facts)
    assert Rival(silent, by_name.transitions, None).may_have_seen(tiny) == set(tiny.names)
    assert Rival(silent, by_name.transitions, frozenset(tiny.names[:3])).may_have_seen(tiny) == set(tiny.names[:3])


def by_hand(model: Checkpoint, name: str) -> float:
    return -float(character_log_probs(compile_table(model), [model.vocabulary.encode(name)])[0].sum())


def test_the_difference_is_that_of_losses_counted_name_by_name(by_name: Rival, tiny: NameList, quick: Preset) -> None:
    """Weights 1 to 3, repeats among them."""
    other = trained(tiny, quick, seed=2)
    held_out = Reference.of(tiny, SplitRule.NAMES).dev.names
    names = WeighedNames([*held_out, *held_out[:2]], np.array([1.0, 2.0, 3.0] * len(held_out))[: len(held_out) + 2])
    found = paired_difference(by_name, other, names, tiny)
    assert found is not None
    assert (found.names, found.seen, found.unspelled) == (len(held_out), 0, 0)
    characters = math.fsum(w * (len(name) + 1) for name, w in zip(names.names, names.weights, strict=True))
    losses = [
        math.fsum(w * by_hand(rival.checkpoint, name) for name, w in zip(names.names, names.weights, strict=True))
        for rival in (by_name, other)
    ]
    assert found.first == pytest.approx(losses[0] / characters, rel=1e-12)
    assert found.second == pytest.approx(losses[1] / characters, rel=1e-12)
    assert found.difference == pytest.approx((losses[0] - losses[1]) / characters, rel=1e-9)


def test_the_standard_error_is_about_that_of_resampled_names(by_name: Rival, tiny: NameList) -> None:
    """Within a fifth: 2,000 bootstrap samples of all names, as if none was seen."""
    other = trained(tiny, override(PRESETS["fast"], 60, None, None))
    unseeing = [
        replace(rival, checkpoint=replace(rival.checkpoint, facts={}), listed=frozenset()) for rival in (by_name, other)
    ]
    found = paired_difference(unseeing[0], unseeing[1], WeighedNames.even(tiny.names), tiny)
    assert found is not None
    surprises = np.array([[by_hand(rival.checkpoint, name) for name in tiny.names] for rival in unseeing])
    lengths = np.array([len(name) + 1 for name in tiny.names])
    chosen = np.random.default_rng(0).integers(100, size=(2_000, 100))
    means = (surprises[0] - surprises[1])[chosen].sum(axis=1) / lengths[chosen].sum(axis=1)
    assert found.standard_error == pytest.approx(means.std(), rel=0.2)


def test_two_equal_models_differ_by_nothing(by_name: Rival, tiny: NameList) -> None:
    found = paired_difference(by_name, by_name, Reference.of(tiny, SplitRule.NAMES).dev, tiny)
    assert found is not None
    assert (found.difference, found.standard_error) == (0, 0)


def test_names_that_one_saw_or_cannot_spell_are_left_out(by_name: Rival, tiny: NameList, quick: Preset) -> None:
    wider = NameList([*tiny.names, *(name + "z" for name in tiny.names)], np.ones(200), "wider.txt")
    other = trained(wider, quick)
    dev = Reference.of(wider, SplitRule.NAMES).dev
    found = paired_difference(by_name, other, WeighedNames.even([*dev.names, *tiny.names]), wider)
    assert found is not None
    assert found.unspelled == sum(name.endswith("z") for name in dev.names)
    assert found.seen == len(split(tiny.names, SplitRule.NAMES).train)


def test_fewer_than_two_fair_names_give_no_difference(by_name: Rival, tiny: NameList) -> None:
    train = Reference.of(tiny, SplitRule.NAMES).train
    assert paired_difference(by_name, by_name, train, tiny) is None
    assert paired_difference(by_name, by_name, WeighedNames.even([]), tiny) is None
