"""The layers, by hand. A new one is a subclass of `Layer` here plus its name in `LAYERS`."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.layer import Layer

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


class BatchNorm1d(Layer):
    """gamma * (x - mean) / sqrt(var + eps) + beta over the last dimension: (..., num_features) -> same.

    Training mode takes mean and *unbiased* variance from the batch and moves the running ones towards
    them by `momentum` (torch.nn normalises by the biased variance). Evaluation mode uses the running
    ones and equals torch.nn. Where `row_weights` (rows,) is set, row i of a training batch counts as that
    many equal rows. Raises ValueError for a training batch of one row, whose variance is not defined,
    before any running statistic is touched.
    """

    config_names = ("num_features", "eps", "momentum")
    parameter_names = ("gamma", "beta")
    buffer_names = running_statistics = ("running_mean", "running_var")

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.row_weights: Tensor | None = None
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002
        """Nothing is random here: scale and variance 1, shift and mean 0."""
        self.gamma, self.beta = torch.ones(self.num_features), torch.zeros(self.num_features)
        self.running_mean, self.running_var = torch.zeros(self.num_features), torch.ones(self.num_features)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.num_features:
            raise ValueError(f"expected {self.num_features} features, got {x.shape[-1]}")
        if self.training:
            mean, var = self._batch_statistics(x)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta

    def _batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x[..., 0].numel() < 2:
            raise ValueError("BatchNorm1d needs at least two rows in training mode")
        mean, var = _statistics(x, self.row_weights)
        with torch.no_grad():
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
        return mean, var

    @torch.no_grad()
    def calibrate(self, x: Tensor, weights: Tensor) -> None:
        """Sets the running statistics to the exact ones of `x` (rows, ..., num_features), row i counted
        `weights[i]` times (rows,), with the unbiased variance. The weights sum to more than 1."""
        self.running_mean, self.running_var = _statistics(x, weights)


def _statistics(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance of each feature of `x` (n, ..., dim), x[i] counted `weights[i]` times."""
    rows = x.reshape(-1, x.shape[-1])
    if weights is None:
        var, mean = torch.var_mean(rows, 0, correction=1)
        return mean, var
    weights = weights.repeat_interleave(len(rows) // len(weights))
    total = weights.sum()
    mean = weights @ rows / total
    return mean, weights @ (rows - mean) ** 2 / (total - 1)


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


LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer for layer in (Embedding, Flatten, Linear, BatchNorm1d, Tanh, ReLU, GELU)
}
"""The layer types that a description may name."""
