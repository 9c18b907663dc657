"""The derivative that batch normalisation writes out by hand, against numerical and automatic ones, in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from model.network.batch_norm import BatchNorm1d

FEATURES = 4
SHAPES = [(6, FEATURES), (3, 2, FEATURES)]
FRACTIONS = [0.5, 2.0, 1.25, 7.0, 0.1, 3.0]
WEIGHTS = [None, FRACTIONS]
EVERY = [pytest.mark.parametrize("shape", SHAPES, ids=str), pytest.mark.parametrize("weights", WEIGHTS, ids=str)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weighed(shape: tuple[int, ...], weights: list[float] | None) -> Tensor | None:
    """As many weights as a batch of that shape has rows."""
    return None if weights is None else torch.tensor(weights[: shape[0]], dtype=torch.float64)


def layer_of(gamma: Tensor, beta: Tensor, row_weights: Tensor | None) -> BatchNorm1d:
    layer = BatchNorm1d(FEATURES, eps=1e-3)
    layer.gamma, layer.beta, layer.row_weights = gamma, beta, row_weights
    return layer


def inputs(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    x, gamma, beta = 3 * normal(*shape) + 5, normal(FEATURES, seed=1) + 2, normal(FEATURES, seed=2)
    return x.requires_grad_(), gamma.requires_grad_(), beta.requires_grad_()


def formula(x: Tensor, gamma: Tensor, beta: Tensor, row_weights: Tensor | None) -> Tensor:
    """Operation by operation, for autograd to go through."""
    rows = x.reshape(-1, FEATURES)
    weights = torch.ones(len(x), dtype=x.dtype) if row_weights is None else row_weights
    weights = weights.repeat_interleave(len(rows) // len(x))[:, None]
    mean = (weights * rows).sum(0) / weights.sum()
    var = (weights * (rows - mean) ** 2).sum(0) / (weights.sum() - 1)
    return (gamma * (rows - mean) / (var + 1e-3).sqrt() + beta).reshape(x.shape)


@EVERY[0]
@EVERY[1]
def test_the_gradient_equals_differences_of_the_output(shape: tuple[int, ...], weights: list[float] | None) -> None:
    check: Callable[..., bool] = torch.autograd.gradcheck
    row_weights = weighed(shape, weights)
    assert check(lambda x, gamma, beta: layer_of(gamma, beta, row_weights)(x), inputs(shape))


@EVERY[0]
@EVERY[1]
def test_output_and_gradient_equal_those_of_the_plain_formula(
    shape: tuple[int, ...], weights: list[float] | None
) -> None:
    row_weights, coefficients = weighed(shape, weights), normal(*shape, seed=3)
    given = inputs(shape)
    out, expected = layer_of(given[1], given[2], row_weights)(given[0]), formula(*given, row_weights)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    ours = torch.autograd.grad((out * coefficients).sum(), given)
    theirs = torch.autograd.grad((expected * coefficients).sum(), given)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-11)


def test_weights_of_a_common_factor_change_the_unbiased_variance_alone() -> None:
    """Twice as many equal rows: the same mean, the variance times (n - 1) / n * 2n / (2n - 1)."""
    x, gamma, beta = inputs(SHAPES[0])
    rows = len(x)
    once, twice = layer_of(gamma, beta, None), layer_of(gamma, beta, torch.full((rows,), 2.0, dtype=torch.float64))
    for layer in (once, twice):
        layer.momentum = 1.0
        layer(x)
    torch.testing.assert_close(twice.running_mean, once.running_mean)
    torch.testing.assert_close(twice.running_var, once.running_var * (rows - 1) / rows * 2 * rows / (2 * rows - 1))


@pytest.mark.parametrize("rows", [2, 5, 64])
def test_it_equals_torch_nn_up_to_the_unbiased_factor_with_the_gradient_of_that(rows: int) -> None:
    """With eps scaled by (n - 1) / n the twin normalises by sqrt(n / (n - 1)) more, and so do its gradients."""
    x, gamma, beta = inputs((rows, FEATURES))
    layer = layer_of(gamma, torch.zeros_like(beta), None)
    twin = nn.BatchNorm1d(FEATURES, eps=layer.eps * (rows - 1) / rows, dtype=torch.float64)
    twin.weight.data = gamma.detach().clone()
    factor = ((rows - 1) / rows) ** 0.5
    out, theirs = layer(x), twin(x)
    torch.testing.assert_close(out, theirs * factor, rtol=1e-10, atol=1e-10)
    coefficients = normal(rows, FEATURES, seed=4)
    ours = torch.autograd.grad((out * coefficients).sum(), x)[0]
    other = torch.autograd.grad((theirs * coefficients).sum() * factor, x)[0]
    torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-9)
    for mine, name in ((layer.running_mean, "running_mean"), (layer.running_var, "running_var")):
        torch.testing.assert_close(mine.double(), twin.state_dict()[name], rtol=1e-6, atol=1e-6)


def test_running_statistics_are_moved_by_those_of_the_weighted_batch() -> None:
    shape = SHAPES[0]
    x, gamma, beta = inputs(shape)
    layer = layer_of(gamma, beta, weighed(shape, FRACTIONS))
    layer(x)
    weights, rows = torch.tensor(FRACTIONS, dtype=torch.float64), x.detach()
    mean = (weights[:, None] * rows).sum(0) / weights.sum()
    var = (weights[:, None] * (rows - mean) ** 2).sum(0) / (weights.sum() - 1)
    torch.testing.assert_close(layer.running_mean.double(), 0.1 * mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(layer.running_var.double(), 0.9 + 0.1 * var, rtol=1e-6, atol=1e-6)
    assert not layer.running_mean.requires_grad
