"""Several processes against one: the same numbers, up to rounding; and what becomes of a process that is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.network import checkpoint
from tests.training.conftest import Outcome, hurried
from training.data.read_list import NameList
from training.learning.resumable_run import ResumableRun
from training.learning.snapshots import Snapshots, State
from training.recipe.presets import Preset
from training.recipe.stacks import tanh_stack
from training.run.parallel import together
from training.run.run import Config, Result, fit

ROOT = Path(__file__).parents[3]
STEPS = 8


def by(processes: int, names: NameList, config: Config, course: ResumableRun | None = None) -> Result:
    """A run that so many processes compute together."""
    course, config = course or ResumableRun(), replace(config, processes=processes)
    with together(names, config, course):
        return fit(names, config, course=course)


def forgetful(symbols: int) -> list[dict[str, Any]]:
    """Both kinds of dropout, with BatchNorm behind them."""
    embedding, *others = tanh_stack(symbols, 3, dim=4, width=12)
    return [embedding, {"type": "SymbolDropout", "p": 0.2}, *others[:4], {"type": "Dropout", "p": 0.3}, *others[4:]]


def plain(preset: Preset) -> Preset:
    """By gradient descent, which makes no small difference larger, as Muon's 16 bits do."""
    return replace(preset, optimizer="sgd", learning_rate=0.1)


CLASSIC = hurried("classic", STEPS)
WAYS = {
    "examples": (2, Config(CLASSIC)),
    "dropout, in uneven parts": (2, Config(replace(CLASSIC, batch_size=31), layers=forgetful(8))),
    "all contexts by their weights, in uneven parts": (
        3,
        Config(replace(plain(hurried("fast", STEPS)), batch_size=None)),
    ),
    "teachers": (2, Config(plain(hurried("careful", STEPS)))),
}


@pytest.mark.parametrize("way", WAYS)
def test_several_processes_come_to_what_one_comes_to(way: str, tiny: NameList) -> None:
    """Within 2e-6 in single precision, after some steps; teachers, which learn by AdamW, within 2e-4."""
    processes, config = WAYS[way]
    weighted = NameList(tiny.names, np.linspace(0.5, 1.5, len(tiny.names)), "weighted.csv")
    alone, several = fit(weighted, config), by(processes, weighted, config)
    tolerance = 2e-4 if way == "teachers" else 2e-6
    expected, found = (checkpoint.loads(result.data).stack.state() for result in (alone, several))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=tolerance, atol=tolerance)
    for point, other in zip(alone.history.points, several.history.points, strict=True):
        assert other.train_loss == pytest.approx(point.train_loss, abs=tolerance)
        assert other.dev_loss == pytest.approx(point.dev_loss, abs=tolerance)


class Stopping(Snapshots):
    """Stops the run with the fifth snapshot."""

    made = 0

    def write(self, state: State) -> None:
        super().write(state)
        self.made += 1
        if self.made == 5:
            raise KeyboardInterrupt


def test_a_run_of_several_processes_goes_on_from_its_snapshot_to_the_same_bytes(tiny: NameList, tmp_path: Path) -> None:
    config = Config(hurried("fast", STEPS))
    with pytest.raises(KeyboardInterrupt):
        by(2, tiny, config, ResumableRun(Stopping(tmp_path, "a" * 64, 0)))
    found = Snapshots(tmp_path, "a" * 64).read()
    assert found is not None
    assert found["steps"] == 5
    assert by(2, tiny, config, ResumableRun(found=found)).digest == by(2, tiny, config).digest


def test_one_process_starts_no_other_and_changes_nothing(tiny: NameList, quick: Preset) -> None:
    assert by(1, tiny, Config(quick)).digest == fit(tiny, Config(quick)).digest


def test_more_processes_than_rows_are_one_line(command: Callable[..., Outcome], tiny_file: Path) -> None:
    outcome = command(
        "train", tiny_file, "--processes", "3", "--batch-size", "2", "--store", tiny_file.parent / "store"
    )
    assert outcome.code == 1
    assert "3 processes cannot share batches of 2 rows" in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_several_processes_do_not_share_a_gpu(command: Callable[..., Outcome], tiny_file: Path) -> None:
    outcome = command("train", tiny_file, "--processes", "2", "--device", "cuda")
    assert outcome.code == 1
    assert "--device cpu" in outcome.err


def test_a_process_that_is_killed_ends_the_run_with_one_line_and_it_can_go_on(tiny_file: Path, tmp_path: Path) -> None:
    options = [
        "--preset",
        "fast",
        "--steps",
        "1000000",
        "--processes",
        "3",
        "--store",
        str(tmp_path / "store"),
        "--batch-size",
        "32",
    ]
    snapshots = ["--snapshots", str(tmp_path / "runs"), "--snapshot-every", "0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", "train", str(tiny_file), *options, *snapshots],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while process.poll() is None and not list(tmp_path.glob("runs/*.snapshot")):
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        others = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(others) == 2
        os.kill(int(others[1]), signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    assert said.startswith("error: process 3 of 3 was killed by signal 9: the run has ended and nothing was published")
    assert "use --resume to continue after" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "store").exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in others)
