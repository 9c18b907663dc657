"""Health, and what is served when stores are empty, damaged or overlap."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from model.store.store import Version
from model.store.version_files import MANIFEST_FILE, MODEL_FILE, NAMES_FILE
from tests.running import BUNDLED

CheckProblem = Callable[..., dict[str, Any]]
Serve = Callable[..., TestClient]
Publish = Callable[..., str]


def version_directory(root: Path, name: str) -> Path:
    return root / name / "versions" / (root / name / "current").read_text().strip()


def rewrite(directory: Path, file: str, content: bytes) -> None:
    """Replaces a file of a version and its checksum in the manifest, as another program might have written them."""
    (directory / file).write_bytes(content)
    manifest = json.loads((directory / MANIFEST_FILE).read_text())
    manifest["files"][file] = hashlib.sha256(content).hexdigest()
    (directory / MANIFEST_FILE).write_text(json.dumps(manifest))


def test_the_process_is_live_with_and_without_models(client: TestClient, serve: Serve) -> None:
    for service in (client, serve()):
        response = service.get("/livez")
        assert response.status_code == 200
        assert response.json() == {"status": "live"}
        assert response.headers["X-Request-ID"]


def test_ready_names_what_is_served(client: TestClient, us_names: Version) -> None:
    answer = client.get("/readyz").json()
    assert answer == {"status": "ready", "models": {"us-names": us_names.digest}, "rejected": {}}


def test_not_ready_without_models(serve: Serve, check_problem: CheckProblem) -> None:
    client = serve()
    for response in (
        client.get("/readyz"),
        client.get("/sample"),
        client.post("/sample", json={}),
        client.get("/loss?name=emma"),
        client.post("/loss", json={"names": ["emma"]}),
        client.get("/models/us-names"),
    ):
        check_problem(response, 503, "not-ready")
        assert int(response.headers["Retry-After"]) >= 1
    assert client.get("/models").json() == {"default": None, "models": []}


def test_a_store_that_is_a_file_counts_as_empty(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    client = serve(store=tmp_path / "file", bundled_store=BUNDLED)
    assert list(client.get("/readyz").json()["models"]) == ["us-names"]


def flip_a_weight(directory: Path) -> None:
    data = bytearray((directory / MODEL_FILE).read_bytes())
    data[-5] ^= 1
    (directory / MODEL_FILE).write_bytes(bytes(data))


def cut_short(directory: Path) -> None:
    data = (directory / MODEL_FILE).read_bytes()
    (directory / MODEL_FILE).write_bytes(data[: len(data) // 2])


def replace_with_other_bytes(directory: Path) -> None:
    rewrite(directory, MODEL_FILE, b"\x80\x04K\x01.")


def remove_the_manifest(directory: Path) -> None:
    (directory / MANIFEST_FILE).unlink()


def empty_the_manifest(directory: Path) -> None:
    (directory / MANIFEST_FILE).write_text("{}")


def nest_the_manifest(directory: Path) -> None:
    (directory / MANIFEST_FILE).write_text("[" * 100_000)


def add_a_name(directory: Path) -> None:
    with (directory / NAMES_FILE).open("a") as file:
        file.write("zzz\n")


def encode_the_names_otherwise(directory: Path) -> None:
    rewrite(directory, NAMES_FILE, "zo\u00e9\n".encode("latin-1"))


def point_nowhere(directory: Path) -> None:
    (directory.parent.parent / "current").write_text("0" * 64 + "\n")


def point_to_garbage(directory: Path) -> None:
    (directory.parent.parent / "current").write_bytes(b"\xff\xfe../../etc")


def make_current_a_directory(directory: Path) -> None:
    (directory.parent.parent / "current").unlink()
    (directory.parent.parent / "current").mkdir()


def make_the_model_a_directory(directory: Path) -> None:
    (directory / MODEL_FILE).unlink()
    (directory / MODEL_FILE).mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_weight,
        cut_short,
        replace_with_other_bytes,
        remove_the_manifest,
        empty_the_manifest,
        nest_the_manifest,
        add_a_name,
        encode_the_names_otherwise,
        make_the_model_a_directory,
    ],
    ids=lambda damage: str(damage.__name__).replace("_", " "),
)
def test_a_damaged_model_is_rejected_with_the_reason_while_others_serve(
    serve: Serve, publish: Publish, check_problem: CheckProblem, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    own = tmp_path / "own"
    good = publish(own, "good", names=["a"])
    publish(own, "broken", names=["a"])
    damage(version_directory(own, "broken"))
    client = serve(store=own)
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["models"] == {"good": good}
    assert list(ready.json()["rejected"]) == ["broken"]
    assert ready.json()["rejected"]["broken"]
    assert client.get("/sample").json()["model"]["name"] == "good"
    check_problem(client.post("/sample", json={"model": "broken"}), 404, "unknown-model")


@pytest.mark.parametrize("damage", [point_nowhere, point_to_garbage, make_current_a_directory])
def test_a_store_that_points_wrong_serves_the_latest_version_that_is_whole(
    serve: Serve, publish: Publish, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    good = publish(tmp_path, "good", names=["a"])
    damage(version_directory(tmp_path, "good"))
    ready = serve(store=tmp_path).get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["models"] == {"good": good}
    assert list(ready.json()["rejected"]) == ["good"]


def test_a_model_whose_names_never_end_is_rejected(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    publish(tmp_path / "own", "endless", "a", torch.tensor([[-3000.0, 0.0], [-3000.0, 0.0]]))
    publish(tmp_path / "own", "good")
    ready = serve(store=tmp_path / "own").get("/readyz").json()
    assert list(ready["models"]) == ["good"]
    assert "no name" in ready["rejected"]["endless"]


def test_nothing_but_a_damaged_model_is_live_and_not_ready(
    serve: Serve, publish: Publish, check_problem: CheckProblem, tmp_path: Path
) -> None:
    publish(tmp_path / "own", "broken")
    flip_a_weight(version_directory(tmp_path / "own", "broken"))
    client = serve(store=tmp_path / "own")
    assert client.get("/livez").status_code == 200
    check_problem(client.get("/readyz"), 503, "not-ready")


def test_an_own_model_comes_before_a_bundled_one_of_its_name(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    own, bundled = tmp_path / "own", tmp_path / "bundled"
    digest = publish(own, "both", "xyz")
    other = publish(bundled, "both", "abc")
    only = publish(bundled, "only-bundled", "abc")
    assert digest != other
    client = serve(store=own, bundled_store=bundled)
    assert client.get("/readyz").json()["models"] == {"both": digest, "only-bundled": only}
    names = client.post("/sample", json={"model": "both", "n": 100, "case": "lower"}).json()["names"]
    assert set("".join(names)) <= set("xyz")


def test_the_bundled_model_serves_where_the_own_one_of_its_name_is_damaged(
    serve: Serve, publish: Publish, tmp_path: Path
) -> None:
    own, bundled = tmp_path / "own", tmp_path / "bundled"
    publish(own, "both", "xyz")
    digest = publish(bundled, "both", "abc")
    flip_a_weight(version_directory(own, "both"))
    assert serve(store=own, bundled_store=bundled).get("/readyz").json()["models"] == {"both": digest}


def test_the_default_model_is_the_set_one_or_else_the_first_by_name(
    serve: Serve, publish: Publish, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    for name in ("mid", "first", "zuletzt"):
        publish(own, name)
    for wanted, expected in (("mid", "mid"), ("absent", "first")):
        client = serve(store=own, default_model=wanted)
        assert client.get("/models").json()["default"] == expected
        assert client.get("/sample").json()["model"]["name"] == expected
        assert client.post("/loss", json={"names": ["a"]}).json()["model"]["name"] == expected
    assert serve(store=own, bundled_store=BUNDLED).get("/models").json()["default"] == "us-names"


def test_directories_that_are_no_models_are_passed_over(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    own = tmp_path / "own"
    publish(own, "good")
    for name in ("Upper", ".hidden", "with space"):
        shutil.copytree(own / "good", own / name)
    (own / "no-current").mkdir()
    (own / "a-file").write_text("")
    ready = serve(store=own).get("/readyz").json()
    assert list(ready["models"]) == ["good"]
    assert ready["rejected"] == {}


def test_starting_changes_nothing_in_a_store(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    own = tmp_path / "own"
    publish(own, "good", names=["a"])
    before = {path: path.stat().st_mtime_ns for path in own.rglob("*")}
    serve(store=own).get("/sample")
    assert {path: path.stat().st_mtime_ns for path in own.rglob("*")} == before
