"""Muon (Jordan 2024): gradient descent for matrices, each update brought close to an orthogonal one."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_EPSILON = 1e-7


class Muon(Optimizer):
    """The update is the momentum, looked ahead as Nesterov does, with all its singular values brought close to 1; for a
    matrix of more rows than columns it is larger, by the root of their ratio.

    As torch.optim's without weight decay, but in float32. That one computes in bfloat16, which a processor without
    instructions for it emulates, some twenty times slower than the rest of a training step.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group["lr"], group["momentum"])

    def _update(self, weight: Tensor, gradient: Tensor, rate: float, momentum: float) -> None:
        if "momentum_buffer" not in self.state[weight]:
            self.state[weight]["momentum_buffer"] = torch.zeros_like(gradient)
        mean = self.state[weight]["momentum_buffer"].lerp_(gradient, 1 - momentum)
        rows, columns = weight.shape
        weight.add_(orthogonal(gradient.lerp(mean, momentum)), alpha=-rate * math.sqrt(max(1.0, rows / columns)))


def orthogonal(matrix: Tensor) -> Tensor:
    """The same singular vectors with singular values between about 0.7 and 1.2, by Newton and Schulz's iteration."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = _COEFFICIENTS
    x: Tensor = matrix / matrix.norm().clamp(min=_EPSILON)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
