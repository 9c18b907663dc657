"""A model with five characters of context, whose table would take gigabytes: trained, published and served."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model.constraints import Constraints
from model.engine import TableEngine
from model.errors import CheckpointError, NamesmithError, TableTooLargeError
from model.live import LiveEngine
from model.names import Names
from model.shaping import Settings
from model.store import Store
from service import engines
from service import settings as service_settings
from service.catalog import Catalog
from service.replies import SampleResponse
from service.swapping import load_catalog
from service.tables import Tabulator
from tests.running import BUNDLED
from training.dataset import NameList
from training.gate import examine, require
from training.presets import PRESETS, override
from training.quality import Reference, sample_quality
from training.run import Config, Result, fit
from training.splits import SplitRule

ANSWERS_WITHOUT_A_TABLE = type(None) in get_args(SampleResponse.model_fields["probability"].annotation)
over_http = pytest.mark.skipif(not ANSWERS_WITHOUT_A_TABLE, reason="the answers still need a table")


@pytest.fixture(scope="module")
def names(training_list: NameList) -> NameList:
    chosen = training_list.names[:400]
    return NameList(chosen, np.ones(len(chosen)), "some.csv")


@pytest.fixture(scope="module")
def result(names: NameList) -> Result:
    return fit(names, Config(override(PRESETS["fast"], 40, None, None), block_size=5))


@pytest.fixture(scope="module")
def store(result: Result, names: NameList, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("live")
    checks = examine(result, names).checks
    require(checks)
    assert any("2,000 contexts" in check.detail for check in checks)
    Store(root).publish("five", result.data, names.distinct, result.facts())
    return root


@pytest.fixture(scope="module")
def catalog(store: Path) -> Catalog:
    return load_catalog(service_settings.Settings(store=store, bundled_store=BUNDLED, context_cache_mb=8))


def test_it_is_served_beside_a_model_with_a_table(catalog: Catalog, result: Result) -> None:
    assert catalog.rejected == {}
    model = catalog.published("five")
    assert isinstance(model.engine, LiveEngine)
    assert model.parameters == result.parameters
    assert isinstance(catalog.get("us-names").engine, TableEngine)


def test_its_engine_answers_what_the_service_asks(catalog: Catalog) -> None:
    model = catalog.get("five")
    sampler = catalog.sampler(model, Settings(max_length=9), Constraints(prefix="ma", pattern=".*a"))
    first = next(sampler.draw(1, 20)).decode(model.vocabulary)
    assert all(name.startswith("ma") and name.endswith("a") and len(name) <= 9 for name in first)
    assert next(sampler.draw(1, 5)).decode(model.vocabulary) == first[:5]
    scores = model.engine.log_probs(Names.of([model.vocabulary.encode("emma")]))
    assert scores.shape == (5,)
    assert (scores < 0).all()
    following = model.engine.next_probabilities(model.vocabulary.encode("emm"), Settings())
    assert following.sum() == pytest.approx(1)
    ranked = catalog.sampler(model, Settings()).most_probable(5)
    assert len(ranked) == 5
    assert [name.log_prob for name in ranked] == sorted((name.log_prob for name in ranked), reverse=True)


def test_its_samples_are_judged(catalog: Catalog, names: NameList) -> None:
    model = catalog.get("five")
    assert isinstance(model.engine, LiveEngine)
    found = sample_quality(model.engine, model.vocabulary, Reference.of(names, SplitRule.NAMES), 1_000)
    assert 0 < found.uniqueness[1_000] <= 1
    assert found.distances is not None


def test_broken_files_are_refused_as_others_are(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Store(store).open("five")
    with Tabulator(1 << 20) as tabulator:
        monkeypatch.setattr(LiveEngine, "rows", lambda *_: np.array([np.nan]))
        with pytest.raises(NamesmithError, match="five gives probabilities that are not finite"):
            engines.make_engine(stored, tabulator, 1 << 20)
        monkeypatch.setattr(tabulator, "tabulate", _refuse)
        with pytest.raises(CheckpointError):
            engines.make_engine(stored, tabulator, 1 << 20)


def _refuse(_: object) -> None:
    raise CheckpointError("broken")


def test_a_table_within_the_budget_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model.live", None)  # importing it would fail
    with Tabulator(8 << 20) as tabulator:
        engine, parameters = engines.make_engine(Store(BUNDLED).open("us-names"), tabulator, 1 << 20)
    assert isinstance(engine, TableEngine)
    assert parameters > 40_000
    with Tabulator(1 << 20) as tabulator, pytest.raises(TableTooLargeError):
        tabulator.tabulate(Store(BUNDLED).open("us-names"))


@pytest.fixture(scope="module")
def five(store: Path) -> Iterator[TestClient]:
    from service.app import create_app

    settings = service_settings.Settings(store=store, bundled_store=store, default_model="five")
    with TestClient(create_app(settings)) as client:
        yield client


@over_http
def test_names_over_http(five: TestClient) -> None:
    answer = five.get("/sample", params={"n": 5, "seed": 1, "prefix": "ma"}).json()
    assert len(answer["names"]) == 5
    assert answer["probability"] is None
    assert five.get("/sample", params={"n": 5, "seed": 1, "prefix": "ma"}).json() == answer


@over_http
def test_losses_next_characters_and_top_names_over_http(five: TestClient) -> None:
    assert five.get("/loss", params={"name": "emma"}).json()["loss"] > 0
    following = five.get("/next", params={"context": "emm"}).json()["next"]
    assert sum(each["prob"] for each in following) == pytest.approx(1)
    assert len(five.get("/top", params={"k": 5}).json()["names"]) == 5


@over_http
def test_constraints_that_are_too_rare_are_a_422_with_the_rate(
    five: TestClient, check_problem: Callable[..., dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.allowance.letters_allowed", lambda names: 3_000 + 0 * names)
    problem = check_problem(five.get("/sample", params={"contains": "xqzx"}), 422, "too-rare")
    assert "none met the constraints" in str(problem["detail"])
