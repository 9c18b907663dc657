"""Each layer against its torch.nn twin, and batch normalisation against formulas written out by hand.

Comparisons run in float64 with TOLERANCE: both sides do the same sums, only in another order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from model.network.batch_norm import BatchNorm1d
from model.network.layer import Layer
from model.network.layers import GELU, LAYERS, Dropout, Embedding, Flatten, Linear, ReLU, SymbolDropout, Tanh
from model.network.stack import Stack

TOLERANCE = 1e-11
FEATURES = 5
ROWS = 7

EXAMPLES: list[Layer] = [
    Embedding(6, 4),
    Flatten(),
    Linear(3, 8),
    Linear(3, 8, bias=False),
    BatchNorm1d(5),
    BatchNorm1d(5, eps=1e-3, momentum=0.25),
    Tanh(),
    ReLU(),
    GELU(),
    Dropout(0.25),
    SymbolDropout(0.1),
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=TOLERANCE, atol=TOLERANCE)


def gradients(out: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Gradients of a sum of outputs with unequal coefficients."""
    return torch.autograd.grad((out * normal(*out.shape, seed=99)).sum(), inputs)


def new_batch_norm(eps: float = 1e-5, momentum: float = 0.1) -> BatchNorm1d:
    """A layer in float64 with no parameter and no buffer at its default."""
    layer = BatchNorm1d(FEATURES, eps=eps, momentum=momentum)
    layer.gamma = (normal(FEATURES, seed=1) + 2).requires_grad_()
    layer.beta = normal(FEATURES, seed=2).requires_grad_()
    layer.running_mean = normal(FEATURES, seed=3)
    layer.running_var = normal(FEATURES, seed=4) ** 2 + 0.1
    return layer


def batch_norm_twin(layer: BatchNorm1d) -> nn.BatchNorm1d:
    twin = nn.BatchNorm1d(FEATURES, eps=layer.eps, momentum=layer.momentum, dtype=torch.float64)
    twin.load_state_dict(
        {
            "weight": layer.gamma.detach(),
            "bias": layer.beta.detach(),
            "running_mean": layer.running_mean,
            "running_var": layer.running_var,
            "num_batches_tracked": torch.tensor(0),
        }
    )
    return twin


# Against torch.nn


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 3, 2)])
def test_embedding_equals_its_twin(shape: tuple[int, ...], training: bool) -> None:
    layer, twin = Embedding(6, 4), nn.Embedding(6, 4, dtype=torch.float64)
    layer.weight = twin.weight.detach().clone().requires_grad_()
    layer.train(training)
    twin.train(training)
    ids = torch.randint(0, 6, shape, generator=torch.Generator().manual_seed(0))
    out, expected = layer(ids), twin(ids)
    assert torch.equal(out, expected)
    assert_close(gradients(out, [layer.weight])[0], gradients(expected, [twin.weight])[0])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 3), (7, 3), (4, 2, 3)])
def test_linear_equals_its_twin_with_the_transposed_weight(shape: tuple[int, ...], bias: bool, training: bool) -> None:
    layer, twin = Linear(3, 8, bias=bias), nn.Linear(3, 8, bias=bias, dtype=torch.float64)
    layer.weight = twin.weight.detach().T.clone().requires_grad_()
    if bias:
        layer.bias = twin.bias.detach().clone().requires_grad_()
    layer.train(training)
    twin.train(training)
    x = normal(*shape).requires_grad_()
    out, expected = layer(x), twin(x)
    assert_close(out, expected)
    ours = gradients(out, [x, *layer.parameters().values()])
    theirs = gradients(expected, [x, *twin.parameters()])
    assert len(ours) == len(theirs) == (3 if bias else 2)
    assert_close(ours[0], theirs[0])
    assert_close(ours[1], theirs[1].T)
    if bias:
        assert_close(ours[2], theirs[2])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (2, 3, 2, 2)])
@pytest.mark.parametrize(
    ("layer", "twin"),
    [(Flatten(), nn.Flatten()), (Tanh(), nn.Tanh()), (ReLU(), nn.ReLU()), (GELU(), nn.GELU())],
    ids=["Flatten", "Tanh", "ReLU", "GELU"],
)
def test_a_layer_without_state_equals_its_twin(
    layer: Layer, twin: nn.Module, shape: tuple[int, ...], training: bool
) -> None:
    layer.train(training)
    twin.train(training)
    x = normal(*shape).requires_grad_()
    out, expected = layer(x), twin(x)
    assert_close(out, expected)
    assert_close(gradients(out, [x])[0], gradients(expected, [x])[0])
    assert layer.parameters() == {}
    assert layer.buffers() == {}


def test_gelu_is_x_times_the_normal_distribution_function() -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    assert_close(GELU()(x), torch.from_numpy(x.numpy() * stats.norm.cdf(x.numpy())))


def test_relu_has_no_slope_at_zero() -> None:
    x = torch.zeros(3, requires_grad=True)
    assert torch.equal(torch.autograd.grad(ReLU()(x).sum(), x)[0], torch.zeros(3))


@pytest.mark.parametrize("eps", [1e-5, 1e-1])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_batch_norm_equals_its_twin_in_evaluation(rows: int, eps: float) -> None:
    layer = new_batch_norm(eps=eps)
    twin = batch_norm_twin(layer).eval()
    layer.train(False)
    x = normal(rows, FEATURES).requires_grad_()
    out, expected = layer(x), twin(x)
    assert_close(out, expected)
    ours = gradients(out, [x, layer.gamma, layer.beta])
    theirs = gradients(expected, [x, twin.weight, twin.bias])
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other)


def test_evaluation_does_not_touch_the_running_statistics() -> None:
    layer = new_batch_norm()
    before = {name: tensor.clone() for name, tensor in layer.buffers().items()}
    layer.train(False)
    layer(normal(ROWS, FEATURES))
    assert all(torch.equal(layer.buffers()[name], tensor) for name, tensor in before.items())


# Batch normalisation in training


def written_out(x: Tensor, layer: BatchNorm1d) -> Tensor:
    """The formula of the docstring, with sums: mean, then squares over n - 1."""
    rows = x.reshape(-1, x.shape[-1])
    mean = rows.sum(0) / len(rows)
    var = ((rows - mean) ** 2).sum(0) / (len(rows) - 1)
    return layer.gamma * (x - mean) * (var + layer.eps) ** -0.5 + layer.beta


@pytest.mark.parametrize("eps", [1e-5, 1e-1])
@pytest.mark.parametrize("shape", [(2, FEATURES), (ROWS, FEATURES), (4, 3, FEATURES), (1, 2, FEATURES)])
def test_batch_norm_normalises_by_the_unbiased_variance(shape: tuple[int, ...], eps: float) -> None:
    layer = new_batch_norm(eps=eps)
    x = normal(*shape, seed=5).requires_grad_()
    out, expected = layer(x), written_out(x, layer)
    assert out.shape == shape
    assert_close(out, expected)
    inputs = [x, layer.gamma, layer.beta]
    for mine, other in zip(gradients(out, inputs), gradients(expected, inputs), strict=True):
        assert_close(mine, other)


@pytest.mark.parametrize("rows", [2, 3, 8])
def test_only_the_variance_that_normalises_differs_from_the_twin(rows: int) -> None:
    """With eps scaled by n / (n - 1), the twin's biased deviation is ours times sqrt((n - 1) / n)."""
    layer = new_batch_norm(eps=1e-3)
    twin = batch_norm_twin(layer).train()
    twin.eps = layer.eps * (rows - 1) / rows
    x = normal(rows, FEATURES, seed=6)
    ours, theirs = (layer(x) - layer.beta) / layer.gamma, (twin(x) - twin.bias) / twin.weight
    assert_close(ours, theirs * ((rows - 1) / rows) ** 0.5)
    assert not torch.allclose(ours, theirs, rtol=1e-2)


def test_batch_norm_passes_a_numerical_check_of_its_gradients() -> None:
    def normalise(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        layer = BatchNorm1d(FEATURES)
        layer.gamma, layer.beta = gamma, beta
        return layer(x)

    layer = new_batch_norm()
    check: Callable[..., bool] = torch.autograd.gradcheck
    assert check(normalise, (normal(ROWS, FEATURES).requires_grad_(), layer.gamma, layer.beta))


@pytest.mark.parametrize("momentum", [0.001, 0.1, 1.0])
def test_running_statistics_equal_those_of_the_twin(momentum: float) -> None:
    layer = new_batch_norm(momentum=momentum)
    twin = batch_norm_twin(layer).train()
    for step in range(5):
        x = 3 * normal(4 + step, FEATURES, seed=step) + 1
        layer(x)
        twin(x)
        assert twin.running_mean is not None
        assert twin.running_var is not None
        assert_close(layer.running_mean, twin.running_mean)
        assert_close(layer.running_var, twin.running_var)
    assert not layer.running_mean.requires_grad
    assert not layer.running_var.requires_grad


def test_running_statistics_of_three_dimensions_equal_those_of_the_twin() -> None:
    layer = new_batch_norm()
    twin = batch_norm_twin(layer).train()
    x = normal(4, 3, FEATURES)
    layer(x)
    twin(x.transpose(1, 2))  # torch.nn wants the features in the middle
    assert twin.running_mean is not None
    assert twin.running_var is not None
    assert_close(layer.running_mean, twin.running_mean)
    assert_close(layer.running_var, twin.running_var)
    layer.train(False)
    twin.eval()
    assert_close(layer(x), twin(x.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize("shape", [(1, FEATURES), (FEATURES,), (1, 1, FEATURES), (0, FEATURES)])
def test_a_training_batch_of_one_row_is_refused_with_the_buffers_untouched(shape: tuple[int, ...]) -> None:
    layer = new_batch_norm()
    before = {name: tensor.clone() for name, tensor in layer.buffers().items()}
    with pytest.raises(ValueError, match="at least two rows"):
        layer(normal(*shape))
    assert all(torch.equal(layer.buffers()[name], tensor) for name, tensor in before.items())
    assert not hasattr(layer, "out")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("features", [1, FEATURES - 1, FEATURES + 1])
def test_another_number_of_features_is_refused(features: int, training: bool) -> None:
    layer = new_batch_norm()
    layer.train(training)
    with pytest.raises(ValueError, match=f"expected {FEATURES} features, got {features}"):
        layer(normal(ROWS, features))


@pytest.mark.parametrize("inner", [(), (3,)])
def test_row_weights_equal_repeated_rows(inner: tuple[int, ...]) -> None:
    repeats = torch.tensor([1, 4, 2, 1, 3])
    weighted, repeated = new_batch_norm(), new_batch_norm()
    weighted.row_weights = repeats.to(torch.float64)
    x = normal(len(repeats), *inner, FEATURES, seed=7).requires_grad_()
    out, expected = weighted(x), repeated(x.repeat_interleave(repeats, dim=0))
    assert_close(out.repeat_interleave(repeats, dim=0), expected)
    assert_close(weighted.running_mean, repeated.running_mean)
    assert_close(weighted.running_var, repeated.running_var)
    shape = (len(repeats), *[1] * len(inner), 1)
    ours = gradients(out * repeats.reshape(shape), [x, weighted.gamma, weighted.beta])
    coefficients = normal(*out.shape, seed=99).repeat_interleave(repeats, dim=0)
    theirs = torch.autograd.grad((expected * coefficients).sum(), [x, repeated.gamma, repeated.beta])
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other)


def test_row_weights_of_one_change_nothing() -> None:
    weighted, plain = new_batch_norm(), new_batch_norm()
    weighted.row_weights = torch.ones(ROWS, dtype=torch.float64)
    x = normal(ROWS, FEATURES)
    assert_close(weighted(x), plain(x))
    assert_close(weighted.running_var, plain.running_var)


def test_row_weights_do_not_count_in_evaluation() -> None:
    weighted, plain = new_batch_norm(), new_batch_norm()
    weighted.row_weights = torch.arange(1.0, ROWS + 1, dtype=torch.float64)
    x = normal(ROWS, FEATURES)
    for layer in (weighted, plain):
        layer.train(False)
    assert torch.equal(weighted(x), plain(x))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("inner", [(), (3,)])
def test_calibrate_sets_the_statistics_that_numpy_finds(inner: tuple[int, ...], size: int) -> None:
    layer = new_batch_norm()
    counts = np.array([3, 1, 2, 5, 1, 1, 4])
    x = (10 + normal(ROWS, *inner, FEATURES, seed=8)).requires_grad_()
    weights = torch.from_numpy(counts).to(torch.float64)
    layer.calibrate(zip(torch.split(x, size), torch.split(weights, size), strict=True))
    rows = np.repeat(x.detach().numpy(), counts, axis=0).reshape(-1, FEATURES)
    np.testing.assert_allclose(layer.running_mean.numpy(), rows.mean(0), rtol=TOLERANCE)
    np.testing.assert_allclose(layer.running_var.numpy(), rows.var(0, ddof=1), rtol=TOLERANCE)
    assert not layer.running_mean.requires_grad
    assert not layer.running_var.requires_grad


def test_calibrate_takes_weights_that_are_not_whole() -> None:
    layer = new_batch_norm()
    weights = np.array([0.5, 1.25, 2.0, 0.1, 0.9, 3.0, 0.75])
    x = normal(ROWS, FEATURES, seed=9)
    layer.calibrate([(x, torch.from_numpy(weights))])
    mean = np.average(x.numpy(), axis=0, weights=weights)
    squares = np.average((x.numpy() - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(layer.running_var.numpy(), squares * weights.sum() / (weights.sum() - 1), rtol=TOLERANCE)


# What layers share


def input_of(layer: Layer) -> Tensor:
    if isinstance(layer, Embedding):
        return torch.tensor([[1, 2], [0, 5]])
    if isinstance(layer, SymbolDropout):
        return torch.ones(2, 3, 4)
    return torch.ones(2, {Linear: 3, BatchNorm1d: 5}.get(type(layer), 4))


@pytest.mark.parametrize("layer", EXAMPLES, ids=repr)
def test_out_is_the_last_output_and_exists_only_in_training(layer: Layer) -> None:
    x = input_of(layer)
    layer.generator = torch.Generator()
    layer.train()
    assert layer.training
    assert layer(x) is layer.out
    assert layer(x) is layer.out
    layer.train(False)
    assert not layer.training
    assert not hasattr(layer, "out")
    before = dict(vars(layer))
    layer(x)
    assert vars(layer).keys() == before.keys()
    assert all(vars(layer)[name] is value for name, value in before.items())
    layer.train()
    assert not hasattr(layer, "out")


def test_every_layer_type_has_an_example() -> None:
    assert {type(layer) for layer in EXAMPLES} == set(LAYERS.values())
    assert all(name == layer_type.__name__ for name, layer_type in LAYERS.items())


@pytest.mark.parametrize("layer", EXAMPLES, ids=repr)
def test_a_layer_is_built_again_from_its_config_and_from_its_repr(layer: Layer) -> None:
    from_repr = eval(repr(layer), {}, dict(LAYERS))
    for copy in (Stack.build([layer.config()]).layers[0], from_repr):
        assert type(copy) is type(layer)
        assert copy.config() == layer.config()
        assert repr(copy) == repr(layer)
        assert {name: tensor.shape for name, tensor in copy.parameters().items()} == {
            name: tensor.shape for name, tensor in layer.parameters().items()
        }
        assert copy.buffers().keys() == layer.buffers().keys()


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Embedding(6, 4), {"type": "Embedding", "num_embeddings": 6, "embedding_dim": 4}),
        (Flatten(), {"type": "Flatten"}),
        (Linear(3, 8), {"type": "Linear", "in_features": 3, "out_features": 8, "bias": True}),
        (Linear(3, 8, bias=False), {"type": "Linear", "in_features": 3, "out_features": 8, "bias": False}),
        (BatchNorm1d(5), {"type": "BatchNorm1d", "num_features": 5, "eps": 1e-5, "momentum": 0.1}),
        (Tanh(), {"type": "Tanh"}),
        (ReLU(), {"type": "ReLU"}),
        (GELU(), {"type": "GELU"}),
        (Dropout(0.25), {"type": "Dropout", "p": 0.25}),
        (SymbolDropout(0.1), {"type": "SymbolDropout", "p": 0.1}),
    ],
    ids=repr,
)
def test_a_config_is_plain_and_complete(layer: Layer, expected: dict[str, Any]) -> None:
    assert layer.config() == expected


def test_the_state_of_each_layer_has_the_names_and_shapes_stated() -> None:
    def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in tensors.items()}

    assert shapes(Embedding(6, 4).parameters()) == {"weight": (6, 4)}
    assert shapes(Linear(3, 8).parameters()) == {"weight": (3, 8), "bias": (8,)}
    assert shapes(Linear(3, 8, bias=False).parameters()) == {"weight": (3, 8)}
    assert shapes(BatchNorm1d(5).parameters()) == {"gamma": (5,), "beta": (5,)}
    assert shapes(BatchNorm1d(5).buffers()) == {"running_mean": (5,), "running_var": (5,)}


def test_batch_norm_starts_as_the_identity_of_evaluation() -> None:
    layer = BatchNorm1d(FEATURES)
    layer.train(False)
    x = normal(ROWS, FEATURES)
    torch.testing.assert_close(layer(x), x / (1 + layer.eps) ** 0.5, rtol=1e-6, atol=1e-6)  # float32 buffers


@pytest.mark.parametrize(("in_features", "out_features"), [(4, 5_000), (30, 100), (900, 50)])
def test_linear_weights_start_normal_with_variance_one_over_in_features(in_features: int, out_features: int) -> None:
    layer = Linear(in_features, out_features)
    layer.bias = torch.ones(out_features)
    layer.reset_parameters(torch.Generator().manual_seed(1))
    scaled = layer.weight.flatten().double().numpy() * in_features**0.5
    assert layer.weight.shape == (in_features, out_features)
    assert stats.kstest(scaled, "norm").pvalue > 1e-3
    assert torch.equal(layer.bias, torch.zeros(out_features))


def test_linear_outputs_keep_the_spread_of_their_inputs() -> None:
    layer = Linear(400, 400, bias=False)
    layer.reset_parameters(torch.Generator().manual_seed(2))
    x = torch.randn(500, 400, generator=torch.Generator().manual_seed(3))
    assert float(layer(x).std()) == pytest.approx(1.0, abs=0.02)  # over five standard errors


def test_embedding_weights_start_standard_normal() -> None:
    layer = Embedding(200, 50)
    layer.reset_parameters(torch.Generator().manual_seed(1))
    assert layer.weight.shape == (200, 50)
    assert stats.kstest(layer.weight.flatten().numpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("layer_type", [Embedding, Linear])
def test_parameters_are_drawn_from_the_generator_given(layer_type: type[Embedding] | type[Linear]) -> None:
    first, same, other = layer_type(6, 4), layer_type(6, 4), layer_type(6, 4)
    for layer, seed in ((first, 1), (same, 1), (other, 2)):
        layer.reset_parameters(torch.Generator().manual_seed(seed))
    assert torch.equal(first.weight, same.weight)
    assert not torch.equal(first.weight, other.weight)
