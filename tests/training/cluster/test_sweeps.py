"""A sweep on a cluster against the same sweep on one machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.store.store import Store
from tests.training.cluster.conftest import Killer
from tests.training.conftest import Outcome
from training.data.read_list import NameList
from training.recipe.presets import PRESETS, override
from training.run.run import Config
from training.search.sweep import Candidate, attempt

Command = Callable[..., Outcome]
GRID = ("--seed", "1,2", "--width", "8,12", "--preset", "fast,classic", "--steps", "20", "--batch-size", "64")


def lasting(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of a result without what differs from time to time."""
    return [{key: value for key, value in run.items() if key != "seconds"} for run in facts["runs"]]


def test_a_sweep_on_a_cluster_is_the_sweep_of_one_machine_and_publishes_the_same_winner(
    command: Command, tiny_file: Path, tmp_path: Path, address: str
) -> None:
    def swept(name: str, *more: str) -> tuple[dict[str, Any], str]:
        result, store = tmp_path / f"{name}.json", tmp_path / name
        outcome = command("sweep", tiny_file, *GRID, *more, "--json", result, "--publish", "best", "--store", store)
        assert (outcome.code, outcome.err) == (0, "")
        assert "sorted by dev loss" in outcome.out
        return json.loads(result.read_text(encoding="utf-8")), Store(store).current("best")

    alone, winner = swept("alone")
    spread, same_winner = swept("spread", "--cluster", address)
    assert lasting(spread) == lasting(alone)
    assert len({run["digest"] for run in alone["runs"]}) == 8
    assert same_winner == winner
    best = alone["settings"][0]
    assert winner in {run["digest"] for run in alone["runs"] if run["width"] == best["width"]}
    assert Store(tmp_path / "spread").load("best").manifest["facts"]["forced"] is False


def test_early_stopping_ends_runs_that_fall_behind_and_leaves_the_others_as_they_are(
    command: Command, tiny: NameList, tiny_file: Path, address: str
) -> None:
    result = tiny_file.with_name("sweep.json")
    rates = "0.05,6e-6,5e-6,4e-6,3e-6,2e-6,1e-6"  # each is worse than those before it
    options = ("--learning-rate", rates, "--steps", "40", "--cluster", address, "--early-stopping", "--json", result)
    outcome = command("sweep", tiny_file, *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert "stopped early" in outcome.out
    facts = json.loads(result.read_text(encoding="utf-8"))
    stopped = [run for run in facts["runs"] if run["stopped_after"] is not None]
    assert len(facts["runs"]) == 7
    assert len(stopped) >= 3
    assert all(10 <= run["stopped_after"] < 40 for run in stopped)
    assert all(run["learning_rate"] < 0.05 and run["digest"] is None and not run["diverged"] for run in stopped)
    assert facts["settings"][0]["learning_rate"] == 0.05
    (best,) = (run for run in facts["runs"] if run["learning_rate"] == 0.05)
    candidate = Candidate(override(PRESETS["fast"], 40, None, 0.05))
    alone = attempt(tiny, (candidate, 1), Config(candidate.preset), 8, lambda *_: None)
    assert best["digest"] == alone.digest


def test_a_trial_whose_worker_is_killed_comes_to_the_same_result(
    command: Command, tiny: NameList, tiny_file: Path, address: str, killer: Killer
) -> None:
    result = tiny_file.with_name("sweep.json")
    with killer.at_work("ImplicitFunc.train"):
        outcome = command("sweep", tiny_file, "--steps", "300", "--cluster", address, "--json", result)
    assert outcome.code == 0
    assert killer.killed
    (run,) = json.loads(result.read_text(encoding="utf-8"))["runs"]
    candidate = Candidate(override(PRESETS["fast"], 300, None, None))
    assert run["digest"] == attempt(tiny, (candidate, 1), Config(candidate.preset), 8, lambda *_: None).digest


def test_what_a_run_cannot_do_is_one_line_from_a_worker_too(command: Command, tmp_path: Path, address: str) -> None:
    path = tmp_path / "few.txt"
    path.write_text("emma\nava\n", encoding="utf-8")
    outcome = command("sweep", path, *GRID, "--cluster", address)
    assert outcome.code == 1
    assert "50 distinct names" in outcome.err
