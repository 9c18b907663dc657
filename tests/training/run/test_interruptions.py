"""Runs that are killed, stopped and resumed, from the outside."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Never

import pytest

from model.errors import StoreError
from model.store.store import Store
from training.commands import training_run
from training.gate import submission
from training.gate.checks import Check
from training.gate.gate import Examination
from training.learning.loop import TrainingError

ROOT = Path(__file__).parents[3]
KILLS = 20
PUBLISHING = "the gate passed the model"
STEPS = ("--preset", "careful", "--steps", "100")
ALL_STEPS = 134
"""With 17 of each of two teachers: of the 300 that nursery.py gives one, a list of 500 characters takes as many as the
root of 500 / 150,000."""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Tree = dict[str, tuple[bytes | None, int]]


def tree(root: Path) -> Tree:
    """Contents and times of change of all under `root`."""
    paths = sorted(root.rglob("*")) if root.exists() else []
    return {
        str(path.relative_to(root)): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in paths
    }


class Nursery:
    """See nursery.py."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1] / "nursery.py"), str(log)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments: str | Path) -> int:
        """The number of a new process."""
        self.log.unlink(missing_ok=True)
        assert self._process.stdin
        self._process.stdin.write(json.dumps([str(argument) for argument in arguments]) + "\n")
        self._process.stdin.flush()
        return self._told()

    def over(self) -> int:
        """Waits for it; its exit code."""
        return self._told()

    def close(self) -> None:
        self._process.communicate(timeout=300)

    def _told(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery") / "said.txt")
    yield nursery
    nursery.close()


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_run_killed_at_random_moments_ends_as_if_it_never_was(
    nursery: Nursery, tiny_file: Path, tmp_path: Path
) -> None:
    """While it reads, trains, writes snapshots, is examined or drawn; killed in the midst of publishing it may leave
    what no reader looks at."""
    store, runs, drawn = tmp_path / "store", tmp_path / "runs", random.Random(0)
    nursery.start(tiny_file, "--store", tmp_path / "whole", "--snapshots", tmp_path / "none", *STEPS, "--name", "one")
    assert nursery.over() == 0
    expected = Store(tmp_path / "whole").current("one")
    kills, number, before = 0, 0, tree(store)
    while True:
        arguments = (tiny_file, "--store", store, "--snapshots", runs, *STEPS, "--name", f"run-{number}")
        process = nursery.start(*arguments, "--resume", "--snapshot-every", "0")
        if kills < KILLS:
            time.sleep(drawn.uniform(0, 0.8 if kills % 6 else 5))
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        code = nursery.over()
        assert code in (0, -signal.SIGKILL), nursery.log.read_text()
        kills += code != 0
        if f"run-{number}" in Store(store).names():
            assert Store(store).load(f"run-{number}").digest == expected
            number, before = number + 1, tree(store)
            if code == 0 and kills == KILLS:
                break
        else:
            assert code != 0
            if not nursery.log.exists() or PUBLISHING not in nursery.log.read_text():
                assert tree(store) == before
            before = tree(store)
    assert list(runs.iterdir()) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_docker_stop_are_one_line_that_says_how_to_go_on(
    sign: signal.Signals, nursery: Nursery, tiny_file: Path, tmp_path: Path
) -> None:
    store, runs = tmp_path / "store", tmp_path / "runs"
    arguments = (tiny_file, "--store", store, "--snapshots", runs, *STEPS)
    process = nursery.start(*arguments, "--snapshot-every", "0")
    wait_for(lambda: any(runs.glob("*.snapshot")))
    os.kill(process, sign)
    assert nursery.over() == 1
    said = nursery.log.read_text().splitlines()
    assert said[-1].startswith("error: interrupted; nothing was published; use --resume to continue after ")
    assert re.search(rf" after [1-9]\d* of {ALL_STEPS} steps$", said[-1])
    assert not store.exists()
    assert [path.suffix for path in runs.iterdir()] == [".snapshot"]


def test_ctrl_c_before_the_first_snapshot_promises_nothing(nursery: Nursery, tiny_file: Path, tmp_path: Path) -> None:
    process = nursery.start(tiny_file, "--store", tmp_path / "store", "--snapshots", tmp_path / "runs", *STEPS)
    wait_for(lambda: nursery.log.exists() and "step" in nursery.log.read_text())
    os.kill(process, signal.SIGINT)
    assert nursery.over() == 1
    assert nursery.log.read_text().splitlines()[-1] == "error: interrupted; nothing was published"
    assert not (tmp_path / "runs").exists()


# In this process


QUICK = ("--preset", "fast", "--steps", "4", "--batch-size", "16", "--snapshot-every", "0")


@pytest.fixture
def interrupted(
    command: Callable[..., Outcome], tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """The command to train, of which one run was stopped after its last step."""

    def stop(*_: object) -> Never:
        raise KeyboardInterrupt

    def call(*more: str | Path) -> Outcome:
        return command("train", tiny_file, "--store", tmp_path / "store", *QUICK, *more)

    with monkeypatch.context() as patched:
        patched.setattr(submission, "examine", stop)
        outcome = call()
    assert outcome.code == 1
    assert outcome.err == "error: interrupted; nothing was published; use --resume to continue after 4 of 4 steps\n"
    return call


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the command line keeps snapshots."""
    return tmp_path / "runs"


def beside_the_short_list(outcome: Outcome) -> list[str]:
    """The lines on standard error, without the one about the list of 100 names."""
    return [line for line in outcome.err.splitlines() if not line.startswith("the list has fewer than 200 ")]


def test_resume_goes_on_and_leaves_nothing_behind(interrupted: Callable[..., Outcome], runs: Path) -> None:
    outcome = interrupted("--resume")
    assert (outcome.code, beside_the_short_list(outcome)) == (0, [])
    assert "resuming after 4 of 4 steps" in outcome.out
    assert list(runs.iterdir()) == []


def test_resume_without_a_snapshot_says_so_and_trains(
    interrupted: Callable[..., Outcome], runs: Path, tmp_path: Path
) -> None:
    assert interrupted("--resume", "--name", "first").code == 0
    outcome = interrupted("--resume", "--name", "second")
    assert (outcome.code, beside_the_short_list(outcome)) == (0, [])
    assert "there is no snapshot of this run; it starts from the beginning" in outcome.out
    store = Store(tmp_path / "store")
    assert store.current("first") == store.current("second")
    assert list(runs.iterdir()) == []


def test_a_run_from_the_beginning_mentions_the_snapshot_and_replaces_it(
    interrupted: Callable[..., Outcome], runs: Path
) -> None:
    outcome = interrupted()
    assert (outcome.code, beside_the_short_list(outcome)) == (0, [])
    assert "an earlier attempt at this run was interrupted; use --resume to continue after 4 of 4 steps" in outcome.out
    assert list(runs.iterdir()) == []


def test_other_settings_and_lists_start_from_the_beginning(
    interrupted: Callable[..., Outcome], runs: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "fit", raising(TrainingError("not needed")))
    for other in (["--seed", "2"], ["--learning-rate", "0.01"], ["--gain", "1"], ["--block-size", "2"]):
        assert "it starts from the beginning" in interrupted("--resume", *other).out
    tiny_file.write_text(tiny_file.read_text() + "lala\n", encoding="utf-8")
    assert "it starts from the beginning" in interrupted("--resume").out
    assert len(list(runs.iterdir())) == 1


@pytest.mark.parametrize("damage", ["cut off", "changed", "empty", "a directory"])
def test_a_damaged_snapshot_is_one_error_line_and_no_result(
    damage: str, interrupted: Callable[..., Outcome], runs: Path, tmp_path: Path
) -> None:
    (file,) = runs.iterdir()
    content = file.read_bytes()
    changed = content[:500] + bytes([content[500] ^ 1]) + content[501:]
    file.unlink()
    if damage == "a directory":
        file.mkdir()
    else:
        file.write_bytes({"cut off": content[:-1], "changed": changed, "empty": b""}[damage])
    outcome = interrupted("--resume")
    assert outcome.code == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"error: the snapshot {file} ")
    assert "leave out --resume to start from the beginning" in line
    assert not (tmp_path / "store").exists()
    outcome = interrupted()
    assert outcome.code == 0
    assert "interrupted" not in outcome.out


def test_where_snapshots_cannot_be_written_the_run_says_so_once_and_goes_on(
    command: Callable[..., Outcome], tiny_file: Path, tmp_path: Path
) -> None:
    arguments = ("train", tiny_file, "--store", tmp_path / "store", "--snapshots", tiny_file / "runs", *QUICK)
    outcome = command(*arguments)
    assert outcome.code == 0
    (line,) = beside_the_short_list(outcome)
    assert line.startswith(f"cannot write snapshots to {tiny_file}/runs (")
    assert "the run continues without them" in line


@pytest.mark.parametrize("end", ["refused", "diverged"])
def test_a_run_that_ends_without_a_model_leaves_no_snapshot(
    end: str, interrupted: Callable[..., Outcome], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if end == "refused":
        monkeypatch.setattr(submission, "examine", lambda *_: Examination([Check("luck", False, "none today")], None))
        assert interrupted("--resume").code == 3
    else:
        monkeypatch.setattr(training_run, "fit", raising(TrainingError("the loss became nan")))
        assert interrupted("--resume").code == 1
    assert list(runs.iterdir()) == []


def test_a_run_that_cannot_be_published_can_be_resumed(
    interrupted: Callable[..., Outcome], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Store, "publish", raising(StoreError("the disk is full")))
        assert interrupted("--resume").code == 1
    assert len(list(runs.iterdir())) == 1
    assert "resuming after 4 of 4" in interrupted("--resume").out


def raising(error: Exception) -> Callable[..., Never]:
    def fail(*_: object, **__: object) -> Never:
        raise error

    return fail
