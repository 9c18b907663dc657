"""The sweep against single runs, and what it makes of runs that diverge or are stopped."""

import csv
import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Outcome, hurried
from training.data.read_list import NameList
from training.learning.loop import TrainingError
from training.recipe.presets import PRESETS, override
from training.run.run import Config, Result, fit
from training.search import sweep
from training.search.sweep import Candidate, Run, plan, rank

Command = Callable[..., Outcome]
GRID = ("--learning-rate", "0.01,0.03", "--seed", "1,2", "--steps", "3")


def candidate(rate: float) -> Candidate:
    return Candidate(override(PRESETS["fast"], 3, None, rate))


def test_rows_are_sorted_by_mean_dev_loss_with_the_standard_error_and_those_that_diverged_last() -> None:
    done = [
        Run(candidate(0.1), 1),
        *(Run(candidate(0.2), seed, loss, loss, 1.0, 9) for seed, loss in enumerate([2.2, 2.0, 2.4])),
        *(Run(candidate(0.3), seed, loss, loss, 1.0, 9) for seed, loss in enumerate([2.1, 2.0, 1.9])),
        Run(candidate(0.1), 2, 1.0, 1.0, 1.0, 9),
    ]
    rows = rank(done)
    assert [row.candidate.preset.learning_rate for row in rows] == [0.3, 0.2, 0.1]
    assert rows[1].dev_loss == pytest.approx(2.2)
    assert rows[1].error == pytest.approx(statistics.stdev([2.2, 2.0, 2.4]) / 3**0.5)
    assert (rows[2].dev_loss, rows[2].diverged, rows[2].seeds) == (None, 1, 2)


def test_one_seed_has_no_standard_error() -> None:
    assert rank([Run(candidate(0.1), 1, 2.0, 2.0, 1.0, 9)])[0].error is None


def test_every_candidate_has_its_first_seed_before_any_has_its_second() -> None:
    first, second = candidate(0.1), candidate(0.2)
    assert plan([first, second], [5, 6]) == [(first, 5), (second, 5), (first, 6), (second, 6)]


def test_a_sweep_reaches_what_single_runs_reach_and_keeps_no_test_loss(
    command: Command, tiny: NameList, tiny_file: Path
) -> None:
    result, table = tiny_file.with_name("sweep.json"), tiny_file.with_name("sweep.csv")
    outcome = command("sweep", tiny_file, *GRID, "--width", "8", "--device", "cpu", "--json", result, "--csv", table)
    assert outcome.code == 0
    facts: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    assert [(run["learning_rate"], run["seed"]) for run in facts["runs"]] == [
        (0.01, 1),
        (0.03, 1),
        (0.01, 2),
        (0.03, 2),
    ]
    for run in facts["runs"]:
        alone = Candidate(override(PRESETS["fast"], 3, None, run["learning_rate"]), width=8)
        expected = fit(tiny, alone.config(Config(alone.preset), run["seed"], 8))
        assert run["dev_loss"] == expected.losses.dev
        assert run["parameters"] == expected.parameters
    losses = [setting["dev_loss"] for setting in facts["settings"]]
    assert losses == sorted(losses)
    assert "best" in outcome.out
    assert outcome.out.index("best") < outcome.out.index(f"{losses[1]:.4f}", outcome.out.index("best"))
    assert "test" not in outcome.out + result.read_text(encoding="utf-8") + table.read_text(encoding="utf-8")
    with table.open(encoding="utf-8", newline="") as file:
        assert [float(row["dev_loss"]) for row in csv.DictReader(file)] == [run["dev_loss"] for run in facts["runs"]]


def interrupting(after: int, error: BaseException) -> Callable[..., Result]:
    """`fit` that fails after so many runs."""
    made = 0

    def call(*arguments: Any) -> Result:
        nonlocal made
        made += 1
        if made > after:
            raise error
        return fit(*arguments)

    return call


def test_a_run_that_diverges_is_a_row_and_not_an_end(
    command: Command, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "fit", interrupting(1, TrainingError("the loss became nan")))
    outcome = command("sweep", tiny_file, *GRID[:2], "--steps", "3")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("diverged") == 2  # as it happens, and in the table


def test_a_sweep_that_is_stopped_shows_and_keeps_what_is_done(
    command: Command, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "fit", interrupting(1, KeyboardInterrupt()))
    result = tiny_file.with_name("sweep.json")
    outcome = command("sweep", tiny_file, *GRID, "--json", result)
    assert outcome.code == 1
    assert "best" in outcome.out
    assert "interrupted after 1 of 4 runs" in outcome.err
    assert len(json.loads(result.read_text(encoding="utf-8"))["runs"]) == 1


def test_a_list_with_nothing_held_out_is_refused_before_any_run(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text("emma\nava\n", encoding="utf-8")
    outcome = command("sweep", path, *GRID)
    assert outcome.code == 1
    assert "50 distinct names" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--learning-rate", "fast"],
        ["--learning-rate", "1:0.1:3"],
        ["--seed", "-1"],
        ["--preset", "fast,slow"],
        ["--batch-size", "1"],
        ["--block-size", "33"],
        ["--width", "0"],
        ["--seed", ",".join(map(str, range(1001)))],
    ],
)
def test_a_grid_that_cannot_be_is_bad_usage(arguments: list[str], command: Command, tiny_file: Path) -> None:
    outcome = command("sweep", tiny_file, *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


def test_the_context_and_the_rate_of_matrices_follow_the_preset_unless_another_is_asked_for(
    command: Command, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "best", hurried("best", 2))
    trained: list[Config] = []

    def remembering(names: NameList, config: Config, *others: Any) -> Result:
        trained.append(config)
        return fit(names, replace(config, preset=hurried("fast", 2), layers=None), *others)

    monkeypatch.setattr(sweep, "fit", remembering)
    assert command("sweep", tiny_file, "--preset", "fast,best", "--learning-rate", "0.02").code == 0
    assert [config.block_size for config in trained] == [3, 8]
    fast, best = (config.preset for config in trained)
    assert fast.matrix_rate == pytest.approx(PRESETS["fast"].matrix_rate * 0.02 / PRESETS["fast"].learning_rate)
    assert best.matrix_rate == pytest.approx(PRESETS["best"].matrix_rate * 0.02 / PRESETS["best"].learning_rate)
    trained.clear()
    assert command("sweep", tiny_file, "--preset", "fast,best", "--block-size", "2,4").code == 0
    assert [config.block_size for config in trained] == [2, 4, 2, 4]
