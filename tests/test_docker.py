"""The containers, built and run on a real engine: service, training job and the volume between them."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
TOWNS = ["aarau", "basel", "bern", "biel", "chur", "genf", "lausanne", "lugano", "luzern", "zug", "zuerich"]


def _compose_command() -> list[str] | None:
    """The compose program of this machine, or None where there is no engine to talk to."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        return None
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True).returncode == 0:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else None


COMPOSE = _compose_command()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(COMPOSE is None, reason="no Docker engine with compose on this machine: containers not tested"),
]


class Project:
    """A compose project of its own name, on a free port, with lists of its own."""

    def __init__(self, lists: Path, override: Path | None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        files = ["-f", str(ROOT / "docker-compose.yml"), *(["-f", str(override)] if override else [])]
        self._command = [*(COMPOSE or []), "-p", f"namesmith-test-{os.getpid()}", *files]
        self._environment = {**os.environ, "NAMESMITH_PORT": str(self.port), "NAMESMITH_DATA": str(lists)}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def until(self, words: str, *arguments: str) -> Iterator[str]:
        """The line of what the command prints that holds these words, as soon as it is there."""
        with subprocess.Popen(
            [*self._command, *arguments],
            cwd=ROOT,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if words in line:
                    yield line
        assert process.returncode == 0, "".join(lines)

    def wait_until_ready(self) -> dict[str, str]:
        """The digests of the models served, by name."""
        for _ in range(120):
            try:
                answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz")
                if answer.status_code == 200:
                    httpx.get(f"http://127.0.0.1:{self.port}/models", timeout=60)  # waits for all
                    models: dict[str, str] = httpx.get(f"http://127.0.0.1:{self.port}/readyz").json()["models"]
                    return models
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        raise AssertionError(self("logs", "--no-color"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Built and up. NAMESMITH_TEST_BUILD_NETWORK names the network for the build where the default has no way out, and
    NAMESMITH_TEST_PYTHON_IMAGE the base image where the pinned one cannot be pulled."""
    work = tmp_path_factory.mktemp("compose")
    (work / "lists").mkdir(mode=0o755)
    (work / "lists" / "towns.txt").write_text("\n".join(TOWNS * 6), encoding="utf-8")
    work.chmod(0o755)
    override = None
    if network := os.environ.get("NAMESMITH_TEST_BUILD_NETWORK"):
        override = work / "override.yml"
        image = os.environ.get("NAMESMITH_TEST_PYTHON_IMAGE")
        args = f", args: {{PYTHON_IMAGE: '{image}'}}" if image else ""
        build = f"{{build: {{network: {network}{args}}}}}"
        override.write_text(f"services: {{api: {build}, train: {build}}}\n", encoding="utf-8")
    project = Project(work / "lists", override)
    project("build")
    try:
        project("up", "-d", "api")
        yield project
    finally:
        project("down", "--volumes", "--timeout", "5")


def test_a_new_deployment_serves_the_bundled_model(project: Project) -> None:
    assert "us-names" in project.wait_until_ready()
    answer = httpx.get(f"http://127.0.0.1:{project.port}/sample", params={"n": 5, "seed": 7})
    assert answer.status_code == 200
    assert len(answer.json()["names"]) == 5


def test_the_service_runs_without_privileges_and_cannot_write(project: Project) -> None:
    project.wait_until_ready()
    assert project("exec", "-T", "api", "id", "-u").strip() == "10001"
    script = "touch /app/x 2>/dev/null || touch /var/lib/namesmith/x 2>/dev/null || echo refused"
    assert project("exec", "-T", "api", "sh", "-c", script).strip() == "refused"


def started_at(project: Project) -> str:
    container = project("ps", "-q", "api").strip()
    inspect = ["docker", "inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", container]
    return subprocess.run(inspect, capture_output=True, text=True, check=True).stdout


def digest_of_towns(project: Project) -> str:
    answer = httpx.get(f"http://127.0.0.1:{project.port}/sample", params={"model": "towns", "seed": 1})
    return str(answer.headers.get("x-model-digest", answer.status_code))


def wait_for_towns(project: Project, digest: str) -> None:
    """At most the two seconds that are promised."""
    until = time.monotonic() + 2.0
    while not digest_of_towns(project).startswith(digest):
        assert time.monotonic() < until, project("logs", "--no-color")
        time.sleep(0.02)


def test_what_is_trained_and_rolled_back_is_served_without_a_restart(project: Project) -> None:
    assert "towns" not in project.wait_until_ready()
    before = started_at(project)
    digests = []
    for seed in ("1", "2"):
        train = ("run", "--rm", "train", "towns.txt", "--preset", "fast", "--steps", "30", "--seed", seed, "--force")
        for line in project.until("published towns", *train):
            digests.append(re.search(r"published towns, digest (\w{12})", line)[1])  # type: ignore[index]
            wait_for_towns(project, digests[-1])
    assert len(set(digests)) == 2
    for line in project.until("again", "run", "--rm", "manage", "rollback", "towns"):
        assert digests[0] in line
        wait_for_towns(project, digests[0])
    assert digest_of_towns(project).startswith(digests[0])
    assert "us-names" in project.wait_until_ready()
    assert started_at(project) == before


def test_the_engine_sees_the_service_as_healthy(project: Project) -> None:
    project.wait_until_ready()
    container = project("ps", "-q", "api").strip()
    inspect = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    for _ in range(60):
        status = subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip()
        if status == "healthy":
            return
        time.sleep(1)
    pytest.fail(f"still {status} after a minute")
