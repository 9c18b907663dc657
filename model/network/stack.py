"""The network: a plain list of layers, built from a plain description."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

import torch
from torch import Tensor

from model.errors import StackError
from model.network.batch_shard import WHOLE, BatchShard
from model.network.layer import Layer
from model.network.layers import LAYERS, TANH_GAIN, Embedding, Flatten, Linear

Description = Sequence[Mapping[str, Any]]
"""One mapping a layer: its `type` and the arguments of its constructor, as in
`{"type": "Linear", "in_features": 30, "out_features": 100, "bias": False}`."""

MAX_LAYERS = 1_000
MAX_DIMENSION = 1_000_000
OUTPUT_GAIN = 0.1


class Stack:
    """Layers called one after the other: (batch, block_size) ids -> (batch, vocabulary size) logits."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.layers = list(layers)

    @classmethod
    def build(cls, description: Description, *, device: str = "cpu") -> "Stack":
        """A stack in training mode with parameters not yet drawn (see `reset_parameters`).

        With `device="meta"` no memory is allocated: shapes only. Raises StackError, naming the layer.
        """
        if not 1 <= len(description) <= MAX_LAYERS:
            raise StackError(f"a stack has 1 to {MAX_LAYERS} layers, this description has {len(description)}")
        with torch.device(device):
            return cls(_build_layer(i, entry) for i, entry in enumerate(description))

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def reset_parameters(self, generator: torch.Generator, gain: float = TANH_GAIN) -> None:
        """Initial parameters: each layer's own, hidden Linear weights times `gain` (5/3 keeps tanh's output
        spread), and the last layer damped by 0.1 so that the first guess is nearly uniform."""
        for layer in self.layers:
            layer.reset_parameters(generator)
        linears = [layer for layer in self.layers if isinstance(layer, Linear)]
        for linear in linears[:-1]:
            linear.weight *= gain
        self.layers[-1].damp(OUTPUT_GAIN)

    def draw_from(self, generator: torch.Generator, share: BatchShard = WHOLE) -> "Stack":
        """Gives layers that are random in training mode (dropout) their numbers, and all of them the rows of a batch
        that are at hand."""
        for layer in self.layers:
            layer.generator, layer.share = generator, share
        return self

    def train(self, mode: bool = True) -> "Stack":
        for layer in self.layers:
            layer.train(mode)
        return self

    def eval(self) -> "Stack":
        return self.train(False)

    def parameters(self) -> list[Tensor]:
        return [tensor for layer in self.layers for tensor in layer.parameters().values()]

    @property
    def parameter_count(self) -> int:
        return sum(tensor.numel() for tensor in self.parameters())

    def state(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, `LAYER_INDEX.NAME`: all that a checkpoint holds of the stack."""
        return {
            f"{i}.{name}": tensor
            for i, layer in enumerate(self.layers)
            for name, tensor in (layer.parameters() | layer.buffers()).items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes the tensors as they are; raises StackError unless names and shapes match exactly."""
        expected = self.state()
        if missing := sorted(expected.keys() - state.keys()):
            raise StackError(f"tensor {missing[0]} is missing ({len(missing)} missing in all)")
        if extra := sorted(state.keys() - expected.keys()):
            raise StackError(f"tensor {extra[0][:64]!a} belongs to no layer ({len(extra)} such tensors in all)")
        for key, tensor in state.items():
            if tensor.shape != expected[key].shape:
                raise StackError(
                    f"tensor {key} has shape {tuple(tensor.shape)}, the layer list needs {tuple(expected[key].shape)}"
                )
        for key, tensor in state.items():
            index, name = key.split(".")
            setattr(self.layers[int(index)], name, tensor)

    def to(self, *, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> "Stack":
        """A copy in another precision or on another device, in the same mode."""
        copy = Stack.build(self.describe(), device="meta")
        copy.load_state(
            {key: tensor.detach().to(dtype=dtype, device=device, copy=True) for key, tensor in self.state().items()}
        )
        return copy.train(self.layers[0].training)

    def describe(self) -> list[dict[str, Any]]:
        return [layer.config() for layer in self.layers]

    def check_shapes(self, block_size: int, vocabulary_size: int) -> None:
        """Raises StackError, naming the layer, unless `block_size` ids become `vocabulary_size` logits. The layers are
        called on two rows, without gradients, and keep their mode."""
        was_training = self.layers[0].training
        try:
            self.eval()
            self._check_shapes(block_size, vocabulary_size)
        finally:
            self.train(was_training)

    @torch.no_grad()
    def _check_shapes(self, block_size: int, vocabulary_size: int) -> None:
        state = next(iter(self.state().values()), None)
        x = torch.zeros(2, block_size, dtype=torch.long, device="cpu" if state is None else state.device)
        for i, layer in enumerate(self.layers):
            if not x.is_floating_point():
                _check_takes_ids(i, layer, vocabulary_size)
            try:
                x = layer(x)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                reason = str(error).splitlines()[0]
                raise StackError(
                    f"layer {i}, {layer!r}, does not take input of shape {tuple(x.shape)}: {reason}"
                ) from None
        if not x.is_floating_point():
            raise StackError(f"the last layer, {self.layers[-1]!r}, gives symbol ids; it must give logits")
        if x.shape != (2, vocabulary_size):
            raise StackError(
                f"the last layer, {self.layers[-1]!r}, gives shape (batch, {', '.join(map(str, x.shape[1:]))}); "
                f"this vocabulary needs (batch, {vocabulary_size})"
            )

    def __repr__(self) -> str:
        lines = "".join(f"\n  {i}: {layer!r}" for i, layer in enumerate(self.layers))
        return f"Stack({lines}\n)"


def _check_takes_ids(index: int, layer: Layer, vocabulary_size: int) -> None:
    """Only an Embedding of the whole vocabulary, and what merely rearranges, may be given symbol ids."""
    if isinstance(layer, Embedding):
        if layer.num_embeddings != vocabulary_size:
            raise StackError(
                f"layer {index}, {layer!r}, must have num_embeddings={vocabulary_size}, one for each symbol"
            )
    elif not isinstance(layer, Flatten):
        raise StackError(f"layer {index}, {layer!r}, takes numbers, not symbol ids; put an Embedding before it")


@cache
def _constructor(type_name: str) -> tuple[inspect.Signature, dict[str, Any]]:
    """The parameters of that kind of layer, and their types."""
    return inspect.signature(LAYERS[type_name]), get_type_hints(LAYERS[type_name].__init__)


def _build_layer(index: int, entry: Mapping[str, Any]) -> Layer:
    arguments = dict(entry)
    type_name = arguments.pop("type", None)
    layer_type = LAYERS.get(type_name) if isinstance(type_name, str) else None
    if layer_type is None:
        known = ", ".join(LAYERS)
        raise StackError(f"layer {index}: type {str(type_name)[:64]!a} is not one of {known}")
    signature, hints = _constructor(type_name)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise StackError(f"layer {index} ({type_name}): {str(error)[:100]}") from None
    for name, value in arguments.items():
        wanted = hints[name]
        if not (type(value) is wanted or (wanted is float and type(value) is int)):
            raise StackError(f"layer {index} ({type_name}): {name} must be of type {wanted.__name__}")
        if wanted is int and not 1 <= value <= MAX_DIMENSION:
            raise StackError(f"layer {index} ({type_name}): {name} must be between 1 and {MAX_DIMENSION:,}")
        if wanted is float and not 0 <= value <= 1:
            raise StackError(f"layer {index} ({type_name}): {name} must be between 0 and 1")
    try:
        return layer_type(**arguments)
    except ValueError as error:
        raise StackError(f"layer {index} ({type_name}): {error}") from None
