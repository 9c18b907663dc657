"""What each preset reaches and how soon, beside the classic loop and beside counting, on the same split in this run.

The list is the bundled one, or the file that NAMESMITH_MAKEMORE names, with the split of the lectures: the list that
published losses refer to.
"""

import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import ROOT
from training.data.read_list import NameList, read_names
from training.data.splits import SplitRule
from training.recipe.presets import PRESETS
from training.run.run import Config, Result, fit

BUNDLED_LIST = ROOT / "data" / "us-names.csv"
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Way:
    """A preset, perhaps with another context, and the seeds it is trained with."""

    preset: str
    seeds: Sequence[int] = SEEDS
    block_size: int | None = None

    def results(self, names: NameList, split: SplitRule) -> list[Result]:
        return [fit(names, Config(PRESETS[self.preset], seed, split, self.block_size)) for seed in self.seeds]

    @property
    def context(self) -> int:
        return self.block_size or PRESETS[self.preset].block_size


def list_and_split() -> tuple[NameList, SplitRule]:
    """The makemore list as in the lectures where there is one, else the bundled list."""
    makemore = os.environ.get("NAMESMITH_MAKEMORE")
    if makemore:
        return read_names(Path(makemore)), SplitRule.LECTURE
    return read_names(BUNDLED_LIST), SplitRule.NAMES


def unseen_pairs(names: Sequence[str], trained: Iterable[str]) -> float:
    """The share of `names` with a pair of letters that none of the `trained` ones has."""
    pairs = {pair for name in trained for pair in pairwise(name)}
    return statistics.fmean(not pairs.issuperset(pairwise(name)) for name in names)


def main(quick: bool) -> None:
    names, split = list_and_split()
    print(f"{names.source}: {len(names.names):,} names, split {split}; nats a character, means over the seeds")
    print("| way | context | parameters | seeds | train | dev | test | seconds | dev of classic reached after |")
    print("|---|---|---|---|---|---|---|---|---|")
    once = Way("classic", seeds=(1,))
    classic = once.results(names, split)
    goal, limit = classic[0].losses.dev, classic[0].history.seconds
    assert goal is not None
    _row(once, classic, goal)
    fast = Way("fast").results(names, split)
    _row(Way("fast"), fast, goal)
    _counting(fast[0], 3)
    counted = {3}
    for way in (Way("careful"), *(() if quick else (Way("standard"), Way("best", block_size=4), Way("best")))):
        results = way.results(names, split)
        _row(way, results, goal)
        if way.context not in counted:
            _counting(results[0], way.context)
            counted.add(way.context)
    reached = [_seconds_to(result, goal) for result in fast]
    if all(second is not None for second in reached):
        mean = statistics.fmean(second for second in reached if second is not None)
        print(f"\nfast gets there {limit / mean:.0f} times sooner than classic ends")


def _row(way: Way, results: Sequence[Result], goal: float) -> None:
    losses = [[loss or 0.0 for loss in result.losses.by_part().values()] for result in results]
    train, dev, test = (_mean([loss[part] for loss in losses]) for part in range(3))
    reached = [_seconds_to(result, goal) for result in results]
    known = [seconds for seconds in reached if seconds is not None]
    shown = f"{statistics.fmean(known):.1f} s" if len(known) == len(reached) else "not"
    seconds = statistics.fmean(result.history.seconds for result in results)
    print(
        f"| {way.preset} | {way.context} | {results[0].parameters:,} | {len(results)} | {train} | {dev} | {test} "
        f"| {seconds:.1f} | {shown} |",
        flush=True,
    )


def _counting(result: Result, context: int) -> None:
    dev, test = (result.baselines[part]["kneser_ney"] for part in ("dev", "test"))
    print(f"| counting: Kneser-Ney | {context} | | | | {dev:.4f} | {test:.4f} | | |", flush=True)


def _mean(values: Sequence[float]) -> str:
    """With the standard deviation over the seeds, where there are some."""
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


def _seconds_to(result: Result, goal: float) -> float | None:
    """Training seconds until dev loss is at most `goal`; the end counts with its recalibrated statistics."""
    for point in result.history.points:
        if point.dev_loss is not None and point.dev_loss <= goal:
            return point.seconds
    return result.history.seconds if result.losses.dev is not None and result.losses.dev <= goal else None
