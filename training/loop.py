"""The training loop: an objective, an optimiser, a schedule."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from model.batch_norm import BatchNorm1d
from model.errors import NamesmithError
from model.stack import Stack
from training.evaluation import cross_entropy
from training.examples import Counts
from training.objectives import Objective
from training.optimizers import optimizers, schedule
from training.presets import Preset

_CHECK_EVERY = 100


class TrainingError(NamesmithError):
    """A run that cannot go on."""


@dataclass(frozen=True)
class Point:
    """Dev loss (nats a character) after some steps; `seconds` counts training alone, evaluation left out."""

    step: int
    seconds: float
    train_loss: float
    dev_loss: float | None


@dataclass
class History:
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0


Progress = Callable[[int, float, float | None], None]
"""Called with (steps done, loss of the last batch, last dev loss)."""


class Watch(Protocol):
    """Looks at a stack while it is trained, and changes nothing."""

    def after_backward(self, step: int, loss: Tensor) -> None:
        """Step `step` (from 1) has its loss and gradients; parameters are still those that gave them."""

    def after_update(self, step: int) -> None:
        """The optimiser has changed the parameters."""


def train(
    stack: Stack,
    objective: Objective,
    dev: Counts | None,
    preset: Preset,
    progress: Progress = lambda *_: None,
    watch: Watch | None = None,
    spent: float = 0.0,
) -> History:
    """Trains `stack` in place, on the device its tensors are on. `spent` seconds went into the objective before; they
    count as training. Raises TrainingError if the loss diverges."""
    parameters = [tensor.requires_grad_() for tensor in stack.train().parameters()]
    used = optimizers(stack, preset)
    schedules = [schedule(optimizer, preset) for optimizer in used]
    history = History(seconds=spent)
    began = time.perf_counter()
    dev_loss = None
    for step in range(1, preset.steps + 1):
        loss = objective(stack)
        for optimizer in used:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if watch is not None:
            watch.after_backward(step, loss)
        for optimizer, its_schedule in zip(used, schedules, strict=True):
            optimizer.step()
            its_schedule.step()
        if watch is not None:
            watch.after_update(step)
        last = step == preset.steps
        if step % _CHECK_EVERY and step % preset.evaluate_every and not last:
            continue
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(f"the loss became {value} by step {step}: lower the learning rate")
        if step % preset.evaluate_every == 0 or last:
            history.seconds += time.perf_counter() - began
            if dev is not None:
                dev_loss = cross_entropy(stack, dev)
                stack.train()
            history.points.append(Point(step, history.seconds, value, dev_loss))
            began = time.perf_counter()
        progress(step, value, dev_loss)
    for tensor in parameters:
        tensor.requires_grad_(False)
    stack.eval()
    return history


@torch.no_grad()
def recalibrate(stack: Stack, contexts: Tensor, weights: Tensor) -> None:
    """Gives each BatchNorm1d the exact statistics of its input over `contexts` (m, block_size), context i counted
    `weights[i]` times (m,), in evaluation mode, layer by layer, in place of the running averages that training left."""
    stack.eval()
    device = stack.parameters()[0].device
    x, weights = contexts.to(device), weights.to(device)
    for layer in stack.layers:
        if isinstance(layer, BatchNorm1d):
            layer.calibrate(x, weights)
        x = layer(x)
