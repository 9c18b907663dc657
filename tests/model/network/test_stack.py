"""A whole stack against torch.nn.Sequential, and everything that a description may get wrong."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.errors import StackError
from model.network.batch_norm import BatchNorm1d
from model.network.layer import Layer
from model.network.layers import Embedding, Flatten, Linear, Tanh
from model.network.stack import MAX_DIMENSION, MAX_LAYERS, Stack
from training.recipe.stacks import tanh_stack

SYMBOLS = 9
BLOCK_SIZE = 3
TOLERANCE = 1e-10
"""Both sides compute in float64; only the order of their sums differs."""


def small(symbols: int = SYMBOLS) -> list[dict[str, Any]]:
    return tanh_stack(symbols, BLOCK_SIZE, dim=4, width=12)


def without_batch_norm() -> list[dict[str, Any]]:
    return [
        {"type": "Embedding", "num_embeddings": SYMBOLS, "embedding_dim": 4},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 12, "out_features": 10},
        {"type": "GELU"},
        {"type": "Linear", "in_features": 10, "out_features": 8, "bias": False},
        {"type": "ReLU"},
        {"type": "Linear", "in_features": 8, "out_features": SYMBOLS},
    ]


def new_stack(description: list[dict[str, Any]], seed: int = 1) -> Stack:
    """In float64, every parameter and buffer away from its default."""
    stack = Stack.build(description)
    stack.reset_parameters(torch.Generator().manual_seed(seed))
    stack = stack.to(dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed + 1)
    for name, tensor in stack.state().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0, generator=generator)
        else:
            tensor += 0.3 * torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    for tensor in stack.parameters():
        tensor.requires_grad_()
    return stack


class UnbiasedBatchNorm1d(nn.BatchNorm1d):
    """torch.nn's layer, its training forward replaced by the formula with n - 1, autograd doing the rest."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        super().forward(input)  # for the running statistics
        mean = input.mean(0)
        var = ((input - mean) ** 2).sum(0) / (len(input) - 1)
        return self.weight * ((input - mean) / (var + self.eps).sqrt()) + self.bias


def twin_of(stack: Stack) -> nn.Sequential:
    return nn.Sequential(*map(twin_layer, stack.layers))


def twin_layer(layer: Layer) -> nn.Module:
    kinds: dict[str, Callable[[], nn.Module]] = {"Flatten": nn.Flatten, "Tanh": nn.Tanh}
    kinds |= {"ReLU": nn.ReLU, "GELU": nn.GELU}
    twin: nn.Module
    if isinstance(layer, Embedding):
        twin = nn.Embedding(layer.num_embeddings, layer.embedding_dim, dtype=torch.float64)
        twin.load_state_dict({"weight": layer.weight.detach()})
    elif isinstance(layer, Linear):
        bias = {} if layer.bias is None else {"bias": layer.bias.detach()}
        twin = nn.Linear(layer.in_features, layer.out_features, bias=bool(bias), dtype=torch.float64)
        twin.load_state_dict({"weight": layer.weight.detach().T, **bias})
    elif isinstance(layer, BatchNorm1d):
        twin = UnbiasedBatchNorm1d(layer.num_features, layer.eps, layer.momentum, dtype=torch.float64)
        twin.load_state_dict(
            {
                "weight": layer.gamma.detach(),
                "bias": layer.beta.detach(),
                "running_mean": layer.running_mean,
                "running_var": layer.running_var,
                "num_batches_tracked": torch.tensor(0),
            }
        )
    else:
        twin = kinds[type(layer).__name__]()
    return twin


def contexts(rows: int, seed: int = 5) -> Tensor:
    return torch.randint(0, SYMBOLS, (rows, BLOCK_SIZE), generator=torch.Generator().manual_seed(seed))


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=TOLERANCE, atol=TOLERANCE)


def equal_states(one: Stack, other: Stack) -> bool:
    ours, theirs = one.state(), other.state()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


# Against torch.nn.Sequential


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("description", [small(), without_batch_norm()], ids=["batch norm", "plain"])
def test_logits_and_gradients_equal_those_of_a_sequential(description: list[dict[str, Any]], training: bool) -> None:
    stack = new_stack(description).train(training)
    twin = twin_of(stack).train(training)
    x = contexts(20)
    targets = torch.randint(0, SYMBOLS, (20,), generator=torch.Generator().manual_seed(6))
    logits, expected = stack(x), twin(x)
    assert logits.shape == (20, SYMBOLS)
    assert_close(logits, expected)
    loss: Callable[..., Tensor] = nn.functional.cross_entropy
    ours = torch.autograd.grad(loss(logits, targets), stack.parameters())
    theirs = torch.autograd.grad(loss(expected, targets), list(twin.parameters()))
    assert len(ours) == len(theirs)
    names = [name for layer in stack.layers for name in layer.parameters()]
    kinds = [type(layer) for layer in stack.layers for _ in layer.parameters()]
    for name, kind, mine, other in zip(names, kinds, ours, theirs, strict=True):
        assert_close(mine, other.T if kind is Linear and name == "weight" else other)


def test_evaluation_after_training_batches_equals_that_of_the_sequential() -> None:
    stack = new_stack(small()).train()
    twin = twin_of(stack).train()
    for seed in range(4):
        stack(contexts(16, seed))
        twin(contexts(16, seed))
    assert_close(stack.eval()(contexts(30)), twin.eval()(contexts(30)))


def test_one_row_in_evaluation_is_the_row_of_any_batch() -> None:
    stack = new_stack(small()).eval()
    x = contexts(8)
    assert_close(torch.cat([stack(row[None]) for row in x]), stack(x))


# Size and first parameters


def test_the_classic_network_has_47024_parameters() -> None:
    stack = Stack.build(tanh_stack(27, 3))
    embedding, first, hidden, output = 27 * 10, 3 * 10 * 100, 4 * 100 * 100, 100 * 27
    batch_norms = 2 * (5 * 100 + 27)
    assert embedding + first + hidden + output + batch_norms == 47_024
    assert stack.parameter_count == 47_024
    assert sum(tensor.numel() for tensor in stack.parameters()) == 47_024
    twin = twin_of(stack.to(dtype=torch.float64))
    assert sum(parameter.numel() for parameter in twin.parameters()) == 47_024
    assert len([name for name in stack.state() if ".running_" in name]) == 2 * 6


def test_hidden_weights_start_with_gain_five_thirds_and_the_last_gamma_with_a_tenth() -> None:
    stack = Stack.build(tanh_stack(27, 3))
    stack.reset_parameters(torch.Generator().manual_seed(42))
    generator = torch.Generator().manual_seed(42)
    linears = [layer for layer in stack.layers if isinstance(layer, Linear)]
    norms = [layer for layer in stack.layers if isinstance(layer, BatchNorm1d)]
    embedding = stack.layers[0]
    assert isinstance(embedding, Embedding)
    assert torch.equal(embedding.weight, torch.randn(27, 10, generator=generator))
    sizes = [(30, 100), *[(100, 100)] * 4, (100, 27)]
    for i, (linear, size) in enumerate(zip(linears, sizes, strict=True)):
        gain = 5 / 3 if i < 5 else 1.0
        expected = torch.randn(size, generator=generator).double() * gain / size[0] ** 0.5
        torch.testing.assert_close(linear.weight.double(), expected, rtol=1e-6, atol=0)  # float32 rounding
    for i, norm in enumerate(norms):
        assert torch.equal(norm.gamma, torch.full_like(norm.gamma, 1.0 if i < 5 else 0.1))
        assert torch.equal(norm.beta, torch.zeros_like(norm.beta))
        assert torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))
        assert torch.equal(norm.running_var, torch.ones_like(norm.running_var))


def test_without_batch_norm_the_last_weight_starts_with_a_tenth() -> None:
    stack = Stack.build(without_batch_norm())
    stack.reset_parameters(torch.Generator().manual_seed(42))
    generator = torch.Generator().manual_seed(42)
    torch.randn(SYMBOLS, 4, generator=generator)
    linears = [layer for layer in stack.layers if isinstance(layer, Linear)]
    for linear, size, gain in zip(linears, [(12, 10), (10, 8), (8, SYMBOLS)], [5 / 3, 5 / 3, 0.1], strict=True):
        expected = torch.randn(size, generator=generator).double() * gain / size[0] ** 0.5
        torch.testing.assert_close(linear.weight.double(), expected, rtol=1e-6, atol=0)  # float32 rounding
        assert linear.bias is None or torch.equal(linear.bias, torch.zeros(size[1]))


def test_drawing_again_with_the_same_seed_gives_the_same_parameters() -> None:
    once, twice = Stack.build(small()), Stack.build(small())
    once.reset_parameters(torch.Generator().manual_seed(3))
    for _ in range(2):
        twice.reset_parameters(torch.Generator().manual_seed(3))
    assert equal_states(once, twice)


def test_the_first_guess_is_nearly_uniform() -> None:
    for description in (small(), without_batch_norm()):
        stack = Stack.build(description)
        stack.reset_parameters(torch.Generator().manual_seed(3))
        probabilities = torch.softmax(stack.train()(contexts(50)), -1)
        assert float((probabilities * SYMBOLS - 1).abs().max().detach()) < 0.6


# Building


def test_a_stack_is_built_as_described_in_training_mode() -> None:
    stack = Stack.build(small())
    assert stack.describe() == [layer.config() for layer in stack.layers]
    assert Stack.build(stack.describe()).describe() == stack.describe()
    assert [type(layer).__name__ for layer in stack.layers] == [entry["type"] for entry in small()]
    assert all(layer.training for layer in stack.layers)
    assert all(f"{i}: {layer!r}" in repr(stack) for i, layer in enumerate(stack.layers))


def test_building_does_not_change_the_description() -> None:
    description = small()
    Stack.build(description)
    assert description == small()


def test_a_stack_on_the_meta_device_allocates_nothing() -> None:
    description = [{"type": "Linear", "in_features": MAX_DIMENSION, "out_features": MAX_DIMENSION}]
    stack = Stack.build(description, device="meta")
    assert all(tensor.is_meta for tensor in stack.state().values())
    assert stack.parameter_count == MAX_DIMENSION**2 + MAX_DIMENSION


LINEAR: dict[str, Any] = {"type": "Linear", "in_features": 3, "out_features": 4}
NORM: dict[str, Any] = {"type": "BatchNorm1d", "num_features": 4}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "Conv1d"}, "layer 1: type 'Conv1d' is not one of Embedding, Flatten, Linear"),
        ({"type": "linear"}, "type 'linear' is not one of"),
        ({"type": "Layer"}, "type 'Layer' is not one of"),
        ({"type": "__init__"}, "is not one of"),
        ({"type": None}, "is not one of"),
        ({"type": ["Linear"]}, "is not one of"),
        ({"type": {"Linear": 1}}, "is not one of"),
        ({"type": 7}, "is not one of"),
        ({}, "is not one of"),
        ({"type": "Linear", "in_features": 3}, r"layer 1 \(Linear\): missing a required argument: 'out_features'"),
        ({"type": "Embedding"}, r"layer 1 \(Embedding\): missing a required argument"),
        ({**LINEAR, "device": "cpu"}, r"layer 1 \(Linear\): got an unexpected keyword argument 'device'"),
        ({**LINEAR, "self": 1}, r"layer 1 \(Linear\): "),
        ({"type": "Tanh", "inplace": True}, r"layer 1 \(Tanh\): "),
        ({**LINEAR, "in_features": "3"}, r"layer 1 \(Linear\): in_features must be of type int"),
        ({**LINEAR, "in_features": 3.0}, "in_features must be of type int"),
        ({**LINEAR, "in_features": True}, "in_features must be of type int"),
        ({**LINEAR, "in_features": None}, "in_features must be of type int"),
        ({**LINEAR, "in_features": [3]}, "in_features must be of type int"),
        ({**LINEAR, "bias": 1}, "bias must be of type bool"),
        ({**LINEAR, "bias": "false"}, "bias must be of type bool"),
        ({**NORM, "eps": "small"}, r"layer 1 \(BatchNorm1d\): eps must be of type float"),
        ({**NORM, "eps": False}, "eps must be of type float"),
        ({**NORM, "eps": 0.0}, "eps must be greater than 0"),
        ({**NORM, "eps": -1e-5}, "eps must be between 0 and 1"),
        ({**NORM, "eps": float("nan")}, "eps must be between 0 and 1"),
        ({**NORM, "momentum": 0.0}, "momentum must be greater than 0"),
        ({**NORM, "momentum": float("inf")}, "momentum must be between 0 and 1"),
        ({**NORM, "momentum": 2}, "momentum must be between 0 and 1"),
        ({**LINEAR, "out_features": 0}, "out_features must be between 1 and 1,000,000"),
        ({**LINEAR, "out_features": -4}, "out_features must be between 1 and 1,000,000"),
        ({**LINEAR, "out_features": MAX_DIMENSION + 1}, "out_features must be between 1 and 1,000,000"),
        ({**LINEAR, "out_features": 10**400}, "out_features must be between 1 and 1,000,000"),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, dict) else "",
)
def test_a_layer_that_cannot_be_built_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(StackError, match=message) as caught:
        Stack.build([{"type": "Flatten"}, entry])
    assert "layer 1" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_whole_number_may_stand_for_a_float() -> None:
    layer = Stack.build([{**NORM, "momentum": 1}]).layers[0]
    assert isinstance(layer, BatchNorm1d)
    assert layer.momentum == 1


@pytest.mark.parametrize("count", [0, MAX_LAYERS + 1])
def test_the_number_of_layers_is_bounded(count: int) -> None:
    with pytest.raises(StackError, match=f"1 to {MAX_LAYERS} layers, this description has {count}"):
        Stack.build([{"type": "Tanh"}] * count)


def test_the_most_layers_can_be_built() -> None:
    assert len(Stack.build([{"type": "Tanh"}] * MAX_LAYERS).layers) == MAX_LAYERS


# Shapes


def replaced(index: int, **arguments: Any) -> list[dict[str, Any]]:
    description = small()
    description[index] = {**description[index], **arguments}
    return description


def test_a_fitting_stack_passes_and_is_left_as_it_was() -> None:
    stack = new_stack(small())
    stack.check_shapes(BLOCK_SIZE, SYMBOLS)
    assert all(layer.training for layer in stack.layers)
    assert equal_states(stack, new_stack(small()))
    assert not any(hasattr(layer, "out") for layer in stack.layers)
    Stack.build(without_batch_norm()).check_shapes(BLOCK_SIZE, SYMBOLS)


EMBEDDING: dict[str, Any] = {"type": "Embedding", "num_embeddings": SYMBOLS, "embedding_dim": 4}
FLATTEN: dict[str, Any] = {"type": "Flatten"}
OUTPUT: dict[str, Any] = {"type": "Linear", "in_features": 12, "out_features": SYMBOLS}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (replaced(2, in_features=13), "layer 2, Linear(in_features=13, "),
        (replaced(3, num_features=11), "layer 3, BatchNorm1d(num_features=11, "),
        (replaced(8, in_features=7), "layer 8, Linear(in_features=7, "),
        (replaced(0, embedding_dim=5), "layer 2, Linear(in_features=12, "),
        (replaced(18, num_features=SYMBOLS + 1), "layer 18, BatchNorm1d(num_features=10, "),
        (replaced(0, num_embeddings=SYMBOLS - 1), "layer 0, Embedding(num_embeddings=8, embedding_dim=4), must have"),
        (replaced(0, num_embeddings=SYMBOLS + 1), "must have num_embeddings=9, one for each symbol"),
        (
            [EMBEDDING, FLATTEN, {**OUTPUT, "out_features": SYMBOLS + 1}],
            f"the last layer, Linear(in_features=12, out_features=10, bias=True), gives shape (batch, {SYMBOLS + 1}); "
            f"this vocabulary needs (batch, {SYMBOLS})",
        ),
        ([EMBEDDING, {**OUTPUT, "in_features": 4}], "gives shape (batch, 3, 9)"),
        ([EMBEDDING], "the last layer, Embedding(num_embeddings=9, embedding_dim=4), gives shape (batch, 3, 4)"),
        ([{**OUTPUT, "in_features": BLOCK_SIZE}], "layer 0, Linear(in_features=3, out_features=9, bias=True), takes"),
        ([FLATTEN, {**OUTPUT, "in_features": BLOCK_SIZE}], "layer 1, Linear("),
        ([{"type": "BatchNorm1d", "num_features": BLOCK_SIZE}], "takes numbers, not symbol ids"),
        ([EMBEDDING, FLATTEN, EMBEDDING], "layer 2, Embedding(num_embeddings=9, embedding_dim=4), does not take"),
    ],
)
def test_a_stack_that_does_not_fit_is_refused_by_layer(description: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(StackError, match=re.escape(message)):
        Stack.build(description).check_shapes(BLOCK_SIZE, SYMBOLS)


def test_another_context_length_is_refused() -> None:
    with pytest.raises(StackError, match=re.escape("layer 2, Linear(in_features=12")):
        Stack.build(small()).check_shapes(BLOCK_SIZE + 1, SYMBOLS)


def test_an_embedding_behind_flatten_is_held_to_the_vocabulary_too() -> None:
    small_embedding = {**EMBEDDING, "num_embeddings": SYMBOLS - 1}
    stack = Stack.build([FLATTEN, small_embedding, FLATTEN, OUTPUT])
    with pytest.raises(StackError, match="num_embeddings"):
        stack.check_shapes(BLOCK_SIZE, SYMBOLS)


@pytest.mark.parametrize("layer", ["Flatten", "ReLU", "GELU"])
def test_what_passes_gives_logits_that_softmax_takes(layer: str) -> None:
    """Ids go in; a stack that passes the check can be called, and numbers come out."""
    stack = Stack.build([{"type": layer}]).eval()
    try:
        stack.check_shapes(BLOCK_SIZE, BLOCK_SIZE)
    except StackError:
        return
    ids = torch.zeros(2, BLOCK_SIZE, dtype=torch.long)
    assert stack(ids).is_floating_point()


def test_huge_dimensions_are_checked_without_memory() -> None:
    description: list[dict[str, Any]] = [
        {"type": "Embedding", "num_embeddings": MAX_DIMENSION, "embedding_dim": MAX_DIMENSION},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": MAX_DIMENSION, "out_features": MAX_DIMENSION},
    ]
    stack = Stack.build(description, device="meta")
    stack.check_shapes(1, MAX_DIMENSION)
    with pytest.raises(StackError, match="layer 2, Linear"):
        stack.check_shapes(2, MAX_DIMENSION)


# State


def test_state_names_every_parameter_and_buffer_by_layer() -> None:
    stack = Stack.build([EMBEDDING, FLATTEN, OUTPUT, {"type": "BatchNorm1d", "num_features": SYMBOLS}])
    expected = ["0.weight", "2.weight", "2.bias", "3.gamma", "3.beta", "3.running_mean", "3.running_var"]
    assert sorted(stack.state()) == sorted(expected)


def test_loaded_state_is_the_state() -> None:
    source, target = new_stack(small(), seed=1), new_stack(small(), seed=2)
    assert not equal_states(source, target)
    target.load_state(source.state())
    assert equal_states(source, target)
    assert torch.equal(source.eval()(contexts(5)), target.eval()(contexts(5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("3.gamma"), "tensor 3.gamma is missing (1 missing in all)"),
        (lambda state: [state.pop("3.gamma"), state.pop("2.weight")], "tensor 2.weight is missing (2 missing in all)"),
        (lambda state: state.clear(), "missing in all)"),
        (lambda state: state.update({"2.bias": torch.zeros(12)}), "tensor '2.bias' belongs to no layer (1 such"),
        (lambda state: state.update({"x" * 999: torch.zeros(1)}), f"tensor '{'x' * 64}' belongs to no layer"),
        (lambda state: state.update({"99.weight": torch.zeros(1)}), "tensor '99.weight' belongs to no layer"),
        (lambda state: state.update({"2.training": torch.zeros(1)}), "tensor '2.training' belongs to no layer"),
        (
            lambda state: state.update({"5.weight": torch.zeros(12, 11)}),
            "tensor 5.weight has shape (12, 11), the layer list needs (12, 12)",
        ),
        (lambda state: state.update({"3.beta": torch.zeros(1, 12)}), "tensor 3.beta has shape (1, 12)"),
        (lambda state: state.update({"3.beta": torch.zeros(())}), "tensor 3.beta has shape ()"),
    ],
)
def test_state_that_does_not_match_is_refused_and_nothing_is_loaded(
    change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    stack = new_stack(small(), seed=1)
    state = new_stack(small(), seed=2).state()
    change(state)
    with pytest.raises(StackError, match=re.escape(message)):
        stack.load_state(state)
    assert equal_states(stack, new_stack(small(), seed=1))


# Copies


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [None, torch.float64, torch.float32])
def test_a_copy_is_equal_and_shares_nothing(dtype: torch.dtype | None, training: bool) -> None:
    stack = new_stack(small()).train(training)
    copy = stack.to(dtype=dtype)
    assert copy.describe() == stack.describe()
    assert all(layer.training is training for layer in copy.layers)
    for name, tensor in copy.state().items():
        assert tensor.dtype == (dtype or torch.float64)
        assert not tensor.requires_grad
        assert torch.equal(tensor, stack.state()[name].to(tensor.dtype))
    for tensor in copy.state().values():
        tensor.fill_(7.0)
    assert equal_states(stack, new_stack(small()))
    assert all(tensor.requires_grad for tensor in stack.parameters())


def test_calling_a_copy_in_training_leaves_the_statistics_of_the_original() -> None:
    stack = new_stack(small()).train()
    stack.to()(contexts(9))
    assert equal_states(stack, new_stack(small()))


def test_a_copy_on_another_device_has_the_same_shapes() -> None:
    stack = new_stack(small())
    copy = stack.to(device="meta")
    assert all(tensor.is_meta for tensor in copy.state().values())
    assert not any(tensor.is_meta for tensor in stack.state().values())
    assert {name: tensor.shape for name, tensor in copy.state().items()} == {
        name: tensor.shape for name, tensor in stack.state().items()
    }


def test_train_and_eval_reach_every_layer() -> None:
    stack = Stack([Flatten(), Tanh()])
    assert stack.eval() is stack
    assert not any(layer.training for layer in stack.layers)
    assert stack.train() is stack
    assert all(layer.training for layer in stack.layers)
