"""The service as a process of its own, as operators run it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "tests" / "bundled"
"""A store with us-names alone, as it is bundled: where a test is not about the others, they would only take time."""
_START_SECONDS = 120.0
_STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    """Standard output and standard error."""

    def workers(self) -> list[int]:
        """Process ids of the workers, the supervisor's helpers left out; with one worker the process itself."""
        children = _children(self.process.pid)
        return [pid for pid in children if b"spawn_main" in _command_line(pid)] or [self.process.pid]

    def processes(self) -> list[int]:
        """All process ids, children of children too."""
        found = [self.process.pid]
        for pid in found:
            found += _children(pid)
        return found

    def memory_kib(self) -> int:
        """Resident memory of all processes together."""
        return sum(status_kib(pid, "VmRSS") for pid in self.processes())

    def ticks(self) -> dict[int, int]:
        """Processor time of each worker so far, in hundredths of a second."""
        stats = {pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.workers()}
        return {pid: int(fields[11]) + int(fields[12]) for pid, fields in stats.items()}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def running(
    store: Path, log: Path, workers: int = 1, *arguments: str, **settings: str
) -> AbstractContextManager[Running]:
    """A service on a free port; `settings` become environment variables with the prefix NAMESMITH_. us-names is its
    only bundled model unless they say otherwise. It is ready when this begins and is ended with SIGTERM, unless it
    ended before."""
    return running_on(free_port(), store, log, workers, *arguments, **settings)


@contextmanager
def running_on(
    port: int, store: Path, log: Path, workers: int = 1, *arguments: str, through: Sequence[str] = (), **settings: str
) -> Iterator[Running]:
    """The same on this port, started through another program, whose command and arguments come first."""
    command = [*through, sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", str(workers)]
    environment = os.environ | {"NAMESMITH_STORE": str(store), "PYTHONPATH": str(ROOT)}
    environment |= {"NAMESMITH_BUNDLED_STORE": str(BUNDLED)}
    environment |= {f"NAMESMITH_{name.upper()}": value for name, value in settings.items()}
    with log.open("ab") as output:
        process = subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output)
    service = Running(f"http://127.0.0.1:{port}", port, process, log)
    try:
        _wait_until_ready(service, workers)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_until_ready(service: Running, workers: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and service.process.poll() is None:
        ready = service.log.read_bytes().count(b"Application startup complete") >= workers
        try:
            if ready and httpx.get(service.url + "/readyz").status_code == 200:
                httpx.get(service.url + "/models", timeout=_START_SECONDS)  # waits for all models, or wants a key
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(service.log.read_text(errors="replace")[-4000:])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def status_kib(pid: int | str, field: str) -> int:
    """Of a process, as the kernel tells it: VmRSS or VmHWM, for instance; 0 where there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field + ":")), 0)
