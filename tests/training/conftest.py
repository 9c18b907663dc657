"""What several tests of the training package share: small lists, quick settings, and the command line in process."""

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from training import cli
from training.data.read_list import NameList
from training.recipe.presets import PRESETS, Preset, override


class Outcome(NamedTuple):
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def tiny_names() -> list[str]:
    """100 distinct names over seven letters, such as `lako`: enough to hold some out, quick to learn."""
    syllables = ["".join(pair) for pair in product("klmn", "aio")]
    names = ["".join(pair) for pair in product(syllables, repeat=2)]
    return random.Random(0).sample(names, 100)


@pytest.fixture(scope="session")
def tiny(tiny_names: list[str]) -> NameList:
    return NameList(tiny_names, np.ones(len(tiny_names)), "tiny.txt")


@pytest.fixture
def tiny_file(tiny_names: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "tiny.txt"
    path.write_text("\n".join(tiny_names) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def quick() -> Preset:
    """The fast preset, twenty steps of it."""
    return override(PRESETS["fast"], 20, None, None)


def hurried(name: str, steps: int) -> Preset:
    """A preset with so many steps, its teachers with as many, and few names made up."""
    preset = override(PRESETS[name], steps, None, None)
    if preset.teaching is None:
        return preset
    teacher = override(preset.teaching.preset, steps, None, None)
    invented = min(preset.teaching.invented, 50)
    return replace(preset, teaching=replace(preset.teaching, preset=teacher, invented=invented))


@pytest.fixture
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have none here: they would take half of the time, and health/ is about them."""
    monkeypatch.setattr("training.report.report.pictures", lambda *_: [])


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, _pictures: None
) -> Callable[..., Outcome]:
    """`python -m training ARGUMENTS` without a new process."""
    monkeypatch.delenv("NAMESMITH_STORE", raising=False)
    monkeypatch.setenv("NAMESMITH_SNAPSHOTS", str(tmp_path / "runs"))

    def call(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        code = exit_info.value.code
        assert code is None or isinstance(code, int)
        return Outcome(code or 0, *capsys.readouterr())

    return call
