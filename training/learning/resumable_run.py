"""How far a run has come, so that it can go on from there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from model.network.batch_shard import WHOLE, BatchShard
from training.learning.snapshots import SnapshotError, Snapshots, State


class Stage(Protocol):
    """The training of one network."""

    @property
    def step(self) -> int:
        """Steps taken."""

    def state(self) -> State:
        """All that changes from step to step, but for the random numbers."""

    def load_state(self, state: State) -> None:
        """Takes up where `state` was."""


class Clock:
    """Seconds of training, from the first `start` on, beyond those of earlier processes."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._began: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._began is None else time.perf_counter() - self._began)

    def start(self) -> None:
        if self._began is None:
            self._began = time.perf_counter()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leaves out what is done meanwhile."""
        self._before, self._began = self.seconds, None
        yield
        self.start()


class ResumableRun:
    """A run's random numbers, its clock and its stages: one for each network that it trains, in their order. `share` is
    what this process computes of each batch.

    Whatever comes between two stages is computed again from what the first one left, its random numbers included, so
    that a run which goes on from a snapshot comes to the very same result. `found` is such a snapshot.
    """

    def __init__(
        self, snapshots: Snapshots | None = None, found: State | None = None, share: BatchShard = WHOLE
    ) -> None:
        self.generator = torch.Generator()
        self.share = share
        self.found = found
        self.earlier: float = found["seconds"] if found else 0.0
        """Seconds of training before this process."""
        self.clock = Clock(self.earlier)
        self._snapshots = snapshots
        self._stages_found: list[State] = found["stages"] if found else []
        self._left: list[State] = []

    def enter(self, stage: Stage) -> None:
        """A stage is about to begin, or to go on."""
        self.clock.start()
        if len(self._left) >= len(self._stages_found):
            return
        found = self._stages_found[len(self._left)]
        try:
            stage.load_state(found["stage"])
            self.generator.set_state(found["generator"])
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise SnapshotError(f"the snapshot does not match this run: {str(error)[:100]}") from None

    def keep(self, stage: Stage) -> None:
        """A step is done: writes a snapshot, if it is time."""
        if self._snapshots is not None and self._snapshots.due():
            stages = [*self._left, self._at(stage)]
            steps = sum(at["stage"]["step"] for at in stages)
            self._snapshots.write({"steps": steps, "seconds": self.clock.seconds, "stages": stages})

    def leave(self, stage: Stage) -> None:
        """All steps of a stage are done."""
        self._left.append(copied(self._at(stage)))

    def _at(self, stage: Stage) -> State:
        return {"stage": stage.state(), "generator": self.generator.get_state()}


def copied(value: Any) -> Any:
    """The same with tensors of its own, which nobody changes."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
