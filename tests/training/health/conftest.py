"""Runs with one thing wrong each, watched."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from training.data.read_list import NameList, read_names
from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Finding
from training.diagnosis.findings import findings
from training.diagnosis.recorder import Recorder
from training.learning.loop import TrainingError
from training.recipe.presets import PRESETS, override
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit

GAIN = 5 / 3
WRONG: dict[str, dict[str, float]] = {
    "good": {},
    "no gain": {"gain": 1.0},
    "large weights": {"gain": 10 * GAIN},
    "large steps": {"times": 100},
}
PLAIN = replace(PRESETS["fast"], optimizer="adamw", learning_rate=0.03)
"""For the stack without normalisation, which cannot take steps as large as those of Muon."""


@pytest.fixture
def _pictures() -> None:
    """Drawn, unlike in other tests."""


@dataclass(frozen=True)
class Watched:
    diagnostics: Diagnostics
    findings: list[Finding]

    @property
    def unusual(self) -> list[str]:
        return [finding.title for finding in self.findings if finding.severity != "ok"]


def plain(size: int) -> list[dict[str, Any]]:
    """The usual stack without normalisation."""
    return [layer for layer in tanh_stack(size, 3, dim=10, width=64) if layer["type"] != "BatchNorm1d"]


@pytest.fixture(scope="session")
def some_names() -> NameList:
    """The first 3,000 names of the bundled list: too many to be learned by heart in a short run."""
    everything = read_names(Path(__file__).parents[3] / "data" / "us-names.csv")
    return NameList(everything.names[:3000], everything.weights[:3000], "some.txt")


@pytest.fixture(scope="session")
def watched(some_names: NameList) -> Callable[[str, bool], Watched]:
    """The run called so, with or without BatchNorm; each is made once."""
    made: dict[tuple[str, bool], Watched] = {}

    def run(wrong: str, normalised: bool) -> Watched:
        if (wrong, normalised) not in made:
            size = len(set("".join(some_names.names))) + 1
            preset = override(PRESETS["fast"] if normalised else PLAIN, 60, None, None)
            preset = override(preset, None, None, WRONG[wrong].get("times", 1) * preset.learning_rate)
            layers = tanh_stack(size, 3, dim=10, width=64) if normalised else plain(size)
            config = Config(preset, layers=layers, gain=WRONG[wrong].get("gain", GAIN))
            recorder = Recorder(preset.steps)
            failure = None
            try:
                fit(some_names, config, recorder.beside(lambda *_: None), recorder)
            except TrainingError as error:
                failure = str(error)
            seen = recorder.result(failure)
            made[wrong, normalised] = Watched(seen, findings(seen))
        return made[wrong, normalised]

    return run
