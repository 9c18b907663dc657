"""Schemathesis over the whole OpenAPI: no 5xx, and no answer that is not documented."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.running import running

CONFIG = Path(__file__).with_name("schemathesis.toml")
COMMAND = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run"]


def test_schemathesis_over_the_whole_openapi(
    tmp_path: Path, size: Callable[[int, int], int], figure: Callable[[str, str], None]
) -> None:
    (tmp_path / "store").mkdir()
    wanted, examples = size(300, 10_000), size(2, 100)
    cases = seed = 0
    with running(tmp_path / "store", tmp_path / "log") as service:
        while cases < wanted:
            seed += 1
            options = ["--seed", str(seed), "--max-examples", str(examples), "--no-color", "--continue-on-failure"]
            url = f"{service.url}/openapi.json"
            done = subprocess.run([*COMMAND, url, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
            report = re.sub(r".{2000,}", "(a long line)", done.stdout)
            assert done.returncode == 0, report[-8000:] + done.stderr[-2000:]
            assert "Selected: 13/13" in done.stdout
            found = re.search(r"(\d+) generated", done.stdout)
            assert found
            cases += int(found[1])
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
    figure("Schemathesis over the whole OpenAPI", f"{cases:,} cases: no 5xx, no undocumented answer")
