"""Measures of what is generated, against samples counted by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from model.compiler.compile_model import compile_model
from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.network.layers import Linear
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.text.vocabulary import BOUNDARY, Normalization, Vocabulary
from model.transitions.shaping import ShapeSettings
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.gate.quality import Quality, Reference, completion, sample_quality, written_well
from training.gate.resemblance import WeighedNames, distances
from training.recipe.presets import Preset
from training.run.run import Config, fit


@pytest.fixture(scope="module")
def model(tiny: NameList, quick: Preset) -> Checkpoint:
    return checkpoint.loads(fit(tiny, Config(quick)).data)


@pytest.fixture(scope="module")
def reference(tiny: NameList) -> Reference:
    return Reference.of(tiny, SplitRule.NAMES)


@pytest.fixture(scope="module")
def found(model: Checkpoint, reference: Reference) -> Quality:
    return sample_quality(LanguageModel(compile_model(model, None)), model.vocabulary, reference)


def test_shares_and_distances_are_those_of_the_same_draws(
    model: Checkpoint, reference: Reference, found: Quality
) -> None:
    sampler = LanguageModel(compile_model(model, None)).sampler(ShapeSettings(), [], None)
    drawn = [name for some in sampler.draw(0, 10_000) for name in some.decode(model.vocabulary)]
    assert found.count == 10_000
    assert found.uniqueness == {n: len(set(drawn[:n])) / n for n in (1_000, 10_000)}
    assert found.novelty == pytest.approx(sum(name not in reference.train.names for name in drawn) / 10_000)
    assert found.compared == len(reference.test)
    like_test = WeighedNames.even(drawn[: len(reference.test)])
    assert found.distances == distances(like_test, reference.dev)
    assert found.noise_floor == distances(reference.test, reference.dev)
    assert found.held_out_novelty == 1
    assert found.validity == pytest.approx(sampler.probability)


def test_a_part_of_a_list_too_small_to_hold_names_out_has_no_floor(model: Checkpoint, tiny: NameList) -> None:
    few = Reference.of(NameList(tiny.names[:20], tiny.weights[:20], "few.txt"), SplitRule.NAMES)
    found = sample_quality(LanguageModel(compile_model(model, None)), model.vocabulary, few)
    assert (found.compared, found.distances, found.noise_floor, found.held_out_novelty) == (0, None, None, None)


def test_weights_of_held_out_names_shrink_what_samples_are_compared_by(model: Checkpoint, tiny: NameList) -> None:
    weights = np.where(np.arange(len(tiny.names)) % 2 == 0, 1.0, 0.01)
    weighted = Reference.of(NameList(tiny.names, weights / weights.mean(), "weighted.csv"), SplitRule.NAMES)
    found = sample_quality(LanguageModel(compile_model(model, None)), model.vocabulary, weighted)
    assert 0 < found.compared == weighted.test.effective < len(weighted.test)


def test_a_long_list_is_compared_by_as_many_of_its_names_as_are_drawn(model: Checkpoint, reference: Reference) -> None:
    long = Reference(reference.train, reference.dev, WeighedNames.even(reference.test.names * 5))
    found = sample_quality(LanguageModel(compile_model(model, None)), model.vocabulary, long, 20)
    assert found.compared == 20
    assert found.uniqueness == {}


def test_names_that_reading_would_change_are_not_valid() -> None:
    names = ["lea", "le a", " lea", "lea ", "le  a", "Lea", "le\u0301a", "l\u00e9a"]
    assert written_well(names, Normalization()) == 3 / 8


@pytest.mark.parametrize(("end", "share"), [(0.0, 2 / 3 - (2 / 3) ** 65), (-1e5, 0.0), (1e5, 0.0)])
def test_names_that_are_empty_or_do_not_end_are_not_valid(end: float, share: float) -> None:
    """Uniform over two letters and the end: a third of the draws is empty, and (2/3)^65 goes on too long."""
    vocabulary = Vocabulary(("a", "b"))
    description: list[dict[str, Any]] = [
        {"type": "Embedding", "num_embeddings": 3, "embedding_dim": 1},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 1, "out_features": 3, "bias": True},
    ]
    stack = Stack.build(description).eval()
    last = stack.layers[-1]
    assert isinstance(last, Linear)
    last.weight, last.bias = torch.zeros(1, 3), torch.zeros(3)
    last.bias[BOUNDARY] = end
    assert completion(LanguageModel(compile_model(Checkpoint(stack, 1, vocabulary), None))) == pytest.approx(
        share, abs=1e-9
    )
