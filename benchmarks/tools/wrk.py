"""HTTP load, from wrk."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_SCRIPT = Path(__file__).with_name("load.lua")
_TIMEOUT_SECONDS = 30
_MISSING = "wrk is not installed and the HTTP part is left out: apt install wrk"


@dataclass(frozen=True)
class Load:
    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    """Answers other than 2xx or 3xx, and connections that broke."""


def reason_missing() -> str | None:
    return None if shutil.which("wrk") else _MISSING


def version() -> str:
    return subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.partition(" [")[0]


def post(url: str, body: bytes, connections: int, seconds: int) -> Load:
    """The same body again and again, with one thread. Raises subprocess.CalledProcessError."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_SECONDS}s", "--latency"]
        command = ["wrk", *options, "-s", str(_SCRIPT), url, "--", file.name]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = next(line for line in output.splitlines() if line.startswith("RESULT "))
    requests, microseconds, failed, p50, p99 = map(int, result.split()[1:])
    return Load(requests, requests / (microseconds / 1e6), p50 / 1000, p99 / 1000, failed)


def middle(loads: list[Load]) -> Load:
    """Of several rounds: each figure's median, and the requests and failures of all."""
    return Load(
        sum(load.requests for load in loads),
        median(load.per_second for load in loads),
        median(load.p50_ms for load in loads),
        median(load.p99_ms for load in loads),
        sum(load.failed for load in loads),
    )
