"""A service that starts is ready with its default model; whoever asks for another meanwhile waits, and is answered."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.errors import StoreError
from service.app import create_app
from service.catalog import tabulator
from service.catalog.catalog import Catalog
from service.catalog.loading import Loader
from service.catalog.served_model import PublishedModel
from service.routes import readiness
from service.settings import Settings

Publish = Callable[..., str]
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/sample", {"json": {"model": "b", "seed": 1}}),
    ("GET", "/sample", {"params": {"model": "a*2+b", "seed": 1}}),
    ("GET", "/sample", {"params": {"model": "b", "seed": 1}, "headers": {"Accept": "text/csv"}}),
    ("GET", "/sample/stream", {"params": {"model": "b", "n": 1}}),
    ("POST", "/loss", {"json": {"model": "b", "names": ["abc"]}}),
    ("GET", "/loss", {"params": {"model": "b", "name": "abc"}}),
    ("GET", "/next", {"params": {"model": "b"}}),
    ("GET", "/top", {"params": {"model": "b"}}),
    ("GET", "/models/b", {}),
    ("GET", "/models", {}),
]


@pytest.fixture
def store(publish: Publish, tmp_path: Path) -> Path:
    for name in ("a", "b", "m"):
        publish(tmp_path / "own", name)
    return tmp_path / "own"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """No model but `m`, the default one, is loaded before this is set."""
    load, go = Loader.load, Event()

    def waiting(self: Loader, root: Path, name: str, *rest: Any) -> PublishedModel:
        assert name == "m" or go.wait(30)
        return load(self, root, name, *rest)

    monkeypatch.setattr(Loader, "load", waiting)
    yield go
    go.set()


@pytest.fixture
def starting(store: Path, held: Event) -> Iterator[TestClient]:
    settings = Settings(store=store, bundled_store=store / "none", default_model="m")
    with TestClient(create_app(settings)) as client:
        yield client
        held.set()


def test_it_is_ready_with_the_default_model(starting: TestClient) -> None:
    assert list(starting.get("/readyz").json()["models"]) == ["m"]
    assert starting.get("/sample").status_code == 200
    assert starting.post("/sample", json={"model": "m"}).status_code == 200
    assert starting.get("/models/m").status_code == 200


@pytest.mark.parametrize(("method", "path", "fields"), REQUESTS)
def test_whoever_asks_for_another_waits_until_it_is_there(
    starting: TestClient, held: Event, method: str, path: str, fields: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(starting.request, method, path, **fields)
        assert starting.get("/livez").status_code == 200
        assert starting.post("/sample", json={"n": 1}).status_code == 200, "nobody else waits"
        assert not asked.done()
        held.set()
        answer = asked.result(30)
    assert answer.status_code == 200, answer.text
    assert answer.text
    if path == "/models":
        assert [model["name"] for model in answer.json()["models"]] == ["a", "b", "m"]


def test_whoever_asks_for_one_just_published_waits_while_it_is_loaded(
    starting: TestClient, held: Event, publish: Publish, store: Path
) -> None:
    held.set()
    catalog: Catalog = starting.app.state.catalog  # type: ignore[attr-defined]
    assert starting.get("/models").status_code == 200
    held.clear()
    publish(store, "new")
    with ThreadPoolExecutor(1) as pool:
        give_up = time.monotonic() + 30
        while not catalog.awaits("new"):
            assert time.monotonic() < give_up
        asked = pool.submit(starting.get, "/sample", params={"model": "new"})
        assert len(starting.get("/models").json()["models"]) == 3, "those that are there are shown meanwhile"
        held.set()
        assert asked.result(30).status_code == 200


def test_a_model_that_nobody_has_is_refused_at_once(starting: TestClient) -> None:
    answer = starting.get("/sample", params={"model": "c"})
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-model")


def test_a_model_that_cannot_be_loaded_is_not_waited_for_longer(
    store: Path, held: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Loader.load

    def failing(self: Loader, root: Path, name: str, *rest: Any) -> PublishedModel:
        if name == "b":
            held.wait(30)
            raise StoreError("it is damaged")
        return load(self, root, name, *rest)

    monkeypatch.setattr(Loader, "load", failing)
    settings = Settings(store=store, bundled_store=store / "none", default_model="m")
    with TestClient(create_app(settings)) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.get, "/sample", params={"model": "b"})
        held.set()
        assert asked.result(30).status_code == 404
        assert client.get("/readyz").json()["rejected"] == {"b": "it is damaged"}


def test_patience_ends_with_a_503(starting: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_PATIENCE_SECONDS", 0.05)
    answer = starting.get("/sample", params={"model": "b"})
    assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")
    assert int(answer.headers["retry-after"]) > 0


def test_another_is_ready_where_the_default_model_is_damaged(publish: Publish, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name in ("a", "m"):
        digest = publish(own, name)
        if name == "m":
            (own / name / "versions" / digest / "model.safetensors").write_bytes(b"")
    settings = Settings(store=own, bundled_store=own / "none", default_model="m")
    with TestClient(create_app(settings)) as client:
        ready = client.get("/readyz").json()
        assert (list(ready["models"]), list(ready["rejected"])) == (["a"], ["m"])


def test_no_process_with_pytorch_is_started_where_each_version_has_its_table(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabulator, "_torch_is_here", lambda: False)
    monkeypatch.setattr(tabulator, "_start", lambda _: pytest.fail("a process was started"))
    with TestClient(create_app(Settings(store=store, bundled_store=store / "none"))) as client:
        assert len(client.get("/models").json()["models"]) == 3
