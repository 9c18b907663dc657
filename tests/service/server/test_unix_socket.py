"""`serve --uds PATH`, and the health check of the image, which asks wherever the service listens."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.server import probe
from service.server.listener import bind_path
from tests.running import ROOT, running

PROBE = """
import pathlib, runpy, sys
glob, processes = pathlib.Path.glob, pathlib.Path(sys.argv.pop())
pathlib.Path.glob = lambda _, pattern: glob(processes, pattern)
runpy.run_module("service.server.probe", run_name="__main__")
"""
"""`python -m service.server.probe` among these processes alone: others of the machine may be services too."""


def probed(processes: Path, **environment: str) -> int:
    command = [sys.executable, "-c", PROBE, str(processes)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, timeout=60).returncode


def test_the_health_check_asks_where_the_service_listens_and_never_a_proxy(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    nowhere = "http://127.0.0.1:9"
    with running(tmp_path / "store", tmp_path / "log") as service:
        processes = tmp_path / "processes"
        processes.mkdir()
        for pid in service.processes():
            (processes / str(pid)).symlink_to(f"/proc/{pid}")
        found = list(probe.services(processes))
        assert found == [{"port": str(service.port)}]
        assert probe._ask(found[0]) == 200
        assert probed(processes, http_proxy=nowhere, HTTP_PROXY=nowhere, ALL_PROXY=nowhere) == 0
    assert probed(processes) == 1
    with pytest.raises(OSError, match="refused"):
        probe._ask(found[0])


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["/opt/venv/bin/python", "-m", "service", "serve", "--host", "0.0.0.0"], {"host": "0.0.0.0"}),
        (["python", "-m", "service", "serve", "--port=9000", "--workers", "2"], {"port": "9000"}),
        (["docker-init", "--", "python", "-m", "service", "serve", "--uds", "/run/a"], {"uds": "/run/a"}),
        (["python", "-m", "service", "sample"], None),
        (["sh"], None),
    ],
)
def test_a_service_is_known_by_its_command_line(tmp_path: Path, words: list[str], options: dict[str, str]) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    assert list(probe.services(tmp_path)) == ([] if options is None else [options])


def test_a_service_answers_on_a_unix_socket_and_takes_it_away(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    bind_path(path).close()  # what a killed service leaves
    command = [sys.executable, "-m", "service", "serve", "--uds", str(path), "--access-log", "--workers", "2"]
    environment = os.environ | {
        "NAMESMITH_STORE": str(tmp_path / "store"),
        "NAMESMITH_BUNDLED_STORE": str(ROOT / "tests" / "bundled"),
        "NAMESMITH_TRUSTED_PROXIES": "127.0.0.1",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while b"startup complete" not in (tmp_path / "log").read_bytes():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        assert probe._ask({"uds": str(path)}) == 200
        connection = http.client.HTTPConnection("names.example")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request("GET", "/loss?name=emma", headers={"X-Forwarded-For": "203.0.113.7"})
        assert connection.getresponse().status == 200
        connection.close()
        process.terminate()
        assert process.wait(40) == 0
    finally:
        process.kill()  # does nothing to one that has ended
        process.wait()
    assert not path.exists()
    assert "203.0.113.7" in (tmp_path / "log").read_text(), "who asks through a Unix socket counts as 127.0.0.1"


def test_a_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    with bind_path(tmp_path / "socket"), pytest.raises(OSError, match="in use"):
        bind_path(tmp_path / "socket")
    assert (tmp_path / "socket").is_socket()


def test_a_limit_of_files_that_is_too_low_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    command = f"ulimit -n 20; exec {sys.executable} -m service serve --port 0 --workers 2 --store {tmp_path}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this process may open too few files")
    assert len(done.stderr.splitlines()) == 1
