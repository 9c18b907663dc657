"""GET /models and /models/{name}."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.store.store import Store, Version
from model.store.version_files import MANIFEST_FILE
from training.data.read_list import NameList

CheckProblem = Callable[..., dict[str, Any]]


def test_the_list_holds_every_model_and_the_default(client: TestClient) -> None:
    answer = client.get("/models").json()
    assert answer["default"] == "us-names"
    assert answer["models"] == [client.get("/models/us-names").json()]


def test_models_are_sorted_by_name(
    serve: Callable[..., TestClient], publish: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("zeta", "alpha", "mid.dle"):
        publish(tmp_path / "own", name)
    answer = serve(store=tmp_path / "own").get("/models").json()
    assert [model["name"] for model in answer["models"]] == ["alpha", "mid.dle", "zeta"]


def test_a_model_tells_its_size_layers_and_context(client: TestClient, us_names: Version) -> None:
    response = client.get("/models/us-names")
    info = response.json()
    assert info["name"] == "us-names"
    assert info["digest"] == response.headers["X-Model-Digest"] == us_names.digest
    assert info["parameters"] == 52_024
    assert info["block_size"] == 8
    types = [layer["type"] for layer in info["layers"]]
    hidden = ["Linear", "BatchNorm1d", "Tanh"]
    assert types == ["Embedding", "Flatten", *(hidden * 5), "Linear", "BatchNorm1d"]
    assert info["layers"][0] == {"type": "Embedding", "num_embeddings": 27, "embedding_dim": 10}
    counted = 0
    for layer in info["layers"]:
        counted += layer.get("num_embeddings", 0) * layer.get("embedding_dim", 0)
        counted += layer.get("in_features", 0) * layer.get("out_features", 0) + 2 * layer.get("num_features", 0)
    assert counted == info["parameters"]


def test_a_model_tells_its_vocabulary(client: TestClient) -> None:
    assert client.get("/models/us-names").json()["vocabulary"] == {
        "letters": list("abcdefghijklmnopqrstuvwxyz"),
        "size": 27,
        "normalization": {"form": "NFC", "case": "lower"},
    }


def test_a_model_tells_where_it_comes_from(client: TestClient, us_names: Version, training_list: NameList) -> None:
    info = client.get("/models/us-names").json()
    assert set(info["losses"]) == {"train", "dev", "test"}
    assert 1.5 < info["losses"]["train"] < 2.2
    assert all(1.9 < info["losses"][part] < 2.2 for part in ("dev", "test"))
    assert info["data"]["fingerprint"] == training_list.fingerprint()
    assert info["data"]["names"] == len(training_list.names)
    assert info["data"]["distinct_names"] == len(set(training_list.names))
    assert info["config"] == us_names.checkpoint.facts["config"]
    assert info["published_at"] == us_names.manifest["published_at"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Names of towns: 日本 & <b>more</b>.", True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("two\nlines", False),
        ("turned \u202e round", False),
        ("", False),
        (["a list"], False),
        (None, False),
    ],
)
def test_a_model_tells_what_it_is_good_for(
    serve: Callable[..., TestClient], publish: Callable[..., str], tmp_path: Path, written: Any, shown: bool
) -> None:
    """A checkpoint may have been made elsewhere: what `train` would refuse is not shown."""
    publish(tmp_path / "own", "a", facts={"description": written})
    client = serve(store=tmp_path / "own")
    assert client.get("/models/a").json()["description"] == (written if shown else None)
    assert client.get("/models").json()["models"] == [client.get("/models/a").json()]


@pytest.mark.parametrize("name", ["no-such", "US-NAMES", "us-names.", "%00", "x" * 5000])
def test_an_unknown_name_is_not_found(client: TestClient, check_problem: CheckProblem, name: str) -> None:
    check_problem(client.get(f"/models/{name}"), 404)


def test_an_unknown_model_is_not_found_wherever_it_is_asked_for(
    client: TestClient, check_problem: CheckProblem
) -> None:
    for response in (
        client.get("/models/nobody"),
        client.get("/sample", params={"model": "nobody"}),
        client.post("/sample", json={"model": "nobody"}),
        client.get("/loss", params={"name": "emma", "model": "nobody"}),
        client.post("/loss", json={"names": ["emma"], "model": "nobody"}),
    ):
        problem = check_problem(response, 404, "unknown-model")
        assert "us-names" in problem["detail"]


@pytest.mark.parametrize("losses", ["low", [1.0], {"dev": "low"}])
def test_odd_facts_in_one_checkpoint_do_not_break_the_list(
    serve: Callable[..., TestClient], publish: Callable[..., str], tmp_path: Path, losses: Any
) -> None:
    """Facts are free JSON, and a checkpoint may have been made elsewhere."""
    publish(tmp_path / "own", "good")
    publish(tmp_path / "own", "odd", facts={"losses": losses})
    answer = serve(raise_server_exceptions=False, store=tmp_path / "own").get("/models")
    assert answer.status_code == 200
    assert "good" in [model["name"] for model in answer.json()["models"]]


def test_a_model_with_no_facts_is_described_all_the_same(
    serve: Callable[..., TestClient], publish: Callable[..., str], tmp_path: Path
) -> None:
    publish(tmp_path / "own", "bare")
    info = serve(store=tmp_path / "own").get("/models/bare").json()
    assert info["losses"] == info["data"] == info["config"] == {}
    assert info["parameters"] == 16


def test_a_model_tells_what_its_table_says_of_its_names(
    serve: Callable[..., TestClient], tiny_store: Path, tiny_list: NameList
) -> None:
    """The mass on the training names, against the names' own scores."""
    both = serve(store=tiny_store, block_list="off")
    exact = both.get("/models/tiny").json()["facts"]
    whole = both.get("/top", params={"model": "tiny", "k": 1, "max_length": 64}).json()["probability"]
    scores = both.post("/loss", json={"model": "tiny", "names": tiny_list.names}).json()["names"]
    assert exact["training_mass"] == pytest.approx(sum(math.exp(s["log_prob"]) for s in scores) / whole, rel=1e-9)
    assert exact["entropy"] > 0
    assert 1 < exact["expected_length"] < 64
    assert exact["repeat_after"] >= 2
    assert both.get("/models/unlisted").json()["facts"] == exact | {"training_mass": None}


def test_exact_facts_that_a_version_came_with_are_those_of_its_table(
    serve: Callable[..., TestClient], tiny_store: Path, tmp_path: Path
) -> None:
    """And they are computed anew where the manifest has none, or what it has cannot be read."""
    told = serve(store=tiny_store).get("/models/tiny").json()["facts"]
    kept = Store(tiny_store).open("tiny").manifest["exact"]
    assert kept == told
    for place, damaged in enumerate((None, {}, kept | {"entropy": "much"}, kept | {"more": 1.0})):
        store = tmp_path / str(place)
        shutil.copytree(tiny_store, store)
        path = store / "tiny" / "versions" / Store(store).current("tiny") / MANIFEST_FILE
        manifest = json.loads(path.read_text()) | {"exact": damaged}
        path.write_text(json.dumps(manifest))
        assert serve(store=store).get("/models/tiny").json()["facts"] == pytest.approx(told, rel=1e-12)
