"""A trained stack brought to a form that is quicker to evaluate and gives the same numbers."""

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from model.network.layer import Layer
from model.network.layers import Embedding, Flatten, Linear
from model.network.stack import Stack

MAX_TABLE_NUMBERS = 4_000_000
"""Numbers that the look-ups of a stack's front may hold; a larger front stays as it is."""


class PositionTables(Layer):
    """Embedding, Flatten and Linear in one: (batch, block_size) ids -> (batch, features), the sum over positions of
    `weight[position, id]` and of `bias`. `weight` is (block_size, vocabulary size, features), `bias` (features,)."""

    parameter_names = ("weight", "bias")

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = weight
        self.bias = bias
        self._positions = torch.arange(len(weight))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight[self._positions, x].sum(1) + self.bias


@torch.no_grad()
def fold(stack: Stack) -> Stack:
    """An equivalent stack in evaluation mode: what scales and shifts the output of a Linear becomes part of it,
    Embedding, Flatten and Linear at the front become look-ups, and dropout goes. What cannot be folded stays. The stack
    itself is left alone; the result has no description."""
    layers: list[Layer] = []
    for layer in stack.layers:
        affine = layer.affine()
        if affine is not None and layers and isinstance(layers[-1], Linear):
            layers[-1] = _followed_by(layers[-1], *affine)
        elif not layer.idle_in_evaluation:
            layers.append(copy(layer))
    return Stack(_look_up(layers)).eval()


def _bias(layer: Linear) -> Tensor:
    return torch.zeros_like(layer.weight[0]) if layer.bias is None else layer.bias


def _followed_by(linear: Linear, center: Tensor, scale: Tensor, shift: Tensor) -> Linear:
    """A Linear that gives what `linear` gives after an affine layer (see `Layer.affine`)."""
    dtype = linear.weight.dtype
    folded = Linear(linear.in_features, linear.out_features)
    folded.weight = (linear.weight.double() * scale).to(dtype)
    folded.bias = ((_bias(linear).double() - center) * scale + shift).to(dtype)
    return folded


def _look_up(layers: list[Layer]) -> Sequence[Layer]:
    """The layers with their front as PositionTables, where it has the form and the size for that."""
    front = 0
    while front < len(layers) and isinstance(layers[front], Flatten):
        front += 1
    last = front + 1
    while last < len(layers) and isinstance(layers[last], Flatten):
        last += 1
    if last == front + 1 or last >= len(layers):
        return layers
    embedding, linear = layers[front], layers[last]
    if not (isinstance(embedding, Embedding) and isinstance(linear, Linear)):
        return layers
    block_size = linear.in_features // embedding.embedding_dim
    if block_size * embedding.num_embeddings * linear.out_features > MAX_TABLE_NUMBERS:
        return layers
    by_position = linear.weight.double().reshape(block_size, embedding.embedding_dim, linear.out_features)
    tables = (embedding.weight.double() @ by_position).to(linear.weight.dtype)
    return [PositionTables(tables, _bias(linear)), *layers[last + 1 :]]
