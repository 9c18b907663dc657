"""A list, the training command, the store, the serving command, HTTP: as a person runs them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from training.presets import tanh_stack

ROOT = Path(__file__).resolve().parent.parent
TOWNS = [
    *("aarau", "basel", "bern", "biel", "bulle", "chur", "davos", "genf", "glarus", "lausanne", "lugano", "luzern"),
    *("locarno", "montreux", "morges", "neuenburg", "nyon", "olten", "payerne", "renens", "sarnen", "sion", "sitten"),
    *("solothurn", "stans", "thun", "uster", "uzwil", "vevey", "visp", "wil", "winterthur", "zug", "zuerich"),
]


def train(*arguments: str) -> None:
    command = [sys.executable, "-m", "training", "train", *arguments, "--steps", "30"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@contextmanager
def served(store: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """`python -m service serve` on a free port, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--store", str(store)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "NAMESMITH_DEFAULT_MODEL": "towns"})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(300):
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield client, process
    finally:
        process.kill()
        process.wait()


def edited(edit: str) -> list[dict[str, Any]]:
    """The usual layer list with one edit; the towns have 20 letters."""
    layers = tanh_stack(len({letter for town in TOWNS for letter in town}) + 1, 3)
    if edit == "relu":
        return [{"type": "ReLU"} if layer["type"] == "Tanh" else layer for layer in layers]
    if edit == "no-batchnorm":
        return [layer for layer in layers if layer["type"] != "BatchNorm1d"]
    return [*layers[:5], {"type": "Linear", "in_features": 100, "out_features": 100}, {"type": "Tanh"}, *layers[5:]]


EDITS = ("relu", "no-batchnorm", "one-layer-more")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `towns`, and a model for each edit of the layer list, all from the command line."""
    work = tmp_path_factory.mktemp("e2e")
    (work / "towns.txt").write_text("\n".join(TOWNS), encoding="utf-8")
    train(str(work / "towns.txt"), "--store", str(work / "store"))
    for edit in EDITS:
        (work / f"{edit}.json").write_text(json.dumps(edited(edit)), encoding="utf-8")
        layers = ("--layers", str(work / f"{edit}.json"), "--name", edit)
        train(str(work / "towns.txt"), "--store", str(work / "store"), *layers)
    return work / "store"


def test_a_list_becomes_names_over_http(store: Path) -> None:
    with served(store) as (client, process):
        answer = client.get("/sample", params={"n": 20, "seed": 1}).json()
        assert answer["model"]["name"] == "towns"
        assert len(answer["names"]) == 20
        score = client.post("/loss", json={"names": ["Bern"]}).json()
        assert score["names"][0]["novel"] is False
        facts = client.get("/models/towns").json()
        assert facts["vocabulary"]["letters"] == sorted({letter for town in TOWNS for letter in town})
        for edit in EDITS:
            sample = client.get("/sample", params={"model": edit, "seed": 1, "n": 3})
            assert sample.status_code == 200
            assert len(sample.json()["names"]) == 3
            assert client.get(f"/models/{edit}").json()["layers"] != facts["layers"]
        assert {"towns", "us-names", *EDITS} == set(client.get("/readyz").json()["models"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
