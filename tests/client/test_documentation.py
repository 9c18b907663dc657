"""Every command and every program of the client's pages runs against the real service."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import ROOT, blocks, run_shell

PAGES = [ROOT / "docs" / "client.md", ROOT / "client" / "README.md"]
PROGRAMS = [(page, program) for page in PAGES for program in blocks(page, "python")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's command installs the client: a directory of its own, without asking a package index."""
    directory = tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT / "client", directory / "client", ignore=shutil.ignore_patterns("__pycache__"))
    (command,) = blocks(PAGES[0], "sh")
    pip = {"PIP_TARGET": str(directory / "packages"), "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    run_shell(command, directory, **pip)
    return directory / "packages"


@pytest.mark.parametrize(("page", "program"), PROGRAMS)
def test_a_program_of_the_page_runs(url: str, installed: Path, page: Path, program: str) -> None:
    assert "http://127.0.0.1:8000" in program, page
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("http://127.0.0.1:8000", url)],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
