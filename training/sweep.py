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

from model.vocabulary import Vocabulary
from training.dataset import DataError, NameList
from training.loop import Progress, TrainingError
from training.presets import Preset
from training.run import Config, Result, fit
from training.splits import MIN_TO_HOLD_OUT, split

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


@dataclass(frozen=True)
class Run:
    """What one candidate reached with one seed; losses are None where it diverged."""

    candidate: Candidate
    seed: int
    dev_loss: float | None = None
    train_loss: float | None = None
    seconds: float | None = None
    parameters: int | None = None

    def fields(self) -> dict[str, Any]:
        return {
            **self.candidate.fields(),
            "seed": self.seed,
            "diverged": self.dev_loss is None,
            "dev_loss": self.dev_loss,
            "train_loss": self.train_loss,
            "seconds": self.seconds,
            "parameters": self.parameters,
        }


@dataclass(frozen=True)
class Row:
    """A candidate over its seeds. `dev_loss` (mean) and `train_loss` are None where a seed diverged; `error`, the
    standard error of the mean, is None for a single seed."""

    candidate: Candidate
    seeds: int
    diverged: int
    dev_loss: float | None
    error: float | None
    train_loss: float | None
    seconds: float | None

    def fields(self) -> dict[str, Any]:
        own = ("seeds", "diverged", "dev_loss", "error", "train_loss", "seconds")
        return {**self.candidate.fields(), **{name: getattr(self, name) for name in own}}


def runs(
    names: NameList, plan: Sequence[tuple[Candidate, int]], base: Config, watch: Callable[[int], Progress]
) -> Iterator[Run]:
    """Trains every candidate of the plan with its seed, one after the other; `watch` gives what follows run number i.
    Raises DataError for a list that is too small to choose by."""
    if not len(split(names.names, base.split).dev):
        raise DataError(
            f"{names.source}: too small to choose by: {MIN_TO_HOLD_OUT} distinct names are needed for a dev loss"
        )
    symbols = Vocabulary.from_names(names.distinct).size
    for number, (candidate, seed) in enumerate(plan):
        try:
            result = fit(names, candidate.config(base, seed, symbols), watch(number))
        except TrainingError:
            yield Run(candidate, seed)
        else:
            yield _measured(candidate, seed, result)


def _measured(candidate: Candidate, seed: int, result: Result) -> Run:
    seconds = round(result.history.seconds, 3)
    return Run(candidate, seed, result.losses.dev, result.losses.train, seconds, result.parameters)


def plan(candidates: Sequence[Candidate], seeds: Sequence[int]) -> list[tuple[Candidate, int]]:
    """All candidates with the first seed come first, so that a sweep that is stopped has compared most of them."""
    return [(candidate, seed) for seed, candidate in product(seeds, candidates)]


def rank(done: Sequence[Run]) -> list[Row]:
    """One row a candidate, the lowest mean dev loss first, those that diverged last."""
    together: dict[Candidate, list[Run]] = {}
    for run in done:
        together.setdefault(run.candidate, []).append(run)
    rows = [_row(candidate, of_one) for candidate, of_one in together.items()]
    return sorted(rows, key=lambda row: math.inf if row.dev_loss is None else row.dev_loss)


def _row(candidate: Candidate, of_one: Sequence[Run]) -> Row:
    dev = [run.dev_loss for run in of_one if run.dev_loss is not None]
    train = [run.train_loss for run in of_one if run.train_loss is not None]
    seconds = [run.seconds for run in of_one if run.seconds is not None]
    lost = len(of_one) - len(dev)
    if lost:
        return Row(candidate, len(of_one), lost, None, None, None, None)
    error = statistics.stdev(dev) / math.sqrt(len(dev)) if len(dev) > 1 else None
    return Row(candidate, len(dev), 0, statistics.fmean(dev), error, statistics.fmean(train), statistics.fmean(seconds))
