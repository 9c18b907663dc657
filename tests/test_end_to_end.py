"""From a list of names to names over HTTP, by the commands that people type."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.running import ROOT, Running, running
from training.recipe.stacks import tanh_stack

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
        command += ["--device", "cpu", "--preset", "fast", "--steps", "60"]
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


@pytest.fixture(scope="module")
def server(
    trained: tuple[Path, dict[str, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    none = tmp_path_factory.mktemp("none")
    with running(trained[0], none / "service.log", bundled_store=str(none / "bundled")) as service:
        yield service


@pytest.fixture(scope="module")
def http(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def test_the_service_serves_exactly_what_training_published(
    http: httpx.Client, trained: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    http.get("/models")  # waits for all
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


def test_the_term_signal_ends_the_service_in_order(http: httpx.Client, server: Running) -> None:
    assert http.get("/sample").status_code == 200
    http.close()
    server.process.terminate()
    assert server.process.wait(30) in (0, -signal.SIGTERM)  # uvicorn sends itself the signal again once all is closed
    log = server.log.read_text()
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
