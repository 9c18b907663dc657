"""Where there is no cluster, or not the right one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import NamesmithError
from tests.running import free_port
from tests.training.conftest import Outcome
from training.cluster.connection import ClusterError, as_here
from training.run.run_key import program

ROOT = Path(__file__).parents[3]


def without_ray(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    told = [str(argument) for argument in arguments]
    code = f"import sys; sys.modules['ray'] = None; sys.argv = ['training', *{told!r}]; import training.__main__"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_without_ray_all_works_but_the_cluster_which_says_what_to_install(tiny_file: Path, tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    done = without_ray(
        "train", tiny_file, "--preset", "fast", "--steps", "2", "--force", *store, "--snapshots", tmp_path / "runs"
    )
    assert done.returncode == 0, done.stderr
    for command in (("sweep", tiny_file), ("train-all", tiny_file.parent, *store)):
        done = without_ray(*command, "--cluster", "local")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "scripts/venv ray" in done.stderr


def test_an_address_where_nothing_answers_is_one_line(command: Callable[..., Outcome], tiny_file: Path) -> None:
    for address, said in ((f"127.0.0.1:{free_port()}", "no Ray cluster answers"), ("here", "is not the address")):
        outcome = command("sweep", tiny_file, "--cluster", address)
        assert outcome.code == 1
        assert said in outcome.err
        assert len(outcome.err.splitlines()) == 1


def test_early_stopping_without_a_cluster_is_bad_usage(command: Callable[..., Outcome], tiny_file: Path) -> None:
    assert command("sweep", tiny_file, "--early-stopping").code == 2


def test_a_worker_with_another_program_refuses() -> None:
    as_here(program(), 1)
    with pytest.raises(ClusterError, match="another version of namesmith") as error_info:
        as_here("0" * 64, 1)
    assert isinstance(error_info.value, NamesmithError)
