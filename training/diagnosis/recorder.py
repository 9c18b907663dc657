"""Looks at a stack while it is trained. It knows layers by their traits alone, and changes nothing."""

import math
from dataclasses import asdict, dataclass, field

import torch
from pydantic import TypeAdapter
from torch import Tensor

from model.network.stack import Stack
from training.diagnosis.diagnostics import Curve, Diagnostics, Look
from training.diagnosis.probe import look_at, traits, weights
from training.diagnosis.spread import short
from training.learning.loop import Progress
from training.learning.snapshots import State

_LOOKS_AS_JSON = TypeAdapter(list[Look])
_LOOKS = 5
_SAMPLES = 60
"""Steps whose update is measured, and at which the mean of the losses since the one before is kept."""


class Recorder:
    """A `loop.Watch` of a run of `steps` steps: whole looks at a few steps, from the first to the last in even ratios,
    since most happens early; losses and updates at many."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._looks_at = {round(steps ** (i / (_LOOKS - 1))) for i in range(_LOOKS)}
        self._every = max(1, steps // _SAMPLES)
        self._stack = Stack([])
        self._symbols = 0
        self._step = 1
        self._row_weights: Tensor | None = None
        self._before: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._looks: list[Look] = []
        self._train, self._dev = _Series(), _Series()
        self._updates: dict[str, _Series] = {}

    def begin(self, stack: Stack, symbols: int, row_weights: Tensor | None) -> None:
        """The stack that will be trained, to tell apart so many symbols. `row_weights` (rows,) says how often each row
        of a batch counts, where batches are the whole data."""
        self._stack, self._symbols, self._row_weights = stack, symbols, row_weights
        self._updates = {name: _Series() for name in weights(stack)}
        self._prepare(1)

    def after_backward(self, step: int, loss: Tensor) -> None:
        self._losses.append(loss.detach())
        if step in self._looks_at:
            self._looks.append(look_at(self._stack, step, self._row_weights))
        if self._sampled(step):
            self._train.add(step, float(torch.stack(self._losses).mean()))
            self._losses.clear()
            self._before = [tensor.detach().clone() for tensor in weights(self._stack).values()]

    @torch.no_grad()
    def after_update(self, step: int) -> None:
        if self._sampled(step) and self._before:
            updates = torch._foreach_sub(list(weights(self._stack).values()), self._before)
            moved, size = (torch.stack(torch._foreach_norm(of)).double() for of in (updates, self._before))
            for series, value in zip(self._updates.values(), torch.log10(moved / size).tolist(), strict=True):
                series.add(step, value)
        if {step, step + 1} & self._looks_at:
            self._prepare(step + 1)

    def beside(self, progress: Progress) -> Progress:
        """`progress`, with the dev losses kept."""

        def told(step: int, train_loss: float, dev_loss: float | None) -> None:
            progress(step, train_loss, dev_loss)
            if dev_loss is not None and dev_loss != self._dev.last:  # the last known one is told again in between
                self._dev.add(step, dev_loss)

        return told

    def state(self) -> State:
        """See `loop.Watch`. What is kept for the step at hand alone is left out."""
        return {
            "losses": self._losses,
            "looks": _LOOKS_AS_JSON.dump_python(self._looks, mode="json"),
            "train": asdict(self._train),
            "dev": asdict(self._dev),
            "updates": {name: asdict(series) for name, series in self._updates.items()},
            "step": self._step,
        }

    def load_state(self, state: State) -> None:
        self._losses = state["losses"]
        self._looks = _LOOKS_AS_JSON.validate_python(state["looks"])
        self._train, self._dev = _Series(**state["train"]), _Series(**state["dev"])
        self._updates = {name: _Series(**series) for name, series in state["updates"].items()}
        self._prepare(state["step"])

    def result(self, failure: str | None = None) -> Diagnostics:
        """All that was seen, of a run that failed too."""
        return Diagnostics(
            steps=self._steps,
            symbols=self._symbols,
            layers=traits(self._stack.layers),
            looks=self._looks,
            train=self._train.curve(),
            dev=self._dev.curve(),
            updates={name: series.curve() for name, series in self._updates.items()},
            failure=failure,
        )

    def _sampled(self, step: int) -> bool:
        return step % self._every == 0 or step in (1, self._steps)

    def _prepare(self, step: int) -> None:
        """Has the next forward pass keep the gradients of all outputs, if it is to be looked at."""
        self._step = step
        for layer in self._stack.layers:
            layer.watched = step in self._looks_at


@dataclass
class _Series:
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)

    def curve(self) -> Curve:
        return Curve(self.steps, [short(value) if math.isfinite(value) else None for value in self.values])
