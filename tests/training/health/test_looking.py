"""What is seen, against autograd and numpy by hand on a small stack; and that looking changes nothing."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from model.network.batch_norm import BatchNorm1d
from model.network.layer import Layer
from model.network.layers import ReLU, Tanh
from model.network.stack import Stack
from training.data.read_list import NameList
from training.diagnosis import diagnostics
from training.diagnosis.diagnostics import Look
from training.diagnosis.probe import look_at, traits, weights
from training.diagnosis.recorder import Recorder
from training.recipe.presets import PRESETS, override
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit

LAYERS: list[dict[str, Any]] = [
    {"type": "Embedding", "num_embeddings": 5, "embedding_dim": 4},
    {"type": "Flatten"},
    {"type": "Linear", "in_features": 8, "out_features": 6, "bias": False},
    {"type": "BatchNorm1d", "num_features": 6},
    {"type": "Tanh"},
    {"type": "Linear", "in_features": 6, "out_features": 7, "bias": True},
    {"type": "ReLU"},
    {"type": "Linear", "in_features": 7, "out_features": 5, "bias": True},
]
ROWS = 12
GENERATOR = torch.Generator().manual_seed(2)
X = torch.randint(0, 5, (ROWS, 2), generator=GENERATOR)
Y = torch.randint(0, 5, (ROWS,), generator=GENERATOR)
COUNTS = torch.tensor([1.0, 2, 3, 1, 1, 4, 1, 2, 5, 1, 1, 2])


def new_stack(gain: float = 5 / 3) -> Stack:
    stack = Stack.build(LAYERS)
    stack.reset_parameters(torch.Generator().manual_seed(1), gain)
    for tensor in stack.parameters():
        tensor.requires_grad_()
    return stack


def seen(stack: Stack, row_weights: torch.Tensor | None = None) -> Look:
    for layer in stack.layers:
        layer.watched = True
        if isinstance(layer, BatchNorm1d):
            layer.row_weights = row_weights
    losses = F.cross_entropy(stack(X), Y, reduction="none")
    shares = torch.full((ROWS,), 1 / ROWS) if row_weights is None else row_weights / row_weights.sum()
    (shares @ losses).backward()  # type: ignore[no-untyped-call]
    return look_at(stack, 1, row_weights)


def array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()


def test_outputs_and_gradients_equal_those_of_autograd() -> None:
    """Four digits are kept."""
    stack, twin = new_stack(), new_stack()
    look = seen(stack)
    outs, x = [], X
    for layer in twin.layers:
        x = layer(x)
        outs.append(x)
    gradients = torch.autograd.grad(F.cross_entropy(x, Y), outs)
    assert look.rows == ROWS
    for layer_look, out, gradient in zip(look.layers, outs, gradients, strict=True):
        assert layer_look.outputs.mean == pytest.approx(array(out).mean(), rel=1e-3, abs=1e-6)
        assert layer_look.outputs.std == pytest.approx(array(out).std(), rel=1e-3)
        assert layer_look.gradients
        assert layer_look.gradients.std == pytest.approx(ROWS * array(gradient).std(), rel=1e-3)
        assert sum(layer_look.outputs.shares) == pytest.approx(1, abs=0.02)


def test_saturated_and_dead_shares_are_counted() -> None:
    stack = new_stack(gain=20)
    look = seen(stack)
    tanh, relu = array(stack.layers[4].out), array(stack.layers[6].out)
    assert look.layers[4].saturated == pytest.approx((np.abs(tanh) > 0.97).mean(), rel=1e-3)
    assert look.layers[4].dead == pytest.approx((np.abs(tanh) > 0.97).all(axis=0).mean(), rel=1e-3)
    assert look.layers[6].saturated is None
    assert look.layers[6].dead == pytest.approx((relu == 0).all(axis=0).mean(), rel=1e-3)
    assert [layer.dead for i, layer in enumerate(look.layers) if i not in (4, 6)] == [None] * 6


def test_weights_are_measured_against_their_fan_in_and_gradients() -> None:
    stack = new_stack()
    look = seen(stack)
    assert [weight.name for weight in look.weights] == ["0.weight", "2.weight", "5.weight", "7.weight"]
    for weight, tensor in zip(look.weights, weights(stack).values(), strict=True):
        assert tensor.grad is not None
        data, gradient = array(tensor), array(tensor.grad)
        assert weight.std == pytest.approx(data.std(), rel=1e-3)
        assert weight.gradient_ratio == pytest.approx(gradient.std() / data.std(), rel=2e-3)
        root = math.sqrt(np.square(data).mean() * data.shape[0])
        assert weight.scale == (None if weight.layer == 0 else pytest.approx(root, rel=1e-3))


def test_statistics_of_the_batch_and_running_ones() -> None:
    stack = new_stack()
    look = seen(stack)
    found, x = look.layers[3].statistics, array(stack.layers[2].out)
    assert found
    np.testing.assert_allclose(found.batch_mean, x.mean(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.batch_std, x.std(axis=0, ddof=1), rtol=1e-3)
    np.testing.assert_allclose(found.running_mean, 0.1 * x.mean(axis=0), rtol=1e-3, atol=1e-6)
    assert [layer.statistics for i, layer in enumerate(look.layers) if i != 3] == [None] * 7


def test_rows_count_as_often_as_their_weights_say() -> None:
    """Against the same rows repeated, within what drawing 512 rows at even distances leaves."""
    stack = new_stack()
    look = seen(stack, COUNTS)
    repeated = array(stack.layers[4].out).repeat(COUNTS.long().numpy(), axis=0)
    assert look.layers[4].outputs.mean == pytest.approx(repeated.mean(), abs=0.005)
    assert look.layers[4].outputs.std == pytest.approx(repeated.std(), abs=0.005)


def test_traits_follow_a_layer_to_its_nonlinearity() -> None:
    found = traits(new_stack().layers)
    assert [trait.label for trait in found[:3]] == ["0 Embedding", "1 Flatten", "2 Linear"]
    wanted = {trait.index: (trait.wanted_gain, trait.normalised) for trait in found if trait.wanted_gain}
    assert wanted == {2: (5 / 3, True), 5: (pytest.approx(math.sqrt(2)), False)}
    assert (Tanh.saturates_at, ReLU.silent_at, Layer.gain) == (0.97, 0.0, None)


def test_a_watched_run_gives_the_same_model(tiny: NameList) -> None:
    for preset in ("fast", "classic"):
        config = Config(override(PRESETS[preset], 30, None, None))
        recorder = Recorder(30)
        watched = fit(tiny, config, recorder.beside(lambda *_: None), recorder)
        assert watched.digest == fit(tiny, config).digest
        assert diagnostics.loads(diagnostics.dumps(recorder.result())) == recorder.result()


def test_updates_equal_the_change_of_the_weights(tiny: NameList) -> None:
    """Under plain gradient descent: learning rate times the gradient."""
    preset = replace(override(PRESETS["classic"], 8, None, None), schedule="one-cycle", learning_rate=1.0)
    recorder = Recorder(8)
    fit(tiny, Config(preset), recorder.beside(lambda *_: None), recorder)
    seen = recorder.result()
    rate = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD([torch.zeros(1)], lr=1.0), max_lr=1.0, total_steps=9
    ).get_last_lr()[0]
    assert seen.first
    for weight in seen.first.weights:
        assert seen.updates[weight.name].values[0] == pytest.approx(math.log10(rate * weight.gradient_ratio), abs=0.01)
    assert seen.train.steps == list(range(1, 9))
    assert [look.step for look in seen.looks] == [1, 2, 3, 5, 8]


def test_gradients_of_outputs_are_kept_only_where_a_look_is_to_come() -> None:
    recorder = Recorder(100)
    stack = Stack.build(tanh_stack(8, 3, 4, 12))
    recorder.begin(stack, 8, None)
    assert all(layer.watched for layer in stack.layers)
    recorder._prepare(2)
    assert not any(layer.watched for layer in stack.layers)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"steps": 1}'])
def test_what_is_no_diagnostics_is_refused(content: bytes) -> None:
    with pytest.raises(Exception, match="these are not diagnostics"):
        diagnostics.loads(content)
