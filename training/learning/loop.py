"""The training loop: an objective, an optimiser, a schedule."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from model.errors import NamesmithError
from model.network.batch_shard import WHOLE, BatchShard
from model.network.stack import Stack
from training.data.evaluation import cross_entropy
from training.data.examples import Counts
from training.learning.objectives import Objective
from training.learning.optimizers import load_optimizer, optimizers, schedule, set_step
from training.learning.resumable_run import Clock, ResumableRun
from training.learning.snapshots import State
from training.recipe.presets import Preset

_CHECK_EVERY = 100
_CALIBRATED = 1 << 24
"""Numbers of the widest layer that are computed together, 64 MiB."""


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

    def state(self) -> State:
        """What was seen so far, as plain JSON and tensors."""

    def load_state(self, state: State) -> None:
        """Goes on from there."""


@dataclass
class Stage:
    """The training of one stack: all that changes from step to step."""

    stack: Stack
    optimizers: list[Optimizer]
    schedules: list[LRScheduler]
    watch: Watch | None = None
    share: BatchShard = WHOLE
    history: History = field(default_factory=History)
    step: int = 0
    """Steps taken."""
    train_loss: float | None = None
    """As progress was last told of."""

    @property
    def dev_loss(self) -> float | None:
        """The last one known."""
        return self.history.points[-1].dev_loss if self.history.points else None

    def take(self, objective: Objective) -> Tensor:
        """One step; gives the loss that it lowered."""
        loss = objective(self.stack)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        loss = self._added_up(loss.detach())
        self.step += 1
        if self.watch is not None:
            self.watch.after_backward(self.step, loss)
        for optimizer, its_schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            its_schedule.step()
        if self.watch is not None:
            self.watch.after_update(self.step)
        return loss

    def _added_up(self, loss: Tensor) -> Tensor:
        """The loss of the whole batch, whose gradients the parameters then have."""
        learning = [tensor for tensor in self.stack.parameters() if tensor.grad is not None]
        loss, *gradients = self.share.summed(loss, *(tensor.grad for tensor in learning if tensor.grad is not None))
        for tensor, gradient in zip(learning, gradients, strict=True):
            tensor.grad = gradient
        return loss

    def state(self) -> State:
        """Plain data and tensors; schedules are functions of the step alone."""
        return {
            "step": self.step,
            "train_loss": self.train_loss,
            "points": [asdict(point) for point in self.history.points],
            "stack": self.stack.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "watch": None if self.watch is None else self.watch.state(),
        }

    @torch.no_grad()
    def load_state(self, state: State) -> None:
        """Takes what `state` gave; tensors stay the ones that the optimisers hold."""
        self.step, self.train_loss = state["step"], state["train_loss"]
        self.history.points = [Point(**point) for point in state["points"]]
        self.history.seconds = self.history.points[-1].seconds if self.history.points else 0.0
        for name, tensor in self.stack.state().items():
            tensor.copy_(state["stack"][name])
        for optimizer, its_schedule, saved in zip(self.optimizers, self.schedules, state["optimizers"], strict=True):
            load_optimizer(optimizer, saved)
            set_step(its_schedule, self.step)
        if self.watch is not None and state["watch"] is not None:
            self.watch.load_state(state["watch"])


def train(
    stack: Stack,
    objective: Objective,
    dev: Counts | None,
    preset: Preset,
    progress: Progress = lambda *_: None,
    watch: Watch | None = None,
    course: ResumableRun | None = None,
) -> History:
    """Trains `stack` in place, on the device its tensors are on, as the next stage of `course`. Raises TrainingError if
    the loss diverges."""
    course = course or ResumableRun()
    parameters = [tensor.requires_grad_() for tensor in stack.train().parameters()]
    used = optimizers(stack, preset)
    stage = Stage(stack, used, [schedule(optimizer, preset) for optimizer in used], watch, course.share)
    course.enter(stage)
    if stage.train_loss is not None:
        progress(stage.step, stage.train_loss, stage.dev_loss)
    while stage.step < preset.steps:
        loss = stage.take(objective)
        if any(stage.step % every == 0 for every in (_CHECK_EVERY, preset.evaluate_every, preset.steps)):
            _check(stage, loss, dev, preset, course.clock)
            progress(stage.step, loss.item(), stage.dev_loss)
        course.keep(stage)
    course.leave(stage)
    for tensor in parameters:
        tensor.requires_grad_(False)
    stack.eval()
    return stage.history


def _check(stage: Stage, loss: Tensor, dev: Counts | None, preset: Preset, clock: Clock) -> None:
    """Raises TrainingError for a loss that is not finite; adds a point to the history where the preset asks for one."""
    stage.train_loss = value = loss.item()
    if not math.isfinite(value):
        raise TrainingError(f"the loss became {value} by step {stage.step}: lower the learning rate")
    if stage.step % preset.evaluate_every and stage.step != preset.steps:
        return
    stage.history.seconds = clock.seconds
    with clock.stopped():
        dev_loss = None if dev is None else cross_entropy(stage.stack, dev)
        stage.stack.train()
    stage.history.points.append(Point(stage.step, stage.history.seconds, value, dev_loss))


@torch.no_grad()
def recalibrate(stack: Stack, contexts: Tensor, weights: Tensor) -> None:
    """Gives each layer with running statistics the exact ones of its input over `contexts` (m, block_size), context i
    counted `weights[i]` times (m,), in evaluation mode, layer by layer, in place of the running averages that training
    left."""
    stack.eval()
    device = stack.parameters()[0].device
    rows = max(2, _CALIBRATED // max(tensor.shape[-1] for tensor in stack.parameters()))
    pieces = list(zip(torch.split(contexts, rows), torch.split(weights, rows), strict=True))
    for i, layer in enumerate(stack.layers):
        before = Stack(stack.layers[:i])
        layer.calibrate((before(some.to(device)), their.to(device)) for some, their in pieces)
