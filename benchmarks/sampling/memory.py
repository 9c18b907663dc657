"""`python -m benchmarks.sampling.memory COUNT`: draws names chunk after chunk and prints the peak memory in KiB."""

import subprocess
import sys
from pathlib import Path

from benchmarks import ROOT
from benchmarks.tools.served import Served


def peak_mib(count: int) -> float | None:
    """Of a process of its own; None where there is no /proc."""
    if not Path("/proc/self/status").exists():
        return None
    command = [sys.executable, "-m", "benchmarks.sampling.memory", str(count)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(answer.stdout) / 1024


def _main(count: int) -> None:
    served = Served()
    for names in served.sampler().draw(1, count):
        served.render(names)
    print(_peak_kib())


def _peak_kib() -> int:
    """Of this program alone: `ru_maxrss` would begin with what the parent had when it started this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
