"""How numbers are spread: mean, standard deviation and a histogram, small enough to keep."""

from dataclasses import dataclass

import torch
from torch import Tensor

_BINS = 40
_REACH = 4.0
"""Standard deviations from the mean that a histogram covers."""


@dataclass(frozen=True)
class Spread:
    """Of the finite numbers among some; all zero where there are none."""

    mean: float
    std: float
    finite: float
    """The share of the numbers that are finite."""
    low: float
    high: float
    shares: list[float]
    """Of the numbers in each of equally wide bins from `low` to `high`; what lies outside is in none."""


def spread(values: Tensor) -> Spread:
    """Of all numbers in `values`, any shape."""
    flat = values.detach().reshape(-1).double().cpu()
    known = flat[torch.isfinite(flat)]
    if not len(known):
        return Spread(0.0, 0.0, 0.0, 0.0, 0.0, [])
    mean, std = float(known.mean()), float(known.std(correction=0))
    low, high = max(float(known.min()), mean - _REACH * std), min(float(known.max()), mean + _REACH * std)
    if not low < high:  # all equal
        low, high = mean - 0.5, mean + 0.5
    shares = torch.histc(known, _BINS, low, high) / len(known)
    return Spread(
        short(mean),
        short(std),
        short(len(known) / len(flat)),
        short(low),
        short(high),
        list(map(short, shares.tolist())),
    )


def short(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
