"""What documentation pages tell to type."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 600


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no block of {language}"
    return found


def run_shell(script: str, directory: Path, **environment: str) -> str:
    """What a script prints that runs in `directory` with this project's environment active. It must not fail."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
