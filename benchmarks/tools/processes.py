"""Commands as processes of their own, and what they took."""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT

_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Spent:
    seconds: float
    cpu_seconds: float
    """Of the process and of those that it waited for, on all cores."""
    peak_mib: float | None
    """Of the process alone; None where there is no /proc."""


def run(module: str, *arguments: str) -> Spent:
    """`python -m MODULE ARGUMENTS`, its start included. Raises RuntimeError where it fails."""
    before, began = _cpu_seconds_of_children(), time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        peak = None
        while process.poll() is None:
            peak = _peak_mib(process.pid) or peak
            time.sleep(_LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
    return Spent(time.perf_counter() - began, _cpu_seconds_of_children() - before, peak)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _peak_mib(pid: int) -> float | None:
    """So far; None where there is no /proc, or no such process any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)
