"""`model=a+b`: a blend answers as one model whose chances are weighted means."""

import gc
import math
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from service import settings as service_settings
from service.app import create_app
from service.catalog.catalog import Catalog
from service.catalog.hot_swap import Swapper, load_catalog
from service.catalog.served_model import ServedModel

CheckProblem = Callable[..., dict[str, Any]]
Publish = Callable[..., str]
CONTEXTS = ("", "a", "ab", "abc", "ccc")


@pytest.fixture(scope="module")
def store(publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models over abc, of which `c` has no list, and one over abcd."""
    root = tmp_path_factory.mktemp("blends")
    publish(root, "a", names=["a", "abc", "cab"])
    publish(root, "b", names=["b", "abc"])
    publish(root, "c")
    publish(root, "other", letters="abcd", names=["d"])
    return root


@pytest.fixture(scope="module")
def web(store: Path, empty_store: Path) -> Iterator[TestClient]:
    settings = service_settings.Settings(store=store, bundled_store=empty_store, block_list="off")
    with TestClient(create_app(settings)) as client:
        yield client


def chances(web: TestClient, model: str, context: str, **fields: Any) -> dict[str, float]:
    answer = web.get("/next", params={"model": model, "context": context, **fields})
    assert answer.status_code == 200, answer.text
    return {each["char"]: each["prob"] for each in answer.json()["next"]}


@pytest.mark.parametrize(("model", "weights"), [("a+b", (1, 1)), ("a*3+b", (3, 1)), ("b*30+a*10", (1, 3))])
def test_the_next_character_has_the_weighted_mean_of_its_chances(
    web: TestClient, model: str, weights: tuple[int, int]
) -> None:
    for context in CONTEXTS:
        mixed, a, b = (chances(web, name, context) for name in (model, "a", "b"))
        for char, chance in mixed.items():
            assert chance == pytest.approx((weights[0] * a[char] + weights[1] * b[char]) / sum(weights), abs=1e-12)


def test_a_loss_is_that_of_the_mean_chances(web: TestClient) -> None:
    answer = web.post("/loss", json={"names": ["abc"], "model": "a+b", "details": True}).json()
    for i, each in enumerate(answer["names"][0]["characters"]):
        mean = sum(chances(web, name, "abc"[:i])[each["char"]] for name in "ab") / 2
        assert each["log_prob"] == pytest.approx(math.log(mean), abs=1e-12)
    assert answer["names"][0]["novel"] is False


def test_constraints_are_met_exactly(web: TestClient) -> None:
    """The chance of a first letter is that of /next."""
    first = chances(web, "a*2+c", "")["b"]
    answer = web.get("/sample", params={"model": "a*2+c", "prefix": "b", "n": 50, "seed": 1, "max_length": 64}).json()
    assert answer["probability"] == pytest.approx(first, rel=1e-3)  # names of over 64 letters are not drawn
    assert all(name.startswith("B") for name in answer["names"])


def test_a_blend_has_one_name_and_digest_however_it_is_written(web: TestClient) -> None:
    spellings = ["a+b*2", "b*2+a", "a*50+b*100", "a b*2", "b*2 + a*1"]
    answers = [web.post("/sample", json={"model": text, "seed": 7, "n": 20}) for text in spellings]
    answers.append(web.get("/sample?model=a+b*2&seed=7&n=20"))
    answers.append(web.get("/sample?model=a%2Bb*2&seed=7&n=20"))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["model"]["name"] == "a+b*2"
    digests = {answer.headers["X-Model-Digest"] for answer in answers}
    assert digests == {answers[0].json()["model"]["digest"]}
    others = [web.post("/sample", json={"model": text, "n": 1}) for text in ("a*2+b", "a+c", "a+b+c", "a")]
    assert len({answer.headers["X-Model-Digest"] for answer in others} | digests) == 5


def test_the_same_seed_gives_the_same_names_in_every_form(web: TestClient) -> None:
    fields = {"model": "a+b+c", "seed": 3, "n": 40, "case": "lower"}
    first, second = (web.post("/sample", json=fields) for _ in range(2))  # planned, then kept
    assert first.content == second.content
    streamed = web.post("/sample", json=fields, headers={"Accept": "text/plain"})
    assert streamed.text.split("\n")[:-1] == first.json()["names"]


def test_novel_names_are_in_none_of_the_lists(web: TestClient) -> None:
    fields = {"model": "a+b", "novel": True, "n": 2000, "case": "lower", "max_length": 3}
    names = web.post("/sample", json=fields).json()["names"]
    assert {"a", "b", "abc", "cab"}.isdisjoint(names)
    plain = web.post("/sample", json=fields | {"novel": False}).json()
    assert {"a", "b", "abc", "cab"} <= set(plain["names"])


def test_where_a_list_is_not_known_novel_is_refused(web: TestClient, check_problem: CheckProblem) -> None:
    check_problem(web.post("/sample", json={"model": "a+c", "novel": True}), 422, "validation", "/novel")
    assert web.post("/loss", json={"model": "a+c", "names": ["abc"]}).json()["names"][0]["novel"] is None


@pytest.mark.parametrize(
    ("model", "status", "problem", "word"),
    [
        ("a+nobody", 404, "unknown-model", "no such model"),
        ("a+other", 422, "blend", "different alphabets"),
        ("a+a", 422, "blend", "twice"),
        ("a+", 422, "blend", "write a blend as"),
        ("+", 422, "blend", "write a blend as"),
        ("a*3", 422, "blend", "2 to 4"),
        ("a*0+b", 422, "blend", "write a blend as"),
        ("a*1001+b", 422, "blend", "write a blend as"),
        ("a*-1+b", 422, "blend", "write a blend as"),
        ("a**2+b", 422, "blend", "write a blend as"),
        ("a+b+c+other+x", 422, "blend", "2 to 4"),
    ],
)
@pytest.mark.parametrize("path", ["/sample", "/loss", "/top", "/next"])
def test_what_cannot_be_blended_is_said(
    web: TestClient, check_problem: CheckProblem, path: str, model: str, status: int, problem: str, word: str
) -> None:
    params = {"model": model} | ({"name": "abc"} if path == "/loss" else {})
    assert word in check_problem(web.get(path, params=params), status, problem)["detail"]


def test_a_blend_is_no_published_model(web: TestClient, check_problem: CheckProblem) -> None:
    check_problem(web.get("/models/a+b"), 404, "unknown-model")
    check_problem(web.get("/models/a+b/report"), 404, "unknown-model")
    assert [model["name"] for model in web.get("/models").json()["models"]] == ["a", "b", "c", "other"]


def test_a_version_of_a_blend_can_be_insisted_on(web: TestClient, check_problem: CheckProblem) -> None:
    digest = web.get("/next?model=a+b").headers["X-Model-Digest"]
    for text, status in (("a+b", 200), ("a*2+b", 409), ("a", 409)):
        answer = web.get("/sample", params={"model": text}, headers={"X-Model-Digest": digest})
        assert answer.status_code == status
        if status == 409:
            check_problem(answer, 409, "version-gone")


def test_blends_are_one_series_in_the_metrics(web: TestClient) -> None:
    for weight in range(2, 8):
        web.post("/sample", json={"model": f"a*{weight}+b", "n": 3})
    lines = [line for line in web.get("/metrics").text.splitlines() if line.startswith("namesmith_names_total{")]
    labels = [line.partition("}")[0] for line in lines]  # a value may be 1e+06
    assert any('model="blend"' in label for label in labels)
    assert not any("*" in label or "+" in label for label in labels)


def test_a_new_version_of_a_part_makes_another_blend(publish: Publish, tmp_path: Path) -> None:
    publish(tmp_path / "own", "a", names=["a"])
    publish(tmp_path / "own", "b", names=["b"])
    (tmp_path / "bundled").mkdir()
    swapper = Swapper(service_settings.Settings(store=tmp_path / "own", bundled_store=tmp_path / "bundled"))
    swapper.look()
    before: ServedModel | None = swapper.catalog.get("a+b")
    assert swapper.catalog.get("b+a") is before
    publish(tmp_path / "own", "a", logits=torch.zeros(4, 4), names=["a"])
    swapper.look()
    assert swapper.catalog.kept("a+b") is None
    assert before is not None
    forgotten = weakref.ref(before)
    old, before = before.digest, None
    gc.collect()
    assert forgotten() is None, "the old version is kept by a blend"
    assert swapper.catalog.get("a+b").digest != old


def test_only_the_last_blends_are_kept(store: Path, empty_store: Path) -> None:
    catalog: Catalog = load_catalog(service_settings.Settings(store=store, bundled_store=empty_store))
    for weight in range(1, 10):
        catalog.get(f"a*{weight}+b")
    kept = [weight for weight in range(1, 10) if catalog.kept(f"a*{weight}+b") is not None]
    assert kept == [6, 7, 8, 9]
