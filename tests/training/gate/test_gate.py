"""What the gate lets through and what it refuses, in words."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.compiler.compile_model import compile_model
from model.errors import StoreError
from model.network import checkpoint, checkpoint_header
from model.network.checkpoint import Checkpoint
from model.network.layers import Linear
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.store.store import Version
from model.text.vocabulary import BOUNDARY, Normalization, Vocabulary
from training.data.counted_list import Losses
from training.data.read_list import NameList, read_names
from training.data.splits import SplitRule
from training.gate.checks import Check
from training.gate.gate import GateRefusedError, examine, quality_checks, require
from training.gate.quality import Quality, Reference, sample_quality
from training.gate.resemblance import WeighedNames
from training.learning.loop import History
from training.recipe.presets import PRESETS, Preset, override
from training.run.run import Config, Result, fit

LIST = Path(__file__).resolve().parents[3] / "data" / "us-names.csv"
NAMES = [
    "evaluation mode",
    "distributions",
    "better than guessing",
    "names end",
    "validity",
    "uniqueness",
    "novelty",
    "resemblance",
    "not worse than the current version",
]
VOCABULARY = Vocabulary.from_names(["abcdefg"])


def result_of(bias: list[float], losses: Losses) -> Result:
    """A model whose next-character distribution is softmax(bias), whatever the context."""
    size = VOCABULARY.size
    description: list[dict[str, Any]] = [
        {"type": "Embedding", "num_embeddings": size, "embedding_dim": 2},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 4, "out_features": size, "bias": True},
    ]
    stack = Stack.build(description).eval()
    last = stack.layers[-1]
    assert isinstance(last, Linear)
    last.bias = torch.tensor(bias)
    model = Checkpoint(stack, 2, VOCABULARY)
    data = checkpoint.dumps(model)
    served = compile_model(model, None)
    return Result(data, checkpoint_header.digest(data), stack.parameter_count, losses, None, served, {}, History(), 0.0)


FEW = NameList(["abc", "gfe"], np.ones(2), "few.txt")
"""Too few to hold names out."""


def refusal(result: Result, names: NameList = FEW) -> str:
    with pytest.raises(GateRefusedError) as error_info:
        require(examine(result, names).checks)
    message = str(error_info.value)
    assert len(message.splitlines()) == 1
    return message


UNIFORM = [0.0] * VOCABULARY.size
UNIFORM_LOSS = math.log(VOCABULARY.size)


def test_a_trained_model_passes(tiny: NameList, quick: Preset) -> None:
    checks = examine(fit(tiny, Config(quick)), tiny).checks
    require(checks)
    assert all(check.passed for check in checks)
    assert [check.name for check in checks] == NAMES


def test_what_was_measured_of_the_names_is_told_unless_they_do_not_end(tiny: NameList, quick: Preset) -> None:
    result = fit(tiny, Config(quick))
    examination = examine(result, tiny)
    model = checkpoint.loads(result.data)
    expected = sample_quality(
        LanguageModel(compile_model(model, None)), model.vocabulary, Reference.of(tiny, SplitRule.NAMES)
    )
    assert examination.passed
    assert examination.quality == expected
    facts = expected.facts()
    assert json.loads(json.dumps(facts)) == facts
    endless = [*UNIFORM[:BOUNDARY], -12.0, *UNIFORM[BOUNDARY + 1 :]]
    refused = examine(result_of(endless, Losses(1.0, 1.0, 1.0)), FEW)
    assert refused.quality is None
    assert not refused.passed


def test_an_untrained_model_is_refused_for_being_no_better_than_guessing(tiny: NameList) -> None:
    untrained = Preset("none", "sgd", "halves", learning_rate=1e-9, batch_size=32, steps=1, evaluate_every=1)
    message = refusal(fit(tiny, Config(untrained)), tiny)
    assert "better than guessing" in message
    assert f"{math.log(8):.4f} for a uniform guess" in message


@pytest.mark.parametrize("loss", [UNIFORM_LOSS, UNIFORM_LOSS + 1, math.nan, math.inf])
def test_a_loss_of_a_uniform_guess_or_worse_is_refused(loss: float) -> None:
    assert "better than guessing" in refusal(result_of(UNIFORM, Losses(loss, None, None)))


def test_the_held_out_loss_decides_where_there_is_one() -> None:
    assert "better than guessing" in refusal(result_of(UNIFORM, Losses(1.0, UNIFORM_LOSS + 1, 1.0)))
    require(examine(result_of(UNIFORM, Losses(UNIFORM_LOSS + 1, 1.0, 1.0)), FEW).checks)


def test_a_model_whose_names_do_not_end_is_refused() -> None:
    bias = list(UNIFORM)
    bias[BOUNDARY] = -12.0
    message = refusal(result_of(bias, Losses(1.0, 1.0, 1.0)))
    assert "names end" in message
    assert "64 letters" in message
    assert "better than guessing" not in message


def test_a_model_that_gives_nothing_but_empty_names_is_refused() -> None:
    bias = list(UNIFORM)
    bias[BOUNDARY] = 12.0
    assert "names end" in refusal(result_of(bias, Losses(1.0, 1.0, 1.0)))


@pytest.mark.parametrize("end", [-300.0, 300.0])
def test_a_model_that_cannot_give_any_name_is_refused_and_not_an_accident(end: float) -> None:
    bias = list(UNIFORM)
    bias[BOUNDARY] = end * 1e3
    assert "names end" in refusal(result_of(bias, Losses(1.0, 1.0, 1.0)))


def test_every_failed_check_is_named() -> None:
    bias = list(UNIFORM)
    bias[BOUNDARY] = -12.0
    message = refusal(result_of(bias, Losses(9.0, None, None)))
    assert "names end" in message
    assert "better than guessing" in message


def judged(**changes: Any) -> dict[str, bool]:
    """Whether each check of generation passes, for a good quality with some of its fields changed."""
    good = Quality(
        count=10_000,
        validity=0.99,
        uniqueness={1_000: 0.95, 10_000: 0.9},
        novelty=0.8,
        compared=1_000,
        distances={"length": 0.1, "bigram": 0.05, "trigram": 0.2},
        noise_floor={"length": 0.01, "bigram": 0.03, "trigram": 0.15},
        held_out_novelty=0.9,
    )
    names = WeighedNames.even([f"name{i}" for i in range(5_000)])
    return {
        check.name: check.passed for check in quality_checks(replace(good, **changes), Reference(names, names, names))
    }


def test_a_good_quality_passes_whole() -> None:
    assert all(judged().values())


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"validity": 0.4}, "validity"),
        ({"uniqueness": {1_000: 0.4, 10_000: 0.1}}, "uniqueness"),
        ({"novelty": 0.0}, "novelty"),
        ({"distances": {"length": 0.9, "bigram": 0.05, "trigram": 0.2}}, "resemblance"),
        ({"distances": {"length": 0.1, "bigram": 0.39, "trigram": 0.2}}, "resemblance"),
        ({"distances": {"length": 0.1, "bigram": 0.05, "trigram": 0.71}}, "resemblance"),
    ],
)
def test_a_quality_out_of_bounds_fails_by_its_name(changes: dict[str, Any], failed: str) -> None:
    assert [name for name, passed in judged(**changes).items() if not passed] == [failed]


def test_a_small_list_may_be_repeated_and_its_few_held_out_names_are_no_yardstick() -> None:
    assert all(judged(novelty=0.0, held_out_novelty=None, distances=None, noise_floor=None, compared=0).values())
    far = {"length": 1.0, "bigram": 1.0, "trigram": 1.0}
    assert all(judged(distances=far, compared=99).values())


@pytest.mark.parametrize("count", [2, 3, 10, 50, 60])
@pytest.mark.parametrize("steps", [20, 150])
def test_a_healthy_model_of_a_tiny_list_passes(count: int, steps: int, tiny_names: list[str], quick: Preset) -> None:
    names = NameList(tiny_names[:count], np.ones(count), "tiny.txt")
    require(examine(fit(names, Config(override(quick, steps, None, None))), names).checks)


def test_a_model_that_hardly_began_to_learn_real_names_is_refused() -> None:
    some = read_names(LIST)
    names = NameList(some.names[:3_000], np.ones(3_000), "some.csv")
    begun = fit(names, Config(override(PRESETS["fast"], 4, None, None)))
    assert "resemblance" in refusal(begun, names)
    require(examine(fit(names, Config(override(PRESETS["fast"], 40, None, None))), names).checks)


# Against the current version


def version_of(result: Result, names: NameList) -> Version:
    return Version("tiny", result.digest, checkpoint.loads(result.data), frozenset(names.names), {})


def succession(result: Result, names: NameList, current: Any, **options: Any) -> Check:
    return examine(result, names, current=current, **options).checks[-1]


@pytest.fixture(scope="module")
def trained(tiny: NameList) -> Result:
    return fit(tiny, Config(override(PRESETS["fast"], 100, None, None)))


@pytest.fixture(scope="module")
def worse(tiny: NameList) -> Result:
    return fit(tiny, Config(override(PRESETS["fast"], 12, None, None)))


def test_a_version_that_is_worse_on_the_same_held_out_names_is_refused(
    tiny: NameList, trained: Result, worse: Result
) -> None:
    check = succession(worse, tiny, version_of(trained, tiny))
    assert not check.passed
    assert (
        f"loss {worse.losses.dev:.4f} against {trained.losses.dev:.4f} of version {trained.digest[:12]}" in check.detail
    )
    assert "standard error" in check.detail
    assert succession(trained, tiny, version_of(worse, tiny)).passed
    assert succession(trained, tiny, version_of(trained, tiny)).passed


def test_a_wider_margin_lets_it_through_and_is_named(tiny: NameList, trained: Result, worse: Result) -> None:
    check = succession(worse, tiny, version_of(trained, tiny), margin=5.0)
    assert check.passed
    assert "margin 5" in check.detail


def test_what_cannot_be_compared_is_skipped_with_the_reason(tiny: NameList, trained: Result) -> None:
    def said(current: Any, names: NameList = tiny) -> str:
        check = succession(trained, names, current)
        assert check.passed
        return check.detail

    assert "there is no current version" in said(None)
    assert "cannot be read: damaged" in said(StoreError("damaged"))
    few = NameList(tiny.names[:20], np.ones(20), "few.txt")
    assert "too small" in said(version_of(trained, tiny), few)
    vocabulary = replace(VOCABULARY, normalization=Normalization("NFD"))
    model = checkpoint.loads(trained.data)
    assert "other rules" in said(Version("x", "0" * 64, replace(model, vocabulary=vocabulary), None, {}))
    stranger = Version("x", "0" * 64, replace(model, facts={}), frozenset(tiny.names), {})
    assert "fewer than 5 held-out names" in said(stranger)


def test_names_that_the_current_version_cannot_spell_are_left_out_and_counted(tiny: NameList, quick: Preset) -> None:
    """Of the same list with some n's as q's, the current version knows no q."""
    current = fit(tiny, Config(quick))
    other = NameList(
        [name.replace("n", "q") if i % 3 == 0 else name for i, name in enumerate(tiny.names)], tiny.weights, "q"
    )
    detail = succession(fit(other, Config(quick)), other, version_of(current, tiny)).detail
    assert "with letters that one lacks" in detail
