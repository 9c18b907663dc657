"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("numpy", "numba", "torch", "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic")
_QUIET = 0.5
"""A machine with a greater load average (one minute) before a benchmark is doing something else."""


def describe() -> None:
    print(f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}; ", end="")
    print(", ".join(f"{package} {version(package)}" for package in PACKAGES) + ".")
    before = os.getloadavg()[0]
    print(f"Load average before: {before:.2f}, so the machine was {'quiet' if before <= _QUIET else 'NOT quiet'}.")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
