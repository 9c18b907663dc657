"""From a list of names to names over HTTP, by the commands that people type."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from training.stacks import tanh_stack

ROOT = Path(__file__).resolve().parent.parent
CONSONANTS, VOWELS = "bdklmnrst", "aeiou"
NAMES = sorted({a + b + c + d for a in "bdkm" for b in VOWELS for c in CONSONANTS for d in ("a", "en", "o")})
SYMBOLS = len({char for name in NAMES for char in name}) + 1
BLOCK = 3

USUAL = tanh_stack(SYMBOLS, BLOCK)
STACKS: dict[str, list[dict[str, Any]] | None] = {
    "usual": None,
    "relu-for-tanh": [{"type": "ReLU"} if layer["type"] == "Tanh" else layer for layer in USUAL],
    "no-batchnorm": [layer for layer in USUAL if layer["type"] != "BatchNorm1d"],
    "one-layer-more": [
        *USUAL[:5],
        {"type": "Linear", "in_features": 100, "out_features": 100},
        {"type": "Tanh"},
        *USUAL[5:],
    ],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A store with one model for each stack, trained side by side, and the results that training wrote."""
    directory = tmp_path_factory.mktemp("work")
    (directory / "names.txt").write_text("\n".join(NAMES) + "\n")
    runs = {}
    for name, layers in STACKS.items():
        command = [sys.executable, "-m", "training", "train", str(directory / "names.txt"), "--name", name]
        command += ["--store", str(directory / "store"), "--json", str(directory / f"{name}.json")]
        command += ["--device", "cpu", "--steps", "60"]
        if layers is not None:
            (directory / f"{name}-layers.json").write_text(json.dumps(layers))
            command += ["--layers", str(directory / f"{name}-layers.json")]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        runs[name] = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    for name, run in runs.items():
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        assert f"published {name}" in output
    return directory / "store", {name: json.loads((directory / f"{name}.json").read_text()) for name in STACKS}


class Server:
    """`python -m service serve` on a port of the system's choice."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, "-m", "service", "serve", "--port", "0", "--store", str(store)]
        environment = os.environ | {"NAMESMITH_BUNDLED_STORE": str(store.parent / "none")}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self.process.stdout is not None
        self.log = []
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.url = found[0]
                return
        raise AssertionError("the service did not start:\n" + "".join(self.log))

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=30)
        self.log.append(output)
        return self.process.returncode


@pytest.fixture(scope="module")
def server(trained: tuple[Path, dict[str, dict[str, Any]]]) -> Iterator[Server]:
    started = Server(trained[0])
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def test_the_service_serves_exactly_what_training_published(
    http: httpx.Client, trained: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    ready = http.get("/readyz").json()
    assert ready["models"] == {name: trained[1][name]["digest"] for name in STACKS}
    assert ready["rejected"] == {}


@pytest.mark.parametrize("name", STACKS)
def test_any_stack_of_layers_trains_publishes_and_serves(
    http: httpx.Client, trained: tuple[Path, dict[str, dict[str, Any]]], name: str
) -> None:
    result = trained[1][name]
    sampled = http.get("/sample", params={"model": name, "seed": 1, "n": 50, "case": "lower"})
    assert sampled.status_code == 200
    assert sampled.headers["X-Model-Digest"] == result["digest"]
    assert len(sampled.json()["names"]) == 50
    assert set("".join(sampled.json()["names"])) <= set("".join(NAMES))
    scored = http.post("/loss", json={"names": NAMES, "model": name}).json()
    losses, sizes = [result[part] for part in ("train_loss", "dev_loss", "test_loss")], result
    assert min(losses) - 1e-5 <= scored["loss"] <= max(losses) + 1e-5
    assert all(item["novel"] is False for item in scored["names"])
    info = http.get(f"/models/{name}").json()
    assert info["parameters"] == sizes["parameters"]
    layers = STACKS[name]
    if layers is not None:
        assert [layer["type"] for layer in info["layers"]] == [layer["type"] for layer in layers]


def test_a_bad_request_gets_a_problem_over_a_real_connection(http: httpx.Client) -> None:
    response = http.post("/sample", content=b'{"n": NaN}', headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "uvicorn" not in response.headers.get("server", "")
    too_large = http.post("/sample", content=b" " * 2_000_000, headers={"content-type": "application/json"})
    assert too_large.status_code == 413
    assert http.get("/livez").status_code == 200


def test_the_term_signal_ends_the_service_in_order(http: httpx.Client, server: Server) -> None:
    assert http.get("/sample").status_code == 200
    http.close()
    assert server.terminate() in (0, -signal.SIGTERM)  # uvicorn sends itself the signal again once all is closed
    log = "".join(server.log)
    assert "Application shutdown complete" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("variable", "value"), [("NAMESMITH_MAX_BODY_BYTES", "12"), ("NAMESMITH_PLAN_CACHE_MB", "much")]
)
def test_a_bad_setting_is_one_line_and_exit_code_2(variable: str, value: str) -> None:
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    environment = os.environ | {variable: value}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {variable}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_is_exit_code_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "service", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr
