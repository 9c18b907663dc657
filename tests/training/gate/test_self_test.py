"""The self-test against models that are broken in one way each."""

import numpy as np
import pytest
import torch
from torch import Tensor

from model.compiler.compile_model import compile_model
from model.network import checkpoint
from model.network.batch_norm import BatchNorm1d
from model.network.checkpoint import Checkpoint
from model.transitions.automaton import Transitions
from training.data.read_list import NameList
from training.gate.self_test import distributions, evaluation_mode, self_test
from training.recipe.presets import Preset
from training.run.run import Config, fit


@pytest.fixture
def model(tiny: NameList, quick: Preset) -> Checkpoint:
    return checkpoint.loads(fit(tiny, Config(quick)).data)


def test_a_trained_model_passes(model: Checkpoint) -> None:
    assert all(check.passed for check in self_test(model, compile_model(model, None)))


def test_a_stack_in_training_mode_fails_and_is_left_as_it_was(model: Checkpoint) -> None:
    model.stack.train()
    before = {name: tensor.clone() for name, tensor in model.stack.state().items()}
    assert not evaluation_mode(model).passed
    assert all(torch.equal(before[name], tensor) for name, tensor in model.stack.state().items())


def test_a_layer_that_uses_its_batch_in_evaluation_too_fails(
    model: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchNorm1d, "forward", lambda _, x: (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt())
    assert not evaluation_mode(model).passed


def test_a_layer_that_changes_its_statistics_in_evaluation_fails(
    model: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = BatchNorm1d.forward

    def moving(self: BatchNorm1d, x: Tensor) -> Tensor:
        out = forward(self, x)
        self.running_mean = self.running_mean + 1e-12
        return out

    monkeypatch.setattr(BatchNorm1d, "forward", moving)
    assert not evaluation_mode(model).passed


@pytest.mark.parametrize("value", [np.nan, -np.inf, 0.0])
def test_a_table_with_a_row_that_is_no_distribution_fails(value: float, model: Checkpoint) -> None:
    log_probs = compile_model(model, None).log_probs.copy()
    log_probs[5, 2] = value
    assert not distributions(Transitions.dense(log_probs, model.block_size)).passed
