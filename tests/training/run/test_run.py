"""One run: what the checkpoint says of it, and edits of the layer list that need no other change."""

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import NamesmithError, StackError
from model.network import checkpoint, checkpoint_header
from model.store.store import Store
from training.data.read_list import DataError, NameList
from training.data.splits import SplitRule, split
from training.gate.gate import examine, require
from training.recipe.presets import PRESETS, Preset, override
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit, measure

Layers = list[dict[str, Any]]

SYMBOLS, BLOCK_SIZE = 8, 3
USUAL = tanh_stack(SYMBOLS, BLOCK_SIZE, dim=4, width=16)
VARIANTS: dict[str, Layers] = {
    "usual": USUAL,
    "ReLU for Tanh": [{"type": "ReLU"} if layer["type"] == "Tanh" else layer for layer in USUAL],
    "GELU for Tanh": [{"type": "GELU"} if layer["type"] == "Tanh" else layer for layer in USUAL],
    "no BatchNorm1d": [layer for layer in USUAL if layer["type"] != "BatchNorm1d"],
    "no last BatchNorm1d": USUAL[:-1],
    "a Linear more": [*USUAL[:5], {"type": "Linear", "in_features": 16, "out_features": 16}, *USUAL[5:]],
    "a hidden layer more": [*USUAL[:5], *USUAL[5:8], *USUAL[5:]],
    "a hidden layer less": [*USUAL[:5], *USUAL[8:]],
    "BatchNorm1d before Flatten": [USUAL[0], {"type": "BatchNorm1d", "num_features": 4}, *USUAL[1:]],
}


@pytest.mark.parametrize("preset", ["fast", "classic"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_edit_of_the_layer_list_trains_and_is_published_and_loads(
    variant: str, preset: str, tiny: NameList, tmp_path: Path
) -> None:
    layers = VARIANTS[variant]
    steps = 30 if preset == "fast" else 300
    result = fit(tiny, Config(override(PRESETS[preset], steps, None, None), layers=layers))
    require(examine(result, tiny).checks)
    digest = Store(tmp_path / "store").publish("tiny", result.data, tiny.distinct, result.facts())
    version = Store(tmp_path / "store").load("tiny")
    assert version.digest == digest == result.digest
    described = version.checkpoint.stack.describe()
    assert [layer["type"] for layer in described] == [layer["type"] for layer in layers]
    assert measure(version.checkpoint, version.transitions, tiny, SplitRule.NAMES)[0].dev == pytest.approx(
        result.losses.dev, abs=1e-6
    )


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        pytest.param([*USUAL[:5], {"type": "Linear", "in_features": 9, "out_features": 16}, *USUAL[5:]], "layer 5, L"),
        pytest.param(USUAL[:-2], "last layer"),
        pytest.param([USUAL[0], *USUAL[2:]], "BatchNorm1d|Linear"),
        pytest.param(tanh_stack(9, BLOCK_SIZE), "layer 0, Embedding"),
        pytest.param(tanh_stack(SYMBOLS, 4), "layer 2, Linear"),
        pytest.param([{"type": "Embedding", "num_embeddings": 5, "embedding_dim": 4}, *USUAL[1:]], "layer 0, Embed"),
        pytest.param([*USUAL[:4], {"type": "Sigmoid"}, *USUAL[5:]], "layer 4.*Sigmoid"),
        pytest.param([*USUAL[:3], {"type": "BatchNorm1d"}, *USUAL[4:]], "layer 3 .BatchNorm1d."),
        pytest.param(
            [USUAL[1], {"type": "Linear", "in_features": 3, "out_features": 8}], "layer 1, Linear", id="Linear of ids"
        ),
        pytest.param(
            [{"type": "BatchNorm1d", "num_features": 3}, {"type": "Linear", "in_features": 3, "out_features": 8}],
            "layer 0, BatchNorm1d",
            id="BatchNorm1d of ids",
        ),
        pytest.param([], "1 to"),
    ],
)
def test_a_layer_list_that_does_not_fit_is_refused_by_the_layer_s_name(
    layers: Layers, said: str, tiny: NameList, quick: Preset
) -> None:
    with pytest.raises(StackError, match=said):
        fit(tiny, Config(quick, layers=layers))


def test_a_layer_list_with_nothing_to_train_is_refused(quick: Preset) -> None:
    """Two letters and the end are three symbols, so three ids pass for three logits."""
    names = NameList(["ab", "ba"], np.ones(2), "two.txt")
    with pytest.raises(StackError):
        fit(names, Config(quick, layers=[{"type": "Flatten"}]))


@pytest.mark.parametrize("block_size", [0, 33])
def test_a_context_of_an_impossible_length_is_refused(block_size: int, tiny: NameList, quick: Preset) -> None:
    with pytest.raises(StackError, match="1 to 32 characters"):
        fit(tiny, Config(quick, block_size=block_size))


@pytest.mark.parametrize("block_size", [1, 2, 4])
def test_the_usual_stack_follows_the_block_size(block_size: int, tiny: NameList, quick: Preset) -> None:
    result = fit(tiny, Config(quick, block_size=block_size))
    require(examine(result, tiny).checks)
    assert checkpoint.loads(result.data).block_size == block_size


@pytest.mark.parametrize("rule", list(SplitRule))
def test_the_checkpoint_holds_the_facts_of_its_run(rule: SplitRule, tiny: NameList, quick: Preset) -> None:
    result = fit(tiny, Config(quick, seed=9, split=rule))
    model = checkpoint.loads(result.data)
    parts = split(tiny.names, rule)
    assert model.facts["data"] == {
        "source": "tiny.txt",
        "fingerprint": tiny.fingerprint(),
        "names": 100,
        "distinct_names": 100,
        "weighted": False,
        "train": len(parts.train),
        "dev": len(parts.dev),
        "test": len(parts.test),
    }
    assert model.facts["config"] == {
        "preset": "fast",
        "optimizer": "muon",
        "schedule": "one-cycle",
        "learning_rate": 0.05,
        "matrix_rate": 0.25,
        "batch_size": 2048,
        "steps": 20,
        "targets": "smoothed",
        "gain": 1.666667,
        "seed": 9,
        "split": rule.value,
    }
    losses = result.losses
    assert model.facts["losses"] == {"train": losses.train, "dev": losses.dev, "test": losses.test}
    assert result.digest == checkpoint_header.digest(result.data)
    assert result.parameters == model.stack.parameter_count
    assert model.vocabulary.letters == tuple("aiklmno")


def test_the_losses_of_a_run_are_those_of_its_checkpoint(tiny: NameList, quick: Preset) -> None:
    result = fit(tiny, Config(quick))
    again = measure(checkpoint.loads(result.data), result.transitions, tiny, SplitRule.NAMES)[0]
    for found, expected in zip((again.train, again.dev, again.test), vars(result.losses).values(), strict=True):
        assert found == pytest.approx(expected, abs=1e-6)


def test_the_manifest_s_facts_hold_what_differs_from_run_to_run(tiny: NameList, quick: Preset) -> None:
    result = fit(tiny, Config(quick))
    facts = result.facts()
    assert 0 <= facts["seconds"] <= facts["total_seconds"]
    assert [point["step"] for point in facts["curve"]] == [point.step for point in result.history.points]
    assert all(math.isfinite(point["dev_loss"]) for point in facts["curve"])
    assert {"python", "torch", "numpy"} <= facts["environment"].keys()


def test_a_small_list_trains_without_held_out_losses(quick: Preset) -> None:
    result = fit(NameList(["emma", "ava"], np.ones(2), "two.txt"), Config(quick))
    assert result.losses.dev is None
    assert result.losses.test is None
    assert result.losses.train < math.log(5)


def test_the_weights_of_names_shift_the_model_towards_them(quick: Preset) -> None:
    names = ["la", "ka"]

    def share_of_l(weights: list[float]) -> float:
        result = fit(NameList(names, np.array(weights), "two.txt"), Config(override(quick, 100, None, None)))
        only_l = NameList(["la", "la"], np.ones(2), "l.txt")
        return -measure(checkpoint.loads(result.data), result.transitions, only_l, SplitRule.NAMES)[0].train

    assert share_of_l([1.8, 0.2]) > share_of_l([0.2, 1.8])


def assert_finite_or_refused_for_weights(names: NameList, config: Config) -> None:
    try:
        loss = fit(names, config).losses.train
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert math.isfinite(loss)
    assert not refusal or "weight" in refusal


def with_one_heavy_name(names: list[str], side: str) -> NameList:
    """Nearly all the weight on one name of a side."""
    weights = np.full(len(names), 1e-6)
    weights[getattr(split(names, SplitRule.NAMES), side)[0]] = 1.0
    return NameList(names, weights / weights.mean(), "heavy.csv")


@pytest.mark.parametrize("preset", ["fast", "classic"])
@pytest.mark.parametrize("side", ["train", "dev"])
def test_weights_that_are_very_uneven_train_or_are_refused_in_words(
    side: str, preset: str, tiny_names: list[str]
) -> None:
    """Whatever share of the weight is trained on, no variance is negative and no accident happens."""
    config = Config(override(PRESETS[preset], 20, None, None))
    assert_finite_or_refused_for_weights(with_one_heavy_name(tiny_names, side), config)


def test_weights_too_far_apart_for_single_precision_are_refused() -> None:
    weights = np.array([1.0, 1e-60, 1.0, 1e-60])
    with pytest.raises(DataError, match=r"apart\.csv: the largest weight"):
        NameList(["lako", "mina", "kola", "nika"], weights / weights.mean(), "apart.csv")


def test_a_run_that_explodes_without_nan_fails_with_an_error_of_the_domain(tiny: NameList) -> None:
    """Finite weights can still give an infinite loss."""
    layers = [layer for layer in VARIANTS["ReLU for Tanh"] if layer["type"] != "BatchNorm1d"]
    preset = override(PRESETS["classic"], 2, None, 1e6)
    with pytest.raises(NamesmithError):
        fit(tiny, Config(preset, layers=layers))


def test_the_order_of_the_global_random_module_does_not_matter(tiny: NameList, quick: Preset) -> None:
    config = Config(quick, split=SplitRule.LECTURE)
    random.seed(1)
    first = fit(tiny, config).digest
    random.seed(2)
    assert fit(tiny, config).digest == first
