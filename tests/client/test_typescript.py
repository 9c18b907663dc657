"""The OpenAPI document is good enough for a TypeScript client that is generated from it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from service.app import create_app
from service.settings import Settings

NPM = shutil.which("npm")
_SECONDS = 300


@pytest.mark.skipif(NPM is None, reason="there is no npm")
def test_a_generated_client_compiles_and_refuses_what_is_wrong(typescript: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(typescript, project)
    install = [str(NPM), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    installed = subprocess.run(install, cwd=project, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install the generator: {installed.stderr.strip()[:200]}")
    (project / "openapi.json").write_text(json.dumps(create_app(Settings()).openapi()))
    bin_directory = project / "node_modules" / ".bin"
    generate = ["openapi-typescript", "openapi.json", "--default-non-nullable", "false", "--output", "service.ts"]
    for command in (generate, ["tsc"]):
        done = subprocess.run(
            [str(bin_directory / command[0]), *command[1:]],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
