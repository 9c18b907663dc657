"""What the gate lets through and what it refuses, in words."""

import math
from typing import Any

import pytest
import torch

from model import checkpoint, header
from model.checkpoint import Checkpoint
from model.layers import Linear
from model.stack import Stack
from model.vocabulary import BOUNDARY, Vocabulary
from training.counted_list import Losses
from training.dataset import NameList
from training.gate import GateRefusedError, examine, require
from training.loop import History
from training.presets import Preset
from training.run import Config, Result, fit

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
    data = checkpoint.dumps(Checkpoint(stack, 2, VOCABULARY))
    return Result(data, header.digest(data), stack.parameter_count, losses, {}, History(), 0.0)


def refusal(result: Result) -> str:
    with pytest.raises(GateRefusedError) as error_info:
        require(examine(result))
    message = str(error_info.value)
    assert len(message.splitlines()) == 1
    return message


UNIFORM = [0.0] * VOCABULARY.size
UNIFORM_LOSS = math.log(VOCABULARY.size)


def test_a_trained_model_passes(tiny: NameList, quick: Preset) -> None:
    checks = examine(fit(tiny, Config(quick)))
    require(checks)
    assert all(check.passed for check in checks)
    assert {"distributions", "better than guessing", "names end"} == {check.name for check in checks}


def test_an_untrained_model_is_refused_for_being_no_better_than_guessing(tiny: NameList) -> None:
    untrained = Preset("none", "sgd", "halves", learning_rate=1e-9, batch_size=32, steps=1, evaluate_every=1)
    message = refusal(fit(tiny, Config(untrained)))
    assert "better than guessing" in message
    assert f"{math.log(8):.4f} for a uniform guess" in message


@pytest.mark.parametrize("loss", [UNIFORM_LOSS, UNIFORM_LOSS + 1, math.nan, math.inf])
def test_a_loss_of_a_uniform_guess_or_worse_is_refused(loss: float) -> None:
    assert "better than guessing" in refusal(result_of(UNIFORM, Losses(loss, None, None)))


def test_the_held_out_loss_decides_where_there_is_one() -> None:
    assert "better than guessing" in refusal(result_of(UNIFORM, Losses(1.0, UNIFORM_LOSS + 1, 1.0)))
    require(examine(result_of(UNIFORM, Losses(UNIFORM_LOSS + 1, 1.0, 1.0))))


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
