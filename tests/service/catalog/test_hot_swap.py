"""A service that runs while its stores change."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from model.constraints.compile_constraints import Constraints
from model.store.store import Store
from model.store.version_files import MODEL_FILE
from model.transitions.shaping import ShapeSettings
from service import settings as service_settings
from service.answers.sample import prepare
from service.catalog import hot_swap
from service.catalog.catalog import UnknownModelError
from service.catalog.hot_swap import Swapper
from service.catalog.samplers import SamplerKey
from service.catalog.version_watch import WatchedVersion
from service.http.requests import SampleRequest
from tests.service.bad_versions import publish_corrupt

Publish = Callable[..., str]
Serve = Callable[..., TestClient]


def logits(letter: str) -> torch.Tensor:
    """Names of one letter, nearly always this one."""
    table = torch.full((4, 4), -9.0)
    table[0, 1 + "abc".index(letter)] = 9.0
    table[1:, 0] = 9.0
    return table


@pytest.fixture
def swapper(tmp_path: Path) -> Swapper:
    """Looks only when it is told to."""
    for store in ("own", "bundled"):
        (tmp_path / store).mkdir()
    return Swapper(service_settings.Settings(store=tmp_path / "own", bundled_store=tmp_path / "bundled"))


def served(swapper: Swapper) -> dict[str, str]:
    return {model.name: model.digest for model in swapper.catalog.models}


def damage(root: Path, name: str) -> None:
    """Flips a bit of the current version."""
    file = root / name / "versions" / Store(root).current(name) / MODEL_FILE
    data = bytearray(file.read_bytes())
    data[-2] ^= 4
    file.write_bytes(data)


def test_a_new_version_takes_the_place_of_the_old_one(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    first = publish(tmp_path / "own", "x", logits=logits("a"))
    swapper.look()
    assert served(swapper) == {"x": first}
    second = publish(tmp_path / "own", "x", logits=logits("b"))
    swapper.look()
    assert served(swapper) == {"x": second}
    assert swapper.catalog.rejected == {}


def test_a_request_keeps_the_model_that_it_began_with(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    first = publish(tmp_path / "own", "x", logits=logits("a"))
    swapper.look()
    draw = prepare(swapper.catalog, SampleRequest(n=20, seed=1))
    expected = prepare(swapper.catalog, SampleRequest(n=20, seed=1)).json()
    publish(tmp_path / "own", "x", logits=logits("b"))
    swapper.look()
    assert draw.json() == expected
    assert draw.headers["X-Model-Digest"] == first
    assert prepare(swapper.catalog, SampleRequest(n=20, seed=1)).json() != expected


def test_a_store_is_put_in_order_under_a_running_service(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    """What was asked for of a model that goes is let go of, and its exported version gives the same names elsewhere."""
    own, bundled = Store(tmp_path / "own"), Store(tmp_path / "bundled")
    digests = {name: publish(own.root, name, logits=logits(letter)) for name, letter in zip("xyz", "abc", strict=True)}
    swapper.look()
    expected = prepare(swapper.catalog, SampleRequest(n=20, seed=1, model="x")).json()
    exported = own.export("x")
    own.remove("x")
    own.rename("y", "w")
    swapper.look()
    assert served(swapper) == {"w": digests["y"], "z": digests["z"]}
    for gone in ("x", "y"):
        with pytest.raises(UnknownModelError):
            prepare(swapper.catalog, SampleRequest(model=gone))
    bundled.add(exported, Path("x.zip"))
    swapper.look()
    assert served(swapper) == {"w": digests["y"], "x": digests["x"], "z": digests["z"]}
    assert prepare(swapper.catalog, SampleRequest(n=20, seed=1, model="x")).json() == expected
    assert swapper.catalog.rejected == {}


def test_a_directory_that_was_copied_by_hand_is_rejected_with_what_to_do(
    swapper: Swapper, publish: Publish, tmp_path: Path
) -> None:
    digest = publish(tmp_path / "own", "x")
    shutil.copytree(tmp_path / "own" / "x", tmp_path / "own" / "copy")
    swapper.look()
    assert served(swapper) == {"x": digest}
    assert "cannot be moved or copied by hand" in swapper.catalog.rejected["copy"]


def test_going_back_gives_the_names_of_before(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    publish(tmp_path / "own", "x", logits=logits("a"))
    swapper.look()
    before = prepare(swapper.catalog, SampleRequest(n=50, seed="again")).json()
    publish(tmp_path / "own", "x", logits=logits("b"))
    swapper.look()
    publish(tmp_path / "own", "x", logits=logits("a"))
    swapper.look()
    assert prepare(swapper.catalog, SampleRequest(n=50, seed="again")).json() == before


def test_a_bad_version_never_evicts_a_good_one(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    own = tmp_path / "own"
    good = publish(own, "x", logits=logits("a"))
    swapper.look()
    publish(own, "x", logits=logits("b"))
    damage(own, "x")
    swapper.look()
    assert served(swapper) == {"x": good}
    assert "damaged" in swapper.catalog.rejected["x"]
    better = publish(own, "x", logits=logits("c"))
    swapper.look()
    assert served(swapper) == {"x": better}
    assert swapper.catalog.rejected == {}


def test_a_bad_version_is_not_loaded_at_every_look(
    swapper: Swapper, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    publish(own, "x")
    damage(own, "x")
    tried = []

    def serve(sighting: WatchedVersion) -> None:
        tried.append(sighting)
        Swapper._serve(swapper, sighting)

    monkeypatch.setattr(swapper, "_serve", serve)
    swapper.look()
    swapper.look()
    assert len(tried) == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + hot_swap._RETRY_SECONDS + 1)
    swapper.look()
    assert len(tried) == 2


def test_a_version_that_was_mended_is_served(swapper: Swapper, publish: Publish, tmp_path: Path) -> None:
    own = tmp_path / "own"
    digest = publish(own, "x")
    damage(own, "x")
    swapper.look()
    assert served(swapper) == {}
    shutil.rmtree(own / "x" / "versions" / digest)
    publish(own, "x")
    swapper.look()
    assert served(swapper) == {"x": digest}
    assert swapper.catalog.rejected == {}


def test_a_service_that_starts_with_a_bad_version_serves_the_one_before(
    swapper: Swapper, publish: Publish, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    before = publish(own, "x", logits=logits("a"))
    publish(own, "x", logits=logits("b"))
    damage(own, "x")
    swapper.look()
    assert served(swapper) == {"x": before}
    assert list(swapper.catalog.rejected) == ["x"]


def test_where_no_own_version_is_whole_the_bundled_one_serves(
    swapper: Swapper, publish: Publish, tmp_path: Path
) -> None:
    bundled = publish(tmp_path / "bundled", "x", logits=logits("a"))
    publish(tmp_path / "own", "x", logits=logits("b"))
    damage(tmp_path / "own", "x")
    swapper.look()
    assert served(swapper) == {"x": bundled}
    assert list(swapper.catalog.rejected) == ["x"]


def test_an_own_model_that_is_withdrawn_gives_way_to_the_bundled_one(
    swapper: Swapper, publish: Publish, tmp_path: Path
) -> None:
    bundled = publish(tmp_path / "bundled", "x", logits=logits("a"))
    own = publish(tmp_path / "own", "x", logits=logits("b"))
    publish(tmp_path / "own", "y")
    swapper.look()
    assert served(swapper)["x"] == own
    for name in ("x", "y"):
        (tmp_path / "own" / name / "current").unlink()
    swapper.look()
    assert served(swapper) == {"x": bundled}


def test_a_store_that_cannot_be_seen_keeps_its_models_served(
    swapper: Swapper, publish: Publish, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "own"
    publish(tmp_path / "bundled", "x", logits=logits("a"))
    digest = publish(own, "x", logits=logits("b"))
    swapper.look()
    own.rename(tmp_path / "elsewhere")
    for _ in range(3):
        swapper.look()
    assert served(swapper) == {"x": digest}
    assert caplog.text.count("cannot read") == 1
    (tmp_path / "elsewhere").rename(own)
    newer = publish(own, "x", logits=logits("c"))
    swapper.look()
    assert served(swapper) == {"x": newer}


def test_samplers_in_use_are_made_for_the_new_version_before_it_serves(
    swapper: Swapper, publish: Publish, tmp_path: Path
) -> None:
    publish(tmp_path / "own", "x", logits=logits("a"))
    swapper.look()
    catalog = swapper.catalog
    asked, hopeless = Constraints(prefix="b"), Constraints(contains="ab")
    for constraints in (asked, hopeless):
        catalog.samplers.get(catalog.get("x"), ShapeSettings(max_length=3), constraints)
    old = catalog.get("x")
    table = logits("b")
    table[1, 2] = -float("inf")
    publish(tmp_path / "own", "x", logits=table.clamp(min=-1e4))
    swapper.look()
    assert catalog.samplers.kept(SamplerKey.of(catalog.get("x"), ShapeSettings(max_length=3), asked, False)) is not None
    assert catalog.samplers.kept(SamplerKey.of(old, ShapeSettings(max_length=3), asked, False)) is None


@pytest.fixture
def followed(serve: Serve, publish: Publish, tmp_path: Path) -> tuple[TestClient, Path]:
    publish(tmp_path / "own", "x", logits=logits("a"))
    return serve(store=tmp_path / "own", poll_seconds=0.05), tmp_path / "own"


def wait_for(client: TestClient, digest: str) -> float:
    """Seconds until the service names this version."""
    began = time.monotonic()
    while time.monotonic() - began < 20:
        if client.get("/readyz").json()["models"].get("x") == digest:
            return time.monotonic() - began
        time.sleep(0.01)
    raise AssertionError("the new version was never served")


def test_requests_meanwhile_are_all_answered_by_one_version_each(
    followed: tuple[TestClient, Path], publish: Publish
) -> None:
    client, own = followed
    answers: list[Any] = []
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            answers.append(client.post("/sample", json={"n": 5, "seed": 3, "case": "lower"}))

    published = {Store(own).current("x"): "a"}
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for letter in "bcabc":
            digest = publish(own, "x", logits=logits(letter))
            published[digest] = letter
            wait_for(client, digest)
    finally:
        stopped.set()
        asking.join()
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        digest = answer.headers["x-model-digest"]
        assert answer.json()["model"]["digest"] == digest
        assert set(answer.json()["names"]) == {published[digest]}
    assert {answer.headers["x-model-digest"] for answer in answers} == set(published)


def test_a_rejected_version_is_told_and_ready_stays_200(followed: tuple[TestClient, Path]) -> None:
    client, own = followed
    good = Store(own).current("x")
    publish_corrupt(own, "x")
    until = time.monotonic() + 20
    while "x" not in client.get("/readyz").json()["rejected"]:
        assert time.monotonic() < until
        time.sleep(0.01)
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["models"] == {"x": good}
    assert client.post("/sample", json={"model": "x"}).headers["x-model-digest"] == good
