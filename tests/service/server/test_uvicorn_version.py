"""A service with a uvicorn that it is not known to work with does not start, and says what would help."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from service.server import uvicorn_version
from service.server.uvicorn_version import REQUIREMENT, UvicornVersionError, check_uvicorn
from tests.running import BUNDLED, ROOT, free_port, running_on

HELP = f"the server is known to work with 0.54.x only: run python -m pip install '{REQUIREMENT}'"


def install(version: str, folder: Path) -> None:
    """Python finds this version of uvicorn first where `folder` comes before its own packages."""
    there = folder / f"uvicorn-{version}.dist-info"
    there.mkdir(parents=True)
    (there / "METADATA").write_text(f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {version}\n")


def test_the_versions_are_those_of_pyproject() -> None:
    assert re.findall(r'"(uvicorn\b.*?)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")) == [REQUIREMENT]


def test_the_installed_version_is_known() -> None:
    check_uvicorn()


@pytest.mark.parametrize("version", ["0.54", "0.54.0", "0.54.12"])
def test_every_release_of_the_series_is_known(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_version, "version", lambda _: version)
    check_uvicorn()


@pytest.mark.parametrize("version", ["0.53.9", "0.55.0", "0.55.0.dev1", "0.540.0", "1.54.0", "0.5", "54", "?"])
def test_another_version_is_refused_in_words(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_version, "version", lambda _: version)
    with pytest.raises(UvicornVersionError) as refused:
        check_uvicorn()
    assert str(refused.value) == f"uvicorn {version} is installed; {HELP}"


def test_a_missing_uvicorn_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(uvicorn_version, "version", missing)
    with pytest.raises(UvicornVersionError, match=r"^uvicorn is not installed; the server is known to work with"):
        check_uvicorn()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_with_another_version_is_one_line_and_exit_code_1(workers: str, tmp_path: Path) -> None:
    install("0.60.1", tmp_path)
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", workers]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NAMESMITH_STORE": str(tmp_path / "store")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: uvicorn 0.60.1 is installed; {HELP}\n"


def test_a_worker_that_finds_another_version_does_not_start_and_the_old_ones_keep_running(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    through = ["env", f"PYTHONPATH={ROOT}:{packages}"]
    (tmp_path / "store").mkdir()
    with running_on(free_port(), tmp_path / "store", tmp_path / "log", 2, through=through) as service:
        before = service.workers()
        install("0.60.1", packages)
        service.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while "a new worker did not start; the old ones keep running" not in service.log.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert service.workers() == before
    assert f"error: uvicorn 0.60.1 is installed; {HELP}\n" in service.log.read_text()


def test_what_does_not_use_the_server_works_without_uvicorn(tmp_path: Path) -> None:
    """Another ASGI server may run `service.app`, and names are drawn without any."""
    program = (
        "import sys; sys.modules['uvicorn'] = None; import service.app; service.app.create_app(); "
        "sys.argv = ['service', 'sample', '-n', '2']; import service.cli; service.cli.main()"
    )
    environment = os.environ | {
        "NAMESMITH_STORE": str(tmp_path),
        "NAMESMITH_BUNDLED_STORE": str(BUNDLED),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2
