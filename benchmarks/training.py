"""How soon `fast` reaches the dev loss that the classic loop ends with.

Both train the same stack on the same split in this run. The list is the bundled one, or the file that
NAMESMITH_MAKEMORE names, with the split of the lectures: the list that published losses refer to.
"""

import os
from pathlib import Path

from training.dataset import read_names
from training.presets import PRESETS
from training.run import Config, Result, fit
from training.splits import SplitRule

BUNDLED_LIST = Path(__file__).resolve().parent.parent / "data" / "us-names.csv"


def main() -> None:
    makemore = os.environ.get("NAMESMITH_MAKEMORE")
    names = read_names(Path(makemore) if makemore else BUNDLED_LIST)
    split = SplitRule.LECTURE if makemore else SplitRule.NAMES
    print(f"{names.source}: {len(names.names):,} names, split {split}")
    print("| preset | parameters | train | dev | test | seconds | dev of classic reached after |")
    print("|---|---|---|---|---|---|---|")
    results = {preset: fit(names, Config(PRESETS[preset], split=split)) for preset in ("classic", "fast")}
    goal = results["classic"].losses.dev
    assert goal is not None
    for preset, result in results.items():
        losses = result.losses
        reached = _seconds_to(result, goal)
        print(
            f"| {preset} | {result.parameters:,} | {losses.train:.4f} | {losses.dev:.4f} | {losses.test:.4f} "
            f"| {result.history.seconds:.1f} | {'not' if reached is None else f'{reached:.1f} s'} |"
        )
    reached = _seconds_to(results["fast"], goal)
    if reached is not None:
        print(f"fast gets there {results['classic'].history.seconds / reached:.0f} times sooner than classic ends")


def _seconds_to(result: Result, goal: float) -> float | None:
    """Training seconds until dev loss is at most `goal`; the end counts with its recalibrated statistics."""
    for point in result.history.points:
        if point.dev_loss is not None and point.dev_loss <= goal:
            return point.seconds
    return result.history.seconds if result.losses.dev is not None and result.losses.dev <= goal else None
