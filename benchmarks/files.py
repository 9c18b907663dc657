"""Whole files through `python -m service sample` and `score`: time, and the peak memory of the process."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import print_table, quantity

_ROOT = Path(__file__).resolve().parent.parent
_COUNT, _QUICK_COUNT = 10_000_000, 200_000
_MANY = 100_000_000
_FORMATS = ("txt", "csv", "ndjson", "parquet")


def main(quick: bool) -> None:
    """Each command as people type it, its start (two seconds or so) included."""
    count = _QUICK_COUNT if quick else _COUNT
    sampled, scored = [], []
    with tempfile.TemporaryDirectory() as directory:
        for ending in _FORMATS:
            names, scores = Path(directory, f"names.{ending}"), Path(directory, "scores")
            made = ["sample", "--seed", "1", "--output", str(names)]
            sampled.append(_row(ending, count, [*made, "--n", str(count)]))
            written = "csv" if ending == "txt" else ending
            asked = ["score", str(names), "--output", str(scores), "--format", written]
            scored.append(_row(ending, count, asked))
            scored.append(_row(f"{ending}, the first tenth", count // 10, [*made, "--n", str(count // 10)], asked))
            names.unlink()
            scores.unlink()
    if not quick:
        asked = ["sample", "--seed", "1", "--n", str(_MANY), "--output", "/dev/null", "--format", "text"]
        sampled.append(_row("txt, to /dev/null", _MANY, asked))
    columns = ["file", "names", "s", "names/s", "peak MiB"]
    print_table("`python -m service sample`, to a file:", columns, sampled)
    print_table("`python -m service score`, from a file to a file (a text to a CSV):", columns, scored)


def _row(what: str, count: int, *commands: list[str]) -> list[str]:
    """Of the last command."""
    for arguments in commands:
        seconds, peak = _run(arguments)
    return [what, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", quantity(peak)]


def _run(arguments: list[str]) -> tuple[float, float | None]:
    """Seconds, and MiB of the process alone: the one that makes the table of a model has ended by then."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "service", *arguments, "--quiet"], cwd=_ROOT) as process:
        peak = None
        while process.poll() is None:
            peak = _peak_mib(process.pid) or peak
            time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
    return time.perf_counter() - began, peak


def _peak_mib(pid: int) -> float | None:
    """So far; None where there is no /proc, or no such process any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)
