"""The layers, by hand: Linear, Tanh and the others. A new one is a subclass of `Layer` and a name in `LAYERS`."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.network.batch_norm import BatchNorm1d
from model.network.layer import Layer

TANH_GAIN = 5 / 3


class Embedding(Layer):
    """A vector for each symbol: (..., ) ids -> (..., embedding_dim). Weights start as randn."""

    config_names = ("num_embeddings", "embedding_dim")
    parameter_names = ("weight",)

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.weight = torch.zeros(num_embeddings, embedding_dim)

    def reset_parameters(self, generator: torch.Generator) -> None:
        self.weight = torch.randn(self.weight.shape, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.weight)  # weight[x], whose gradient is summed in no fixed order


class Flatten(Layer):
    """Joins all dimensions but the first: (batch, a, b) -> (batch, a * b)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1)


class Linear(Layer):
    """y = x @ weight + bias: (batch, in_features) -> (batch, out_features).

    `weight` is (in_features, out_features), the transpose of torch.nn's, and starts as
    randn / sqrt(in_features); `bias` (out_features,) starts at 0.
    """

    config_names = ("in_features", "out_features", "bias")

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.in_features = self.fan_in = in_features
        self.out_features = out_features
        self.weight = torch.zeros(in_features, out_features)
        self.bias = torch.zeros(out_features) if bias else None
        self.parameter_names = ("weight", "bias") if bias else ("weight",)

    def config(self) -> dict[str, Any]:
        return {**super().config(), "bias": self.bias is not None}

    def reset_parameters(self, generator: torch.Generator) -> None:
        self.weight = torch.randn(self.weight.shape, generator=generator) / math.sqrt(self.in_features)
        if self.bias is not None:
            self.bias = torch.zeros(self.out_features)

    def forward(self, x: Tensor) -> Tensor:
        out = x @ self.weight
        return out if self.bias is None else out + self.bias

    def damp(self, factor: float) -> None:
        self.weight *= factor


class Tanh(Layer):
    """Elementwise tanh, any shape."""

    gain = TANH_GAIN
    saturates_at = 0.97

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class ReLU(Layer):
    """Elementwise max(x, 0), any shape."""

    gain = math.sqrt(2)
    silent_at = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


class GELU(Layer):
    """Elementwise x * Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016); any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x)


class Dropout(Layer):
    """Each number 0 with probability `p`, the others times 1 / (1 - p), in training mode (Srivastava et al. 2014); any
    shape."""

    config_names = ("p",)
    idle_in_evaluation = True

    def __init__(self, p: float) -> None:
        self.p = _probability(p)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.kept(x.shape, 1 - self.p) / (1 - self.p) if self.training else x


class SymbolDropout(Layer):
    """Whole symbols of the context forgotten, in training mode: (batch, block_size, dim) -> same, some vectors 0.

    The last symbol is forgotten with probability 2 * p / block_size, one further back in proportion to its distance, at
    most 0.8: what is far away is what a rare context should be told apart by the least, as when counts are smoothed.
    """

    config_names = ("p",)
    idle_in_evaluation = True

    def __init__(self, p: float) -> None:
        self.p = _probability(p)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        block_size = x.shape[1]
        forgotten = (2 * self.p * torch.arange(block_size, 0, -1) / block_size).clamp(max=0.8)
        return x * self.kept(x.shape[:2], 1 - forgotten).unsqueeze(-1)


def _probability(p: float) -> float:
    if not 0 <= p < 1:
        raise ValueError(f"p={p!r} is not a probability below 1")
    return p


LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (Embedding, Flatten, Linear, BatchNorm1d, Tanh, ReLU, GELU, Dropout, SymbolDropout)
}
"""The layer types that a description may name."""
