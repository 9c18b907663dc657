"""What every layer shares: the call, its state and its plain description, in the manner of torch.nn.

A layer is built from plain numbers, is called on a tensor, and names its parameters (which training
changes) and its buffers (state that is saved but never optimised). `out`, the last output, exists only
in training mode, where diagnostics read it; in evaluation a call stores nothing, so threads can share a layer.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from model.network.batch_shard import WHOLE, BatchShard


class Layer:
    """What every layer shares. Subclasses give `forward` and declare the names of their state."""

    config_names: ClassVar[tuple[str, ...]] = ()
    buffer_names: ClassVar[tuple[str, ...]] = ()
    parameter_names: tuple[str, ...] = ()
    training: bool = True
    watched: bool = False
    """Whether the gradient of `out` is kept too."""
    out: Tensor
    generator: torch.Generator | None = None
    """Where a layer that is random in training mode takes its numbers from (see `Stack.draw_from`)."""
    share: BatchShard = WHOLE
    """Which rows of a training batch are at hand (see `Stack.draw_from`)."""
    row_weights: Tensor | None = None
    """How often each row of a training batch counts (rows,), for layers that take statistics; None for once."""
    idle_in_evaluation: ClassVar[bool] = False
    """Whether evaluation mode gives back the input as it is."""

    # Traits that diagnostics go by.
    fan_in: int | None = None
    """How many inputs each output of `weight` sums; None where it does not."""
    gain: ClassVar[float | None] = None
    """What weights before it are multiplied by, beyond 1 / sqrt(fan_in), so that its outputs stay spread."""
    saturates_at: ClassVar[float | None] = None
    """The size of an output from which on next to no gradient comes back."""
    silent_at: ClassVar[float | None] = None
    """The output that lets no gradient back."""
    running_statistics: ClassVar[tuple[str, str] | None] = None
    """The buffers that stand for mean and variance of its input in evaluation mode, where there are such."""

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def __call__(self, x: Tensor) -> Tensor:
        out = self.forward(x)
        if self.training:
            self.out = out
            if self.watched and out.requires_grad:
                out.retain_grad()
        return out

    def kept(self, shape: Sequence[int], chance: Tensor | float) -> Tensor:
        """True with the given chance, drawn from the layer's generator, which a random layer in training must have."""
        if self.generator is None:
            raise ValueError(
                "in training mode this layer draws random numbers: give the stack a generator with draw_from"
            )
        return self.share.random(tuple(shape), self.generator) < chance

    def train(self, mode: bool = True) -> None:
        """Training mode, or with `mode=False` evaluation mode, which forgets `out`."""
        self.training = mode
        if not mode:
            self.__dict__.pop("out", None)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draws initial parameters; layers without random parameters do nothing."""

    def damp(self, factor: float) -> None:
        """Multiplies what it gives, by its parameters; a layer without any does nothing."""

    def calibrate(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Sets running statistics to the exact ones of all `batches` together, each its input (rows, ...) and how often
        its rows count (rows,); a layer without any does nothing, and takes none of them."""

    def affine(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """(center, scale, shift), float64, of a layer that in evaluation mode gives (x - center) * scale + shift over
        the last dimension, and does no more."""
        return None

    def fault(self) -> str | None:
        """What of its state no training can have left, so that it must not be served."""
        return None

    def parameters(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in self.parameter_names}

    def buffers(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in self.buffer_names}

    def config(self) -> dict[str, Any]:
        """The plain description from which `build` makes an equal layer (without its state)."""
        return {"type": type(self).__name__, **{name: getattr(self, name) for name in self.config_names}}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config().items() if name != "type")
        return f"{type(self).__name__}({arguments})"
