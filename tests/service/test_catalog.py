"""Loading models and keeping samplers."""

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model.sampling import Sampler
from model.shaping import Settings
from model.store import BUNDLED
from service import settings as service_settings
from service.answers import sample, score
from service.catalog import Catalog, UnknownModelError
from service.schemas import LossRequest, SampleRequest

Publish = Callable[..., str]
MEGABYTE = 1 << 20


def load(store: Path, **settings: int | str) -> Catalog:
    values = {"store": store, "bundled_store": store / "none", **settings}
    return Catalog.load(service_settings.Settings(**values))  # type: ignore[arg-type]


@pytest.fixture
def catalog(publish: Publish, tmp_path: Path) -> Catalog:
    publish(tmp_path / "own", "wide", "".join(chr(0x4E00 + i) for i in range(60)))
    publish(tmp_path / "own", "wide-too", "".join(chr(0x4E00 + i) for i in range(60)))
    return load(tmp_path / "own", plan_cache_mb=1)


def test_equal_settings_share_one_sampler(catalog: Catalog) -> None:
    model = catalog.get("wide")
    first = catalog.sampler(model, Settings(temperature=0.5, top_k=3))
    assert catalog.sampler(model, Settings(temperature=0.5, top_k=3)) is first
    assert catalog.sampler(model, Settings(temperature=0.5, top_k=4)) is not first
    assert catalog.sampler(catalog.get("wide-too"), Settings(temperature=0.5, top_k=3)) is not first


def test_samplers_that_are_kept_stay_within_their_bytes(catalog: Catalog) -> None:
    model = catalog.get("wide")
    kept: list[weakref.ref[Sampler]] = []
    made = 0
    for i in range(1, 61):
        sampler = catalog.sampler(model, Settings(temperature=i / 60))
        made += sampler.nbytes
        kept.append(weakref.ref(sampler))
    del sampler
    gc.collect()
    held = [alive.nbytes for reference in kept if (alive := reference()) is not None]
    assert made > 2 * MEGABYTE
    assert MEGABYTE / 2 < sum(held) <= MEGABYTE
    assert kept[-1]() is catalog.sampler(model, Settings(temperature=1.0))
    assert kept[0]() is None


def test_a_sampler_too_large_to_keep_still_draws() -> None:
    catalog = load(BUNDLED, plan_cache_mb=1)
    request = SampleRequest(seed=1, n=5)
    assert catalog.sampler(catalog.get(None), Settings()).nbytes > MEGABYTE
    assert sample(catalog, request) == sample(catalog, request)


def test_threads_draw_the_names_that_one_draws_alone(catalog: Catalog) -> None:
    requests = [SampleRequest(seed=i, n=50, temperature=1 + i % 7 / 10) for i in range(40)]
    alone = [sample(catalog, request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda request: sample(catalog, request), requests)) == alone


def test_a_table_over_the_budget_is_rejected_with_both_sizes(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "us-names").symlink_to(BUNDLED / "us-names")
    publish(tmp_path, "small")
    catalog = load(tmp_path, table_budget_mb=1)
    assert [model.name for model in catalog.models] == ["small"]
    reason = catalog.rejected["us-names"]
    assert "4 MiB" in reason
    assert "1 MiB" in reason
    assert load(tmp_path, table_budget_mb=5).rejected == {}


def test_a_loaded_stack_is_in_evaluation_mode_and_keeps_no_output() -> None:
    catalog = load(BUNDLED)
    model = catalog.get("us-names")
    sample(catalog, SampleRequest(n=5))
    score(catalog, LossRequest(names=["emma"]))
    for layer in model.version.checkpoint.stack.layers:
        assert layer.training is False
        assert not hasattr(layer, "out")
        assert not any(tensor.requires_grad for tensor in (layer.parameters() | layer.buffers()).values())
    assert not model.transitions.log_probs.flags.writeable


def test_requests_leave_the_weights_as_they_were(us_names_bytes: dict[str, bytes]) -> None:
    catalog = load(BUNDLED)
    for i in range(1, 6):
        sample(catalog, SampleRequest(n=100, temperature=i / 2, top_k=i, seed=i))
    score(catalog, LossRequest(names=["emma", "a"]))
    state = catalog.get(None).version.checkpoint.stack.state()
    assert {name: tensor.numpy().tobytes() for name, tensor in state.items()} == us_names_bytes


@pytest.fixture
def us_names_bytes() -> dict[str, bytes]:
    state = load(BUNDLED).get("us-names").version.checkpoint.stack.state()
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


def test_an_empty_catalog_has_no_model_to_give(tmp_path: Path) -> None:
    catalog = load(tmp_path / "nothing")
    assert catalog.default is None
    assert catalog.models == []
    for name in (None, "us-names"):
        with pytest.raises(UnknownModelError, match="none"):
            catalog.get(name)
