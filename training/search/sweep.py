"""Runs over a grid of settings, compared by their dev loss.

The test loss is neither shown nor kept: choosing by it would make it a second dev loss, and nothing would be left to
say how good the chosen setting is on names that had no part in the choice.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from model.text.vocabulary import Vocabulary
from training.data.read_list import DataError, NameList
from training.data.splits import MIN_TO_HOLD_OUT, split
from training.learning.loop import Progress, TrainingError
from training.recipe.presets import Preset
from training.run.run import Config, fit

MAX_RUNS = 1_000


@dataclass(frozen=True)
class Candidate:
    """A point of the grid. `dim` and `width` None leave the layers as they are."""

    preset: Preset
    block_size: int = 3
    dim: int | None = None
    width: int | None = None

    def fields(self) -> dict[str, Any]:
        preset = self.preset
        return {
            "preset": preset.name,
            "learning_rate": preset.learning_rate,
            "steps": preset.steps,
            "batch_size": preset.batch_size,
            "block_size": self.block_size,
            "dim": self.dim,
            "width": self.width,
        }

    def config(self, base: Config, seed: int, symbols: int) -> Config:
        """`base` with this candidate's settings, for an alphabet of that many symbols."""
        sizes = {name: size for name, size in (("dim", self.dim), ("width", self.width)) if size is not None}
        layers = self.preset.layers(symbols, self.block_size, **sizes) if sizes else None
        return replace(base, preset=self.preset, seed=seed, block_size=self.block_size, layers=layers)


Planned = tuple[Candidate, int]
"""A candidate and a seed: a run to be made."""


@dataclass(frozen=True)
class Run:
    """What one candidate reached with one seed; losses are None where it diverged or was stopped early."""

    candidate: Candidate
    seed: int
    dev_loss: float | None = None
    train_loss: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    digest: str | None = None
    stopped_after: int | None = None
    """Steps, where early stopping ended it."""

    @property
    def diverged(self) -> bool:
        return self.dev_loss is None and self.stopped_after is None

    def fields(self) -> dict[str, Any]:
        own = ("seed", "diverged", "stopped_after", "dev_loss", "train_loss", "seconds", "parameters", "digest")
        return {**self.candidate.fields(), **{name: getattr(self, name) for name in own}}


@dataclass(frozen=True)
class Row:
    """A candidate over its seeds. `dev_loss` (mean) and `train_loss` are None where a seed diverged, or where early
    stopping left none; `error`, the standard error of the mean, is None for a single seed."""

    candidate: Candidate
    seeds: int
    diverged: int
    stopped: int
    dev_loss: float | None
    error: float | None
    train_loss: float | None
    seconds: float | None

    def fields(self) -> dict[str, Any]:
        own = ("seeds", "diverged", "stopped", "dev_loss", "error", "train_loss", "seconds")
        return {**self.candidate.fields(), **{name: getattr(self, name) for name in own}}


def runs(names: NameList, plan: Sequence[Planned], base: Config, watch: Callable[[int], Progress]) -> Iterator[Run]:
    """Trains every candidate of the plan with its seed, one after the other; `watch` gives what follows run number i.
    Raises DataError for a list that is too small to choose by."""
    symbols = symbols_to_choose_by(names, base)
    for number, planned in enumerate(plan):
        yield attempt(names, planned, base, symbols, watch(number))


def symbols_to_choose_by(names: NameList, base: Config) -> int:
    """The size of the alphabet. Raises DataError for a list that is too small to choose by."""
    if not len(split(names.names, base.split).dev):
        raise DataError(
            f"{names.source}: the list is too small to compare settings: a dev loss "
            f"needs {MIN_TO_HOLD_OUT} distinct names"
        )
    return Vocabulary.from_names(names.distinct).size


def attempt(names: NameList, planned: Planned, base: Config, symbols: int, progress: Progress) -> Run:
    """One run."""
    candidate, seed = planned
    try:
        result = fit(names, candidate.config(base, seed, symbols), progress)
    except TrainingError:
        return Run(candidate, seed)
    seconds, losses = round(result.history.seconds, 3), result.losses
    return Run(candidate, seed, losses.dev, losses.train, seconds, result.parameters, result.digest)


def plan(candidates: Sequence[Candidate], seeds: Sequence[int]) -> list[Planned]:
    """All candidates with the first seed come first, so that a sweep that is stopped has compared most of them."""
    return [(candidate, seed) for seed, candidate in product(seeds, candidates)]


def rank(done: Sequence[Run]) -> list[Row]:
    """One row a candidate, the lowest mean dev loss first. Behind those that came to their end are those of which runs
    were stopped early, as the mean of the others flatters them; those that diverged are last."""
    together: dict[Candidate, list[Run]] = {}
    for run in done:
        together.setdefault(run.candidate, []).append(run)
    rows = [_row(candidate, of_one) for candidate, of_one in together.items()]
    return sorted(rows, key=lambda row: (math.inf, 0) if row.dev_loss is None else (row.stopped, row.dev_loss))


def winner(done: Sequence[Run]) -> Run | None:
    """The run with the lowest dev loss of the best candidate; None where no run came to its end."""
    best = next((row.candidate for row in rank(done) if row.dev_loss is not None), None)
    losses = {run: run.dev_loss for run in done if run.candidate == best and run.dev_loss is not None}
    return min(losses, key=losses.__getitem__, default=None)


def _row(candidate: Candidate, of_one: Sequence[Run]) -> Row:
    dev = [run.dev_loss for run in of_one if run.dev_loss is not None]
    train = [run.train_loss for run in of_one if run.train_loss is not None]
    seconds = [run.seconds for run in of_one if run.seconds is not None]
    diverged = sum(run.diverged for run in of_one)
    stopped = sum(run.stopped_after is not None for run in of_one)
    counts = (len(of_one), diverged, stopped)
    if diverged or not dev:
        return Row(candidate, *counts, None, None, None, None)
    error = statistics.stdev(dev) / math.sqrt(len(dev)) if len(dev) > 1 else None
    return Row(candidate, *counts, statistics.fmean(dev), error, statistics.fmean(train), statistics.fmean(seconds))
