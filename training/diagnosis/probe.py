"""One look at a stack in training mode, after a backward pass: what is read of each layer, by its traits alone."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from model.network.layer import Layer
from model.network.stack import Stack
from training.diagnosis.diagnostics import LayerLook, LayerTraits, Look, Statistics, WeightLook
from training.diagnosis.spread import short, spread

_MAX_ROWS = 512
_MAX_UNITS = 50
"""Units of a normalisation whose statistics are kept."""


def weights(stack: Stack) -> dict[str, Tensor]:
    """The matrices among the parameters, by their names in the checkpoint; no biases, scales or shifts."""
    return {
        f"{i}.{name}": tensor
        for i, layer in enumerate(stack.layers)
        for name, tensor in layer.parameters().items()
        if tensor.ndim > 1
    }


def traits(layers: Sequence[Layer]) -> list[LayerTraits]:
    return [_traits(i, layers) for i in range(len(layers))]


def _traits(index: int, layers: Sequence[Layer]) -> LayerTraits:
    layer = layers[index]
    after = index + 1
    while after < len(layers) and layers[after].running_statistics:
        after += 1
    summing = layer.fan_in is not None and after < len(layers)
    gain = layers[after].gain if summing else None
    label = f"{index} {type(layer).__name__}"
    return LayerTraits(index, label, layer.saturates_at, layer.silent_at, gain, summing and after > index + 1)


@torch.no_grad()
def look_at(stack: Stack, step: int, row_weights: Tensor | None) -> Look:
    """Every output and gradient, of at most 512 rows at hand, drawn evenly by their weights, so that each stands for as
    many examples. Gradients are those of one example's loss, whatever the size of the batch."""
    share = stack.layers[0].share
    every = torch.ones(share.total(len(stack.layers[0].out))) if row_weights is None else row_weights.cpu()
    counts = share.take(every)
    rows = _evenly(counts)
    factors = (every.sum() / counts)[rows]
    looks = [_layer_look(0, stack.layers[0], None, rows, factors)]
    looks += [
        _layer_look(i, layer, before, rows, factors) for i, (before, layer) in enumerate(pairwise(stack.layers), 1)
    ]
    return Look(step, len(rows), looks, [_weight_look(stack, name, tensor) for name, tensor in weights(stack).items()])


def _evenly(counts: Tensor) -> Tensor:
    """Indices of rows: all of them where they are few and alike, else at even distances along their summed counts."""
    if len(counts) <= _MAX_ROWS and bool((counts == counts[0]).all()):
        return torch.arange(len(counts))
    cumulative = torch.cumsum(counts.double(), 0)
    points = (torch.arange(_MAX_ROWS, dtype=torch.float64) + 0.5) / _MAX_ROWS * cumulative[-1]
    return torch.searchsorted(cumulative, points, right=True).clamp_(max=len(counts) - 1)


def _layer_look(index: int, layer: Layer, before: Layer | None, rows: Tensor, factors: Tensor) -> LayerLook:
    rows = rows.to(layer.out.device)
    out = layer.out.detach()[rows]
    gradients = None
    if layer.watched and layer.out.requires_grad and layer.out.grad is not None:
        gradients = layer.out.grad[rows] * factors.to(out.device).reshape(-1, *[1] * (out.ndim - 1))
    blocked = _blocked(layer, out)
    return LayerLook(
        index,
        spread(out),
        None if gradients is None else spread(gradients),
        None if layer.saturates_at is None or blocked is None else short(float(blocked.float().mean())),
        None if blocked is None else short(float(blocked.reshape(-1, out.shape[-1]).all(0).float().mean())),
        None if before is None else _statistics(layer, before.out.detach()[rows]),
    )


def _blocked(layer: Layer, out: Tensor) -> Tensor | None:
    """Where next to no gradient comes back through; None where the layer lets all of them back."""
    if layer.saturates_at is not None:
        return out.abs() > layer.saturates_at
    if layer.silent_at is not None:
        return out == layer.silent_at
    return None


def _statistics(layer: Layer, x: Tensor) -> Statistics | None:
    if layer.running_statistics is None:
        return None
    mean_name, var_name = layer.running_statistics
    flat = x.reshape(-1, x.shape[-1])
    every = math.ceil(flat.shape[1] / _MAX_UNITS)

    def kept(values: Tensor) -> list[float]:
        return [short(value) for value in torch.nan_to_num(values[::every]).tolist()]

    return Statistics(
        batch_mean=kept(flat.mean(0)),
        running_mean=kept(getattr(layer, mean_name)),
        batch_std=kept(flat.std(0)),
        running_std=kept(getattr(layer, var_name).sqrt()),
    )


def _weight_look(stack: Stack, name: str, tensor: Tensor) -> WeightLook:
    index = int(name.partition(".")[0])
    data = spread(tensor)
    fan_in = stack.layers[index].fan_in
    scale = None if fan_in is None else short(math.hypot(data.mean, data.std) * math.sqrt(fan_in))
    return WeightLook(name, index, data.std, scale, spread(torch.zeros(0) if tensor.grad is None else tensor.grad))
