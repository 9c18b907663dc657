"""Folded stacks give what the stacks gave."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network.batch_norm import BatchNorm1d
from model.network.folding import PositionTables, fold
from model.network.stack import Stack
from training.recipe.stacks import tanh_stack

SYMBOLS = 5
Description = list[dict[str, Any]]


@st.composite
def descriptions(draw: st.DrawFn) -> tuple[int, Description]:
    """A block size and a list of layers that takes so many ids."""
    block_size, dim = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    layers: Description = [{"type": "Flatten"}] * draw(st.integers(0, 1))
    layers += [{"type": "Embedding", "num_embeddings": SYMBOLS, "embedding_dim": dim}]
    width, flat = dim, False
    kinds = st.sampled_from(["Flatten", "Linear", "BatchNorm1d", "Tanh", "ReLU", "GELU", "Dropout", "SymbolDropout"])
    for kind in draw(st.lists(kinds, max_size=9)):
        if kind == "Flatten":
            width, flat = width if flat else width * block_size, True
            layers.append({"type": kind})
        elif kind == "Linear":
            wider = draw(st.integers(1, 6))
            bias = draw(st.booleans())
            layers.append({"type": kind, "in_features": width, "out_features": wider, "bias": bias})
            width = wider
        elif "Dropout" in kind:
            layers.append({"type": kind, "p": 0.5})
        else:
            layers.append({"type": kind, "num_features": width} if kind == "BatchNorm1d" else {"type": kind})
    return block_size, layers


def random_stack(layers: Description, seed: int) -> Stack:
    """In evaluation mode, every number of it drawn."""
    stack = Stack.build(layers)
    generator = torch.Generator().manual_seed(seed)
    stack.load_state({name: torch.randn(t.shape, generator=generator) for name, t in stack.state().items()})
    for layer in stack.layers:
        if isinstance(layer, BatchNorm1d):
            layer.running_var = layer.running_var.abs() + 0.1
    return stack.eval()


@given(described=descriptions(), seed=st.integers(0, 1000))
@settings(deadline=None, derandomize=True, max_examples=200)
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_a_folded_stack_equals_the_stack(
    dtype: torch.dtype, within: float, described: tuple[int, Description], seed: int
) -> None:
    block_size, layers = described
    stack = random_stack(layers, seed).to(dtype=dtype)
    contexts = torch.randint(SYMBOLS, (7, block_size), generator=torch.Generator().manual_seed(seed))
    expected = random_stack(layers, seed).to(dtype=torch.float64)(contexts)
    scale = 1 + float(expected.abs().max())
    found = fold(stack)(contexts)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    if dtype == torch.float64:
        assert float((found - expected).abs().max()) <= within * scale
    else:  # as near to the truth as the stack itself, whose own errors random layers can enlarge
        own = float((stack(contexts) - expected).abs().max())
        assert float((found - expected).abs().max()) <= within * scale + 10 * own


def test_the_usual_stack_becomes_look_ups_and_linears_alone() -> None:
    folded = fold(random_stack(tanh_stack(SYMBOLS, 3), 1))
    assert [type(layer).__name__ for layer in folded.layers] == ["PositionTables", *["Tanh", "Linear"] * 5]
    front = folded.layers[0]
    assert isinstance(front, PositionTables)
    assert front.weight.shape == (3, SYMBOLS, 100)


def test_what_cannot_be_folded_stays() -> None:
    layers: Description = [
        {"type": "Embedding", "num_embeddings": SYMBOLS, "embedding_dim": 2},
        {"type": "BatchNorm1d", "num_features": 2},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 4, "out_features": 3},
        {"type": "Tanh"},
        {"type": "BatchNorm1d", "num_features": 3},
    ]
    folded = fold(random_stack(layers, 1))
    assert [type(layer).__name__ for layer in folded.layers] == [layer["type"] for layer in layers]


def test_a_front_whose_look_ups_would_be_large_stays() -> None:
    folded = fold(random_stack(tanh_stack(3_000, 20, dim=2), 1))
    assert [type(layer).__name__ for layer in folded.layers[:3]] == ["Embedding", "Flatten", "Linear"]


def test_folding_leaves_the_stack_as_it_was() -> None:
    stack = random_stack(tanh_stack(SYMBOLS, 2), 1).train()
    before = {name: tensor.clone() for name, tensor in stack.state().items()}
    fold(stack)
    assert all(layer.training for layer in stack.layers)
    assert all(torch.equal(tensor, before[name]) for name, tensor in stack.state().items())
