"""What several tests of the service share: clients, the bundled model, and a tiny model with accents."""

import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.store.store import Store, Version
from model.text.vocabulary import Vocabulary
from service.app import create_app
from service.catalog.catalog import Catalog
from service.settings import Settings
from tests.running import BUNDLED
from training.data.read_list import NameList, read_names
from training.recipe.presets import PRESETS, override
from training.recipe.stacks import tanh_stack
from training.run.run import Config, Result, fit

ROOT = Path(__file__).resolve().parents[2]
MAX_PROBLEM_BYTES = 4096
TINY_NAMES = ["zoé", "andré", "josé", "ana", "jean-luc", "o'neal", "rené", "dana", "noa", "leo", "anna-lou", "chloé"]


@pytest.fixture(scope="session")
def training_list() -> NameList:
    """The list that the bundled model was trained on."""
    return read_names(ROOT / "data" / "us-names.csv")


@pytest.fixture(scope="session")
def us_names() -> Version:
    return Store(BUNDLED).load("us-names")


@pytest.fixture(scope="session")
def tiny_list() -> NameList:
    return NameList(TINY_NAMES, np.ones(len(TINY_NAMES)), "tiny.txt")


@pytest.fixture(scope="session")
def tiny(tiny_list: NameList) -> Result:
    """A model of two characters of context, trained for twenty steps."""
    symbols = len(set("".join(TINY_NAMES))) + 1
    config = Config(override(PRESETS["fast"], 20, None, None), block_size=2, layers=tanh_stack(symbols, 2, 4, 12))
    return fit(tiny_list, config)


@pytest.fixture(scope="session")
def tiny_store(tiny: Result, tiny_list: NameList, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the tiny model twice: `tiny` with its list and `unlisted` without."""
    root = tmp_path_factory.mktemp("tiny")
    Store(root).publish("tiny", tiny.data, tiny_list.distinct, tiny.facts())
    Store(root).publish("unlisted", tiny.data, None, tiny.facts())
    return root


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="session")
def client(empty_store: Path) -> Iterator[TestClient]:
    """The bundled model alone."""
    with TestClient(create_app(Settings(store=empty_store, bundled_store=BUNDLED))) as client:
        yield client


@pytest.fixture(scope="session")
def both(tiny_store: Path) -> Iterator[TestClient]:
    """The bundled model and the tiny ones."""
    with TestClient(create_app(Settings(store=tiny_store, bundled_store=BUNDLED))) as client:
        yield client


def wait_for_all(catalog: Catalog) -> None:
    """A service loads its default model first, then, while it serves, the others."""
    give_up = time.monotonic() + 30
    while catalog.awaits(None):
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.fixture
def serve(empty_store: Path) -> Iterator[Callable[..., TestClient]]:
    """A started service with these settings; both stores are empty unless they are given."""
    with ExitStack() as stack:

        def start(*, raise_server_exceptions: bool = True, **fields: Any) -> TestClient:
            settings = Settings(**{"store": empty_store, "bundled_store": empty_store, **fields})
            app = create_app(settings)
            client = stack.enter_context(TestClient(app, raise_server_exceptions=raise_server_exceptions))
            wait_for_all(app.state.catalog)
            return client

        yield start


@pytest.fixture(scope="session")
def publish() -> Callable[..., str]:
    """Publishes a table of logits (symbols, symbols), one character of context, and returns the digest.

    Without `logits` they are drawn, by the name of the model.
    """

    def put(
        root: Path,
        name: str,
        letters: str = "abc",
        logits: torch.Tensor | None = None,
        names: list[str] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> str:
        vocabulary = Vocabulary(tuple(letters))
        size = vocabulary.size
        layers: list[dict[str, Any]] = [
            {"type": "Embedding", "num_embeddings": size, "embedding_dim": size},
            {"type": "Flatten"},
        ]
        network = Stack.build(layers)
        network.reset_parameters(torch.Generator().manual_seed(zlib.crc32(name.encode())))
        if logits is not None:
            network.load_state({"0.weight": logits})
        data = checkpoint.dumps(Checkpoint(network, 1, vocabulary, facts or {}))
        return Store(root).publish(name, data, names, {})

    return put


@pytest.fixture(scope="session")
def check_problem() -> Callable[..., dict[str, Any]]:
    """Checks that an answer is one whole problem, short and documented for its route, of this status, type
    and pointer; returns it."""
    paths: dict[str, Any] = create_app(Settings()).openapi()["paths"]

    def documented(method: str, path: str) -> set[str] | None:
        for template, operations in paths.items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method in operations:
                return set(operations[method]["responses"])
        return None

    def check(
        answer: httpx.Response, status: int, problem_type: str | None = None, pointer: str | None = None
    ) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) <= MAX_PROBLEM_BYTES
        problem: dict[str, Any] = answer.json()
        assert list(problem) == ["type", "title", "status", "detail", "errors", "request_id"]
        assert problem["status"] == status
        assert all(isinstance(problem[key], str) and problem[key] for key in ("type", "title", "detail"))
        assert [problem["request_id"]] == answer.headers.get_list("x-request-id")
        for error in problem["errors"]:
            assert error.keys() == {"pointer", "detail"}
            assert error["pointer"] == "" or error["pointer"].startswith("/")
        statuses = documented(answer.request.method.lower(), answer.request.url.path)
        assert statuses is None or str(status) in statuses, "this status is not documented for its route"
        assert problem_type in (None, problem["type"])
        assert pointer is None or pointer in [error["pointer"] for error in problem["errors"]]
        return problem

    return check
