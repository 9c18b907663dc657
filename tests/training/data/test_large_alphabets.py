"""Whole runs over thousands of symbols: what changes in a preset, and the memory of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.training.large_lists import accented, ideographic, million
from tests.training.conftest import hurried
from training.recipe.large_alphabets import LARGE, suited
from training.recipe.presets import PRESETS, Preset

LIMIT_BYTES = 2 << 30
RUN = """
import sys
from pathlib import Path
import numpy as np
from benchmarks.training.large_lists import ideographic
from model.network import checkpoint
from tests.training.conftest import hurried
from training.data.read_list import NameList
from training.run.run import Config, fit

names = ideographic(12_000, 5_500)
preset = hurried(sys.argv[1], 3)
result = fit(NameList(names, np.ones(len(names)), "some.txt"), Config(preset))
model = checkpoint.loads(result.data)
assert model.vocabulary.size == 5_501
assert result.losses.dev is not None and np.isfinite(result.losses.dev)
# Not getrusage: that counts what this process was before it became Python.
print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024)
"""
"""The contexts times the symbols of these names would take 4 GB in float64."""


@pytest.mark.parametrize("preset", ["fast", "standard"])
def test_a_run_over_5500_symbols_takes_less_than_two_gigabytes(preset: str) -> None:
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, preset], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < LIMIT_BYTES


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_what_they_were_up_to_a_thousand_symbols_and_take_smaller_batches_beyond(name: str) -> None:
    preset = PRESETS[name]
    assert suited(preset, LARGE) is preset
    for symbols in (2_000, 20_000):
        found = suited(preset, symbols)
        assert (found.teaching is None) == (preset.teaching is None)
        for before, after in zip(networks(preset), networks(found), strict=True):
            assert after.batch_size is not None
            assert after.batch_size <= max(256, 2_048 * LARGE // symbols)
            assert after.layers(symbols, 3)[0]["embedding_dim"] == 32
            assert after.facts()["batch_size"] == after.batch_size
            assert (after.steps, after.optimizer) == (before.steps, before.optimizer)
            assert after.steps // after.evaluate_every <= 10 or after.evaluate_every == before.evaluate_every


def networks(preset: Preset) -> list[Preset]:
    """It, and what its teachers are trained by."""
    return [preset] if preset.teaching is None else [preset, preset.teaching.preset]


def test_an_alphabet_that_is_large_is_not_made_larger_by_a_preset_without_steps() -> None:
    assert suited(hurried("fast", 1), 5_000).evaluate_every == 1


def test_the_lists_of_the_benchmark_are_what_they_say_and_always_the_same() -> None:
    names = ideographic(20_000, 5_500)
    assert len(set("".join(names))) == 5_500
    assert names == ideographic(20_000, 5_500)
    assert {len(name) for name in names} == {2, 3, 4}
    assert len(set("".join(accented(20_000)))) == 90
    assert all(len(name.split()) == 2 for name in million(100))
