"""`/next` and `/top`: what the model expects, as numbers."""

import math
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from model.store.store import Store
from service.app import create_app
from service.settings import Settings
from tests.running import BUNDLED


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=tmp_path_factory.mktemp("own"), bundled_store=BUNDLED))) as client:
        yield client


@pytest.mark.parametrize("context", ["", "e", "Em", "emm", "christoph"])
def test_next_is_the_row_of_the_table(client: TestClient, context: str) -> None:
    version = Store(BUNDLED).load("us-names")
    vocabulary, transitions = version.checkpoint.vocabulary, version.transitions
    state = transitions.state(vocabulary.encode(context.lower()))
    expected = dict(zip([".", *vocabulary.letters], transitions.log_probs[state], strict=True))
    answer = client.get("/next", params={"context": context})
    assert answer.headers["x-model-digest"] == version.digest
    body = answer.json()
    assert body["context"] == context.lower()
    assert len(body["next"]) == 27
    assert math.fsum(item["prob"] for item in body["next"]) == pytest.approx(1, abs=1e-12)
    for item in body["next"]:
        assert item["prob"] == pytest.approx(math.exp(expected[item["char"] or "."]), rel=1e-9)
    assert body["next"] == sorted(body["next"], key=lambda item: -item["prob"])


def test_next_follows_the_settings(client: TestClient) -> None:
    body = client.get("/next", params={"context": "emm", "top_k": 2}).json()
    assert sum(item["prob"] > 0 for item in body["next"]) == 2
    cold = client.get("/next", params={"context": "emm", "temperature": 0.05}).json()
    assert cold["next"][0]["prob"] > body["next"][0]["prob"]


def test_next_is_what_loss_says_of_each_character(client: TestClient) -> None:
    scored = client.get("/loss", params={"name": "kaya", "details": "true"}).json()["names"][0]["characters"]
    for i, character in enumerate(scored):
        following = client.get("/next", params={"context": "kaya"[:i]}).json()["next"]
        prob = next(item["prob"] for item in following if item["char"] == character["char"])
        assert math.log(prob) == pytest.approx(character["log_prob"], abs=1e-9)


def test_top_names_come_in_order_with_the_log_prob_that_loss_gives(client: TestClient) -> None:
    body = client.get("/top", params={"k": 200, "min_length": 3, "case": "lower"}).json()
    names = [item["name"] for item in body["names"]]
    scores = [item["log_prob"] for item in body["names"]]
    assert len(set(names)) == 200
    assert scores == sorted(scores, reverse=True)
    scored = client.post("/loss", json={"names": names}).json()["names"]
    assert [item["log_prob"] for item in scored] == pytest.approx(scores, abs=1e-9)


def test_top_meets_constraints(client: TestClient) -> None:
    query: dict[str, str | int] = {"k": 30, "prefix": "ka", "suffix": "a", "pattern": ".*y.*", "max_length": 7}
    names = [item["name"].lower() for item in client.get("/top", params=query).json()["names"]]
    assert len(names) == 30
    assert all(n.startswith("ka") and n.endswith("a") and "y" in n and len(n) <= 7 for n in names)


def test_a_finite_set_is_given_whole(client: TestClient) -> None:
    body = client.get("/top", params={"k": 50, "pattern": "emma|ava|eva"}).json()
    assert {item["name"] for item in body["names"]} == {"Emma", "Ava", "Eva"}
    assert math.fsum(math.exp(item["log_prob"]) for item in body["names"]) == pytest.approx(body["probability"])


@pytest.mark.parametrize(
    ("path", "query", "problem_type"),
    [
        ("/next", {"context": "é"}, "unknown-character"),
        ("/next", {"context": "a" * 65}, "validation"),
        ("/next", {"top_k": 28}, "validation"),
        ("/top", {"k": 0}, "validation"),
        ("/top", {"k": 1001}, "validation"),
        ("/top", {"pattern": "("}, "constraint"),
        ("/top", {"prefix": "é"}, "unsatisfiable"),
        ("/sample", {"pattern": "(?=a)b"}, "constraint"),
        ("/sample", {"pattern": "a{3}", "min_length": 4}, "unsatisfiable"),
        ("/sample", {"pattern": ".*a.{20}"}, "constraint"),
        ("/sample", {"suffix": "1"}, "unsatisfiable"),
    ],
)
def test_what_cannot_be_answered_is_said(
    client: TestClient, path: str, query: dict[str, str | int], problem_type: str
) -> None:
    answer = client.get(path, params=query)
    assert answer.status_code == 422
    assert answer.json()["type"] == problem_type


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "((a*)*)*"])
def test_a_pattern_that_blows_up_elsewhere_is_no_danger(client: TestClient, pattern: str) -> None:
    assert client.get("/sample", params={"pattern": pattern}).status_code in (200, 422)


def test_sampled_names_meet_every_constraint(client: TestClient) -> None:
    body = {"n": 500, "seed": 3, "prefix": "Ma", "contains": "r", "pattern": "[^x]*", "max_length": 9, "case": "lower"}
    answer = client.post("/sample", json=body).json()
    assert 0 < answer["probability"] < 0.1
    assert all(n.startswith("ma") and "r" in n and "x" not in n and len(n) <= 9 for n in answer["names"])
