"""The models that come with the repository: each is served whole, and docs/models.md shows what it gives."""

import html
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model.compiler.dense_table import compile_table
from model.measures.facts import facts
from model.network import checkpoint
from model.store.store import BUNDLED, Store
from model.text.names import NameSet
from service.app import create_app
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
US = ["us-names", "us-girls", "us-boys", "us-surnames"]
CLASSIC = "us-names-classic"
MODELS = [*US, "world-places", CLASSIC]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service with all of them."""
    own = tmp_path_factory.mktemp("own")
    with TestClient(create_app(Settings(store=own, bundled_store=BUNDLED))) as client:
        until = time.monotonic() + 300
        while len(client.get("/readyz").json()["models"]) < len(MODELS) and time.monotonic() < until:
            time.sleep(0.1)
        yield client


@pytest.fixture(scope="module")
def told(everything: TestClient) -> dict[str, Any]:
    """What the service tells of each."""
    return {model["name"]: model for model in everything.get("/models").json()["models"]}


def test_all_are_served_and_us_names_is_the_default(everything: TestClient) -> None:
    assert everything.get("/models").json()["default"] == "us-names"
    ready = everything.get("/readyz").json()
    assert sorted(ready["models"]) == sorted(MODELS)
    assert ready["rejected"] == {}


@pytest.mark.parametrize("name", MODELS)
def test_each_is_one_small_version_that_is_whole(name: str) -> None:
    store = Store(BUNDLED)
    assert store.digests(name) == [store.current(name)]
    version = store.open(name)
    assert version.table is not None
    assert len(version.table) == version.manifest["contexts"] <= 98_304
    assert version.manifest["facts"]["forced"] is False
    assert all(check["passed"] for check in version.manifest["facts"]["gate"])
    store.verify(name, version.digest)


@pytest.mark.parametrize("name", MODELS)
def test_each_has_exact_facts_from_what_is_served(name: str) -> None:
    version = Store(BUNDLED).open(name)
    assert version.table is not None
    assert version.name_lines is not None
    computed = asdict(facts(version.table, NameSet.of_lines(version.name_lines, version.header.vocabulary)))
    assert version.manifest["exact"] == pytest.approx(computed, rel=1e-9)


def test_the_classic_one_is_the_table_of_its_very_network() -> None:
    version = Store(BUNDLED).open(CLASSIC)
    network = checkpoint.loads(version.data)
    assert network.stack.parameter_count == 47_024
    assert version.table is not None
    assert np.abs(version.table.log_probs - compile_table(network).log_probs).max() < 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_each_but_the_classic_one_beats_counting_of_every_order(name: str, told: dict[str, Any]) -> None:
    assert (told[name]["losses"]["dev"] < _best(told[name]["baselines"]["dev"])) == (name != CLASSIC)


@pytest.mark.parametrize("name", MODELS)
def test_each_has_a_report_and_says_what_it_is_good_for(
    name: str, everything: TestClient, told: dict[str, Any]
) -> None:
    report = everything.get(f"/models/{name}/report")
    assert report.status_code == 200
    assert f"<h1>{name}</h1>" in html.unescape(report.text)
    assert len(report.content) < 500_000
    assert told[name]["description"]
    assert told[name]["description"] in PAGE


def test_those_of_us_names_share_one_vocabulary(told: dict[str, Any]) -> None:
    assert {tuple(told[name]["vocabulary"]["letters"]) for name in US} == {tuple("abcdefghijklmnopqrstuvwxyz")}
    assert {name: told[name]["block_size"] for name in MODELS} == {**dict.fromkeys(MODELS, 8), CLASSIC: 3}


def test_girls_and_boys_are_rows_of_one_list(told: dict[str, Any]) -> None:
    data = {name: told[name]["data"] for name in ("us-names", "us-girls", "us-boys")}
    assert [facts.get("where") for facts in data.values()] == [None, "sex=F", "sex=M"]
    assert data["us-names"]["names"] == data["us-girls"]["names"] + data["us-boys"]["names"]


@pytest.mark.parametrize("name", MODELS)
def test_the_page_shows_its_size_and_its_losses(name: str, told: dict[str, Any]) -> None:
    facts, computed = told[name], told[name]["facts"]
    chosen = f", {facts['data']['where']}" if "where" in facts["data"] else ""
    size = f"| {facts['data']['distinct_names']:,} | {facts['vocabulary']['size'] - 1} |"
    row = re.search(rf"^\| `{name}` \| [A-Z].*$", PAGE, re.MULTILINE)
    assert row
    assert f"| `data/{facts['data']['source']}`{chosen} |" in row[0]
    assert row[0].endswith(size)
    cells = [
        f"{loss:.4f}"
        for part in ("dev", "test")
        for loss in (facts["losses"][part], facts["baselines"][part]["bigram"], _best(facts["baselines"][part]))
    ]
    cells += [f"{computed['entropy']:.2f}", f"{computed['expected_length']:.1f}"]
    cells += [f"{100 * computed['training_mass']:.1f} %", f"{computed['repeat_after']}"]
    assert f"| `{name}` | {' | '.join(cells)} |" in PAGE


def _best(baselines: dict[str, float]) -> float:
    """Of Kneser-Ney estimates of order 3 to 8."""
    return min(baselines[f"kneser_ney_{order}"] for order in range(3, 9))


@pytest.mark.parametrize("name", MODELS)
def test_the_page_shows_fifty_names_as_they_come(name: str, everything: TestClient) -> None:
    block = re.search(rf"^### {name}\n\n```text\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block
    answer = everything.post(
        "/sample", json={"model": name, "n": 50, "seed": 1, "novel": True, "max_length": 64}
    ).json()
    assert " ".join(block[1].split()).split(", ") == answer["names"]
