"""`novel` and `unique`: names that are new, names that differ, and the exact chances of both."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from scipy.stats import chisquare

from service.http.requests import MAX_NAMES
from tests.running import BUNDLED
from training.data.read_list import NameList

CheckProblem = Callable[..., dict[str, Any]]
LONGEST = 4
EVERY_NAME = ["".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k)]
LISTS: dict[str, list[str]] = {
    "few": ["ab", "cab", "b"],
    "most": sorted(set(EVERY_NAME) - {"ccab", "bb", "cac", "a"}),
    "all": EVERY_NAME,
    "none-drawn": ["abcabcabc", "xyz", "é"],
}


def post(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/sample", json={"case": "lower", **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory, publish: Callable[..., str]) -> Path:
    """Models over three letters, each with a training list of its own."""
    root = tmp_path_factory.mktemp("lists")
    for name, names in LISTS.items():
        publish(root, name, names=names)
    return root


@pytest.fixture
def abc(lists: Path, serve: Callable[..., TestClient]) -> TestClient:
    return serve(store=lists, block_list="off")


@pytest.fixture(scope="module")
def chances_of() -> Callable[[TestClient, str], dict[str, float]]:
    def score(client: TestClient, model: str) -> dict[str, float]:
        """Of every name of up to four letters, as /loss tells them."""
        scored = client.post("/loss", json={"names": EVERY_NAME, "model": model}).json()["names"]
        return {item["name"]: math.exp(item["log_prob"]) for item in scored}

    return score


CONDITIONS: list[tuple[dict[str, Any], Callable[[str], bool]]] = [
    ({}, lambda _: True),
    ({"max_length": 2}, lambda name: len(name) <= 2),
    ({"prefix": "c"}, lambda name: name.startswith("c")),
    ({"suffix": "b", "min_length": 2}, lambda name: name.endswith("b") and len(name) > 1),
    ({"contains": "ca"}, lambda name: "ca" in name),
    ({"pattern": "[bc]+a?c?"}, lambda name: re.fullmatch("[bc]+a?c?", name) is not None),
]


# Novel


@pytest.mark.parametrize("model", ["few", "most", "none-drawn"])
@pytest.mark.parametrize(("asked", "allowed"), CONDITIONS, ids=[str(asked) for asked, _ in CONDITIONS])
def test_novel_names_have_the_chances_of_the_others_without_the_list(
    abc: TestClient,
    chances_of: Callable[[TestClient, str], dict[str, float]],
    model: str,
    asked: dict[str, Any],
    allowed: Callable[[str], bool],
    check_problem: CheckProblem,
) -> None:
    """The probability is that of the conditions less the mass of the list under them; chi-square of 10,000 names."""
    chances = chances_of(abc, model)
    asked = {"max_length": LONGEST, "model": model, **asked}
    free = {name: p for name, p in chances.items() if allowed(name)}
    left = {name: p for name, p in free.items() if name not in LISTS[model]}
    if not left:
        check_problem(abc.post("/sample", json={"novel": True, **asked}), 422, "unsatisfiable")
        return
    body = post(abc, n=10_000, seed=1, novel=True, details=True, **asked)
    listed_mass = math.fsum(p for name, p in free.items() if name in LISTS[model])
    assert post(abc, n=1, **asked)["probability"] == pytest.approx(math.fsum(free.values()), rel=1e-9)
    assert body["probability"] == pytest.approx(math.fsum(left.values()), rel=1e-9)
    assert body["probability"] == pytest.approx(math.fsum(free.values()) - listed_mass, rel=1e-6)
    assert {detail["novel"] for detail in body["details"]} == {True}
    counts = Counter(body["names"])
    assert counts.keys() <= left.keys()
    total = math.fsum(left.values())
    common = [name for name, p in left.items() if 10_000 * p / total >= 10]
    observed = [counts[name] for name in common]
    expected = [10_000 * left[name] / total for name in common]
    if len(common) < len(left):
        observed.append(10_000 - sum(observed))
        expected.append(10_000 - math.fsum(expected))
    if len(observed) > 1:
        assert chisquare(observed, expected).pvalue > 1e-5


def test_a_name_that_is_not_new_is_never_drawn(client: TestClient, training_list: NameList) -> None:
    known = set(training_list.names)
    for fields in ({}, {"temperature": 0.5}, {"max_length": 4}, {"suffix": "lyn", "unique": True, "n": 2_000}):
        names = post(client, **{"n": 10_000, "seed": 1, "novel": True, **fields})["names"]
        assert known.isdisjoint(names)
        assert known.intersection(post(client, **{**fields, "n": 1_000, "seed": 1})["names"])


def test_the_probability_of_the_bundled_model_is_less_by_the_mass_of_its_list(
    serve: Callable[..., TestClient], training_list: NameList
) -> None:
    """Each of the 100,000 names of the list scored by /loss."""
    client = serve(bundled_store=BUNDLED, block_list="off")
    known = sorted(set(training_list.names))
    mass = 0.0
    for first in range(0, len(known), MAX_NAMES):
        scored = client.post("/loss", json={"names": known[first : first + MAX_NAMES]}).json()["names"]
        assert not any(item["novel"] for item in scored)
        mass += math.fsum(math.exp(item["log_prob"]) for item in scored)
    free, novel = (post(client, n=1, novel=value)["probability"] for value in (False, True))
    assert novel == pytest.approx(free - mass, rel=1e-9)
    assert 0.3 < mass < 0.9


def test_a_list_that_holds_every_name_leaves_none(abc: TestClient, check_problem: CheckProblem) -> None:
    fields = {"model": "all", "novel": True, "max_length": LONGEST}
    query = {key: str(value).lower() if value is True else str(value) for key, value in fields.items()}
    check_problem(abc.post("/sample", json=fields), 422, "unsatisfiable")
    check_problem(abc.get("/sample", params=query), 422, "unsatisfiable")
    check_problem(abc.get("/top", params=query), 422, "unsatisfiable")
    check_problem(abc.get("/sample/stream", params=query), 422, "unsatisfiable")
    assert len(post(abc, model="all", novel=True, n=5, seed=1, max_length=64)["names"]) == 5  # longer ones


def test_novel_needs_a_list(both: TestClient, check_problem: CheckProblem) -> None:
    """Also behind a model of the same digest that has one."""
    for n in (1, 5_000):
        assert len(post(both, model="tiny", novel=True, n=n)["names"]) == n
        for _ in range(2):
            problem = check_problem(
                both.post("/sample", json={"model": "unlisted", "novel": True, "n": n}), 422, "validation", "/novel"
            )
            assert "published without" in problem["detail"]
        for path in ("/sample", "/sample/stream", "/top"):
            query = {"model": "unlisted", "novel": "true"}
            check_problem(both.get(path, params=query), 422, "validation", "/novel")
    assert post(both, model="unlisted", novel=False, n=3)["exhausted"] is False


def test_models_of_one_digest_keep_their_own_lists(
    publish: Callable[..., str], serve: Callable[..., TestClient], tmp_path: Path
) -> None:
    """Names of the same seed, asked in turn, are those of each model asked alone."""
    logits = torch.zeros(4, 4)
    asked = {"n": 500, "seed": 1, "novel": True, "max_length": 3}
    one_list, other_list = ["a", "b", "ab", "cc"], ["c", "ba"]
    for name, names in (("one", one_list), ("other", other_list)):
        publish(tmp_path, name, logits=logits, names=names)
    alone = {}
    for name in ("one", "other"):
        alone[name] = post(serve(store=tmp_path), model=name, **asked)
    assert alone["one"]["model"]["digest"] == alone["other"]["model"]["digest"]
    together = serve(store=tmp_path)
    for name in ("one", "other", "one", "other"):
        assert post(together, model=name, **asked) == alone[name]
    assert not set(alone["one"]["names"]) & set(one_list)
    assert not set(alone["other"]["names"]) & set(other_list)
    assert set(alone["one"]["names"]) & set(other_list)


def test_more_novel_names_continue_a_shorter_list(both: TestClient) -> None:
    """However often a name had to be drawn again."""
    most = post(both, model="tiny", novel=True, seed=4, n=1_000)["names"]
    for n in (1, 2, 17, 999):
        assert post(both, model="tiny", novel=True, seed=4, n=n)["names"] == most[:n]


@pytest.mark.parametrize("model", ["few", "most"])
def test_top_with_novel_is_the_ranking_without_the_list(
    abc: TestClient, chances_of: Callable[[TestClient, str], dict[str, float]], model: str
) -> None:
    left = {name: p for name, p in chances_of(abc, model).items() if name not in LISTS[model]}
    query: dict[str, Any] = {"model": model, "novel": "true", "max_length": LONGEST, "k": 1000, "case": "lower"}
    body = abc.get("/top", params=query).json()
    assert [item["name"] for item in body["names"]] == sorted(left, key=lambda name: -left[name])
    assert body["probability"] == pytest.approx(math.fsum(left.values()), rel=1e-9)
    for item in body["names"]:
        assert item["log_prob"] == pytest.approx(math.log(left[item["name"]]), abs=1e-9)


def test_top_novel_names_of_the_bundled_model_are_new(client: TestClient, training_list: NameList) -> None:
    known = set(training_list.names)
    every = client.get("/top", params={"k": 1000, "case": "lower"}).json()["names"]
    new = client.get("/top", params={"k": 300, "case": "lower", "novel": "true"}).json()["names"]
    expected = [item for item in every if item["name"] not in known]
    assert 0 < len(expected) < 1000
    assert len(new) == 300
    assert new[: len(expected)] == expected[:300]
    assert known.isdisjoint(item["name"] for item in new)


# Unique


@pytest.mark.parametrize(("asked", "allowed"), CONDITIONS, ids=[str(asked) for asked, _ in CONDITIONS])
@pytest.mark.parametrize("novel", [False, True])
def test_a_set_that_runs_out_is_given_whole_each_name_once(
    abc: TestClient, asked: dict[str, Any], allowed: Callable[[str], bool], novel: bool
) -> None:
    asked = {"max_length": LONGEST, "model": "few", "unique": True, "novel": novel, **asked}
    longest = asked["max_length"]
    expected = [n for n in EVERY_NAME if allowed(n) and len(n) <= longest and not (novel and n in LISTS["few"])]
    for n, exhausted in (
        (len(expected) - 1, False),
        (len(expected), False),
        (len(expected) + 1, True),
        (MAX_NAMES, True),
    ):
        for seed in (0, "word"):
            body = post(abc, seed=seed, n=n, **asked)
            assert body["exhausted"] is exhausted
            assert len(set(body["names"])) == len(body["names"]) == min(n, len(expected))
            assert set(body["names"]) <= set(expected)


def test_names_of_at_most_two_letters_are_all_given(both: TestClient) -> None:
    letters = "".join(both.get("/models/tiny").json()["vocabulary"]["letters"])
    every = {a + b for a in letters for b in ("", *letters)}
    body = post(both, model="tiny", unique=True, max_length=2, n=MAX_NAMES, seed=1, details=True)
    assert body["exhausted"] is True
    assert len(body["names"]) == len(every)
    assert set(body["names"]) == every
    assert [detail["name"] for detail in body["details"]] == body["names"]
    assert math.fsum(math.exp(detail["log_prob"]) for detail in body["details"]) == pytest.approx(
        body["probability"], rel=1e-9
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"novel": True},
        {"prefix": "ka", "max_length": 6},
        {"temperature": 0.4},
        {"pattern": ".*[ae]", "novel": True, "suffix": "a"},
        {"case": "title"},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", [1, "one"])
def test_no_name_repeats_and_more_names_continue_the_list(
    client: TestClient, fields: dict[str, Any], seed: int | str
) -> None:
    most = post(client, n=3_000, seed=seed, unique=True, **fields)
    assert most["exhausted"] is False
    assert len(set(most["names"])) == 3_000
    for n in (1, 2, 10, 500, 2_999):
        assert post(client, n=n, seed=seed, unique=True, **fields)["names"] == most["names"][:n]
    assert post(client, n=50, seed="other", unique=True, **fields)["names"] != most["names"][:50]


def test_unique_names_meet_every_constraint_and_keep_the_probability(client: TestClient) -> None:
    fields = {"prefix": "ma", "contains": "r", "pattern": "[^x]*", "min_length": 4, "max_length": 9}
    body = post(client, n=2_000, seed=3, unique=True, **fields)
    assert all(n.startswith("ma") and "r" in n and "x" not in n and 4 <= len(n) <= 9 for n in body["names"])
    assert body["probability"] == post(client, n=1, **fields)["probability"]


def test_repeats_are_common_without_unique(client: TestClient) -> None:
    names = post(client, n=3_000, seed=1, temperature=0.4)["names"]
    assert len(set(names)) < 2_500


def test_details_of_unique_names_are_what_loss_says(client: TestClient) -> None:
    body = post(client, n=500, seed=8, unique=True, details=True)
    scores = client.post("/loss", json={"names": body["names"]}).json()["names"]
    for detail, score in zip(body["details"], scores, strict=True):
        assert detail["log_prob"] == pytest.approx(score["log_prob"], abs=1e-9)
        assert detail["novel"] is score["novel"]


def test_a_drawn_seed_replays_unique_names(client: TestClient) -> None:
    body = post(client, n=20, unique=True)
    assert post(client, n=20, unique=True, seed=body["seed"]) == body


FLAGS = [{"novel": novel, "unique": unique} for novel in (False, True) for unique in (False, True)]


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_get_and_post_give_the_same(client: TestClient, flags: dict[str, bool]) -> None:
    query = {key: str(value).lower() for key, value in flags.items()} | {"seed": "5", "n": "40", "case": "lower"}
    assert client.get("/sample", params=query).json() == post(client, seed=5, n=40, **flags)


@pytest.mark.parametrize("field", ["novel", "unique"])
@pytest.mark.parametrize("value", ["true", 1, 0, None, []])
def test_flags_in_a_body_are_true_or_false(
    client: TestClient, check_problem: CheckProblem, field: str, value: Any
) -> None:
    check_problem(client.post("/sample", json={field: value}), 422, "validation", f"/{field}")
