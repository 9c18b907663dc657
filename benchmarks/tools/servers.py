"""Servers as processes of their own, each on a free port, ended by their process id."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT
from model.store.store import BUNDLED

_HOST = "127.0.0.1"
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.005
_DEFAULT_MODEL = "us-names"
_LOCAL = {"PYTHONPATH": str(ROOT)}


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int
    seconds_to_ready: float

    def url(self, path: str) -> str:
        return f"http://{_HOST}:{self.port}{path}"

    def status(self, method: str, path: str, body: bytes | None = None, timeout: float = 60.0) -> int:
        """Of one request. Also waits until a server with one thread is done with what it still had to do."""
        with closing(http.client.HTTPConnection(_HOST, self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def memory_mib(self) -> float | None:
        """Resident memory now; None where there is no /proc."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)

    def cpu_seconds(self) -> float:
        """Of all its threads since it began. Raises OSError where there is no /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def namesmith(prepare: Callable[[Path], None] | None = None) -> Iterator[Server]:
    """The service, one worker, with the default model and what `prepare` puts into a store of its own."""
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryDirectory() as bundled:
        (Path(bundled) / _DEFAULT_MODEL).symlink_to(BUNDLED / _DEFAULT_MODEL)
        if prepare is not None:
            prepare(Path(store))
        arguments = ["-m", "service", "serve", "--store", store, "--workers", "1"]
        with _running("namesmith", arguments, NAMESMITH_BUNDLED_STORE=bundled) as server:
            yield server


@contextmanager
def reference(name: str) -> Iterator[Server]:
    """One of `reference_apps`."""
    with _running(name, ["-m", "benchmarks.http.reference_apps", name]) as server:
        yield server


@contextmanager
def _running(name: str, arguments: list[str], **variables: str) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, *arguments, "--port", str(port)]
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        environment = os.environ | _LOCAL | variables
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            server = Server(name, port, process.pid, 0.0)
            if not _ready(server, process):
                errors.seek(0)
                tail = errors.read().decode(errors="replace")[-2000:]
                raise RuntimeError(f"{name} did not start:\n{tail}")
            yield Server(name, port, process.pid, time.perf_counter() - began)
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _ready(server: Server, process: subprocess.Popen[bytes]) -> bool:
    until = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < until and process.poll() is None:
        try:
            if server.status("GET", "/readyz", timeout=5) == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(_POLL_SECONDS)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
