"""A folder of lists on a cluster against each list alone."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from model.store.store import Store
from tests.training.cluster.conftest import Killer
from tests.training.conftest import Outcome
from training.data.read_list import read_names
from training.recipe.presets import PRESETS, override
from training.run.run import Config, fit

Command = Callable[..., Outcome]


@pytest.fixture
def folder(tiny_names: list[str], tmp_path: Path) -> Path:
    """Three lists of 90 names each."""
    folder = tmp_path / "lists"
    folder.mkdir()
    for number in range(3):
        names = random.Random(number).sample(tiny_names, 90)
        (folder / f"list-{number}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder


def alone(path: Path, steps: int) -> str:
    """The digest that training on this list alone comes to."""
    return fit(read_names(path), Config(override(PRESETS["fast"], steps, None, None))).digest


def test_each_list_gets_the_model_that_it_would_get_alone_and_a_bad_one_stops_no_other(
    command: Command, folder: Path, tmp_path: Path, address: str
) -> None:
    (folder / "bad.txt").write_bytes("zoé\nnoé\n".encode() + b"\xff\n")
    store, result = tmp_path / "store", tmp_path / "result.json"
    options = (folder, "--preset", "fast", "--steps", "20", "--store", store, "--cluster", address, "--json", result)
    outcome = command("train-all", *options)
    assert outcome.code == 1
    assert "bad.txt: failed" in outcome.err
    assert "line 3: not UTF-8" in outcome.err
    assert "1 of 4 lists were not published" in outcome.err
    for number in range(3):
        assert Store(store).current(f"list-{number}") == alone(folder / f"list-{number}.txt", 20)
    (folder / "bad.txt").unlink()
    assert command("train-all", *options).code == 0
    assert {found["fate"] for found in json.loads(result.read_text(encoding="utf-8"))} == {"unchanged"}


def test_a_list_whose_worker_is_killed_gets_the_same_model(
    command: Command, folder: Path, tmp_path: Path, address: str, killer: Killer
) -> None:
    for number in (1, 2):
        (folder / f"list-{number}.txt").unlink()
    with killer.at_work("_make"):
        outcome = command(
            "train-all",
            folder,
            "--preset",
            "fast",
            "--steps",
            "300",
            "--store",
            tmp_path / "store",
            "--cluster",
            address,
        )
    assert outcome.code == 0
    assert killer.killed
    assert Store(tmp_path / "store").current("list-0") == alone(folder / "list-0.txt", 300)
