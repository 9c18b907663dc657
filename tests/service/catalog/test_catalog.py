"""Loading models and keeping samplers."""

import gc
import json
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.network.checkpoint_header import digest
from model.sampling.sampler import Sampler
from model.store.store import Store
from model.store.version_files import MANIFEST_FILE, MODEL_FILE, TABLE_FILE
from model.transitions.shaping import ShapeSettings
from service import settings as service_settings
from service.answers.loss import score
from service.answers.sample import prepare
from service.catalog import tabulator
from service.catalog.catalog import Catalog, UnknownModelError
from service.catalog.hot_swap import load_catalog
from service.http.requests import LossRequest, SampleRequest
from service.http.responses import SampleResponse
from tests.running import BUNDLED

Publish = Callable[..., str]
MEGABYTE = 1 << 20


def load(store: Path, **settings: int | str) -> Catalog:
    values = {"store": store, "bundled_store": store / "none", **settings}
    return load_catalog(service_settings.Settings(**values))  # type: ignore[arg-type]


def sample(catalog: Catalog, request: SampleRequest) -> SampleResponse:
    return SampleResponse.model_validate_json(prepare(catalog, request).json())


@pytest.fixture
def catalog(publish: Publish, tmp_path: Path) -> Catalog:
    publish(tmp_path / "own", "wide", "".join(chr(0x4E00 + i) for i in range(60)))
    publish(tmp_path / "own", "wide-too", "".join(chr(0x4E00 + i) for i in range(60)))
    return load(tmp_path / "own", plan_cache_mb=16)


def test_equal_settings_share_one_sampler(catalog: Catalog) -> None:
    model = catalog.get("wide")
    first = catalog.samplers.get(model, ShapeSettings(temperature=0.5, top_k=3))
    assert catalog.samplers.get(model, ShapeSettings(temperature=0.5, top_k=3)) is first
    assert catalog.samplers.get(model, ShapeSettings(temperature=0.5, top_k=4)) is not first
    assert catalog.samplers.get(catalog.get("wide-too"), ShapeSettings(temperature=0.5, top_k=3)) is not first


def test_samplers_that_are_kept_stay_within_their_bytes(catalog: Catalog) -> None:
    model = catalog.get("wide")
    kept: list[weakref.ref[Sampler]] = []
    made = 0
    for i in range(1, 61):
        sampler = catalog.samplers.get(model, ShapeSettings(temperature=i / 60))
        made += sampler.nbytes
        kept.append(weakref.ref(sampler))
    del sampler
    gc.collect()
    held = [alive.nbytes for reference in kept if (alive := reference()) is not None]
    assert made > 32 * MEGABYTE
    assert 8 * MEGABYTE < sum(held) <= 16 * MEGABYTE
    assert kept[-1]() is catalog.samplers.get(model, ShapeSettings(temperature=1.0))
    assert kept[0]() is None


def test_a_sampler_too_large_to_keep_still_draws() -> None:
    catalog = load(BUNDLED, plan_cache_mb=1)
    request = SampleRequest(seed=1, n=5)
    assert catalog.samplers.get(catalog.get(None), ShapeSettings()).nbytes > MEGABYTE
    assert sample(catalog, request) == sample(catalog, request)


def test_threads_draw_the_names_that_one_draws_alone(catalog: Catalog) -> None:
    requests = [SampleRequest(seed=i, n=50, temperature=1 + i % 7 / 10) for i in range(40)]
    alone = [sample(catalog, request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda request: sample(catalog, request), requests)) == alone


def test_requests_leave_the_table_as_it_was() -> None:
    catalog = load(BUNDLED)
    log_probs = catalog.get(None).language_model.transitions.log_probs
    before = log_probs.tobytes()
    for i in range(1, 6):
        sample(catalog, SampleRequest(n=100, temperature=i / 2, top_k=i, seed=i))
    score(catalog.get(None), LossRequest(names=["emma", "a"]))
    assert not log_probs.flags.writeable
    assert log_probs.tobytes() == before


def test_a_model_whose_tensors_are_broken_is_rejected_and_spoils_no_other(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digests fit; only the process that has PyTorch can see what is wrong."""
    monkeypatch.setattr(tabulator, "_torch_is_here", lambda: False)
    for name in ("a", "b", "c"):
        publish(tmp_path, name)
    store = Store(tmp_path)
    data = store.open("b").data[:-4] + np.float32("nan").tobytes()
    version = tmp_path / "b" / "versions" / store.current("b")
    (version / MODEL_FILE).write_bytes(data)
    manifest = json.loads((version / MANIFEST_FILE).read_text())
    del manifest["files"][TABLE_FILE]  # as programs of before published it
    manifest["digest"] = manifest["files"][MODEL_FILE] = digest(data)
    (version / MANIFEST_FILE).write_text(json.dumps(manifest))
    version.rename(version.with_name(digest(data)))
    (tmp_path / "b" / "current").write_text(digest(data))
    catalog = load(tmp_path)
    assert [model.name for model in catalog.models] == ["a", "c"]
    assert catalog.rejected == {"b": "tensor 0.weight holds NaN or infinity"}


def test_an_empty_catalog_has_no_model_to_give(tmp_path: Path) -> None:
    catalog = load(tmp_path / "nothing")
    assert catalog.default is None
    assert catalog.models == []
    for name in (None, "us-names"):
        with pytest.raises(UnknownModelError, match="none"):
            catalog.get(name)
