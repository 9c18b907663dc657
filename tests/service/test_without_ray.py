"""A machine without Ray never notices that there is a cluster to work on."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.commands.ray_options import RAY
from tests.running import BUNDLED, ROOT

BLOCKED = "import sys; sys.modules['ray'] = None; sys.argv[0] = '{0}'; import {0}.cli; {0}.cli.main()"
LINE = f"error: --cluster: needs Ray, which is not installed: scripts/venv ray, or pip install '{RAY}'\n"


def run(package: str, *arguments: str, store: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"NAMESMITH_STORE": str(store), "NAMESMITH_BUNDLED_STORE": str(BUNDLED), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", BLOCKED.format(package), *arguments]
    return subprocess.run(command, cwd=store, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_commands_work(tmp_path: Path) -> None:
    done = run("service", "sample", "-n", "3", "--seed", "7", "--output", "names.txt", store=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run("service", "score", "names.txt", store=tmp_path).stdout.startswith("name,loss,log_prob,novel")
    assert run("training", "list", store=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["sample", "score"])
def test_a_cluster_needs_ray_and_says_so(command: str, tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    source = ["names"] if command == "score" else []
    options = ["--cluster", "local", "--output", "parts", "--format", "csv"]
    done = run("service", command, *source, *options, store=tmp_path)
    assert done.returncode == 2
    assert done.stderr == LINE


def test_the_line_names_the_version_of_the_project() -> None:
    assert f'"{RAY}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
