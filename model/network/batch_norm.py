"""Normalisation by the batch (Ioffe & Szegedy 2015), with its derivative by hand."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor

from model.network.batch_shard import WHOLE, BatchShard
from model.network.layer import Layer


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
        if not eps > 0 or not momentum > 0:
            raise ValueError(f"{'momentum' if eps > 0 else 'eps'} must be greater than 0")
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002
        """Nothing is random here: scale and variance 1, shift and mean 0."""
        self.gamma, self.beta = torch.ones(self.num_features), torch.zeros(self.num_features)
        self.running_mean, self.running_var = torch.zeros(self.num_features), torch.ones(self.num_features)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.num_features:
            raise ValueError(f"expected {self.num_features} features, got {x.shape[-1]}")
        if self.training:
            return self._normalize_by_batch(x)
        return self.gamma * (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) + self.beta

    def _normalize_by_batch(self, x: Tensor) -> Tensor:
        if self.share.alone and x[..., 0].numel() < 2:
            raise ValueError("BatchNorm1d needs at least two rows in training mode")
        rows = x.reshape(-1, self.num_features)
        weights = _row_weights(rows, self.row_weights)
        with torch.no_grad():
            mean, squares, total = _statistics(rows, weights, self.share)
            var = squares / (total - 1)
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
            scale = torch.rsqrt(var + self.eps)
        out = _Normalize.apply(rows, self.gamma, self.beta, mean, scale, weights, total, self.share)  # type: ignore[no-untyped-call]
        return cast(Tensor, out).reshape(x.shape)

    def damp(self, factor: float) -> None:
        self.gamma *= factor

    def affine(self) -> tuple[Tensor, Tensor, Tensor]:
        scale = self.gamma.double() / torch.sqrt(self.running_var.double() + self.eps)
        return self.running_mean.double(), scale, self.beta.double()

    def fault(self) -> str | None:
        return "running_var is negative" if bool((self.running_var < 0).any()) else None

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """See `Layer`; with the unbiased variance. The weights sum to more than 1. Means and squares of batches are
        combined as Chan et al. (1979) do."""
        every = ((x.reshape(-1, self.num_features), weights) for x, weights in batches)
        found = (_statistics(rows, _row_weights(rows, weights), WHOLE) for rows, weights in every)
        mean, squares, total = next(found)
        for other, its_squares, its_total in found:
            away, both = other - mean, total + its_total
            mean = mean + away * (its_total / both)
            squares = squares + its_squares + away.square() * (total * its_total / both)
            total = both
        self.running_mean, self.running_var = mean, squares / (total - 1)


def _row_weights(rows: Tensor, weights: Tensor | None) -> Tensor:
    """How often each of `rows` (n, dim) counts, from the weights of the rows of a batch that it came from."""
    if weights is None:
        return rows.new_ones(len(rows))
    return weights.to(rows.dtype).repeat_interleave(len(rows) // len(weights))


def _statistics(rows: Tensor, weights: Tensor, share: BatchShard) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and summed squares of the distance from it (dim,) of the batch of which `rows` (n, dim) are at hand, row i
    counted `weights[i]` times (n,), and the sum of all weights. Sums are products with the weights, which are quicker
    than torch's own over the first dimension."""
    total, sums = share.summed(weights.sum(), weights @ rows)
    mean = sums / total
    (squares,) = share.summed(weights @ (rows - mean).square_())
    return mean, squares, total


class _Normalize(torch.autograd.Function):
    """gamma * (x - mean) * scale + beta where mean and scale = 1 / sqrt(var + eps) came from the batch itself, of which
    `x` (n, dim) is at hand, so that the gradient flows through them too. With row i counted w_i times of W in all, y =
    (x - mean) * scale, and sums over the whole batch:

        d_beta = sum(g)    d_gamma = sum(g * y)    d_x = gamma * scale * (g - w * (d_beta / W + y * d_gamma / (W - 1)))

    d_beta and d_gamma are given back as sums over the rows at hand, as gradients of all parameters are. Fewer passes
    over the batch than composing it of simple operations takes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        scale: Tensor,
        weights: Tensor,
        total: Tensor,
        share: BatchShard,
    ) -> Tensor:
        ctx.save_for_backward(x, gamma, mean, scale, weights, total)
        ctx.share = share
        return torch.addcmul(beta - mean * scale * gamma, x, scale * gamma)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = gradients
        x, gamma, mean, scale, weights, total = ctx.saved_tensors
        ones = torch.ones_like(weights)
        d_beta = ones @ g
        d_gamma = (ones @ (g * x) - mean * d_beta) * scale
        all_beta, all_gamma = ctx.share.summed(d_beta, d_gamma)
        slope = all_gamma * scale / (total - 1)
        # w * (d_beta / W + y * d_gamma / (W - 1)) = w * (offset + x * slope)
        offset = all_beta / total - mean * slope
        through = torch.addcmul(offset, x, slope).mul_(weights[:, None])
        return (g - through).mul_(gamma * scale), d_gamma, d_beta, None, None, None, None, None
